"""What the tables hold of one task of a benchmark, in the form that comparisons ask for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError
from gp_cells.tables.names import TABLES
from gp_cells.tables.parquet import read_tables

Row = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """The rows of one task's runs, table by table, those of `curves` apart."""

    task: str
    tables: Mapping[str, Sequence[Row]]
    curves: Mapping[str, Sequence[float]]  # trial_id → validation loss of each epoch

    @property
    def runs(self) -> Sequence[Row]:
        """The runs, in the order of the config."""
        return self.tables["runs"]

    @cached_property
    def settings(self) -> Mapping[str, Row]:
        """The settings of each run."""
        return {run["run"]: json.loads(run["settings"]) for run in self.runs}

    @cached_property
    def references(self) -> Mapping[str, float]:
        """The validation losses of trivial predictors."""
        return dict(json.loads(self.runs[0]["references"]))

    @property
    def symbol(self) -> tuple[str, Mapping[str, float]] | None:
        """What bits are told of, where a text is predicted, and how many of it a target has, by split.

        That is a byte, or a character where the data were prepared before their bytes were counted.
        """
        unit = self.runs[0]["loss_unit"]
        if unit not in ("nats per character", "nats per byte"):
            return None
        counts = self.settings[self.runs[0]["run"]].get("counts") or {}
        sizes: Mapping[str, float] = counts.get("bytes_per_target", {})
        return "byte" if sizes else unit.removeprefix("nats per "), sizes

    @cached_property
    def searching(self) -> Mapping[str, Sequence[Row]]:
        """The runs of each strategy that searches, ordered by seed."""
        found: dict[str, list[Row]] = {}
        for run in sorted(self.runs, key=lambda run: run["seed"]):
            if run["searches"]:
                found.setdefault(run["strategy"], []).append(run)
        return {strategy: found[strategy] for strategy in sorted(found)}

    @cached_property
    def architectures(self) -> Mapping[tuple[str, str], Row]:
        """Each run's architectures by run and id."""
        return {(row["run"], row["architecture_id"]): row for row in self.tables["architectures"]}

    @cached_property
    def _searched(self) -> Mapping[str, Sequence[Row]]:
        found: dict[str, list[Row]] = {}
        for trial in self.tables["trials"]:
            if trial["role"] == "search":
                found.setdefault(trial["run"], []).append(trial)
        return {run: sorted(rows, key=lambda t: t["candidate"]) for run, rows in found.items()}

    def searched(self, run: Mapping[str, Any]) -> Sequence[Row]:
        """Return the trials of a run's search in order of wave and slot."""
        return self._searched.get(run["run"], ())

    @cached_property
    def replicates(self) -> Mapping[tuple[str, int], Sequence[Row]]:
        """The trials of each finalist at all its learning rates, by run and rank."""
        found: dict[tuple[str, int], list[Row]] = {}
        for trial in self.tables["trials"]:
            if trial["finalist"] is not None:
                found.setdefault((trial["run"], trial["finalist"]), []).append(trial)
        return found

    def trained_once(self) -> Iterator[Row]:
        """Yield one trial of each architecture that a search trained well, with its sizes."""
        known = set()
        for run in self.runs:
            for trial in self.searched(run):
                if trial["fitness"] is not None and trial["architecture_id"] not in known:
                    known.add(trial["architecture_id"])
                    yield {**self.architectures[run["run"], trial["architecture_id"]], **trial}


def chosen_benchmark(results: Path, benchmark: str | None) -> str:
    """Return the benchmark that is named, else the only one that the tables hold.

    Raises:
        RecordError: there is no such benchmark, or several and none is named.
    """
    known = sorted(set(read_tables(results, "runs")["benchmark"].to_pylist()))
    if benchmark in known or (benchmark is None and len(known) == 1):
        return str(benchmark or known[0])
    wrong = "several benchmarks" if benchmark is None and known else f"no benchmark {benchmark!r}"
    if benchmark is None and not known:
        wrong = "no run"
    raise RecordError(f"{results}/tables has {wrong}; name one of {', '.join(known) or 'none'}")


def runs_of(results: Path, benchmark: str) -> list[str]:
    """Return the runs of a benchmark that the tables hold.

    Raises:
        RecordError: there is none.
    """
    rows = read_tables(results, "runs").to_pylist()
    found = [row["run"] for row in rows if row["benchmark"] == benchmark]
    if not found:
        known = sorted({row["benchmark"] for row in rows})
        raise RecordError(
            f"{results}/tables has no run of {benchmark!r}; it has {', '.join(known) or 'none'}"
        )
    return found


def read_records(results: Path, runs: Iterable[str]) -> list[Records]:
    """Return the records of some runs, task by task.

    Raises:
        RecordError: a table of one of the runs is missing or broken.
    """
    names = list(runs)
    tables = {
        name: read_tables(results, name, names).to_pylist() for name in TABLES if name != "curves"
    }
    curves = read_curves(results, names)
    found = []
    for task in dict.fromkeys(run["task"] for run in tables["runs"]):
        own = {run["run"] for run in tables["runs"] if run["task"] == task}
        of_task = {name: [r for r in rows if r["run"] in own] for name, rows in tables.items()}
        found.append(Records(task, of_task, curves))
    return found


def read_curves(results: Path, runs: Sequence[str]) -> dict[str, list[float]]:
    """Return the validation losses of each trial by epoch; 250,000 dicts would take seconds."""
    table = read_tables(results, "curves", runs).select(["trial_id", "epoch", "valid_loss"])
    table = table.sort_by([("trial_id", "ascending"), ("epoch", "ascending")])
    losses = table["valid_loss"].to_pylist()
    curves, start = {}, 0
    for trial, length in Counter(table["trial_id"].to_pylist()).items():  # in their order
        curves[trial] = losses[start : start + length]
        start += length
    return curves


def candidates_of(search: Mapping[str, Any]) -> int:
    """Return how many candidates a search plans at most, from its entry in a run's settings."""
    slots = search["slots"]
    return sum(slots) if isinstance(slots, list) else search["waves"] * slots
