"""What the tables say about a benchmark, gathered once for the charts and the page.

Repeated runs train hand-designed cells again with the same seeds: that is no new evidence, so each
is kept once a task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gp_cells.files import RecordError
from gp_cells.tables import SCHEMAS, read_tables

Row = dict[str, Any]

HAND_DESIGNED = "#868d97"
# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, told apart by the colour-blind; the blue and
# the yellow are moved a little, so that they can be seen on white and on black.
COLOURS = ("#1b7fc4", "#e08a00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#a08c00")


@dataclass(frozen=True)
class Evidence:
    """All rows of one task of a benchmark; `rows` are its finalists, the best first.

    `fronts` are those of the runs that searched for several objectives; see `gp_cells.compare`.
    """

    task: str
    unit: str
    references: Mapping[str, float]
    signs: Sequence[Row]
    rows: Sequence[Row]
    fronts: Sequence[Row]
    colours: Mapping[str, str]
    tables: Mapping[str, Sequence[Row]]

    @cached_property
    def settings(self) -> Row:
        """The settings of one of the runs; what they share is the protocol."""
        return dict(json.loads(self.tables["runs"][0]["settings"]))

    @property
    def is_text(self) -> bool:
        """Whether the task predicts the next symbol of a text."""
        return bool(self.settings["data"]["unit"] == "nats per character")

    @cached_property
    def strategy_of(self) -> Mapping[str, str]:
        """The strategy of each run."""
        return {run["run"]: run["strategy"] for run in self.tables["runs"]}

    @cached_property
    def genomes(self) -> Mapping[str, str]:
        """The formulas of each architecture."""
        return {row["architecture_id"]: row["genome"] for row in self.tables["architectures"]}

    @property
    def evolved(self) -> list[Row]:
        """The finalists that a search found, the best first."""
        return [row for row in self.rows if row["name"] is None and row["valid_mean"] is not None]

    @property
    def designed(self) -> list[Row]:
        """The hand-designed finalists, the best first."""
        return [
            row for row in self.rows if row["name"] is not None and row["valid_mean"] is not None
        ]

    def replicates(self, row: Mapping[str, Any], chosen: bool = True) -> list[Row]:
        """Return the trials of a finalist, of its chosen learning rate alone or of all."""
        return [
            trial
            for trial in self.tables["trials"]
            if trial["run"] == row["run"]
            and trial["finalist"] == row["finalist"]
            and (trial["chosen"] or not chosen)
        ]

    @cached_property
    def test_loss(self) -> Mapping[str, float]:
        """The test loss of each trial that has one."""
        return {row["trial_id"]: row["test_loss"] for row in self.tables["test"]}

    def loss(self, trial: Mapping[str, Any], split: str) -> float | None:
        """Return a trial's loss on the validation or the test split, None if it has none."""
        if split == "test":
            return self.test_loss.get(trial["trial_id"])
        return trial["fitness"]

    @cached_property
    def curves(self) -> Mapping[str, list[float]]:
        """The validation losses of each trial by epoch."""
        curves: dict[str, list[float]] = {}
        for row in sorted(self.tables["curves"], key=lambda row: row["epoch"]):
            curves.setdefault(row["trial_id"], []).append(row["valid_loss"])
        return curves


def gather(results: Path, benchmark: str, comparison: Mapping[str, Any]) -> list[Evidence]:
    """Return what the tables hold on each task of a comparison.

    Raises:
        RecordError: a table is missing, broken, or has other columns than this version writes; or
            the tables and the comparison are not of the same benchmark.
    """
    if comparison["benchmark"] != benchmark:
        other = comparison["benchmark"]
        raise RecordError(f"the comparison is of {other!r}, not of {benchmark!r}; compare again")
    runs = [row for row in _rows(results, "runs") if row["benchmark"] == benchmark]
    if not runs:
        raise RecordError(f"{results / 'tables'} has no run of {benchmark!r}; run its config first")
    names = [run["run"] for run in runs]
    tables = {name: _rows(results, name, names) for name in SCHEMAS if name != "runs"}
    colours = assign_colours(runs)
    gathered = []
    for task in comparison["tasks"]:
        of_task = [run for run in runs if run["task"] == task["task"]]
        if not of_task:
            raise RecordError(f"{results / 'tables'} has no run of task {task['task']!r}; run it")
        known = {run["run"] for run in of_task}
        own = {name: [r for r in rows if r["run"] in known] for name, rows in tables.items()}
        rows = _labelled(task["rows"])
        gathered.append(
            Evidence(
                task["task"],
                task["loss_unit"],
                task["references"],
                task["signs"],
                rows,
                task["fronts"],
                colours,
                {**own, "runs": of_task},
            )
        )
    return gathered


def _rows(results: Path, table: str, runs: Sequence[str] | None = None) -> list[Row]:
    return list(read_tables(results, table, runs).to_pylist())


def assign_colours(runs: Sequence[Row]) -> dict[str, str]:
    """Return one colour a strategy, grey for the hand-designed cells."""
    given = {run["strategy"]: json.loads(run["settings"])["strategy"]["name"] for run in runs}
    searching = sorted(label for label, name in given.items() if name != "baselines")
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(searching)}
    return {**dict.fromkeys(given, HAND_DESIGNED), **colours}


def _labelled(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with a short label each, a hand-designed cell once."""
    kept, seen = [], set()
    for row in rows:
        if row["name"] is not None:
            if (row["strategy"], row["name"]) in seen:
                continue
            seen.add((row["strategy"], row["name"]))
        kept.append(row)
    many_seeds = len({row["seed"] for row in kept if row["name"] is None}) > 1
    many = any(row["finalist"] > 0 for row in kept if row["name"] is None)
    return [{**row, "label": _label(row, many_seeds, many)} for row in kept]


def _label(row: Mapping[str, Any], many_seeds: bool, many: bool) -> str:
    if row["name"] is not None:
        return str(row["name"])
    seed = f" s{row['seed']}" if many_seeds else ""
    number = f" no. {row['finalist'] + 1}" if many else ""
    return f"{row['strategy']}{seed}{number}"


def searching(evidence: Evidence) -> dict[str, list[str]]:
    """Return the runs of every strategy that searches."""
    designed = {row["strategy"] for row in evidence.rows if row["name"] is not None}
    names: dict[str, list[str]] = {}
    for run, strategy in sorted(evidence.strategy_of.items(), key=lambda item: item[::-1]):
        if strategy not in designed:
            names.setdefault(strategy, []).append(run)
    return names


def count_runs(evidence: Evidence) -> dict[str, int]:
    """Return how many seeds each searching strategy was run with."""
    return {strategy: len(runs) for strategy, runs in searching(evidence).items()}


def find_ancestors(evidence: Evidence, row: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return a finalist's candidate and its ancestors, the oldest first, and the edges between them."""
    run = [c for c in evidence.tables["candidates"] if c["run"] == row["run"]]
    by_name = {candidate["candidate"]: candidate for candidate in run}
    own = [
        c
        for c in run
        if c["architecture_id"] == row["architecture_id"] and c["fitness"] is not None
    ]
    if not own:
        return [], []
    waiting = [min(own, key=lambda c: (c["fitness"], c["candidate"]))["candidate"]]
    edges = [edge for edge in evidence.tables["lineage"] if edge["run"] == row["run"]]
    found: list[Row] = []
    for child in waiting:  # grows while we walk it
        mine = [edge for edge in edges if edge["child"] == child]
        found += mine
        waiting += [e["parent"] for e in mine if e["parent"] not in waiting]
    nodes = sorted((by_name[name] for name in waiting), key=lambda c: (c["wave"], c["slot"]))
    return nodes, found
