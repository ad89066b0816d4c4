"""Learning curves that a stopping rule can be judged on: of a results folder, or of anybody's Parquet file.

A Parquet file has a row for each trial and epoch, in any order:

| column | type | |
| --- | --- | --- |
| `task` | text | curves of one task are compared with each other; optional |
| `seed` | text or whole number | of search and training; optional |
| `architecture` | text or whole number | optional |
| `trial` | text or whole number | |
| `epoch` | whole number | from 1, without gaps |
| `valid_loss` | number | in any unit, less is better: an accuracy has to be turned round |
| `train_loss` | number | optional |
| `cpu_s` | number | CPU seconds of the epoch; optional |

Candidates are ranked among those of their seed, and rules learn from the curves of other seeds. Of an
architecture and a seed the first trial counts; with several seeds they show what a rank can reach.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gp_cells.config.files import RecordError, written_beside
from gp_cells.stopping.stopper import Curve
from gp_cells.tables.parquet import read_tables

NEEDED = ("trial", "epoch", "valid_loss")
OPTIONAL = ("task", "seed", "architecture", "train_loss", "cpu_s")


@dataclass(frozen=True)
class Whole:
    """A curve of all epochs, where it is from, and the CPU seconds of each epoch if they are known."""

    trial: str
    seed: str
    architecture: str
    curve: Curve
    cpu_s: Sequence[float] | None = None

    @property
    def final(self) -> float:
        """The best loss of all epochs, which a rule has to foresee."""
        return min(self.curve.losses)


@dataclass(frozen=True)
class Curves:
    """The whole curves of a task, and how many were left out since they ended early or are not finite."""

    task: str
    whole: Sequence[Whole]
    left_out: int


def read_curves(place: Path) -> list[Curves]:
    """Return the curves of a results folder's searches, or of a Parquet file, task by task.

    Raises:
        RecordError: there are none, or the file is not of the layout above.
    """
    rows = _rows_of_results(place) if place.is_dir() else _rows_of_file(place)
    tasks: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        tasks.setdefault(row["task"], {}).setdefault(row["trial"], []).append(row)
    found = [_curves(task, trials, place) for task, trials in sorted(tasks.items())]
    if not any(of.whole for of in found):
        raise RecordError(f"{place} has no curve of finite losses that goes on to the last epoch")
    return found


def write_curves(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write curves in the layout above."""
    with written_beside(path) as partial:
        pq.write_table(pa.Table.from_pylist(list(rows)), partial)


def _curves(task: str, trials: Mapping[str, Sequence[Mapping[str, Any]]], place: Path) -> Curves:
    every = [_whole(name, rows, place) for name, rows in sorted(trials.items())]
    first: dict[tuple[str, ...], Whole] = {}
    for of in every:
        first.setdefault((of.architecture, of.seed) if of.architecture else (of.trial,), of)
    made = list(first.values())
    longest = max(len(of.curve.losses) for of in made)
    lengths = Counter(len(of.curve.losses) for of in made)
    epochs = max(lengths, key=lambda length: (lengths[length], length))
    whole = [
        dataclasses.replace(of, curve=dataclasses.replace(of.curve, epochs=epochs))
        for of in made
        if len(of.curve.losses) == epochs and all(map(math.isfinite, of.curve.losses))
    ]
    if longest > epochs:
        others = sum(count for length, count in lengths.items() if length > epochs)
        raise RecordError(
            f"{place}: task {task}: {others} curves are longer than the {epochs} epochs that most have; "
            "give those trained otherwise a task of their own"
        )
    return Curves(task, whole, len(made) - len(whole))


def _whole(trial: str, rows: Sequence[Mapping[str, Any]], place: Path) -> Whole:
    ordered = sorted(rows, key=lambda row: row["epoch"])
    for expected, row in enumerate(ordered, start=1):
        if row["epoch"] != expected:
            raise RecordError(
                f"{place}: trial {trial}: expected its epoch {expected}, got {row['epoch']}"
            )
    curve = Curve(
        losses=[row["valid_loss"] for row in ordered],
        train_losses=[row["train_loss"] for row in ordered],
        epochs=len(ordered),
    )
    seconds = [row["cpu_s"] for row in ordered]
    cpu_s = seconds if all(map(math.isfinite, seconds)) else None
    return Whole(trial, ordered[0]["seed"], ordered[0]["architecture"], curve, cpu_s)


def _rows_of_results(results: Path) -> list[dict[str, Any]]:
    """Return the rows of the curves of all searches that trained from fresh weights."""
    runs = {row["run"]: row for row in read_tables(results, "runs").to_pylist()}
    trials = {
        row["trial_id"]: row
        for row in read_tables(results, "trials").to_pylist()
        if row["role"] == "search" and row["start"] is None and row["fitness"] is not None
    }
    return [
        {
            "task": runs[row["run"]]["task"],
            "seed": str(runs[row["run"]]["seed"]),
            "architecture": trials[row["trial_id"]]["architecture_id"],
            "trial": row["trial_id"],
            **{name: row[name] for name in ("epoch", "valid_loss", "train_loss", "cpu_s")},
        }
        for row in read_tables(results, "curves").to_pylist()
        if row["trial_id"] in trials
    ]


def _rows_of_file(path: Path) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path} is no Parquet file that can be read ({error})") from error
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise RecordError(
            f"{path} has no column {missing[0]!r}, but {', '.join(table.column_names)}; it needs "
            f"{', '.join(NEEDED)} and may have {', '.join(OPTIONAL)}"
        )
    wanted = [name for name in (*NEEDED, *OPTIONAL) if name in table.column_names]
    rows = table.select(wanted).to_pylist()
    return [_filled(row, f"{path}: row {number}") for number, row in enumerate(rows, start=1)]


def _filled(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a row with what is optional, all numbers as such."""
    if row["trial"] is None or not isinstance(row["epoch"], int):
        raise RecordError(
            f"{place}: expected a trial and a whole number as its epoch, got {row['trial']!r} and "
            f"{row['epoch']!r}"
        )
    losses = {}
    for name in ("valid_loss", "train_loss", "cpu_s"):
        value = row.get(name)
        if value is not None and not isinstance(value, (int, float)):
            raise RecordError(f"{place}: expected a number as {name}, got {value!r}")
        losses[name] = math.nan if value is None else float(value)
    given = {name: row.get(name) for name in ("task", "seed", "architecture")}
    texts = {name: "" if value is None else str(value) for name, value in given.items()}
    return {**texts, **losses, "trial": str(row["trial"]), "epoch": row["epoch"]}
