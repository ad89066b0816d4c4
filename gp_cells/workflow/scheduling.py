"""Keep what Snakemake does for a job from growing with the plan, and with the time that jobs take.

Snakemake 9 takes a pass through its scheduler whenever a job has ended. Left alone,

- each pass that leaves jobs ready arms a timer for one more pass, which arms another, since it limits how
  many jobs start a second: passes a second grow by one with each finished job, up to a whole core;
- a pass looks at the files of every job that is ready, hundreds where there are many runs, and at every job
  of the plan;
- the end of each checkpoint looks at the whole plan.

To plan a job it inspects the signatures of its rule's functions, ten times and more, and a dry run writes
a description of each job, shown or not.

A `--touch` sleeps for 0.1 s a job, so that the files' times differ, which do not count once it has noted
their content.

All that is changed here is not its public interface, and is left alone where it is not as expected: then
a benchmark costs more and comes out the same.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

# Jobs of those that could start; it is more than there are cores, lest large ones hold up a small one.
CONSIDERED = 64


def calm(workflow: Any) -> None:
    """Make the scheduler of a workflow that is about to start do no more than it has to."""
    scheduler, dag = workflow.scheduler, workflow.dag
    if not workflow.local_exec:
        if hasattr(scheduler, "_schedule_reevalutation") and hasattr(scheduler, "_open_jobs"):
            scheduler._schedule_reevalutation = OneTimer(scheduler._open_jobs.release)
    elif hasattr(scheduler, "job_rate_limiter"):
        scheduler.job_rate_limiter = None  # the cores limit it
        if all(isinstance(getattr(type(scheduler), name, None), property) for name in NARROWED):
            scheduler.__class__ = type("Narrowed", (type(scheduler),), dict(NARROWED))
    if hasattr(dag, "update_checkpoint_dependencies"):
        dag.update_checkpoint_dependencies = only_where_trials_are(
            dag.update_checkpoint_dependencies
        )


# --- planning -------------------------------------------------------------------------------------


def remember_signatures() -> None:
    """Let Snakemake inspect each function of a rule once, not for every job."""
    from snakemake import rules

    if hasattr(rules, "get_function_params"):
        rules.get_function_params = cache(rules.get_function_params)


def describe_no_job() -> None:
    """Let a dry run that shows no job describe none."""
    from snakemake.executors.dryrun import Executor

    if hasattr(Executor, "printjob"):
        Executor.printjob = lambda *_: None


# --- a pass looks at few jobs ---------------------------------------------------------------------


class Lazily:
    """Jobs that are listed when somebody looks at them; the greedy scheduler never does."""

    def __init__(self, jobs: Callable[[], list[Any]]) -> None:
        self.jobs = jobs

    def __iter__(self) -> Iterator[Any]:
        """Yield the jobs."""
        return iter(self.jobs())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.jobs())


def first_ready(scheduler: Any) -> list[Any]:
    """Return the ready jobs that come first: by priority, then in the order of the plan."""
    dag, cores = scheduler.workflow.dag, scheduler.global_resources["_cores"]
    return heapq.nsmallest(
        max(CONSIDERED, 2 * cores),
        dag.ready_jobs,
        key=lambda job: (-job.priority, dag.jobid(job)),
    )


def remaining(scheduler: Any) -> Lazily:
    """Return the jobs that are still to be run, ready or not."""
    dag, taken = scheduler.workflow.dag, scheduler.running | scheduler.failed
    return Lazily(lambda: [job for job in dag.needrun_jobs() if job not in taken])


NARROWED = {"open_jobs": property(first_ready), "remaining_jobs": property(remaining)}


# --- a checkpoint looks at the plan where that can save a trial -----------------------------------

Look = Callable[..., Coroutine[Any, Any, bool]]


def only_where_trials_are(look: Look) -> Look:
    """Return Snakemake's look at the plan after some jobs, left out where no trial could stay as it is.

    Asked about all jobs, as before the first one, it looks.
    """

    async def look_after(jobs: Iterable[Any] | None = None) -> bool:
        return await look(jobs if jobs is None else [job for job in jobs if has_trials(job.output)])

    return look_after


def has_trials(genomes: Iterable[str]) -> bool:
    """Return whether a trial of one of some genomes' files has been trained already."""
    return any(Path(genome).with_name("fitness.json").exists() for genome in genomes)


# --- one timer at a time --------------------------------------------------------------------------


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
