"""Let no job be tried again whose input is bad, and end a run whose first wave fails all alike.

A retry is for a machine's fault. What a step refuses (exit status 2) it would refuse again; and where every
trial of the first wave fails for one reason, all others would, each as often as the profile has retries.
Snakemake has no word for either, so the way it takes in a failed job is wrapped; where that is not as
expected it is left alone, and a run only takes longer to fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gp_cells.config.plan import Plan, Run
from gp_cells.config.refusal import ASKED_TO_STOP, NOT_AGAIN
from gp_cells.workflow.jobs import last_line

MANY = 8  # trials that are enough of a large first wave
FEW = 2  # trials of which it cannot be said that all fail alike


@dataclass
class FirstWaves:
    """The reasons for which trials of the runs' first waves failed."""

    plan: Plan
    root: Path = Path()
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)  # by run, by trial

    def all_alike(self, folder: str, reason: str) -> tuple[Run, int] | None:
        """Note why a trial failed; return its run, and how many, if all of its first wave failed alike.

        One that was asked to stop, say since its node was wanted, has not failed: it goes on.
        """
        if reason.endswith(ASKED_TO_STOP):
            return None
        run = self.plan.runs.get(folder.split("/")[2])
        if run is None or folder not in run.wave(0):
            return None
        failed = self.reasons.setdefault(run.name, {})
        failed[folder] = without_place(reason)
        wanted = min(MANY, run.widths[0])
        alike = len(failed) >= max(FEW, wanted) and len(set(failed.values())) == 1
        if not reason or not alike or any(map(self._has_trained, run.wave(0))):
            return None
        return run, len(failed)

    def nothing_has_trained(self) -> bool:
        """Return whether no trial of the whole benchmark has an outcome."""
        return not any(map(self._has_trained, self.plan.candidates()))

    def _has_trained(self, folder: str) -> bool:
        return (self.root / folder / "fitness.json").exists()


def without_place(reason: str) -> str:
    """Return a reason without what differs from trial to trial: numbers, and letters beside them."""
    return re.sub(r"\w*\d\w*", "#", reason)


def heed_refusals(workflow: Any, plan: Plan, say: Callable[[str], None]) -> None:
    """Make the scheduler of a workflow that is about to start heed why a job failed."""
    scheduler = workflow.scheduler
    if hasattr(scheduler, "_handle_error") and hasattr(scheduler, "keepgoing"):
        scheduler._handle_error = _Heeding(scheduler, FirstWaves(plan), say)


class _Heeding:
    """Takes in a failed job as the scheduler does, after it has looked why."""

    def __init__(self, scheduler: Any, waves: FirstWaves, say: Callable[[str], None]) -> None:
        self.scheduler, self.waves, self.say = scheduler, waves, say
        self.take_in = scheduler._handle_error

    def __call__(self, job: Any, *others: Any, **named: Any) -> None:
        """Take in a job that failed."""
        reason = "" if job.is_group() else last_line([str(log) for log in job.log])
        if reason.endswith(NOT_AGAIN):
            job.attempt = job.restart_times + 1
        if not job.is_group() and job.rule.name == "train":
            self._judge(job, reason)
        self.take_in(job, *others, **named)

    def _judge(self, job: Any, reason: str) -> None:
        found = self.waves.all_alike(str(Path(job.output[0]).parent), reason)
        if found is None:
            return
        job.attempt = job.restart_times + 1
        run, count = found
        if self.scheduler.keepgoing and self.waves.nothing_has_trained():
            self.scheduler.keepgoing = False
            self.say(
                f"stopped: all {count} trials of the first wave of {run.name} failed alike, and nothing "
                f"has trained: {reason}"
            )


# What a first wave in which no trial could train asks for.
REMEDIES = {
    "out_of_memory": "make units, layers or batch_size of the recipe smaller, or give jobs more memory",
    "timeout": "raise training.time_limit_s, or make the recipe smaller",
    "invalid": "the space and the task do not go together",
}


def why_all_failed(outcomes: Sequence[tuple[str, str]]) -> str:
    """Return why a first wave is no beginning, from its trials' statuses and reasons; "" if it is one.

    A trial that diverged says something of its genome. If all were out of memory or time, or could not
    be built, that says something of the config.
    """
    statuses = {status for status, _ in outcomes}
    if len(outcomes) < FEW or len(statuses) > 1 or not statuses <= REMEDIES.keys():
        return ""
    status, reason = outcomes[0]
    return f"all {len(outcomes)} trials of the first wave ended {status} ({reason}); {REMEDIES[status]}"
