"""Small tables of a benchmark that nobody trained: real genomes and lineages, made-up losses.

The losses only give the report something to draw. They are written through the schema of the real
tables and are never published.
"""

import hashlib
import math

import numpy as np
import pytest
from tiny import TINY

from gp_cells import tables, tabulate
from gp_cells.compare import compare
from gp_cells.files import read_json, write_json
from gp_cells.plan import read_plan
from gp_cells.search import propose, write_settings
from gp_cells.strategies import Outcome

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
}
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
}


def make_config(
    seeds=(1,), tasks=("bach_chorales",), waves=3, slots=5, strategies=("gp", "random"), only=None
):
    searches = {
        name: {
            "name": name,
            "search": {"waves": waves, "slots": slots, "lag": 1, "finalists": 1},
        }
        for name in strategies
    }
    cells = ["tanh_rnn", "lstm", "gru", "nascell"]
    baselines = {
        "name": "baselines",
        "settings": {"cells": cells},
        "search": {"waves": 1, "slots": 4, "lag": 1, "finalists": 4},
    }
    every = {"baselines": baselines, **searches}
    return {
        "benchmark": "made_up",
        "seeds": list(seeds),
        "space": {"name": "recurrent"},
        "tasks": {task: {"name": task} for task in tasks},
        "strategies": every if only is None else {only: every[only]},
        "finalists": {"learning_rate_factors": [0.5, 1.0, 2.0], "seeds": [101, 102]},
        "stopping": {"name": "never"},
        "training": TINY["training"],
    }


def make_tables(results, config):
    """Write the tables of a config's runs and return its comparison."""
    plan = read_plan(config)
    for run in plan.runs.values():
        form, unit, _, references = DATA[run.order["task_label"]]
        data = results / "data.json"
        described = {"form": form, "unit": unit, "hash": "1" * 32, "steps": 80}
        described |= {key: {"train": 10_000, "valid": 4_000} for key in ("targets", "passes")}
        write_json(data, {**described, "reference_valid": references})
        write_settings(run.order, data, results / "settings.json")
        write_run(results, MadeUpRun(read_json(results / "settings.json")))
    return compare(results, config["benchmark"], list(plan.runs))


def write_run(results, made):
    for table, records in made.rows().items():
        tables.write_rows(results, table, made.settings["run"], records)


class MadeUpRun:
    """A run whose losses are drawn instead of measured."""

    def __init__(self, settings):
        self.settings = settings
        self.recipe = settings["task"]["settings"]["recipe"]
        self.floor = DATA[settings["task_label"]][2]
        self.trials, self.curves, self.lineage = [], [], []

    def rows(self):
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
            "hardware": [{**MACHINE, "run": self.settings["run"]}],
        }

    def search(self):
        history = []
        for wave in range(self.settings["search"]["waves"]):
            for slot, proposal in enumerate(propose(self.settings, history, wave)):
                name = f"w{wave:03d}-{slot:02d}"
                genome, key = str(proposal.genome), proposal.genome.architecture_id
                entry = {"candidate": name, "wave": wave, "slot": slot, "genome": genome}
                entry |= {"architecture_id": key, "operator": proposal.operator}
                self.lineage.append({**entry, "parents": list(proposal.parents)})
                trial = self.trial(name, key, self.recipe["learning_rate"], 1, None)
                fitness = math.inf if trial["fitness"] is None else trial["fitness"]
                history.append(Outcome(name, wave, genome, key, trial["status"], fitness))

    def finalists(self):
        ranked = sorted(
            (t for t in self.trials if t["fitness"] is not None), key=lambda t: t["fitness"]
        )
        keys = list(dict.fromkeys(trial["architecture_id"] for trial in ranked))
        return keys[: self.settings["search"]["finalists"]]

    def replicate(self, finalists):
        tests = []
        for rank, key in enumerate(finalists):
            for i, factor in enumerate(self.settings["finalists"]["learning_rate_factors"]):
                for j, seed in enumerate(self.settings["finalists"]["seeds"]):
                    rate = self.recipe["learning_rate"] * factor
                    trial = self.trial(f"r{rank:02d}-{i}-{j}", key, rate, seed, rank)
                    if trial["chosen"] and trial["fitness"] is not None:
                        shared = {k: trial[k] for k in ("trial_id", "run", "finalist", "seed")}
                        tests.append(
                            {
                                **shared,
                                "test_loss": trial["fitness"] * 1.02 + 0.01,
                                "test_error": None,
                            }
                        )
        return tests

    def measures(self, losses, rng):
        names = ("synflow", "jacobian_covariance", "hidden_covariance")
        measured = {name: -losses[0] + float(rng.normal()) for name in names}
        measured |= {f"{name}_s": 0.01 for name in names}
        return measured | {"latency_1_ms": 0.2, "latency_64_ms": 3.0, "introspectability": None}

    def trial(self, candidate, key, rate, seed, finalist):
        run, epochs = self.settings["run"], self.recipe["epochs"]
        quality = np.random.default_rng(int(key[:12], 16)).gamma(2.0, 0.12)
        trial_id = hashlib.blake2b(f"{run}{candidate}".encode(), digest_size=16).hexdigest()
        rng = np.random.default_rng(int(trial_id[:12], 16))
        diverged = finalist is None and "base" not in run and rng.random() < 0.12
        off = abs(math.log2(rate / self.recipe["learning_rate"] / 1.2))
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
        place = f"replicates/{candidate[1:]}" if finalist is not None else f"waves/{candidate[1:]}"
        row = {
            "trial_id": trial_id,
            "run": run,
            "candidate": candidate,
            "role": "search" if finalist is None else "replicate",
            "finalist": finalist,
            "chosen": None if finalist is None else rate == self.recipe["learning_rate"],
            "architecture_id": key,
            "seed": seed,
            "learning_rate": rate,
            "status": "diverged" if diverged else "ok",
            "reason": "the loss is not finite" if diverged else "all epochs trained",
            "fitness": None if diverged else min(losses),
            "epochs": len(losses),
            "best_epoch": None if diverged else len(losses),
            "wall_s": len(losses) * float(rng.gamma(6, 0.2)),
            "cpu_s": len(losses) * 1.1,
            **PROVENANCE,
            **self.measures(losses, rng),
            "data_hash": self.settings["data"]["hash"],
            "file": f"results/runs/{run}/{place}/trial.h5",
        }
        self.trials.append(row)
        return row


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """Return a results folder with tables and the comparison made from them."""
    results = tmp_path_factory.mktemp("results")
    return results, make_tables(results, make_config())


@pytest.fixture(scope="session")
def make_up():
    """Return a function that writes tables to a results folder and returns their comparison."""
    return lambda results, **wanted: make_tables(results, make_config(**wanted))
