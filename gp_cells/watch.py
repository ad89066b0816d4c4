"""Follow a running benchmark from its files: how many candidates are done, the best so far, time left."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path

import psutil

from gp_cells.files import RecordError, read_fitness
from gp_cells.plan import Plan


def follow(plan: Plan, root: Path, process: int | None, every_s: float) -> None:
    """Print a line to standard error each time candidates finished, until all have.

    It also ends when `process` has; with None it goes on until everything is done.
    """
    paths = [root / folder / "fitness.json" for folder in plan.candidates()]
    at_start = len([path for path in paths if path.exists()])
    began, shown = time.monotonic(), at_start
    while shown < len(paths) and _is_running(process):
        time.sleep(every_s)
        finished = [path for path in paths if path.exists()]
        if len(finished) != shown:
            shown = len(finished)
            elapsed = time.monotonic() - began
            print(
                progress_line(finished, len(paths), at_start, elapsed), file=sys.stderr, flush=True
            )


def progress_line(finished: list[Path], total: int, at_start: int, elapsed_s: float) -> str:
    """Return one line: candidates done, newest and best fitness, and the time left at this pace."""
    done, new = len(finished), len(finished) - at_start
    if not finished:
        return f"[0/{total}] nothing is done yet"
    newest = max(finished, key=lambda path: path.stat().st_mtime)
    left_s = elapsed_s / new * (total - done) if new > 0 else float("nan")
    left = "time left unknown" if left_s != left_s else f"about {_duration(left_s)} left"
    return f"[{done}/{total}] {_told(newest)} · best so far {_best(finished)} · {left}"


def _told(path: Path) -> str:
    try:
        fitness = read_fitness(path)
    except (RecordError, OSError):
        return str(path.parent)
    said = fitness["status"] if fitness["fitness"] is None else f"{fitness['fitness']:.4f}"
    return f"{fitness['run']} {fitness['candidate']}: {said}"


def _best(finished: list[Path]) -> str:
    losses = []
    for path in finished:
        try:
            losses.append(_loss(path))
        except (RecordError, OSError):
            continue
    known = [loss for loss in losses if loss is not None]
    return f"{min(known):.4f}" if known else "none"


@functools.cache  # so that a line costs one new file, not all that have finished
def _loss(path: Path) -> float | None:
    loss: float | None = read_fitness(path)["fitness"]
    return loss


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _is_running(process: int | None) -> bool:
    if process is None:
        return True
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
