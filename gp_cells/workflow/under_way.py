"""What the jobs of a run are doing as its files tell it, for who looks on from another window.

Snakemake keeps a lock while it is at work, a trial that is bred has its genome, and each try of a job
opens its log afresh: so a log that is newer than the lock is of a job that has begun, and one that ends in
a refusal or a traceback is of one that failed. What was killed without a word looks as if it trained.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gp_cells.workflow.jobs import EARLY_S, last_line
from gp_cells.workflow.show import Work
from gp_cells.workflow.tally import Tally

LOCKS = Path(".snakemake/locks")
LOGS = Path("results/logs/train")
REFUSED = "gp-cells step train: "  # what the last line of a step that refused begins with
RAISED = "Traceback (most recent call last)"


def work_under_way(tally: Tally) -> Work | None:
    """Return how many trials train, wait and have failed; None where no Snakemake is at work."""
    since = _locked_since(tally.root)
    if since is None:
        return None
    counts = {"running": 0, "queued": 0, "failed": 0}
    for folder in _bred(tally):
        counts[_state(tally.root / _log_of(folder), since)] += 1
    return Work(**counts)


def _locked_since(root: Path) -> float | None:
    """Return when the Snakemake that is at work in a folder locked it."""
    with contextlib.suppress(OSError):
        return max(
            (os.stat(entry.path).st_mtime for entry in os.scandir(root / LOCKS)), default=None
        )
    return None


def _bred(tally: Tally) -> Iterator[str]:
    """Yield the folder of each trial that has a genome and has not finished."""
    for folder in tally.runs:
        if folder not in tally.finished and os.path.exists(tally.root / folder / "genome.json"):
            yield folder


def _log_of(folder: str) -> Path:
    return (LOGS / Path(folder).relative_to("results/runs")).with_suffix(".log")


def _state(log: Path, since: float) -> str:
    """Return whether the job of a trial that has not finished is running, queued or failed."""
    try:
        found = log.stat()
    except OSError:
        return "queued"
    if found.st_mtime < since - EARLY_S:
        return "queued"
    return "failed" if found.st_size and _has_failed(log) else "running"


def _has_failed(log: Path) -> bool:
    with contextlib.suppress(OSError):
        text = log.read_text(encoding="utf-8", errors="replace")
        return last_line([str(log)]).startswith(REFUSED) or RAISED in text
    return False
