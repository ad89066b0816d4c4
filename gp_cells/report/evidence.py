"""What the tables say about a benchmark, gathered once for the charts and the page.

Repeated runs train hand-designed cells again with the same seeds: that is no new evidence, so each
is kept once a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gp_cells.compare.records import Records, Row, read_records, runs_of
from gp_cells.config.files import RecordError

# Names of the page's own colours (page.css), which differ on light and dark ground.
HAND_DESIGNED = "var(--hue-0)"
COLOURS = tuple(f"var(--hue-{i})" for i in range(1, 8))
MOST_NAMED = 10  # finalists that are all named in a chart
NAMED_DESIGNED = 3  # of more, how many hand-designed ones are


@dataclass(frozen=True)
class Evidence:
    """The records of one task, and what the comparison found in them.

    `rows` are the finalists, the best first, each with a short label. `fronts` are those of the runs that
    searched for several objectives, `predictors` how well each score predicted the loss; see
    `gp_cells.compare`. `colours` are the strategies', the same on every task.
    """

    records: Records
    unit: str
    predictors: Sequence[Row]
    rows: Sequence[Row]
    fronts: Sequence[Row]
    colours: Mapping[str, str]

    @property
    def task(self) -> str:
        """The label of the task in the config."""
        return self.records.task

    @property
    def references(self) -> Mapping[str, float]:
        """The validation losses of trivial predictors."""
        return self.records.references

    @property
    def tables(self) -> Mapping[str, Sequence[Row]]:
        """The rows of all tables but `curves`."""
        return self.records.tables

    @property
    def curves(self) -> Mapping[str, Sequence[float]]:
        """The validation losses of each trial by epoch."""
        return self.records.curves

    @property
    def architectures(self) -> Mapping[tuple[str, str], Row]:
        """Each run's architectures by run and id."""
        return self.records.architectures

    @property
    def settings(self) -> Row:
        """The settings of one of the runs; what they share is the protocol."""
        return self.records.settings[self.records.runs[0]["run"]]

    @property
    def searching(self) -> Mapping[str, list[str]]:
        """The runs of each strategy that searches, by name; strategies in order of their names."""
        return {
            strategy: [run["run"] for run in runs]
            for strategy, runs in self.records.searching.items()
        }

    @property
    def symbol(self) -> tuple[str, Mapping[str, float]] | None:
        """What bits are told of, where the task predicts the next symbol of a text; see `Records`."""
        return self.records.symbol

    @property
    def one_pass(self) -> str:
        """What multiply-adds are counted of."""
        return {"images": "an image", "numbers": "a row"}.get(
            self.records.runs[0]["inputs"], "a step"
        )

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

    @cached_property
    def leading(self) -> set[str]:
        """The labels of the finalists that charts name: all if they are few.

        Else the best one of each strategy that searched, and the best hand-designed ones.
        """
        if len(self.rows) <= MOST_NAMED:
            return {row["label"] for row in self.rows}
        best: dict[str, str] = {}
        for row in self.evolved:
            best.setdefault(row["strategy"], row["label"])
        return {*best.values(), *(row["label"] for row in self.designed[:NAMED_DESIGNED])}

    def replicates(self, row: Mapping[str, Any], chosen: bool = True) -> list[Row]:
        """Return the trials of a finalist, of its chosen learning rate alone or of all."""
        trials = self.records.replicates.get((row["run"], row["finalist"]), [])
        return [trial for trial in trials if trial["chosen"] or not chosen]

    @cached_property
    def search_trials(self) -> Mapping[tuple[str, str], Row]:
        """The trial of each run's candidates."""
        searched = (trial for trial in self.tables["trials"] if trial["role"] == "search")
        return {(trial["run"], trial["candidate"]): trial for trial in searched}

    @cached_property
    def candidates(self) -> Mapping[str, list[Row]]:
        """The candidates of each run, in the order of the search."""
        ordered = sorted(self.tables["candidates"], key=lambda c: (c["wave"], c["slot"]))
        return _grouped(ordered, lambda candidate: candidate["run"])

    @cached_property
    def parents(self) -> Mapping[tuple[str, str], list[Row]]:
        """The edges of the lineage that lead to each run's candidates."""
        return _grouped(self.tables["lineage"], lambda edge: (edge["run"], edge["child"]))

    @cached_property
    def test_loss(self) -> Mapping[str, float]:
        """The test loss of each trial that has one."""
        return {row["trial_id"]: row["test_loss"] for row in self.tables["test"]}

    def curve_of(self, trial: Mapping[str, Any]) -> tuple[int, list[float]]:
        """Return the losses of all epochs that trained a trial's genome, and how many came before.

        Those of the trials that it resumed are among them; those that trained another genome, whose
        weights it inherited, came before.
        """
        losses = list(self.curves.get(trial["trial_id"], []))
        while trial["start"] is not None:
            start = self.search_trials.get((trial["run"], trial["start"]))
            if start is None or start["architecture_id"] != trial["architecture_id"]:
                return int(trial["total_epochs"]) - int(trial["epochs"]), losses
            losses = [*self.curves.get(start["trial_id"], []), *losses]
            trial = start
        return 0, losses

    def loss(self, trial: Mapping[str, Any], split: str) -> float | None:
        """Return a trial's loss on the validation or the test split, None if it has none."""
        if split == "test":
            return self.test_loss.get(trial["trial_id"])
        return trial["fitness"]


def _grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Return rows by a key, in the order in which they came."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def gather(results: Path, benchmark: str, comparison: Mapping[str, Any]) -> list[Evidence]:
    """Return what the tables hold on each task of a comparison.

    Raises:
        RecordError: a table is missing, broken, or has other columns than this version writes; or
            the tables and the comparison are not of the same benchmark.
    """
    if comparison["benchmark"] != benchmark:
        other = comparison["benchmark"]
        raise RecordError(f"the comparison is of {other!r}, not of {benchmark!r}; compare again")
    records = {
        of_task.task: of_task for of_task in read_records(results, runs_of(results, benchmark))
    }
    colours = assign_colours([run for of_task in records.values() for run in of_task.runs])
    gathered = []
    for task in comparison["tasks"]:
        if task["task"] not in records:
            raise RecordError(f"{results / 'tables'} has no run of task {task['task']!r}; run it")
        gathered.append(
            Evidence(
                records=records[task["task"]],
                unit=task["loss_unit"],
                predictors=task["predictors"],
                rows=_labelled(task["rows"]),
                fronts=task["fronts"],
                colours=colours,
            )
        )
    return gathered


def assign_colours(runs: Sequence[Row]) -> dict[str, str]:
    """Return one colour a strategy, grey for the hand-designed cells."""
    searches = {run["strategy"]: run["searches"] for run in runs}
    searching = sorted(strategy for strategy, of in searches.items() if of)
    colours = {strategy: COLOURS[i % len(COLOURS)] for i, strategy in enumerate(searching)}
    return {**dict.fromkeys(searches, HAND_DESIGNED), **colours}


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


def count_runs(evidence: Evidence) -> dict[str, int]:
    """Return how many seeds each searching strategy was run with."""
    return {strategy: len(runs) for strategy, runs in evidence.searching.items()}


def own_candidate(evidence: Evidence, row: Mapping[str, Any]) -> Row | None:
    """Return the candidate that a finalist was in its search, None if none of it ended well."""
    key = row["architecture_id"]
    own = [
        c
        for c in evidence.candidates.get(row["run"], [])
        if c["architecture_id"] == key and c["fitness"] is not None
    ]
    return min(own, key=lambda c: (c["fitness"], c["candidate"]), default=None)


def find_ancestors(evidence: Evidence, row: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Return a finalist's candidate and its ancestors, the oldest first, and the edges between them."""
    own = own_candidate(evidence, row)
    if own is None:
        return [], []
    by_name = {candidate["candidate"]: candidate for candidate in evidence.candidates[row["run"]]}
    waiting = [own["candidate"]]
    known = set(waiting)
    found: list[Row] = []
    for child in waiting:  # grows while we walk it
        for edge in evidence.parents.get((row["run"], child), []):
            found.append(edge)
            if edge["parent"] not in known:
                known.add(edge["parent"])
                waiting.append(edge["parent"])
    nodes = sorted((by_name[name] for name in waiting), key=lambda c: (c["wave"], c["slot"]))
    return nodes, found
