"""Follow a running benchmark from its files: what is done, what failed, the best so far, time left.

On a terminal of its own it is one block that is drawn again, a row for each strategy on each task; in a
pipe or beside Snakemake's own words it is a line each time something finished.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from gp_cells.config.choose import check_range
from gp_cells.config.files import RecordError
from gp_cells.config.plan import Plan, Run
from gp_cells.config.records import FitnessRecord
from gp_cells.config.typed_json import read_record

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORTEST_WAIT_S = 0.1
LARGE = 1000  # trials, beyond which looks are rarer, so that their share of a core stays
BAR = 20  # letters of a whole bar


@dataclass(frozen=True, kw_only=True)
class FinishedTrial:
    """What a finished trial's file says; a broken one says `unreadable`."""

    run: Run
    place: str
    status: str
    fitness: float | None
    written_s: float  # when


@dataclass
class Tally:
    """All trials of a plan that have finished, each file read once."""

    plan: Plan
    root: Path
    finished: dict[str, FinishedTrial] = field(default_factory=dict)  # by its file

    @cached_property
    def _files(self) -> list[tuple[str, Run, str]]:
        """The file of each trial of the plan, with its run and folder."""
        return [
            (os.path.join(self.root, folder, "fitness.json"), run, folder)
            for run in self.plan.runs.values()
            for folder in run.candidates()
        ]

    def look(self) -> None:
        """Read what has finished since the last look, and forget what is gone."""
        kept = {}
        for path, run, folder in self._files:
            if os.path.exists(path):
                known = self.finished.get(path)
                is_read = known is not None and known.status != "unreadable"
                kept[path] = known if known and is_read else _read(run, folder, Path(path))
        self.finished = kept

    @property
    def total(self) -> int:
        """How many trials there will be."""
        return sum(run.trials for run in self.plan.runs.values())

    def groups(self) -> Iterator[tuple[str, str, list[Run], list[FinishedTrial]]]:
        """Yield each task and strategy with its runs and their finished trials."""
        groups: dict[tuple[str, str], list[Run]] = {}
        for run in self.plan.runs.values():
            groups.setdefault((run.task, run.strategy), []).append(run)
        for (task, strategy), runs in groups.items():
            names = {run.name for run in runs}
            yield task, strategy, runs, [t for t in self.finished.values() if t.run.name in names]


def _read(run: Run, folder: str, path: Path) -> FinishedTrial:
    written_s = path.stat().st_mtime
    try:
        record = read_record(FitnessRecord, path)
    except (RecordError, OSError):
        return FinishedTrial(
            run=run, place=folder, status="unreadable", fitness=None, written_s=written_s
        )
    place = f"{run.name} {record.candidate}"
    return FinishedTrial(
        run=run, place=place, status=record.status, fitness=record.fitness, written_s=written_s
    )


def follow(plan: Plan, root: Path, process: int | None, every_s: float) -> None:
    """Show on standard error how far a benchmark is, until all of its trials have finished.

    It also ends when `process` has; with None it goes on until everything is done, or Control-C. Of a
    plan of more than `LARGE` trials, `every_s` is the wait for so many of them.

    Raises:
        SettingError: there is hardly a pause between two looks.
    """
    check_range("--every", every_s, SHORTEST_WAIT_S)
    with contextlib.suppress(KeyboardInterrupt):
        _follow(plan, root, process, every_s)


def _follow(plan: Plan, root: Path, process: int | None, every_s: float) -> None:
    tally = Tally(plan, root)
    wait_s = every_s * max(1.0, tally.total / LARGE)
    tally.look()
    at_start, began, shown = len(tally.finished), time.monotonic(), -1
    with _drawing(process) as draw:
        while True:
            done, elapsed_s = len(tally.finished), time.monotonic() - began
            if draw is not None:
                draw(progress_block(tally, at_start, elapsed_s))
            elif done != shown and (process is None or shown >= 0):
                print(progress_line(tally, at_start, elapsed_s), file=sys.stderr, flush=True)
            shown = done
            if done >= tally.total or not _is_running(process):
                return
            time.sleep(wait_s)
            tally.look()


@contextlib.contextmanager
def _drawing(process: int | None) -> Iterator[Callable[[RenderableType], None] | None]:
    """Yield what draws a block over the one before it; None where lines are wanted."""
    if process is not None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    if console.is_dumb_terminal:
        yield None
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda block: live.update(block, refresh=True)


def progress_line(tally: Tally, at_start: int, elapsed_s: float) -> str:
    """Return one line: trials done, the newest, the best on its task, failures, and the time left."""
    done, total = len(tally.finished), tally.total
    if not done:
        return f"[0/{total}] nothing is done yet"
    newest = max(tally.finished.values(), key=lambda trial: trial.written_s)
    said = newest.status if newest.fitness is None else f"{newest.fitness:z.4f}"
    task = newest.run.task
    best = _best(t for t in tally.finished.values() if t.run.task == task)
    parts = [f"[{done}/{total}] {newest.place}: {said}", f"best on {task} {best}"]
    parts += [f"{failed} failed"] if (failed := _count_failed(tally.finished.values())) else []
    return " · ".join([*parts, _left(tally, at_start, elapsed_s)])


def progress_block(tally: Tally, at_start: int, elapsed_s: float) -> RenderableType:
    """Return a block to draw: a line on the whole benchmark, then a row for each strategy on each task."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done, total = len(tally.finished), tally.total
    failed = _count_failed(tally.finished.values())
    head = [f"{tally.plan.benchmark}: {done} of {total} trials"]
    head += [f"{failed} failed"] if failed else []
    if done - at_start > 0:
        head.append(f"{60 * (done - at_start) / elapsed_s:.3g} a minute")
    head.append(_left(tally, at_start, elapsed_s))
    rows = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "left", "right", "left", "left", "left"):
        rows.add_column(justify=justify, no_wrap=True)
    for task, strategy, runs, finished in tally.groups():
        size = sum(run.trials for run in runs)
        ended = sum(run.trials == sum(t.run is run for t in finished) for run in runs)
        count = _count_failed(finished)
        rows.add_row(
            *(Text(f"  {task}"), Text(strategy)),
            ProgressBar(size, len(finished), width=BAR),
            *(f"{len(finished)} of {size}", f"{ended} of {len(runs)} runs"),
            *(f"best {_best(finished)}", Text(f"{count} failed" if count else "", "red")),
        )
    return Group(Text(" · ".join(head), no_wrap=True, overflow="ellipsis"), rows)


def _count_failed(trials: Iterable[FinishedTrial]) -> int:
    return sum(trial.fitness is None for trial in trials)


def _best(trials: Iterable[FinishedTrial]) -> str:
    known = [trial.fitness for trial in trials if trial.fitness is not None]
    return f"{min(known):z.4f}" if known else "none"


def _left(tally: Tally, at_start: int, elapsed_s: float) -> str:
    """Return the time left at the pace since the start of following."""
    done, total = len(tally.finished), tally.total
    if done == total:
        return "all done"
    if done == at_start:
        return "time left unknown"
    return f"about {_duration(elapsed_s / (done - at_start) * (total - done))} left"


def _duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return "a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _is_running(process: int | None) -> bool:
    if process is None:
        return True
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
