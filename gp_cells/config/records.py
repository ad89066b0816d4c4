"""What passes between the steps of a run: one frozen record for each kind of file, and its fields.

| record | file | from | to |
| --- | --- | --- | --- |
| `RunConfig` | none: part of the config | the config | settings |
| `DataDescription` | data.json | prepare | settings |
| `RunSettings` | settings.json | settings | breed, replicate, conclude, test, tabulate |
| `TrialProtocol` | protocol.json | settings | train |
| `TrialSpec` | genome.json | breed, replicate | train |
| `EmptySlot` | genome.json, fitness.json | breed; train | train |
| `LineageEntry` | lineage.json, a list | breed | score, tabulate |
| `FitnessRecord` | fitness.json | train | score, conclude, tabulate |
| `Conclusion` | conclusion.json | conclude | test, tabulate |
| `ChosenTrial` | test.json, a list | test | tabulate |

An empty slot is in `gp_cells.config.empty_slot`, the outcomes of a history in
`gp_cells.strategies.history`, the whole record of a trial in `gp_cells.training.trial_file`.
`typed_json` reads and writes all of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gp_cells.config.choose import configure
from gp_cells.config.files import RecordError, read_json
from gp_cells.config.objectives import CARRIED, COUNTED
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.supernet import SupernetOutcome
from gp_cells.config.typed_json import decode

SIZES = (*COUNTED, *CARRIED, "kept", "nodes")  # of a network; see `Space.count`

# --- parts of a config ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PlugIn:
    """A plug-in that a config names, and its settings; what is not given has its default."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """A stopping rule, and the share of a search's candidates that ignore it; None is the default share."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    control: float | None = None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a search may spend on training and validation; None of a kind is no bound."""

    epochs: int | None = None
    cpu_hours: float | None = None
    gpu_hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class Search:
    """How long a strategy searches, and how many of its best architectures are finalists.

    `slots` are those of every wave, or a number for each. Waves that come after the `budget` is spent
    have no candidates. `genes` are settings of the recipe that each candidate has of its own, see
    `gp_cells.config.genes`; `cells` are hand-designed ones that the search keeps to. Where finalists
    `resume`, each goes on from the state of its candidate, else it begins with fresh weights.
    """

    waves: int
    slots: int | tuple[int, ...]
    lag: int
    finalists: int
    budget: Budget | None = None
    genes: Mapping[str, Any] | None = None
    cells: tuple[str, ...] = ()
    resume: bool | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """How many slots each wave has."""
        return (self.slots,) * self.waves if isinstance(self.slots, int) else self.slots


@dataclass(frozen=True, kw_only=True)
class FinalTraining:
    """How each finalist is trained: learning rates × seeds, and what of the recipe is changed."""

    learning_rate_factors: tuple[float, ...]
    seeds: tuple[int, ...]
    recipe: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """What trains: the same for every trial of a benchmark."""

    device: str
    engine: str
    precision: str
    threads: int
    time_limit_s: float


# --- a run ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The part of a config that a run concerns; without `measures` its trials have the default ones."""

    benchmark: str
    run: str
    task_label: str
    strategy_label: str
    seed: int
    task: PlugIn
    space: PlugIn
    strategy: PlugIn
    search: Search
    finalists: FinalTraining
    stopping: Stopping
    training: Training
    measures: tuple[PlugIn, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DataDescription:
    """What a run has to know of its prepared data; `passes` are input steps or images of an epoch."""

    form: Form
    unit: str
    targets: Mapping[str, int]
    passes: Mapping[str, int]
    steps: int
    hash: str
    reference_valid: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class DataCounts:
    """How many examples each split has, and how many of each class; the names of these, by number.

    `shortest` and `longest` are steps of a sequence, 0 of images and of one long text; there are no
    `classes` where an example has no single one. Of characters, `bytes_per_target` has those of each split.
    """

    examples: Mapping[str, int]
    shortest: int
    longest: int
    classes: Mapping[str, tuple[int, ...]]
    names: tuple[str, ...]
    bytes_per_target: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """A run's config with every default filled in, and its data.

    `counts` are of the data, None where they were prepared before there were any.
    `timed_objectives` are those that the strategy selects on and that vary from run to run.
    """

    benchmark: str
    run: str
    task_label: str
    strategy_label: str
    seed: int
    task: PlugIn
    space: PlugIn
    strategy: PlugIn
    search: Search
    finalists: FinalTraining
    stopping: Stopping
    training: Training
    data: DataDescription
    measures: tuple[PlugIn, ...] | None = None
    timed_objectives: tuple[str, ...] = ()
    counts: DataCounts | None = None

    @property
    def config(self) -> RunConfig:
        """The run config that these settings were made from, its defaults filled in."""
        return RunConfig(**_shared(self, RunConfig))

    @property
    def protocol(self) -> TrialProtocol:
        """The part that a single trial depends on."""
        return TrialProtocol(**_shared(self, TrialProtocol))

    @property
    def recipe(self) -> Recipe:
        """How the candidates of the search are trained."""
        return _recipe_in(self.task)


@dataclass(frozen=True, kw_only=True)
class TrialProtocol:
    """The part of a run's settings that a single trial depends on.

    Without what decides which trials there are, so that a longer search, another strategy setting or
    more replicates retrain nothing that is the same.
    """

    benchmark: str
    run: str
    task_label: str
    strategy_label: str
    seed: int
    task: PlugIn
    space: PlugIn
    stopping: Stopping
    training: Training
    data: DataDescription
    measures: tuple[PlugIn, ...] | None = None
    timed_objectives: tuple[str, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """How the candidates of the search are trained; a trial spec may change some of it."""
        return _recipe_in(self.task)


def settings_from(
    config: RunConfig,
    data: DataDescription,
    timed: tuple[str, ...],
    counts: DataCounts | None = None,
) -> RunSettings:
    """Return the settings of a run from its config with all defaults and its data."""
    shared = _shared(config, RunConfig)
    return RunSettings(**shared, data=data, timed_objectives=timed, counts=counts)


def settings_in(row: Mapping[str, Any]) -> RunSettings:
    """Return the settings of a run from its row of table `runs`.

    Raises:
        RecordError: they are not such as this version reads.
    """
    return decode(RunSettings, json.loads(row["settings"]), f"settings of {row['run']}")


def _shared(record: Any, kind: type) -> dict[str, Any]:
    return {of.name: getattr(record, of.name) for of in dataclasses.fields(kind)}


def _recipe_in(task: PlugIn) -> Recipe:
    """Return the recipe in a task's settings with all defaults.

    Raises:
        RecordError: there is none in them.
        SettingError: it is no recipe.
    """
    if "recipe" not in task.settings:
        raise RecordError(
            f"the settings of task {task.name} have no recipe; delete them and run again"
        )
    return configure(Recipe, task.settings["recipe"], f"{task.name}.recipe")


def read_data(path: Path) -> DataDescription:
    """Read of a data.json what a run has to know.

    Raises:
        RecordError: missing, broken, or without a field that a run has to know.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise RecordError(f"{path} describes no data; delete it and run again")
    names = {of.name for of in dataclasses.fields(DataDescription)}
    return decode(DataDescription, {k: v for k, v in value.items() if k in names}, str(path))


def read_counts(path: Path) -> DataCounts | None:
    """Read of a data.json how many of what there are, None if it does not say.

    Raises:
        RecordError: missing or broken.
    """
    value = read_json(path)
    counts = value.get("counts") if isinstance(value, dict) else None
    return None if counts is None else decode(DataCounts, counts, f"{path}: counts")


# --- a trial --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TrialStart:
    """The trial whose final state another goes on from, and that state's hash; `epochs` it has seen."""

    candidate: str
    state: str
    epochs: int


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """What one trial is to do: an architecture with its sizes, a learning rate and a seed.

    The sizes are those of `Space.count`. `recipe` is what is other than in the task's, and under `shard`
    the part of the training split, as `recipe.Shard` has it. Of a finalist's
    trial `finalist` is its rank, and `of` the candidate of the search. `keeps` says that its final state
    is kept for others to start from, `learned` is what the stopping rule drew from earlier trials, and one
    of the `control` group is trained on where the rule would stop it.
    """

    run: str
    candidate: str
    architecture_id: str
    genome: str
    learning_rate: float
    seed: int
    parameters: int
    multiply_adds: int
    network_parameters: int
    network_multiply_adds: int
    kept: int
    nodes: int
    state_size: int | None = None
    cache_per_token: int | None = None
    finalist: int | None = None
    of: str | None = None
    recipe: Mapping[str, Any] | None = None
    start: TrialStart | None = None
    keeps: bool | None = None
    learned: Mapping[str, Any] | None = None
    control: bool | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """How large its network is, by the names of `Space.count`."""
        return {name: size for name in SIZES if (size := getattr(self, name)) is not None}


@dataclass(frozen=True, kw_only=True)
class LineageEntry:
    """A candidate as it was bred: which operator made it, and from which candidates.

    `start` is the one of them whose weights it takes, `recipe` what is other than in the task's, and `note`
    what the strategy wants to read again; `keeps` is as in its spec. `planned` are its epochs where the
    stopping rule learns from its curve; `spends` says that its search has a budget.
    """

    candidate: str
    wave: int
    slot: int
    architecture_id: str
    genome: str
    operator: str
    parents: tuple[str, ...]
    start: str | None = None
    recipe: Mapping[str, Any] | None = None
    note: Any = None
    keeps: bool | None = None
    planned: int | None = None
    spends: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The losses of an epoch, in the task's unit; what else is measured varies, and is in trial.h5."""

    epoch: int
    train_loss: float
    valid_loss: float


@dataclass(frozen=True, kw_only=True)
class StoppedAt:
    """Where a stopping rule ended a trial, or would have ended one of the control group, and why.

    `observed` is the best validation loss until then; `predicted` what the search reads in its place.
    """

    epoch: int
    code: str
    observed: float
    predicted: float | None = None

    @property
    def read(self) -> float:
        """The loss that the search reads."""
        return self.observed if self.predicted is None else self.predicted


ENDED_WELL = ("ok", "stopped_early")  # of the statuses of trials; all others are failures


@dataclass(frozen=True, kw_only=True)
class FitnessRecord:
    """What became of a trial, but for what varies from run to run.

    `fitness` is the best validation loss, None if the trial failed; an objective is None where it was
    not measured. Of a trial that keeps its final state, `state` is its hash, None if it failed, and
    `epochs` and `last_loss` are those of its weights: all epochs, and the validation loss after the last.
    `judged` are the losses of its last weights on what the shards that its spec names hold out.
    `stopped` is None where no stopping rule said anything. A supernet has no fitness, since it is no
    network to be used, and `supernet` says what it told.
    """

    run: str
    candidate: str
    architecture_id: str
    seed: int
    learning_rate: float
    status: str
    reason: str
    fitness: float | None
    best_epoch: int | None
    objectives: Mapping[str, float | None]
    curve: tuple[CurvePoint, ...]
    state: str | None = None
    epochs: int | None = None
    last_loss: float | None = None
    judged: tuple[float, ...] = ()
    stopped: StoppedAt | None = None
    supernet: SupernetOutcome | None = None


# --- the end of a run -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RateMean:
    """A finalist's mean validation loss over the seeds at one learning rate; None if one failed."""

    learning_rate: float
    mean: float | None


@dataclass(frozen=True, kw_only=True)
class ConcludedFinalist:
    """A finalist with the learning rate that was best, and its trials at that rate."""

    finalist: int
    architecture_id: str
    learning_rate: float
    mean_fitness: float | None
    rates: tuple[RateMean, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Which trials of a run's finalists are measured on the test split."""

    run: str
    finalists: tuple[ConcludedFinalist, ...]

    @property
    def chosen(self) -> list[str]:
        """The candidates of the trials that are measured on the test split."""
        return [name for of in self.finalists for name in of.candidates]


@dataclass(frozen=True, kw_only=True)
class ChosenTrial:
    """A chosen trial's loss on the test split, and its error where there are classes.

    Where these are few, `confusion` has how often each of them, a row, was taken for each, a column.
    """

    candidate: str
    test_loss: float
    test_error: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
