"""A forecast as a person reads it: a row for each strategy on each task, and what all take together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gp_cells.config.plan import Plan
from gp_cells.workflow.cost import request
from gp_cells.workflow.forecast import Forecast
from gp_cells.workflow.schedule import wall_s

CLUSTER_S = 4.0  # CPU time that a Slurm job takes beside its trial, as profiles/README.md has it


def tell(plan: Plan, forecasts: Sequence[Forecast], workers: Sequence[int]) -> str:
    """Return the forecast of a plan, its wall time for some numbers of workers."""
    runs, candidates = len(plan.runs), sum(of.candidates for of in forecasts)
    trainings = sum(of.trainings for of in forecasts)
    lines = [
        f"{plan.benchmark}: {runs:,} runs, {candidates:,} candidates, {trainings:,} trainings",
        "",
        *_table(forecasts),
        "",
        *_sums(plan, forecasts, workers),
    ]
    return "\n".join(lines)


def _table(forecasts: Sequence[Forecast]) -> list[str]:
    task, strategy = (
        max(len(word), *(len(getattr(of, word)) for of in forecasts))
        for word in ("task", "strategy")
    )
    head = (
        f"  {'task':<{task}}  {'strategy':<{strategy}}  runs  candidates  trainings  seconds each"
        "  MB each"
    )
    return [
        head,
        *(
            f"  {of.task:<{task}}  {of.strategy:<{strategy}}  {len(of.runs):>4}  {of.candidates:>10,}"
            f"  {of.trainings:>9,}  {_number(of.seconds / of.trainings, ',.1f'):>12}"
            f"  {_number(of.memory_mb, ',.0f'):>7}"
            for of in forecasts
        ),
    ]


def _number(value: float, form: str) -> str:
    return "unknown" if math.isnan(value) else format(value, form)


def _sums(plan: Plan, forecasts: Sequence[Forecast], workers: Sequence[int]) -> list[str]:
    disk = f"  disk       about {_megabytes(sum(of.disk_mb for of in forecasts))} beside the data"
    if any(of.pace is None for of in forecasts):
        return ["  time       unknown: `gp-cells plan CONFIG` trains three cells to find out", disk]
    training = next(iter(plan.runs.values())).config.training
    kind, each = ("GPU", 1) if training.device == "cuda" else ("CPU", plan.threads)
    hours = each * sum(of.seconds for of in forecasts) / 3600
    paces = [of.pace for of in forecasts if of.pace is not None]
    factor = max(pace.factor for pace in paces)
    why = (
        "by a few probe trainings"
        if any(pace.is_probed for pace in paces)
        else "as far as earlier runs were off"
    )
    memory_mb = max(of.memory_mb for of in forecasts)
    asked = request(0.0, memory_mb, math.inf)["mem_mb"]
    stages = [run for of in forecasts for run in of.stages]
    walls = ", ".join(f"{_duration(wall_s(stages, n))} with {n:,}" for n in workers)
    cluster = CLUSTER_S * sum(of.trainings for of in forecasts) / 3600
    least, most = _hours(hours / factor), _hours(hours * factor)
    return [
        f"  time       {_hours(hours)} {kind} hours, {least} to {most} {why}; "
        f"a cluster's jobs take {_hours(cluster)} CPU hours more",
        f"  wall time  {walls} at once, without queues",
        f"  memory     up to {memory_mb:,.0f} MB a training; a job asks for {asked:,} MB at most",
        disk,
    ]


def _hours(hours: float) -> str:
    return f"{hours:.2g}" if hours < 0.1 else f"{hours:,.2f}"


def _megabytes(size_mb: float) -> str:
    return f"{size_mb:,.0f} MB" if size_mb < 1000 else f"{size_mb / 1000:,.1f} GB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"
