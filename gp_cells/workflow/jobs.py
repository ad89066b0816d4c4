"""What Snakemake's jobs are doing, from what it tells of them one by one: at work, failed, tried again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

EARLY_S = 2.0  # that the clock of a file server may be behind this machine's


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that was started here or submitted elsewhere; `started_s` as time.time() has it."""

    number: int
    rule: str
    outputs: tuple[str, ...]
    logs: tuple[str, ...]
    started_s: float

    @property
    def trial(self) -> str | None:
        """The folder of the trial that it trains, None if it does something else."""
        return os.path.dirname(self.outputs[0]) if self.rule == "train" else None

    @property
    def name(self) -> str:
        """What a person calls it: its rule, and whose."""
        log = self.logs[0] if self.logs else self.outputs[0] if self.outputs else str(self.number)
        return log.removeprefix("results/logs/").removesuffix(".log").replace("/", " ", 1)

    def has_begun(self) -> bool:
        """Return whether it is at work, which on a cluster its log tells: each try opens it afresh."""
        try:
            return any(os.stat(log).st_mtime >= self.started_s - EARLY_S for log in self.logs[:1])
        except OSError:
            return False


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    """A job that failed: why in one line, the log that says more, and how often it was tried."""

    job: Job
    reason: str
    log: str
    tries: int


@dataclass
class Jobs:
    """The jobs of one run of Snakemake."""

    at_work: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, FailedJob] = field(default_factory=dict)  # unless it was started again
    tries: dict[int, int] = field(default_factory=dict)

    def start(self, job: Job) -> FailedJob | None:
        """Note that a job was started; return how it failed before, if it is tried again."""
        self.at_work[job.number] = job
        self.tries[job.number] = self.tries.get(job.number, 0) + 1
        return self.failed.pop(job.number, None)

    def finish(self, number: int) -> Job | None:
        """Note that a job ended well; None if it never was started here."""
        return self.at_work.pop(number, None)

    def fail(self, number: int, logs: tuple[str, ...]) -> FailedJob | None:
        """Note that a try of a job failed; None if it never was started here."""
        job = self.at_work.pop(number, None)
        if job is None:
            return None
        log, reason = reason_in(logs or job.logs)
        failed = FailedJob(job=job, reason=reason, log=log, tries=self.tries[number])
        self.failed[number] = failed
        return failed

    def training(self) -> list[Job]:
        """Return the jobs that train or wait in a cluster's queue to."""
        return [job for job in self.at_work.values() if job.trial]


def reason_in(logs: tuple[str, ...]) -> tuple[str, str]:
    """Return the first log that says anything, and its last line."""
    for log in logs:
        if reason := last_line([log]):
            return log, reason
    return (logs[0] if logs else ""), "it was killed, or never began: its log is empty"


def last_line(logs: Iterable[str]) -> str:
    """Return the last line of the first log that has any, else "".

    A step's last line is its refusal, or the last of a traceback, which names the error.
    """
    for log in logs:
        with contextlib.suppress(OSError):
            text = Path(log).read_text(encoding="utf-8", errors="replace")
            if lines := [line.strip() for line in text.splitlines() if line.strip()]:
                return lines[-1]
    return ""
