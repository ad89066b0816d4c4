"""Keep Snakemake's scheduler from arming ever more timers, and its `--touch` from sleeping.

Snakemake 9 limits how many jobs start a second. Each pass of its scheduler that leaves jobs ready arms a
timer for one more pass, which arms another: passes a second grow by one with each finished job, up to
a whole core, and every pass looks at every ready job. And a `--touch` sleeps for 0.1 s a job, so that the
files' times differ, which do not count once it has noted their content. The workarounds below touch what
is not its public interface, and do nothing where that has changed.
"""

from __future__ import annotations

import threading
from typing import Any


def calm(scheduler: Any, is_local: bool) -> None:
    """Drop the limit of a scheduler that starts jobs on this machine; else keep one timer at a time."""
    if is_local and hasattr(scheduler, "job_rate_limiter"):
        scheduler.job_rate_limiter = None  # the cores limit it
    elif hasattr(scheduler, "_schedule_reevalutation") and hasattr(scheduler, "_open_jobs"):
        scheduler._schedule_reevalutation = OneTimer(scheduler._open_jobs.release)


def hasten_touch() -> None:
    """Let `--touch` sleep no more."""
    from snakemake.executors.touch import Executor

    if hasattr(Executor, "SLEEPING_TIME"):
        Executor.SLEEPING_TIME = 0


class OneTimer:
    """Calls a function after a delay, once for all that asked while it was waiting."""

    def __init__(self, wake: Any) -> None:
        self.wake = wake
        self.lock = threading.Lock()
        self.is_armed = False

    def __call__(self, delay: float) -> None:
        """Arm the timer if it is not."""
        with self.lock:
            if self.is_armed:
                return
            self.is_armed = True
        timer = threading.Timer(delay, self._ring)
        timer.daemon = True
        timer.start()

    def _ring(self) -> None:
        with self.lock:
            self.is_armed = False
        self.wake()
