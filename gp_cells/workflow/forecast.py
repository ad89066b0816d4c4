"""What a benchmark will take, told before it runs: trainings, hours, memory, disk, and wall time.

The networks are those of each search's first wave, or all designed cells; how long they take is learnt from
the tables or, where those know nothing of the kind, from a few probe trainings. How many epochs each wave
trains, and on what part of the data, a strategy that changes the recipe tells itself (`rehearsal`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gp_cells.config.plan import Plan, Run
from gp_cells.config.recipe import Recipe
from gp_cells.config.records import (
    DataDescription,
    RunConfig,
    RunSettings,
    read_data,
    settings_from,
)
from gp_cells.plugins import fill_in, final_recipe_of, space_of, strategy_of
from gp_cells.strategies.strategy import searches
from gp_cells.workflow.budget import bred_waves
from gp_cells.workflow.check import read_task
from gp_cells.workflow.cost import (
    ENOUGH,
    Measured,
    Size,
    Speed,
    fitted,
    kind_of,
    learn,
    measured,
    size_of,
)
from gp_cells.workflow.rehearsal import work_of_waves
from gp_cells.workflow.schedule import Stages
from gp_cells.workflow.steps import propose

RECORD_MB = 0.03  # of a trial on disk beside its weights: record, fitness, genome, logs
WEIGHT_MB = 4e-6  # float32
PROBE_FACTOR = 2.0  # that probe trainings may well be off by
LEAST_FACTOR = 1.1


@dataclass(frozen=True)
class Pace:
    """How fast trials of one kind are, learnt from some; `factor` is what their sum may be off by."""

    speed: Speed
    beside_s: float  # of a trial, beside training; NaN if unknown
    factor: float
    is_probed: bool


@dataclass(frozen=True)
class Cost:
    """What one trial takes: seconds on average, NaN if unknown, most memory and disk in MB."""

    seconds: float
    memory_mb: float
    disk_mb: float


@dataclass(frozen=True)
class Forecast:
    """The runs of one strategy on one task: what a trial of each wave takes, and one of a finalist.

    Of the waves `bred` are the first so many: the others a budget leaves out, if no trial is stopped early.
    """

    task: str
    strategy: str
    runs: Sequence[Run]
    waves: Sequence[Cost]
    finalist: Cost
    bred: int
    pace: Pace | None

    @property
    def candidates(self) -> int:
        """How many candidates all its waves have."""
        return sum(sum(self._trials(run)[:-1]) for run in self.runs)

    @property
    def trainings(self) -> int:
        """How many trials it has, the finalists' too."""
        return sum(sum(self._trials(run)) for run in self.runs)

    @property
    def seconds(self) -> float:
        """What all its trials take."""
        return self._sum([of.seconds for of in self.costs])

    @property
    def disk_mb(self) -> float:
        """What all its trials keep."""
        return self._sum([of.disk_mb for of in self.costs])

    @property
    def memory_mb(self) -> float:
        """The most that a trial takes."""
        return max(of.memory_mb for of in self.costs)

    @property
    def costs(self) -> Sequence[Cost]:
        """What a trial takes of each wave, and of the finalists last."""
        return (*self.waves, self.finalist)

    @property
    def stages(self) -> list[Stages]:
        """Its runs as a schedule plays them."""
        seconds = tuple(of.seconds for of in self.costs)
        return [Stages(self._trials(run), seconds, run.lag) for run in self.runs]

    def _sum(self, of_each: Sequence[float]) -> float:
        return sum(
            count * of
            for run in self.runs
            for count, of in zip(self._trials(run), of_each, strict=True)
        )

    def _trials(self, run: Run) -> tuple[int, ...]:
        """Return how many trials a run has in each wave, and of its finalists last."""
        empty = (0,) * (run.waves - self.bred)
        return (*run.widths[: self.bred], *empty, run.trials - sum(run.widths))


Probe = Callable[[RunConfig], Sequence[Measured]]


def forecast(plan: Plan, results: Path, probe: Probe | None) -> list[Forecast]:
    """Return what each strategy on each task will take; without a probe time may be unknown.

    Raises:
        SettingError: a plug-in refuses its settings.
        DataError: the data of a task cannot be read.
    """
    data = {name: describe_data(plan, name) for name in plan.tasks}
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in plan.runs.values():
        groups.setdefault((run.task, run.strategy), []).append(run)
    filled = {of: fill_in(runs[0].config) for of, runs in groups.items()}  # refuse before probing
    paces: dict[Any, Pace | None] = {}
    found = []
    for (task, strategy), runs in groups.items():
        settings = settings_from(filled[task, strategy], data[runs[0].data], ())
        kind = kind_of(settings)
        if kind not in paces:
            paces[kind] = pace_of(measured(results, kind).get(kind, []), settings.config, probe)
        costs = costs_of(settings, paces[kind])
        found.append(Forecast(task, strategy, runs, *costs, paces[kind]))
    return found


def describe_data(plan: Plan, name: str) -> DataDescription:
    """Return what a task's trials have to know of its data, prepared or not."""
    prepared = Path("results/data", name, "data.json")
    if prepared.exists():
        return read_data(prepared)
    task, read, sizes = read_task(plan, name)
    return DataDescription(form=read.form, unit=task.unit, hash="", reference_valid={}, **sizes)


def pace_of(trials: Sequence[Measured], config: RunConfig, probe: Probe | None) -> Pace | None:
    """Return how fast trials are by those of the tables, else by probes; None if neither says it."""
    if len(trials) >= ENOUGH:
        return Pace(learn(trials), beside_s(trials), factor_of(trials), is_probed=False)
    probes = [] if probe is None else probe(config)
    if not probes:
        return None
    return Pace(fitted(probes), beside_s(probes), PROBE_FACTOR, is_probed=True)


def beside_s(trials: Sequence[Measured]) -> float:
    """Return the mean time that trials took beside training, in seconds; NaN if none recorded it."""
    recorded = [trial.beside_s for trial in trials if trial.beside_s is not None]
    return statistics.fmean(recorded) if recorded else math.nan


def factor_of(trials: Sequence[Measured]) -> float:
    """Return by what factor the time of a run was off, at worst, when the other runs foretold it."""
    off = [LEAST_FACTOR]
    for run in {trial.run for trial in trials}:
        own = [trial for trial in trials if trial.run == run]
        others = [trial for trial in trials if trial.run != run]
        if len(others) < ENOUGH:
            return PROBE_FACTOR
        speed, took = learn(others), math.fsum(trial.seconds for trial in own)
        foretold = math.fsum(speed.seconds(trial.size) for trial in own)
        off.append(max(took / foretold, foretold / took))
    return max(off)


def costs_of(settings: RunSettings, pace: Pace | None) -> tuple[list[Cost], Cost, int]:
    """Return what a trial of each wave takes, one of a run's finalists, and how many waves are bred."""
    space, data = space_of(settings), settings.data
    first = propose(settings, (), 0)
    others = [] if searches(strategy_of(settings)) else range(1, settings.search.waves)
    designs = [of for wave in others for of in propose(settings, (), wave)]
    genomes = [proposal.genome for proposal in (*first, *designs)]

    @cache
    def cost(recipe: Recipe, epochs: int, share: float = 1.0) -> Cost:
        counts = [space.count(genome, data.form, recipe) for genome in genomes]
        sizes = [size_of(of, data, epochs, recipe.batch_size, share) for of in counts]
        return _cost(counts, sizes, pace, settings.training.time_limit_s)

    works = list(work_of_waves(settings, first))
    epochs = [sum(n * of * share for (_, of, share), n in wave.items()) for wave in works]
    waves = [_mean([(cost(*work), count) for work, count in wave.items()]) for wave in works]
    final = final_recipe_of(settings)
    return waves, cost(final, final.epochs), bred_waves(settings.search, epochs)


def _mean(costs: Sequence[tuple[Cost, int]]) -> Cost:
    """Return the mean cost of trials of several kinds, given how many each has."""
    if len(costs) == 1:
        return costs[0][0]
    count = sum(n for _, n in costs)
    seconds, disk_mb = (
        math.fsum(n * getattr(of, name) for of, n in costs) / count
        for name in ("seconds", "disk_mb")
    )
    return Cost(seconds, max(of.memory_mb for of, _ in costs), disk_mb)


def _cost(
    counts: Sequence[Mapping[str, int]], sizes: Sequence[Size], pace: Pace | None, limit_s: float
) -> Cost:
    disk_mb = RECORD_MB + WEIGHT_MB * statistics.fmean(of["network_parameters"] for of in counts)
    if pace is None:
        return Cost(math.nan, math.nan, disk_mb)
    trained_s = statistics.fmean(min(limit_s, pace.speed.seconds(size)) for size in sizes)
    memory_mb = max(pace.speed.memory_mb(size) for size in sizes)
    return Cost(trained_s + pace.beside_s, memory_mb, disk_mb)
