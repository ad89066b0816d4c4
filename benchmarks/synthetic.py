"""Tables of a benchmark that nobody trained: real genomes and lineages, made-up losses.

The losses only give a page something to draw, in tests and where its speed is measured. They are
written through the schema of the real tables and are never published.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.compare import compare
from gp_cells.config.files import write_json
from gp_cells.config.plan import (
    read_plan,
    replicate_candidate,
    searched_candidate,
    trial_folder,
)
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import LineageEntry, RunSettings
from gp_cells.config.typed_json import read_record
from gp_cells.plugins import counts_of, strategy_of
from gp_cells.strategies import Outcome
from gp_cells.strategies.strategy import reach_of, told
from gp_cells.tables.parquet import write_rows
from gp_cells.tables.schemas import schema
from gp_cells.workflow import tabulate
from gp_cells.workflow.steps import propose, write_settings

Row = dict[str, Any]

DATA = {
    "bach_chorales": (
        {"inputs": "frames", "features": 88, "targets": "keys", "outputs": 88},
        "nats per frame",
        6.0,
        {"unigram": 14.1, "previous_frame": 8.2},
    ),
    "state_of_the_union": (
        {"inputs": "symbols", "features": 97, "targets": "classes", "outputs": 97},
        "nats per character",
        1.4,
        {"unigram": 3.1, "bigram": 2.45},
    ),
    "japanese_vowels": (
        {"inputs": "frames", "features": 12, "targets": "classes", "outputs": 9},
        "nats per sequence",
        0.08,
        {"frequencies": 2.2},
    ),
}
TRAINING = {
    "device": "cpu",
    "engine": "compiled",
    "precision": "float32",
    "threads": 1,
    "time_limit_s": 600,
}
OBJECTIVES = {"objectives": ["fitness", "parameters"], "reference_point": [30.0, 200_000.0]}
CELLS = ("tanh_rnn", "lstm", "gru", "nascell")
MACHINE = {
    "hardware_id": "0" * 32,
    "host": "nowhere",
    "cpu": "A processor that does not exist",
    "cores": 2,
    "memory_mb": 8192,
    "gpu": None,
    "cuda": None,
    "platform": "Linux",
}
PROVENANCE = {
    "process_cpu_s": 60.0,
    "first_step_s": 3.1,
    "peak_memory_mb": 420.0,
    "resumed": 0,
    "threads": 1,
    "cpu_capability": "AVX2",
    "engine": "compiled",
    "precision": "float32",
    "compiler": "g++ 12.2.0",
    "compile_s": 0.8,
    "device": "cpu",
    "hardware_id": MACHINE["hardware_id"],
    "slurm_job_id": None,
    "started_utc": "2026-01-01T00:00:00+00:00",
    "gp_cells": "0.1.0",
    "torch": "2.9.1+cpu",
    "python": "3.13.1",
    "git_commit": None,
    "git_dirty": None,
    "git_unknown": None,
}


def make_config(
    seeds: Sequence[int] = (1,),
    tasks: Sequence[str] = ("bach_chorales",),
    waves: int = 3,
    slots: int = 5,
    strategies: Sequence[str] = ("gp", "random"),
    only: str | None = None,
    cells: Sequence[str] = CELLS,
    replicates: int = 2,
) -> Row:
    """Return the config of a benchmark: searches of `waves` × `slots`, and hand-designed cells."""
    search = {"waves": waves, "slots": slots, "lag": 1, "finalists": 1}
    searches: dict[str, Row] = {name: {"name": name, "search": search} for name in strategies}
    if "nsga2" in searches:
        searches["nsga2"]["settings"] = OBJECTIVES
    baselines = {
        "name": "baselines",
        "seeds": [1],
        "settings": {"cells": list(cells)},
        "search": {"waves": 1, "slots": len(cells), "lag": 1, "finalists": len(cells)},
    }
    every = {"baselines": baselines, **searches}
    trained = [101 + i for i in range(replicates)]
    return {
        "benchmark": "made_up",
        "seeds": list(seeds),
        "space": {"name": "recurrent"},
        "tasks": {task: {"name": task} for task in tasks},
        "strategies": every if only is None else {only: every[only]},
        "finalists": {"learning_rate_factors": [0.5, 1.0, 2.0], "seeds": trained},
        "stopping": {"name": "never"},
        "training": TRAINING,
    }


def make_tables(results: Path, config: Row) -> Row:
    """Write the tables of a config's runs and return its comparison."""
    plan = read_plan(config)
    for run in plan.runs.values():
        form, unit, _, references = DATA[run.task]
        data = results / "data.json"
        described = {"form": form, "unit": unit, "hash": "1" * 32, "steps": 80}
        described |= {key: {"train": 10_000, "valid": 4_000} for key in ("targets", "passes")}
        write_json(data, {**described, "reference_valid": references})
        write_settings(run.config, data, results / "settings.json")
        write_run(results, MadeUpRun(read_record(RunSettings, results / "settings.json")))
    return compare(results, config["benchmark"], list(plan.runs))


def write_run(results: Path, made: MadeUpRun) -> None:
    """Write the tables of a run."""
    for table, records in made.rows().items():
        write_rows(results, table, made.settings.run, records)


class MadeUpRun:
    """A run whose losses are drawn instead of measured."""

    def __init__(self, settings: RunSettings):
        self.settings = settings
        self.recipe = settings.recipe
        self.floor = DATA[settings.task_label][2]
        self.trials: list[Row] = []
        self.curves: list[Row] = []
        self.lineage: list[LineageEntry] = []
        self.sizes: dict[str, Row] = {}  # of each architecture's network

    def rows(self) -> dict[str, list[Row]]:
        """Return the rows of every table."""
        self.search()
        finalists = self.finalists()
        tests = self.replicate(finalists)
        trials = self.trials
        return {
            "runs": [tabulate.run_row(self.settings)],
            "architectures": tabulate.architecture_rows(self.lineage, self.settings),
            "candidates": tabulate.candidate_rows(self.lineage, trials),
            "lineage": tabulate.lineage_rows(self.lineage, self.settings),
            "trials": trials,
            "curves": self.curves,
            "test": tests,
            "hardware": [{**MACHINE, "run": self.settings.run}],
        }

    def search(self) -> None:
        """Let the strategy propose wave by wave, on losses that a die has given."""
        history: list[Outcome] = []
        for wave in range(self.settings.search.waves):
            for slot, proposal in enumerate(propose(self.settings, history, wave)):
                name = searched_candidate(wave, slot)
                genome, key = str(proposal.genome), proposal.genome.architecture_id
                entry = LineageEntry(
                    candidate=name,
                    wave=wave,
                    slot=slot,
                    architecture_id=key,
                    genome=genome,
                    operator=proposal.operator,
                    parents=proposal.parents,
                    start=proposal.start,
                    recipe=proposal.recipe,
                )
                self.lineage.append(entry)
                counts = counts_of(self.settings, genome, of_finalist=False)
                self.sizes[key] = tabulate.size_columns(counts)
                trial = self.trial(name, key, self.recipe.learning_rate, 1, None)
                before = next((o for o in history if o.candidate == proposal.start), None)
                if before is not None:
                    self.goes_on(trial, before)
                fitness = math.inf if trial["fitness"] is None else trial["fitness"]
                measured = {"parameters": float(len(genome))}
                outcome = Outcome(
                    candidate=name,
                    wave=wave,
                    genome=genome,
                    architecture_id=key,
                    status=trial["status"],
                    fitness=fitness,
                    objectives=measured,
                )
                if reach_of(strategy_of(self.settings)):
                    state = None if trial["fitness"] is None else trial["trial_id"]
                    sets = (proposal.recipe or {}).get(SHARD, {}).get("judged", ())
                    judged = tuple(fitness * (1 + (7 * n + slot + wave) % 5 / 50) for n in sets)
                    total = trial["total_epochs"]
                    outcome = told(outcome, entry, state, total, fitness, judged if state else ())
                history.append(outcome)

    def goes_on(self, trial: Row, before: Outcome) -> None:
        """Let a trial have started from another: its epochs are counted on."""
        first = before.epochs or 0
        for point in self.curves[-trial["epochs"] :]:
            point["epoch"] += first
        trial |= {"start": before.candidate, "start_state": before.state}
        trial["total_epochs"] += first
        if before.architecture_id != trial["architecture_id"]:
            trial["inherited"] = 0.5

    def finalists(self) -> list[str]:
        """Return the best architectures."""
        ranked = sorted(
            (t for t in self.trials if t["fitness"] is not None), key=lambda t: t["fitness"]
        )
        keys = list(dict.fromkeys(trial["architecture_id"] for trial in ranked))
        return keys[: self.settings.search.finalists]

    def replicate(self, finalists: Sequence[str]) -> list[Row]:
        """Train the finalists again, and return what the test split says."""
        tests = []
        for rank, key in enumerate(finalists):
            for i, factor in enumerate(self.settings.finalists.learning_rate_factors):
                for j, seed in enumerate(self.settings.finalists.seeds):
                    rate = self.recipe.learning_rate * factor
                    trial = self.trial(replicate_candidate(rank, i, j), key, rate, seed, rank)
                    if trial["chosen"] and trial["fitness"] is not None:
                        shared = {k: trial[k] for k in ("trial_id", "run", "finalist", "seed")}
                        tests.append(
                            {
                                **dict.fromkeys(schema("test").names),
                                **shared,
                                "test_loss": trial["fitness"] * 1.02 + 0.01,
                            }
                        )
        return tests

    def measures(self, losses: Sequence[float], rng: np.random.Generator) -> Row:
        """Return what else is measured of a trial."""
        names = ("synflow", "jacobian_covariance", "hidden_covariance")
        scores = {name: -losses[0] + float(rng.normal()) for name in names}
        costs = {f"{name}_s": 0.01 for name in (*names, "latency", "introspectability")}
        times = {"latency_1_ms": 0.2, "latency_64_ms": 3.0}
        unknown = dict.fromkeys(("introspectability", "other_measures", "measure_failures"))
        return scores | costs | times | unknown

    def trial(self, candidate: str, key: str, rate: float, seed: int, finalist: int | None) -> Row:
        """Return a trial whose loss depends on its architecture, its rate and a die."""
        run, epochs = self.settings.run, self.recipe.epochs
        quality = np.random.default_rng(int(key[:12], 16)).gamma(2.0, 0.12)
        trial_id = hashlib.blake2b(f"{run}{candidate}".encode(), digest_size=16).hexdigest()
        rng = np.random.default_rng(int(trial_id[:12], 16))
        diverged = finalist is None and "base" not in run and rng.random() < 0.12
        off = abs(math.log2(rate / self.recipe.learning_rate / 1.2))
        best = self.floor * (1 + 0.15 * quality + 0.02 * off) + rng.normal(0, 0.006 * self.floor)
        losses = [best + self.floor * 0.9 * math.exp(-epoch / 3) for epoch in range(epochs)]
        if diverged:
            losses = [*losses[:3], math.nan]
        self.curves += [
            {"trial_id": trial_id, "run": run, "epoch": i + 1, "train_loss": loss * 0.97}
            | {
                "valid_loss": loss,
                "valid_error": None,
                "gradient_norm": 0.4,
                "wall_s": 1.1,
                "cpu_s": 1.1,
            }
            for i, loss in enumerate(losses)
        ]
        row = {
            **dict.fromkeys(schema("trials").names),
            "trial_id": trial_id,
            "run": run,
            "candidate": candidate,
            "role": "search" if finalist is None else "replicate",
            "finalist": finalist,
            "chosen": None if finalist is None else rate == self.recipe.learning_rate,
            "architecture_id": key,
            **self.sizes[key],
            "seed": seed,
            "learning_rate": rate,
            "status": "diverged" if diverged else "ok",
            "reason": "validation loss not finite in epoch 4" if diverged else "all epochs trained",
            "failure": "validation_not_finite" if diverged else None,
            "failure_epoch": len(losses) if diverged else None,
            "fitness": None if diverged else min(losses),
            "epochs": len(losses),
            "total_epochs": len(losses),
            "best_epoch": None if diverged else len(losses),
            "wall_s": len(losses) * float(rng.gamma(6, 0.2)),
            "cpu_s": len(losses) * 1.1,
            **PROVENANCE,
            **self.measures(losses, rng),
            "data_hash": self.settings.data.hash,
            "file": f"{trial_folder(run, candidate)}/trial.h5",
        }
        self.trials.append(row)
        return row
