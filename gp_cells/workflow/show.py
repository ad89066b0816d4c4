"""How far a benchmark is, in lines and as a block to draw."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gp_cells.config.plan import Plan, Run
from gp_cells.workflow.jobs import FailedJob
from gp_cells.workflow.tally import FinishedTrial, Tally, best_of, count_failed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

BAR = 20  # letters of a whole bar
LEAST_BAR = 4
LISTED = 20  # failed jobs at the end; all have been told when they failed
AROUND = 6  # lines of the block and below it that are no row


@dataclass(frozen=True, kw_only=True)
class Work:
    """How many trials train, could train, and could not be trained so far; jobs of Snakemake know."""

    running: int
    queued: int
    failed: int


def plan_line(plan: Plan) -> str:
    """Return one line on what a benchmark is about to do."""
    tasks = ", ".join(dict.fromkeys(run.task for run in plan.runs.values()))
    runs, trials = len(plan.runs), len(plan.candidates())
    counted = f"{runs} run{'s' * (runs > 1)} of {trials:,} trial{'s' * (trials > 1)} in all"
    return f"{plan.benchmark}: {', '.join(plan.by_strategy)} on {tasks}; {counted}"


def trial_line(tally: Tally, trial: FinishedTrial, done: int, left: str | None) -> str:
    """Return one line: trials done, one that has ended, the best of its task and whose, time left.

    Above a block, which has the rest, `left` is None, and only a new best is told of.
    """
    said = trial.status if trial.fitness is None else f"{trial.fitness:z.4f}"
    task = trial.run.task
    best = tally.best.get(task)
    parts = [f"[{done}/{tally.total}] {trial.name}: {said}"]
    if best is trial:
        parts.append(f"the best on {task} so far")
    elif left is not None:
        by = f" by {best.run.strategy} (s{best.run.seed}/{best.candidate})" if best else ""
        parts.append(f"best on {task} {_loss(best)}{by}")
    if left is not None:
        failed = tally.failed
        parts += [f"{failed} failed", left] if failed else [left]
    return " · ".join(parts)


def failed_line(failed: FailedJob) -> str:
    """Return one line on a job that failed."""
    return f"failed: {failed.job.name}: {failed.reason} · log: {failed.log or 'none'}"


def time_left(seconds: float | None) -> str:
    """Return the time left in words, of so many seconds; None if they are unknown."""
    return "time left unknown" if seconds is None else f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return a time in minutes or hours, rounded."""
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return "a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def block(
    tally: Tally, head: Iterable[str], height: int = 1000, work: Work | None = None
) -> RenderableType:
    """Return a block to draw: lines on the whole benchmark, then a row for each strategy on each task.

    Where they would not fit a terminal of some height, there is a row for each task.
    """
    from rich import console
    from rich.text import Text

    first = [f"{tally.plan.benchmark}: {len(tally.finished)} of {tally.total} trials", *head]
    lines = [Text(" · ".join(first), no_wrap=True, overflow="ellipsis")]
    if work is not None:
        lines.append(_work_line(tally, work))
    return console.Group(*lines, _rows(tally, height - AROUND))


def work_words(work: Work) -> str:
    """Return in a few words what jobs are doing."""
    failed = f" · {work.failed} failed by the machine" if work.failed else ""
    return f"{work.running} running · {work.queued} queued{failed}"


def _work_line(tally: Tally, work: Work) -> Text:
    from rich.text import Text

    by_candidate, empty = tally.failed, tally.empty
    counts = {
        f"{work.running} running": "",
        f"{work.queued} queued": "",
        f"{len(tally.finished) - by_candidate - empty} done": "",
        f"{by_candidate} failed by the candidate": "yellow" if by_candidate else "",
        f"{work.failed} failed by the machine": "red" if work.failed else "",
    }
    if empty:
        counts[f"{empty} slots left empty"] = ""
    parts = [Text(said, style) for said, style in counts.items()]
    return Text(" · ", no_wrap=True, overflow="ellipsis").join(parts)


def _rows(tally: Tally, room: int) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(min_width=LEAST_BAR, max_width=BAR)
    for justify in ("right", "left", "left", "left"):
        table.add_column(justify=justify, no_wrap=True)
    groups = list(tally.groups())
    tasks = {task for task, *_ in groups}
    if len(groups) > max(room, len(tasks)):
        groups = list(_by_task(groups))
    for task, strategy, runs, finished in groups:
        size = sum(run.trials for run in runs)
        done = {run.name: 0 for run in runs}
        for trial in finished:
            done[trial.run.name] += 1
        ended = sum(run.trials == done[run.name] for run in runs)
        failed = count_failed(finished)
        own = best_of(finished)
        is_best = own is not None and own is tally.best[task]
        table.add_row(
            *(Text(f"  {task}"), Text(strategy)),
            ProgressBar(size, len(finished)),
            *(f"{len(finished)} of {size}", f"{ended} of {len(runs)} runs"),
            Text(f"best {_loss(own)}{_whose(own, strategy)}", "bold" if is_best else ""),
            Text(f"{failed} failed" if failed else "", "yellow"),
        )
    return table


Group = tuple[str, str, list[Run], list[FinishedTrial]]


def _by_task(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield the groups of each task as one, whose strategy is none."""
    joined: dict[str, tuple[list[Run], list[FinishedTrial]]] = {}
    for task, _, runs, finished in groups:
        of_task = joined.setdefault(task, ([], []))
        of_task[0].extend(runs)
        of_task[1].extend(finished)
    for task, (runs, finished) in joined.items():
        yield task, "", runs, finished


def _whose(trial: FinishedTrial | None, strategy: str) -> str:
    if trial is None:
        return ""
    place = f"s{trial.run.seed}/{trial.candidate}"
    return f" {place}" if strategy else f" {trial.run.strategy} {place}"


def _loss(trial: FinishedTrial | None) -> str:
    return "none" if trial is None else f"{trial.fitness:z.4f}"


def is_drawable(stream: object) -> bool:
    """Return whether a stream is a terminal that can draw a block over the one before it."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def ending(
    tally: Tally,
    failed: Sequence[FailedJob],
    *,
    is_done: bool,
    stopped: str,
    command: str,
    log: str,
) -> list[str]:
    """Return the last lines of a run: its best trials, what failed, and how it goes on."""
    lines = []
    for task, best in tally.best.items():
        lines.append(f"best on {task}: {_loss(best)} {best.name}")
    if failed:
        lines += ["", f"{len(failed)} failed for good:" if len(failed) > 1 else "failed for good:"]
        lines += [f"  {failed_line(job).removeprefix('failed: ')}" for job in failed[:LISTED]]
        lines += [f"  and {len(failed) - LISTED} more, told above"] if failed[LISTED:] else []
    if not is_done:
        kept = f"{len(tally.finished)} of {tally.total} trials are done and kept"
        lines += ["", *filter(None, (stopped, kept)), f"the same command goes on: {command}"]
    return [*lines, f"Snakemake's own lines: {log}"]
