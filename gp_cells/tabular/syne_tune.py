"""A benchmark's trials in the layout of Syne Tune's tabular blackboxes (Salinas et al. 2022).

https://github.com/syne-tune/syne-tune, `blackbox_repository/blackbox_tabular.py`: what `serialize` writes
and `deserialize` reads. A configuration is an architecture and a learning rate, as a factor of the
task's own; beside its id stand numbers of its formulas, for models that learn from configurations.
Every seed that something was trained with has a place, though most architectures have one trial alone:
what was not trained, or did not come so far, is NaN and never imputed. Test losses are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gp_cells.compare.records import chosen_benchmark
from gp_cells.config.files import RecordError, written_beside
from gp_cells.tables.parquet import read_tables
from gp_cells.tabular.stored import Stored, stored_of
from gp_cells.workflow.cost import undisturbed_s

SIZES = ("formulas", "projections", "depth", "nodes")
OBJECTIVES = (
    "metric_valid_loss",
    "metric_valid_error",
    "metric_train_loss",
    "metric_elapsed_time",  # seconds from the first epoch's begin, on cores of its own
)
RESOURCE = "epochs"

Record = Mapping[str, Any]
Configuration = tuple[str, float]  # architecture_id, learning rate as a factor of the task's own


def write_blackbox(results: Path, benchmark: str | None, folder: Path) -> str:
    """Write the trials of a benchmark's runs, and return a line on what they are.

    `objectives_evaluations.npy` is float32 (tasks, configurations, seeds, epochs, OBJECTIVES).

    Raises:
        RecordError: there is no such benchmark, or several and none is named; or a task's runs were
            not all trained alike.
    """
    runs = read_tables(results, "runs").to_pylist()
    benchmark = chosen_benchmark(results, benchmark)
    tasks = sorted({row["task"] for row in runs if row["benchmark"] == benchmark})
    stored = {task: stored_of(results, task, benchmark) for task in tasks}
    trials = {task: _trials(results, of) for task, of in stored.items()}
    everything = [trial for of_task in trials.values() for trial in of_task]
    configurations = sorted({_configuration(trial) for trial in everything})
    seeds = sorted({trial["seed"] for trial in everything})
    epochs = max((trial["epochs"] for trial in everything), default=0)
    shape = (len(tasks), len(configurations), len(seeds), epochs, len(OBJECTIVES))
    if 0 in shape:
        raise RecordError(f"no trial of {benchmark} has finished an epoch")
    values = np.full(shape, np.nan, np.float32)
    for i, task in enumerate(tasks):
        _fill(values[i], trials[task], configurations, seeds)
    sizes = _sizes(results, [run for of in stored.values() for run in of.runs])
    _write(folder, _hyperparameters(configurations, sizes), values, tasks, seeds)
    known = int(np.isfinite(values[..., 0]).any(axis=-1).sum())
    counted = f"{len(configurations):,} configurations × {len(seeds)} seeds × {epochs} {RESOURCE}"
    return f"{len(tasks)} task(s), {counted}; of the trials {known:,} are there, the others NaN"


def _trials(results: Path, stored: Stored) -> list[dict[str, Any]]:
    """Return the trials of a task, each with its curve and `learning_rate_factor`.

    Those of finalists that were trained by another recipe than the search's are left out.
    """
    rate = stored.settings.recipe.learning_rate
    curves: dict[str, list[Record]] = {}
    for point in read_tables(results, "curves", stored.runs).to_pylist():
        curves.setdefault(point["trial_id"], []).append(point)
    return [
        {
            **row,
            "learning_rate_factor": float(f"{row['learning_rate'] / rate:.6g}"),
            "curve": sorted(curves.get(row["trial_id"], ()), key=lambda point: point["epoch"]),
        }
        for row in read_tables(results, "trials", stored.runs).to_pylist()
        if row["role"] == "search" or row["run"] in stored.finalists_alike
    ]


def _configuration(trial: Record) -> Configuration:
    return trial["architecture_id"], trial["learning_rate_factor"]


def _fill(
    values: np.ndarray,
    trials: Sequence[Record],
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
) -> None:
    """Set what was trained in (configurations, seeds, epochs, OBJECTIVES).

    Of several trials of one seed, which several strategies may have proposed, the first one counts.
    """
    places = {configuration: i for i, configuration in enumerate(configurations)}
    columns = {seed: i for i, seed in enumerate(seeds)}
    ordered = sorted(trials, key=lambda trial: (trial["run"], trial["candidate"]), reverse=True)
    for trial in ordered:
        cells = values[places[_configuration(trial)], columns[trial["seed"]]]
        cells[:] = np.nan
        elapsed = 0.0
        for point in trial["curve"]:
            elapsed += undisturbed_s({**point, "device": trial["device"]})
            found = [point[name] for name in ("valid_loss", "valid_error", "train_loss")]
            numbers = [np.nan if number is None else number for number in (*found, elapsed)]
            cells[point["epoch"] - 1] = numbers


def _sizes(results: Path, runs: Sequence[str]) -> dict[str, Record]:
    rows = read_tables(results, "architectures", runs).to_pylist()
    return {row["architecture_id"]: row for row in rows}


def _hyperparameters(
    configurations: Sequence[Configuration], sizes: Mapping[str, Record]
) -> pa.Table:
    rows = [
        {
            "architecture_id": key,
            "learning_rate_factor": factor,
            **{name: sizes[key][name] for name in SIZES},
        }
        for key, factor in configurations
    ]
    return pa.Table.from_pylist(rows)


def _write(
    folder: Path, configurations: pa.Table, values: np.ndarray, tasks: Sequence[str], seeds: Any
) -> None:
    columns = {name: configurations[name].to_pylist() for name in configurations.column_names}
    space = {
        name: _integer(min(column), max(column)) if name in SIZES else _categorical(column)
        for name, column in columns.items()
    }
    metadata = {
        "objectives_names": list(OBJECTIVES),
        "task_names": list(tasks),
        "metric_elapsed_time": OBJECTIVES[3],
        "metric_default": OBJECTIVES[0],
        "resource_attr": RESOURCE,
        "seeds": [str(seed) for seed in seeds],  # in the order of their axis
    }
    epochs = values.shape[3]
    with written_beside(folder / "hyperparameters.parquet") as partial:
        pq.write_table(configurations, partial, compression="gzip")
    for name, array in (
        ("objectives_evaluations.npy", values),
        ("fidelities_values.npy", np.arange(1, epochs + 1)),
    ):
        with written_beside(folder / name) as partial, partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    for name, content in (
        ("configspace.json", space),
        ("fidelityspace.json", {RESOURCE: _integer(1, epochs)}),
        ("metadata.json", metadata),
    ):
        with written_beside(folder / name) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _categorical(column: Sequence[Any]) -> Record:
    return _domain("Categorical", {"categories": sorted(set(column))})


def _integer(lower: int, upper: int) -> Record:
    return _domain("Integer", {"lower": lower, "upper": upper})


def _domain(name: str, settings: Record) -> Record:
    """Return a domain as Syne Tune writes it."""
    return {
        "domain_cls": name,
        "domain_kwargs": settings,
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    }
