"""The trials of a results folder as a table: what became of each architecture under one protocol.

What a search may be shown is read, and no more: neither the table `test` nor a trial that was trained
otherwise than a search trains, such as a finalist's at another learning rate.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError, canonical_json
from gp_cells.config.objectives import CARRIED, COUNTED, OBJECTIVES, entanglement
from gp_cells.config.records import PlugIn, RunConfig, RunSettings, settings_in
from gp_cells.config.typed_json import encode
from gp_cells.genomes.genome import Genome, parse
from gp_cells.plugins import plug_in
from gp_cells.spaces import Space
from gp_cells.tables.parquet import read_tables
from gp_cells.tabular.truth import Row
from gp_cells.workflow.cost import undisturbed_s

Record = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What is stored of an architecture, or predicted of it.

    `row.fitness` is in the task's unit and infinite where a trial failed. `spread` is a standard
    deviation in the same unit: of the fitness over seeds, None of a single one; or of a surrogate's
    trees. `trials` are what it rests on, 0 if predicted; `epochs` and `train_s`, the seconds of training
    and validation on a core of its own, are those of one trial, the mean where there are several.
    """

    row: Row
    spread: float | None
    trials: int
    epochs: float
    train_s: float

    @property
    def source(self) -> str:
        """Where it is from: `stored` or `surrogate`."""
        return "stored" if self.trials else "surrogate"


@dataclass(frozen=True)
class Curves:
    """The curves of trials that a constant learning rate makes pieces of one: by architecture and seed."""

    results: Path
    runs: tuple[str, ...]
    pieces: Sequence[Record]  # rows of `trials`

    @cached_property
    def points(self) -> Mapping[tuple[str, int], Mapping[int, Record]]:
        """The rows of `curves` by epoch, all trials of an architecture with a seed together."""
        owners = {row["trial_id"]: (row["architecture_id"], row["seed"]) for row in self.pieces}
        found: dict[tuple[str, int], dict[int, Record]] = {}
        for row in read_tables(self.results, "curves", self.runs).to_pylist():
            if row["trial_id"] in owners:
                found.setdefault(owners[row["trial_id"]], {})[row["epoch"]] = row
        return found

    @cached_property
    def ended(self) -> Mapping[tuple[str, int], Record]:
        """The trial after whose last epoch none would have followed: it failed or was stopped."""
        return {
            (row["architecture_id"], row["seed"]): row
            for row in self.pieces
            if row["status"] != "ok"
        }

    def part(self, architecture_id: str, seed: int, before: int, own: int) -> Answer | None:
        """Return what a trial of some epochs after others comes to, None where that is not stored."""
        key = architecture_id, seed
        points, ended = self.points.get(key, {}), self.ended.get(key)
        last = before + own
        if last not in points:
            if ended is None:
                return None
            last = min(last, ended["total_epochs"] or ended["epochs"])
        if any(epoch not in points for epoch in range(1, last + 1)):
            return None
        losses = [points[epoch]["valid_loss"] for epoch in range(1, last + 1)]
        failed = ended is not None and last < before + own and ended["fitness"] is None
        status = "ok" if last == before + own or ended is None else ended["status"]
        spent = [points[epoch] for epoch in range(before + 1, last + 1)]
        row = Row(
            math.inf if failed else min(losses),
            status,
            epochs=last,
            last_loss=None if failed else losses[-1],
            losses=tuple(losses),
        )
        seconds = math.fsum(min(point["cpu_s"], point["wall_s"]) for point in spent)
        return Answer(row=row, spread=None, trials=1, epochs=len(spent), train_s=seconds)


@dataclass(frozen=True)
class Stored:
    """All trials of one protocol, by architecture; `settings` are those of one of its runs.

    Of the runs `finalists_alike` the finalists were trained by the search's recipe too.
    """

    settings: RunSettings
    runs: tuple[str, ...]
    finalists_alike: frozenset[str]
    genomes: Mapping[str, str]  # by architecture_id, in its order
    counts: Mapping[str, Mapping[str, int]]  # how large each one's network is; see `Space.count`
    trials: Mapping[str, Sequence[Record]]  # rows of `trials`, by seed, run and candidate
    curves: Curves

    @property
    def space(self) -> Space:
        """The space that the genomes are written in."""
        space: Space = plug_in("space", PlugIn(name=self.settings.space.name))
        return space

    def answer(self, architecture_id: str, seed: int | None = None) -> Answer | None:
        """Return what the trials with a seed say of an architecture, None where there are none.

        Without a seed, the mean over all seeds; if one of them failed, so did the architecture.

        Raises:
            RecordError: trials with this one seed came out differently.
        """
        trials = [t for t in self.trials.get(architecture_id, ()) if seed in (None, t["seed"])]
        if not trials:
            return None
        if seed is not None:
            _refuse_differing(architecture_id, trials)
        failed = [trial for trial in trials if trial["fitness"] is None]
        by_seed: dict[int, list[float]] = {}
        for trial in trials:
            loss = math.inf if trial["fitness"] is None else trial["fitness"]
            by_seed.setdefault(trial["seed"], []).append(loss)
        losses = [_mean(of_one) for of_one in by_seed.values()]
        several = not failed and len(losses) > 1
        row = Row(
            math.inf if failed else _mean(losses),
            failed[0]["status"] if failed else trials[0]["status"],
            {name: self._objective(name, architecture_id, trials) for name in OBJECTIVES[1:]},
        )
        return Answer(
            row=row,
            spread=statistics.stdev(losses) if several else None,
            trials=len(by_seed),
            epochs=_mean([trial["epochs"] for trial in trials]),
            train_s=_mean([undisturbed_s(trial) for trial in trials]),
        )

    def _objective(
        self, name: str, architecture_id: str, trials: Sequence[Record]
    ) -> float | int | None:
        if name in (*COUNTED, *CARRIED):
            return self.counts[architecture_id].get(name)
        if name == "entanglement":
            values = [entanglement(trial["introspectability"]) for trial in trials]
        else:
            values = [trial[name] for trial in trials]
        known = [value for value in values if value is not None]
        return _mean(known) if len(known) == len(values) else None

    def answers(self, seed: int | None = None) -> Iterator[tuple[str, Answer]]:
        """Yield every architecture that has trials with a seed, or any, and what they say."""
        for architecture_id in self.genomes:
            answer = self.answer(architecture_id, seed)
            if answer is not None:
                yield architecture_id, answer

    def genome(self, architecture_id: str) -> Genome:
        """Return a stored architecture."""
        return parse(self.genomes[architecture_id], self.space.language)


def _mean(values: Sequence[float]) -> float:
    """Return a mean that is exactly the value where all values are one."""
    return values[0] if len(set(values)) == 1 else math.fsum(values) / len(values)


def _refuse_differing(architecture_id: str, trials: Sequence[Record]) -> None:
    first = trials[0]
    for other in trials[1:]:
        if (other["status"], other["fitness"]) != (first["status"], first["fitness"]):
            raise RecordError(
                f"{architecture_id} was trained with seed {first['seed']} as {first['run']}/"
                f"{first['candidate']} and {other['run']}/{other['candidate']}, which came out "
                "differently; take the mean over all trials, or one of both runs out of the tables"
            )


# --- which trials ---------------------------------------------------------------------------------


def protocol_of(run: RunConfig | RunSettings) -> Record:
    """Return what two trials have to share to be comparable, the data apart."""
    shared = {key: encode(getattr(run, key)) for key in ("task", "stopping", "training")}
    return {"space": run.space.name, **shared}


def _stored_runs(results: Path) -> list[RunSettings]:
    """Return the settings of every run of the tables whose candidates share one recipe.

    Raises:
        RecordError: there are runs, but all of them have genes.
    """
    runs = [settings_in(row) for row in read_tables(results, "runs").to_pylist()]
    alike = [run for run in runs if not run.search.genes]
    if runs and not alike:
        raise RecordError(
            f"{results}/tables: every run has genes, so that each trial has a recipe of its own; what is "
            "asked for rests on trials of one recipe"
        )
    return alike


def find_stored(results: Path, wanted: RunConfig | RunSettings, label: str) -> Stored:
    """Return the trials that were made as some settings, with all defaults, ask for.

    Raises:
        RecordError: there are none, or they are of more than one state of the data.
    """
    runs = _stored_runs(results)
    same = [run for run in runs if _equal(protocol_of(run), protocol_of(wanted))]
    if not same:
        near = [run for run in runs if run.task.name == wanted.task.name]
        if not near:
            known = ", ".join(sorted({run.task.name for run in runs})) or "nothing"
            raise RecordError(
                f"tasks.{label}: {results}/tables has no run of {wanted.task.name}; it has {known}"
            )
        apart = [_first_difference(protocol_of(run), protocol_of(wanted)) for run in near]
        raise RecordError(
            f"tasks.{label}: no stored run was trained as this config says; "
            f"{near[0].run} differs in {apart[0]}"
        )
    return _gather(results, same)


def stored_of(results: Path, task: str, benchmark: str | None = None) -> Stored:
    """Return the trials of a task by its label, of one benchmark or of all.

    Raises:
        RecordError: there are none, or they are of more than one protocol or state of the data.
    """
    runs = _stored_runs(results)
    found = [run for run in runs if run.task_label == task and benchmark in (None, run.benchmark)]
    if not found:
        known = sorted({f"{run.task_label} of {run.benchmark}" for run in runs})
        raise RecordError(
            f"{results}/tables has no task {task!r}{f' of {benchmark}' if benchmark else ''}; "
            f"it has {', '.join(known) or 'no runs'}"
        )
    for run in found[1:]:
        if not _equal(protocol_of(run), protocol_of(found[0])):
            apart = _first_difference(protocol_of(run), protocol_of(found[0]))
            raise RecordError(
                f"{task}: {run.run} and {found[0].run} were not trained alike ({apart}); "
                "name one benchmark"
            )
    return _gather(results, found)


def _gather(results: Path, settings: Sequence[RunSettings]) -> Stored:
    hashes = sorted({run.data.hash for run in settings})
    if len(hashes) > 1:
        raise RecordError(
            f"{settings[0].task_label} is stored of {len(hashes)} states of its data "
            f"({', '.join(hashes)}); keep the tables of one in the results folder"
        )
    runs = tuple(sorted(run.run for run in settings))
    alike = frozenset(
        run.run for run in settings if run.finalists.recipe is None and not run.search.resume
    )
    rate = settings[0].recipe.learning_rate
    architectures = {
        row["architecture_id"]: row
        for row in read_tables(results, "architectures", runs).to_pylist()
    }
    trials: dict[str, list[Record]] = {}
    pieces: list[Record] = []
    for row in read_tables(results, "trials", runs).to_pylist():
        searched, by_rate = row["role"] == "search", row["learning_rate"] == rate
        is_whole = row["recipe"] is None and row["start"] is None and by_rate
        if is_whole and (searched or row["run"] in alike):
            trials.setdefault(row["architecture_id"], []).append(row)
        if row["inherited"] is None and by_rate and _is_of_the_recipe(row):
            pieces.append(row)
    known = sorted(trials)
    return Stored(
        settings=settings[0],
        runs=runs,
        finalists_alike=alike,
        genomes={key: architectures[key]["genome"] for key in known},
        counts={key: architectures[key] for key in known},
        trials={
            key: sorted(trials[key], key=lambda t: (t["seed"], t["run"], t["candidate"]))
            for key in known
        },
        curves=Curves(results, runs, pieces),
    )


def _is_of_the_recipe(row: Record) -> bool:
    """Return whether a trial differs from a whole one of the search in its length alone, if at all."""
    changed = json.loads(row["recipe"]) if row["recipe"] else {}
    return row["role"] == "search" and set(changed) <= {"epochs"}


def _equal(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)


def _first_difference(stored: Any, wanted: Any, place: str = "") -> str:
    """Return the first place where two settings part, and both values."""
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*stored, *wanted}):
            if not _equal(stored.get(key), wanted.get(key)):
                where = f"{place}.{key}".lstrip(".")
                return _first_difference(stored.get(key), wanted.get(key), where)
    return f"{place}: {json.dumps(stored)} and {json.dumps(wanted)}"
