"""Follow a running benchmark from its files: what is done, what failed, the best so far, time left.

On a terminal it is one block that is drawn again, a row for each strategy on each task; in a pipe it is a
line for each trial that has finished.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from gp_cells.config.choose import check_range
from gp_cells.config.plan import Plan
from gp_cells.workflow.show import block, is_drawable, time_left, trial_line, work_words
from gp_cells.workflow.tally import FinishedTrial, Tally
from gp_cells.workflow.under_way import work_under_way

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORTEST_WAIT_S = 0.1
LARGE = 1000  # trials, beyond which looks are rarer, so that their share of a core stays


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
    before = tally.look()
    at_start, began = len(before), time.monotonic()
    with _drawing(process) as draw:
        if draw is None and process is None:
            print(first_line(tally), file=sys.stderr, flush=True)
        while True:
            if draw is not None:
                height = shutil.get_terminal_size().lines
                draw(progress_block(tally, at_start, time.monotonic() - began, height))
            if len(tally.finished) >= tally.total or not _is_running(process):
                return
            time.sleep(wait_s)
            new = tally.look()
            lines = progress_lines(tally, new, at_start, time.monotonic() - began)
            if draw is None and lines:
                print(*lines, sep="\n", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _drawing(process: int | None) -> Iterator[Callable[[RenderableType], None] | None]:
    """Yield what draws a block over the one before it; None where lines are wanted."""
    if process is not None or not is_drawable(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        yield lambda block: live.update(block, refresh=True)


def first_line(tally: Tally) -> str:
    """Return a line on what had finished before anybody looked."""
    done = len(tally.finished)
    said = f"[{done}/{tally.total}] {'done before' if done else 'nothing is done yet'}"
    work = work_under_way(tally)
    return f"{said} · {work_words(work)}" if work else said


def progress_lines(
    tally: Tally, new: Sequence[FinishedTrial], at_start: int, elapsed_s: float
) -> list[str]:
    """Return a line for each trial that has finished since the last look."""
    left = _left(tally, at_start, elapsed_s)
    first = len(tally.finished) - len(new) + 1
    return [
        trial_line(tally, trial, first + i, left)
        for i, trial in enumerate(new)
        if not trial.is_empty
    ]


def progress_block(
    tally: Tally, at_start: int, elapsed_s: float, height: int = 1000
) -> RenderableType:
    """Return a block to draw: a line on the whole benchmark, then a row for each strategy on each task.

    While a run is under way there is a line on its jobs, too.
    """
    failed, new = tally.failed, len(tally.finished) - at_start
    work = work_under_way(tally)
    head = [f"{failed} failed"] if failed and work is None else []
    head += [f"{60 * new / elapsed_s:.3g} a minute"] if new > 0 else []
    return block(tally, [*head, _left(tally, at_start, elapsed_s)], height, work)


def _left(tally: Tally, at_start: int, elapsed_s: float) -> str:
    """Return the time left at the pace since the start of following."""
    done = len(tally.finished)
    if done == tally.total:
        return "all done"
    if done == at_start:
        return time_left(None)
    return time_left(elapsed_s / (done - at_start) * (tally.total - done))


def _is_running(process: int | None) -> bool:
    if process is None:
        return True
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
