"""What is changed of Snakemake's scheduler: few jobs are considered, and the plan is seldom looked at."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake.api  # first, or the others go round in a circle
import snakemake.dag
import snakemake.executors.dryrun
import snakemake.rules
from snakemake.scheduling.job_scheduler import JobScheduler

from gp_cells.workflow import scheduling
from gp_cells.workflow.scheduling import OneTimer, calm, has_trials, only_where_trials_are


class Scheduler:
    """The parts of Snakemake's that are changed."""

    def __init__(self, workflow: Any) -> None:
        self.workflow = workflow
        self.job_rate_limiter = object()
        self.global_resources = {"_cores": 2}
        self.running: set[Any] = set()
        self.failed: set[Any] = set()

    @property
    def open_jobs(self) -> list[Any]:
        """All that are ready."""
        return list(self.workflow.dag.ready_jobs)

    @property
    def remaining_jobs(self) -> list[Any]:
        """All that are still to be run."""
        raise AssertionError("a look at the whole plan")


def workflow_of(jobs: list[Any]) -> Any:
    dag = SimpleNamespace(ready_jobs=set(jobs), jobid=lambda job: job.number)
    dag.needrun_jobs = lambda: iter(jobs)
    workflow = SimpleNamespace(dag=dag, local_exec=True)
    workflow.scheduler = Scheduler(workflow)
    return workflow


@dataclass(frozen=True)
class Job:
    """What decides which job is considered."""

    priority: int
    number: int


def test_snakemake_has_all_that_is_changed_of_it() -> None:
    assert all(isinstance(getattr(JobScheduler, name), property) for name in scheduling.NARROWED)
    assert callable(snakemake.dag.DAG.update_checkpoint_dependencies)
    assert callable(JobScheduler._schedule_reevalutation)
    assert callable(snakemake.rules.get_function_params)
    assert callable(snakemake.executors.dryrun.Executor.printjob)


def test_the_jobs_considered_are_the_most_urgent_and_then_the_first_of_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [Job(priority=-(number % 3), number=number) for number in range(30)]
    workflow = workflow_of(jobs)
    monkeypatch.setattr(scheduling, "CONSIDERED", 12)

    calm(workflow)

    considered = [job.number for job in workflow.scheduler.open_jobs]
    assert considered == [*range(0, 30, 3), 1, 4]
    assert workflow.scheduler.job_rate_limiter is None


def test_all_jobs_that_remain_are_listed_when_somebody_looks_alone() -> None:
    jobs = [Job(priority=0, number=number) for number in range(3)]
    workflow = workflow_of(jobs)
    workflow.scheduler.running = {jobs[1]}

    calm(workflow)

    remaining = workflow.scheduler.remaining_jobs
    assert list(remaining) == [jobs[0], jobs[2]]
    assert len(remaining) == 2


def test_a_scheduler_that_is_made_otherwise_is_left_alone() -> None:
    workflow = SimpleNamespace(scheduler=SimpleNamespace(), dag=SimpleNamespace(), local_exec=True)

    calm(workflow)

    assert vars(workflow.scheduler) == vars(workflow.dag) == {}


def test_the_plan_is_looked_at_where_a_trial_could_stay_as_it_is_alone(tmp_path: Any) -> None:
    old, new = (
        SimpleNamespace(output=[str(tmp_path / name / "genome.json")]) for name in ("00", "01")
    )
    (tmp_path / "00").mkdir()
    (tmp_path / "00/fitness.json").touch()
    looked = []

    async def look(jobs: Any = None) -> bool:
        looked.append(jobs)
        return bool(jobs)

    narrowed = only_where_trials_are(look)

    assert has_trials(old.output) and not has_trials(new.output)
    assert asyncio.run(narrowed([old, new]))
    assert not asyncio.run(narrowed([new]))
    asyncio.run(narrowed())
    assert looked == [[old], [], None]


def test_timers_that_are_armed_while_one_waits_are_one() -> None:
    rung: list[float] = []
    timer = OneTimer(lambda: rung.append(time.monotonic()))

    for _ in range(5):
        timer(0.05)
    time.sleep(0.3)
    assert len(rung) == 1

    timer(0.01)
    time.sleep(0.2)
    assert len(rung) == 2


def test_a_function_of_a_rule_is_inspected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(snakemake.rules, "get_function_params", asked.append)
    scheduling.remember_signatures()
    for _ in range(3):
        snakemake.rules.get_function_params(workflow_of)
    assert asked == [workflow_of]
