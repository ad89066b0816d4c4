"""What one trial takes in time and memory, predicted from its size and from earlier trials.

The time is so much a step or image and so much a multiply-add; the memory is what the process always takes
and the numbers that training keeps. What a step, a multiply-add and the process take is learnt from
the tables. The rules ask this for every job, so neither torch nor deap is imported to predict.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from gp_cells.config.empty_slot import read_empty_slot
from gp_cells.config.files import RecordError
from gp_cells.config.recipe import recipe_and_shard, trained_share
from gp_cells.config.records import (
    DataDescription,
    RunSettings,
    TrialProtocol,
    TrialSpec,
    settings_in,
)
from gp_cells.config.refusal import Refusal
from gp_cells.config.typed_json import read_record

BACKWARD = 2  # times the work of a forward pass that its gradient takes
COPIES = 5  # of each weight: itself, its gradient, Adam's two moments, the best so far
NUMBER_MB = 4e-6  # float32

# What a job asks for beyond what is predicted.
MARGIN = 2.0  # times the time: shared machines, slower nodes
MEMORY_MARGIN = 1.25
# To start twice Snakemake, import torch, compile and measure, on a slow file system.
START_MIN = 5.0
START_MB = 500.0  # a Slurm job runs Snakemake twice around its command, 160 MB each
LEAST_MB = 1000.0

UNKNOWN = {"mem_mb": 2000, "runtime": 60}  # for a genome that does not say how large it is

ENOUGH = 10  # trials to learn from


@dataclass(frozen=True)
class Size:
    """What of a trial decides its cost."""

    passes: float  # of an input step or image, one trained on counting with its gradient
    multiply_adds: float  # of all of them
    kept_mb: float  # weights with their copies, and what one batch keeps for its gradient


@dataclass(frozen=True)
class Speed:
    """What a machine takes: seconds a pass and a multiply-add, MB before anything is kept."""

    pass_s: float
    multiply_add_s: float
    process_mb: float
    trials: int  # that it was learnt from

    def seconds(self, size: Size) -> float:
        """Return the wall time of training and validation, in seconds."""
        return size.passes * self.pass_s + size.multiply_adds * self.multiply_add_s

    def memory_mb(self, size: Size) -> float:
        """Return the peak memory of the process, in MB."""
        return self.process_mb + size.kept_mb


# Before anything was measured. Cautious: the compiled engine was seen to take about a hundredth of the
# time a step on one core, and torch 280 MB before anything is kept.
UNMEASURED = Speed(pass_s=100e-6, multiply_add_s=1e-9, process_mb=600.0, trials=0)


def size_of(
    counts: Mapping[str, int],
    data: DataDescription,
    epochs: int,
    batch_size: int,
    share: float = 1.0,
) -> Size:
    """Return the size of a trial of some epochs, from its genome's counts.

    `share` is what it trains on of the training split.
    """
    passes = epochs * ((1 + BACKWARD) * share * data.passes["train"] + data.passes["valid"])
    activations = data.steps * batch_size * counts["kept"]
    return Size(
        passes=passes,
        multiply_adds=passes * counts["network_multiply_adds"],
        kept_mb=NUMBER_MB * (COPIES * counts["network_parameters"] + (1 + BACKWARD) * activations),
    )


# --- learning from the tables ---------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """A trial of the tables: its run, size, time in training and beside it, and peak memory.

    What is beside training is the start of its process, compiling its cell, and measures; None where the
    time of the process was not recorded.
    """

    run: str
    size: Size
    seconds: float
    memory_mb: float
    beside_s: float | None = 0.0


def kind_of(run: RunSettings | TrialProtocol) -> tuple[Any, ...]:
    """Return what trials share that can be predicted from one another."""
    training = run.training
    return run.task.name, run.space.name, training.engine, training.device, training.threads


def measured(results: Path, kind: tuple[Any, ...] | None = None) -> dict[Any, list[Measured]]:
    """Return the trials of the tables by their kind, or those of one kind alone.

    Left out is what says nothing: trials that trained no epoch or were made in several processes, or
    whose size is not in the tables (finalists trained by another recipe, in tables of version 1).
    """
    from gp_cells.tables.parquet import read_tables  # pyarrow: not where nothing is predicted

    settings = {row["run"]: settings_in(row) for row in read_tables(results, "runs").to_pylist()}
    runs = [run for run, of in settings.items() if kind in (None, kind_of(of))]
    batch_sizes = {run: settings[run].recipe.batch_size for run in runs}
    found: dict[Any, list[Measured]] = {}
    for row in read_tables(results, "trials", runs).to_pylist():
        run = settings[row["run"]]
        if row["epochs"] > 0 and row["resumed"] == 0 and row["activations"] is not None:
            changed = None if row["finalist"] is None else run.finalists.recipe
            batch_size = (changed or {}).get("batch_size", batch_sizes[row["run"]])
            trial = measured_trial(row, run.data, batch_size)
            found.setdefault(kind_of(run), []).append(trial)
    return found


def measured_trial(row: Mapping[str, Any], data: DataDescription, batch_size: int) -> Measured:
    """Return what a row of table `trials` says of a trial that has trained."""
    share = trained_share(row["recipe"])
    size = size_of({**row, "kept": row["activations"]}, data, row["epochs"], batch_size, share)
    beside_s = None
    if row["process_cpu_s"] is not None:
        beside_s = max(0.0, row["process_cpu_s"] - row["cpu_s"] + (row["compile_s"] or 0.0))
    return Measured(row["run"], size, undisturbed_s(row), row["peak_memory_mb"], beside_s)


def undisturbed_s(trial: Mapping[str, Any]) -> float:
    """Return the wall time that a trial would have taken alone on its cores.

    That is its CPU time where other work held it up: a dedicated Slurm job does not share its cores.
    A GPU's work is in the wall time only.
    """
    held_up = trial["device"] == "cpu" and trial["cpu_s"] < trial["wall_s"]
    return float(trial["cpu_s"] if held_up else trial["wall_s"])


def learn(trials: Sequence[Measured]) -> Speed:
    """Return the speed that some trials had, or a cautious one if they are too few.

    Least squares of the relative error, so that a trial that something held up weighs little.
    """
    return fitted(trials) if len(trials) >= ENOUGH else UNMEASURED


def fitted(trials: Sequence[Measured]) -> Speed:
    """Return the speed that some trials, at least one, had."""
    pass_s, multiply_add_s = _fit(
        [(t.size.passes / t.seconds, t.size.multiply_adds / t.seconds) for t in trials]
    )
    process_mb = statistics.median(t.memory_mb - t.size.kept_mb for t in trials)
    return Speed(pass_s, multiply_add_s, process_mb, len(trials))


def _fit(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the a and b, neither negative, for which every a x + b y is as near to 1 as can be."""
    xx, xy, yy = (math.fsum(p[i] * p[j] for p in pairs) for i, j in ((0, 0), (0, 1), (1, 1)))
    x, y = (math.fsum(p[i] for p in pairs) for i in (0, 1))
    determinant = xx * yy - xy * xy
    if determinant > 1e-9 * xx * yy:
        a, b = (x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant
        if a >= 0 and b >= 0:
            return a, b
    return (x / xx, 0.0) if x * x / xx > y * y / yy else (0.0, y / yy)


# --- what a job asks for --------------------------------------------------------------------------


def ask(protocol: str, genome: str, attempt: int, is_local: bool = False) -> dict[str, int]:
    """Return the `mem_mb` and `runtime` (minutes) that a trial asks for, on this machine or a cluster.

    Where the genome is not there yet, Snakemake catches the error and looks again when it is. One that
    is refused asks for a fixed amount; the job itself will report it.

    Raises:
        FileNotFoundError: the run's protocol or the trial's genome is not there yet.
    """
    files = protocol, _version(protocol), genome, _version(genome)
    return _doubled(_wanted(*files, is_local), attempt)


def _version(file: str) -> tuple[int, int]:
    """Return what tells that a file has changed; Snakemake asks of each several times."""
    found = os.stat(file)
    return found.st_mtime_ns, found.st_size


@lru_cache
def _wanted(
    protocol: str,
    protocol_version: tuple[int, int],
    genome: str,
    _: tuple[int, int],
    is_local: bool,
) -> Mapping[str, int]:
    try:
        if read_empty_slot(Path(genome)) is not None:
            return request(0.0, UNMEASURED.process_mb, 0.0, is_local)
        run = _protocol(protocol, protocol_version)
        spec = read_record(TrialSpec, Path(genome))
        recipe, shard = recipe_and_shard(run.recipe, spec.recipe, genome)
    except Refusal:
        return UNKNOWN
    share = 1.0 if shard is None else shard.share
    size = size_of(spec.sizes, run.data, recipe.epochs, recipe.batch_size, share)
    speed = _speed(kind_of(run))
    training = run.training
    return request(speed.seconds(size), speed.memory_mb(size), training.time_limit_s, is_local)


@cache
def _protocol(file: str, _: tuple[int, int]) -> TrialProtocol:
    return read_record(TrialProtocol, Path(file))


def request(
    seconds: float, memory_mb: float, limit_s: float, is_local: bool = False
) -> dict[str, int]:
    """Return what to ask for to be safe, and no more time than the trial's own limit leaves it."""
    training_min = min(MARGIN * seconds, limit_s) / 60
    memory = MEMORY_MARGIN * memory_mb
    if not is_local:
        memory = max(LEAST_MB, START_MB + memory)
    return {"mem_mb": math.ceil(memory), "runtime": math.ceil(START_MIN + training_min)}


def _doubled(wanted: Mapping[str, int], attempt: int) -> dict[str, int]:
    return {name: amount * 2 ** (attempt - 1) for name, amount in wanted.items()}


@cache
def _speed(kind: tuple[Any, ...]) -> Speed:
    try:
        return learn(measured(Path("results"), kind).get(kind, []))
    except RecordError:  # tables of another version are no reason not to train
        return UNMEASURED


# --- how well it predicts -------------------------------------------------------------------------


def report(results: Path) -> str:
    """Return how well the trials of each run are predicted from those of all other runs.

    Raises:
        RecordError: there are no tables, or they cannot be read.
    """
    lines = []
    for kind, trials in measured(results).items():
        task, space, engine, device, threads = kind
        lines += [f"{task}, {space}, engine {engine} on {device}, {threads} thread(s)", HEADER]
        lines += [*compare_with_others(trials), ""]
    if not lines:
        raise RecordError(f"{results}/tables has no trials; run a benchmark to its end first")
    return "\n".join([*lines, NOTE])


def compare_with_others(trials: Sequence[Measured]) -> list[str]:
    """Return a line a run: its trials as they were, and as all other runs predict them."""
    lines = []
    for run in sorted({trial.run for trial in trials}):
        own = [trial for trial in trials if trial.run == run]
        lines.append(_line(run, own, learn([trial for trial in trials if trial.run != run])))
    return lines


HEADER = (
    f"  {'run':<40} {'trials':>6} {'learnt from':>11}   "
    f"{'median s':>8} {'predicted':>9} {'off by':>13}   {'median MB':>9} {'predicted':>9} {'off by':>13}"
    f"   {'too little':>10}"
)
NOTE = (
    "s: seconds of training and validation on cores of its own, so CPU time where others held it up.\n"
    "off by: the factor between predicted and measured, whichever way: median, and what 90 % stay\n"
    "within. too little: trials that would have had to be tried again with more time or memory."
)


def _line(run: str, trials: Sequence[Measured], speed: Speed) -> str:
    time = [(speed.seconds(t.size), t.seconds) for t in trials]
    memory = [(speed.memory_mb(t.size), t.memory_mb) for t in trials]
    asked = [request(s, mb, math.inf) for (s, _), (mb, _) in zip(time, memory, strict=True)]
    short = sum(
        60 * (a["runtime"] - START_MIN) < t.seconds or a["mem_mb"] - START_MB < t.memory_mb
        for a, t in zip(asked, trials, strict=True)
    )
    return (
        f"  {run:<40} {len(trials):>6} {speed.trials:>11}   {_predicted(time, '.1f')}"
        f"   {_predicted(memory, '.0f', 9)}   {short:>10}"
    )


def _predicted(pairs: Sequence[tuple[float, float]], form: str, width: int = 8) -> str:
    predicted, found = (statistics.median(column) for column in zip(*pairs, strict=True))
    off = sorted(max(one / other, other / one) for one, other in pairs)
    ninety = off[math.ceil(0.9 * len(off)) - 1]
    factors = f"{statistics.median(off):.2f}, {ninety:.2f}"
    return f"{found:>{width}{form}} {predicted:>9{form}} {factors:>13}"
