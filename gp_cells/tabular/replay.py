"""A benchmark played on stored results: its strategies unchanged, nothing trained, the time simulated.

Every run of a config is bred wave after wave as Snakemake would, and each outcome looked up in the
tables of runs that were trained alike. As in NAS-Bench-101 (Ying et al. 2019,
https://arxiv.org/abs/1902.09635) the cost that an outcome would have had is counted; beyond that, the
time at which it would have been known with a given number of workers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.files import RecordError, canonical_json, written_beside
from gp_cells.config.objectives import CARRIED, COUNTED, FITNESS, MEASURED
from gp_cells.config.plan import Plan, Run, searched_candidate
from gp_cells.config.records import RunConfig
from gp_cells.config.typed_json import encode
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.only import Only
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.plugins import fill_in, search_seed, space_of, stopper_of, strategy_of, trial_seed
from gp_cells.stopping.stopper import Curve, predicted_by
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.strategy import horizon_of, in_run, plan_words, searches
from gp_cells.tables.schemas import REAL, TEXT, WHOLE, Column, fields
from gp_cells.tabular.schedule import Costs, Schedule, Times, simulate
from gp_cells.tabular.searches import Played, compare_played, looks, tell
from gp_cells.tabular.stored import Answer, Stored, find_stored
from gp_cells.tabular.surrogate import Surrogate, learn
from gp_cells.tabular.truth import Foretell, Row, play
from gp_cells.workflow import cost
from gp_cells.workflow.budget import limits_of

WHAT = "best validation loss"  # of a search, by which it counts

Fitness = Literal["own", "mean"]
Missing = Literal["refuse", "avoid", "surrogate"]

COLUMNS: Sequence[Column] = (
    ("run", TEXT, "", "the run as the config names it"),
    ("task", TEXT, "", "label of the task in the config"),
    ("strategy", TEXT, "", "label of the strategy in the config"),
    ("seed", WHOLE, "", "the run's seed"),
    ("candidate", TEXT, "", "slot of a wave, e.g. w003-07; rows are in this order"),
    ("wave", WHOLE, "", "from 0"),
    ("architecture_id", TEXT, "", "what was proposed"),
    ("source", TEXT, "", "where the outcome is from: stored, or surrogate"),
    ("trials", WHOLE, "", "stored seeds that the outcome is the mean of; 0 of a surrogate"),
    ("status", TEXT, "", "how the trial ended"),
    ("fitness", REAL, "nats", "validation loss that the strategy was shown; NULL if failed"),
    ("spread", REAL, "nats", "its standard deviation over seeds, or over a surrogate's trees"),
    ("best_so_far", REAL, "nats", "lowest fitness of the run up to this candidate"),
    ("epochs", REAL, "", "epochs that the trial took"),
    ("train_s", REAL, "s", "training and validation, on cores of its own; a surrogate's by cost"),
    ("spent_trials", WHOLE, "", "trials up to this candidate, itself included"),
    ("spent_epochs", REAL, "", "epochs of the same"),
    ("spent_s", REAL, "s", "train_s of the same: what one worker would have taken"),
    ("started_s", REAL, "s", "simulated: when a worker took it, from the run's begin"),
    ("ended_s", REAL, "s", "simulated: when it was done"),
)


@dataclass(frozen=True)
class Replayed:
    """One run's outcomes in the order of candidates, what each rests on, and when it was there."""

    run: Run
    outcomes: Sequence[Outcome]
    answers: Sequence[Answer]
    times: Times

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `COLUMNS`."""
        best, epochs, seconds = math.inf, 0.0, 0.0
        for i, (outcome, answer) in enumerate(zip(self.outcomes, self.answers, strict=True)):
            best = min(best, outcome.fitness)
            epochs, seconds = epochs + answer.epochs, seconds + answer.train_s
            yield {
                "run": self.run.name,
                "task": self.run.task,
                "strategy": self.run.strategy,
                "seed": self.run.seed,
                **{key: getattr(outcome, key) for key in ("candidate", "wave", "status")},
                "architecture_id": outcome.architecture_id,
                "source": answer.source,
                "trials": answer.trials,
                "fitness": None if outcome.failed else outcome.fitness,
                "spread": answer.spread,
                "best_so_far": None if math.isinf(best) else best,
                "epochs": answer.epochs,
                "train_s": answer.train_s,
                "spent_trials": i + 1,
                "spent_epochs": epochs,
                "spent_s": seconds,
                "started_s": float(self.times.started[0, i]),
                "ended_s": float(self.times.ended[0, i]),
            }


@dataclass(frozen=True)
class Replay:
    """Plays runs of a config on the tables of a results folder.

    `fitness` is whose a strategy is shown: `own`, of the trial with the seed that the run itself would
    train with; `mean`, over all seeds that are stored. `missing` is what becomes of an architecture that
    has no such trial: `refuse`, and end there; `avoid`, so that nothing else than what is stored may be
    proposed; `surrogate`, a guess, whose held-out quality is reported first, by `report`.
    """

    results: Path
    workers: int
    fitness: Fitness = "own"
    missing: Missing = "refuse"
    report: Callable[[str], None] = print
    surrogates: dict[tuple[str, int | None], Surrogate] = field(default_factory=dict)
    tables: dict[str, Stored] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range("workers", self.workers, 1)

    def run(self, run: Run) -> Replayed:
        """Return what becomes of a run.

        Raises:
            SettingError: a plug-in refuses its settings, or selects on what a surrogate does not predict.
            RecordError: nothing is stored that was trained alike, or the run leaves what is.
        """
        config = fill_in(run.config)
        if config.search.genes:
            raise SettingError(
                f"strategies.{run.strategy}.search.genes: what is stored was trained by one recipe; leave "
                "the genes out, or train"
            )
        stored = self._stored(config)
        seed = trial_seed(config) if self.fitness == "own" else None
        objectives = config.strategy.settings.get("objectives", ())
        source = _Source(run, stored, seed, self._surrogate(stored, config, objectives, seed))
        shown = {*COUNTED, *MEASURED, *objectives}
        space = self._space(space_of(config), stored, seed)
        outcomes = play(
            in_run(strategy_of(config), run.name),
            space,
            lambda genome: _restricted(source.answer(genome).row, shown),
            run.widths,
            run.lag,
            search_seed(config),
            partly=source.part,
            ends=source.has_spent,
            foretell=_foretelling(config),
        )
        waves = 1 + max((outcome.wave for outcome in outcomes), default=-1)
        widths = run.widths[:waves] if run.config.search.budget else run.widths
        if len(outcomes) != sum(widths):
            wrong = f"{len(outcomes)} genomes for {plan_words(run.widths)}"
            raise SettingError(f"{config.strategy.name} proposed {wrong}")
        seconds = np.array([[answer.train_s for answer in source.given]])
        schedule = Schedule(workers=self.workers, runs=1, widths=widths, lag=run.lag)
        return Replayed(run, outcomes, source.given, simulate(schedule, Costs(), seconds))

    def _stored(self, config: RunConfig) -> Stored:
        label = config.task_label
        if label not in self.tables:
            self.tables[label] = find_stored(self.results, config, label)
        return self.tables[label]

    def _space(self, space: Vocabulary, stored: Stored, seed: int | None) -> Vocabulary:
        if self.missing != "avoid":
            return space
        genomes = (stored.genome(key) for key, _ in stored.answers(seed))
        return Only(space, tuple(genome for genome in genomes if space.admits(genome)))

    def _surrogate(
        self,
        stored: Stored,
        config: RunConfig,
        objectives: Sequence[str],
        seed: int | None,
    ) -> Surrogate | None:
        if self.missing != "surrogate":
            return None
        counted = (FITNESS, *COUNTED, *CARRIED)
        unknown = [name for name in objectives if name not in counted]
        if unknown:
            known = ", ".join(counted)
            raise SettingError(f"a surrogate does not predict {unknown[0]}; it predicts {known}")
        key = config.task_label, seed
        if key not in self.surrogates:
            kind = cost.kind_of(stored.settings)
            speed = cost.learn(cost.measured(self.results, kind).get(kind, []))
            self.surrogates[key] = learn(stored, seed, speed)
            of = "all seeds" if seed is None else f"seed {config.seed}"
            self.report(f"{key[0]}, {of}: {self.surrogates[key].held_out}")
        return self.surrogates[key]


@dataclass
class _Source:
    """Answers what a run's strategy asks for, and keeps what it answered."""

    run: Run
    stored: Stored
    seed: int | None
    surrogate: Surrogate | None
    given: list[Answer] = field(default_factory=list)
    guessed: dict[str, Answer] = field(default_factory=dict)

    def answer(self, genome: Genome) -> Answer:
        key = genome.architecture_id
        answer = self.guessed.get(key) or self.stored.answer(key, self.seed)
        if answer is None:
            if self.surrogate is None:
                raise RecordError(self.refusal(genome))
            answer = self.guessed[key] = self.surrogate(genome)
        self.given.append(answer)
        return answer

    def has_spent(self, seen: Sequence[Outcome]) -> bool:
        """Return whether the outcomes that a wave may see have spent the budget of the search."""
        limits = limits_of(self.run.config.search.budget)
        hours = [key for key in limits if key != "epochs"]
        if hours:
            raise SettingError(
                f"{self.run.name}: expected a budget of epochs alone, got {hours[0]}, which are of the "
                "machine that trains; nothing trains here"
            )
        epochs = math.fsum(answer.epochs for answer in self.given[: len(seen)])
        return epochs >= limits.get("epochs", math.inf)

    def part(self, proposal: Proposal, before: int) -> Row:
        """Return what stored curves say of a trial that is short or goes on after some epochs."""
        changes, key = dict(proposal.recipe or {}), proposal.genome.architecture_id
        own = changes.pop("epochs", self.stored.settings.recipe.epochs)
        if changes or self.seed is None:
            asked = f"another {', '.join(changes)}" if changes else "--fitness mean of a part"
            raise RecordError(f"{self.place()} asks for {asked}; only a training can tell")
        answer = self.stored.curves.part(key, self.seed, before, own)
        if answer is None:
            raise RecordError(
                f"{self.place()} asks for {before + own} epochs of {key}, of which no curve is stored"
            )
        self.given.append(answer)
        counts = self.stored.counts.get(key, {})
        return dataclasses.replace(
            answer.row,
            objectives={name: counts.get(name) for name in (*COUNTED, *CARRIED, *MEASURED)},
        )

    def place(self) -> str:
        """Return the candidate that is asked for next."""
        places = [(w, s) for w, width in enumerate(self.run.widths) for s in range(width)]
        return f"{self.run.name}/{searched_candidate(*places[len(self.given)])}"

    def refusal(self, genome: Genome) -> str:
        task, of = self.run.task, self.run.seed
        known = sum(1 for _ in self.stored.answers(self.seed))
        trained = "never trained" if self.seed is None else f"never trained with seed {of}"
        return (
            f"{self.place()} is {genome.architecture_id} "
            f"({'; '.join(str(genome).splitlines())}), which was {trained} on {task}; "
            f"{known} others were: --missing avoid stays among them, --missing surrogate guesses"
            + ("" if self.seed is None else ", --fitness mean takes trials of any seed")
        )


def _foretelling(config: RunConfig) -> Foretell | None:
    """Return what tells a strategy with a horizon the stopping rule's predictions, None for others."""
    horizon, rule = horizon_of(strategy_of(config)), stopper_of(config)
    if not horizon:
        return None
    return lambda row: predicted_by(rule, Curve(losses=row.losses, train_losses=(), epochs=horizon))


def _restricted(row: Row, names: set[str]) -> Row:
    """Return what of a row a run's own history would show."""
    objectives = {name: value for name, value in row.objectives.items() if name in names}
    return Row(row.fitness, row.status, objectives)


# --- many runs ------------------------------------------------------------------------------------


def chosen_runs(
    plan: Plan,
    tasks: Sequence[str] | None = None,
    strategies: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> list[Run]:
    """Return the runs of a plan, or those of some tasks, strategies and seeds, in its order.

    Raises:
        SettingError: the plan has no such task, strategy or seed, or no run with all three.
    """
    runs = list(plan.runs.values())
    for name, wanted, of in (
        ("task", tasks, lambda run: run.task),
        ("strategy", strategies, lambda run: run.strategy),
        ("seed", seeds, lambda run: run.seed),
    ):
        known = list(dict.fromkeys(of(run) for run in runs))
        unknown = [value for value in wanted or () if value not in known]
        if unknown:
            allowed = ", ".join(map(str, known))
            raise SettingError(
                f"there is no {name} {unknown[0]!r} to replay; choose from {allowed}"
            )
        runs = [run for run in runs if wanted is None or of(run) in wanted]
    return runs


def as_table(replay: Replay, replayed: Sequence[Replayed]) -> pa.Table:
    """Return all runs' outcomes with `COLUMNS`, and in its metadata how they came to be.

    That is, as JSON under `replay`: the options, versions, and each surrogate's held-out quality.
    """
    how = {
        "gp_cells": version("gp-cells"),
        "workers": replay.workers,
        "fitness": replay.fitness,
        "missing": replay.missing,
        "runs": {one.run.name: encode(one.run.config) for one in replayed},
        "surrogates": [
            {"task": task, "trial_seed": seed, **surrogate.held_out.as_record()}
            for (task, seed), surrogate in replay.surrogates.items()
        ],
    }
    if replay.surrogates:
        how["scikit_learn"] = version("scikit-learn")
    schema = pa.schema(fields(COLUMNS), metadata={"replay": canonical_json(how)})
    rows = [row for one in replayed for row in one.rows()]
    return pa.Table.from_pylist(rows, schema=schema)


def write(table: pa.Table, path: Path) -> None:
    """Write a table of outcomes as Parquet; equal tables are equal bytes."""
    with written_beside(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def summary(replayed: Sequence[Replayed], workers: int) -> str:
    """Return a line a run: its best, what it spent, how long it would have taken, workers' busy share."""
    width = max(len(one.run.name) for one in replayed)
    head = ("trials", "guessed", "best", "at", "epochs", "trained s", "took s", "busy")
    lines = [f"{'run':<{width}} " + " ".join(f"{name:>9}" for name in head)]
    for one in replayed:
        best = min(one.outcomes, key=lambda outcome: outcome.fitness)
        seconds = math.fsum(answer.train_s for answer in one.answers)
        took = one.times.makespan_s
        shown = (
            str(len(one.outcomes)),
            str(sum(answer.source == "surrogate" for answer in one.answers)),
            "none" if best.failed else f"{best.fitness:z.4f}",
            best.candidate,
            f"{math.fsum(answer.epochs for answer in one.answers):.0f}",
            f"{seconds:.1f}",
            f"{took:.1f}",
            f"{seconds / (workers * took):.0%}" if took else "",
        )
        lines.append(f"{one.run.name:<{width}} " + " ".join(f"{text:>9}" for text in shown))
    return "\n".join(lines)


def tell_compared(compared: Sequence[Mapping[str, Any]]) -> str:
    """Return in words and columns how the strategies of each task compare."""
    titles = [f"{WHAT} on {of['task']}, {of['loss_unit']}" for of in compared]
    return "\n".join(f"\n{tell(*of)}\n" for of in zip(compared, titles, strict=True))


def compare_replayed(replay: Replay, replayed: Sequence[Replayed]) -> list[dict[str, Any]]:
    """Return how the strategies compare on each task that has several searches, by what they found."""
    compared = []
    searching = [one for one in replayed if searches(strategy_of(fill_in(one.run.config)))]
    for task in dict.fromkeys(one.run.task for one in searching):
        own = [one for one in searching if one.run.task == task]
        if len(own) > 1:
            unit = replay.tables[task].settings.data.unit
            last = min(len(one.outcomes) for one in own)
            played = [_played(one) for one in own]
            compared.append(compare_played(task, unit, played, looks(last), None))
    return compared


def _played(one: Replayed) -> Played:
    trials = [
        {
            **{key: getattr(outcome, key) for key in ("candidate", "architecture_id")},
            "fitness": None if outcome.failed else outcome.fitness,
            "epochs": answer.epochs,
            "cpu_s": answer.train_s,
        }
        for outcome, answer in zip(one.outcomes, one.answers, strict=True)
    ]
    return Played(one.run.strategy, one.run.seed, trials)
