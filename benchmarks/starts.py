"""Hold coupled training against training alone: python benchmarks/starts.py TASK... --to FILE [--seeds N]

Real training of short recipes, by the functions that a run's steps call, in one process and without a file.
TASK is `japanese_vowels`, or `bach_chorales`, of which half. A network is chosen by its validation loss and
judged by its test loss. Two questions, each at equal work; an epoch of a shard counts as the share of
the data that it is:

1. Tournaments of eight trainers, each on an eighth of the data for sixteen epochs in all, with an exchange
   every 1, 2, 4 or 8 of them; the same eight alone; and one network on all data.
2. `gp` and `aging` with and without inheritance, 24 candidates of two epochs each.

What is done stands in FILE, a JSON line each, and is not done again. Tables come at the end, or at once
with `--seeds 0`: means over seeds, with 95 % bootstrap intervals, of the differences too.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from gp_cells.compare.intervals import bootstrap
from gp_cells.config.plan import Run, read_plan
from gp_cells.config.records import TrialSpec, read_data
from gp_cells.plugins import plug_in
from gp_cells.strategies import Outcome
from gp_cells.tasks.prepared import load, prepare
from gp_cells.training.measures import NOTHING
from gp_cells.training.record import fitness_of
from gp_cells.training.state import State
from gp_cells.training.train import Finished, NoCheckpoints, evaluate, make_network, train
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.workflow.steps import outcome_of, propose, settings_of, specify

TRAINERS, EPOCHS = 8, 16
INTERVALS = (1, 2, 4, 8)
MUTATIONS = ["replace", "insert", "shrink", "share"]
TASKS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {  # settings and recipe
    "japanese_vowels": ({}, {"units": 16, "batch_size": 8, "learning_rate": 0.01}),
    "bach_chorales": (
        {"part": 0.5},
        {"units": 16, "batch_size": 4, "learning_rate": 0.01},
    ),
}


def tournament(interval: int) -> dict[str, Any]:
    """Return trainers that exchange models every so many epochs."""
    search = {"waves": EPOCHS // interval, "slots": TRAINERS, "lag": 1, "finalists": 1}
    return {"name": "tournament", "settings": {"epochs": interval}, "search": search}


def searching(name: str, inherit: bool) -> dict[str, Any]:
    """Return a search of 24 candidates."""
    settings: dict[str, dict[str, Any]] = {
        "gp": {"active_species": 3},
        "aging": {"population": 8, "sample": 3, "mutations": MUTATIONS},
    }
    own = settings[name]
    search = {"waves": 6, "slots": 4, "lag": 1, "finalists": 1}
    return {"name": name, "settings": {**own, "inherit": inherit}, "search": search}


ONE: dict[str, Any] = {
    "name": "random",
    "search": {"waves": 1, "slots": 1, "lag": 1, "finalists": 1},
}
WHOLE_EPOCHS = (
    13  # of one network on all data: 8 trainers × 16 epochs × 1/8 × 0.8 of a shard, rounded up
)
ARMS: Mapping[str, tuple[dict[str, Any], int]] = {  # strategy, and epochs of the task's recipe
    "one on all data": (ONE, WHOLE_EPOCHS),
    "eight alone": (tournament(EPOCHS), EPOCHS),
    **{f"exchange every {n}": (tournament(n), EPOCHS) for n in INTERVALS},
    "gp": (searching("gp", False), 2),
    "gp, inheriting": (searching("gp", True), 2),
    "aging": (searching("aging", False), 2),
    "aging, inheriting": (searching("aging", True), 2),
}
COMPARED = (  # the second of each is held against the first
    ("eight alone", "exchange every 1"),
    ("one on all data", "exchange every 1"),
    ("exchange every 1", "exchange every 2"),
    ("exchange every 1", "exchange every 4"),
    ("exchange every 1", "exchange every 8"),
    ("gp", "gp, inheriting"),
    ("aging", "aging, inheriting"),
)


def run_of(task: str, arm: str, seed: int) -> Run:
    """Return the run of an arm, as a config would have it."""
    settings, recipe = TASKS[task]
    strategy, epochs = ARMS[arm]
    config = {
        "benchmark": "starts",
        "seeds": [seed],
        "space": {"name": "recurrent"},
        "tasks": {
            "task": {"name": task, "settings": {**settings, "recipe": {**recipe, "epochs": epochs}}}
        },
        "strategies": {"arm": strategy},
        "finalists": {"learning_rate_factors": [1.0], "seeds": [101]},
        "stopping": {"name": "never"},
        "training": {
            **{"device": "cpu", "engine": "compiled", "precision": "float32"},
            **{"threads": 1, "time_limit_s": 600},
        },
    }
    [run] = read_plan(config).runs.values()
    return run


def searched(run: Run, data: Path) -> tuple[float, float, float]:
    """Return of the network with the best validation loss that and its test loss, and the epochs spent.

    These are passes over the whole training split: a shard's epoch is as much less as it has of it.
    """
    settings = settings_of(run.config, read_data(data / "data.json"))
    splits, test = load(data, "search"), load(data, "test")["test"]
    history: list[Outcome] = []
    states: dict[str, State] = {}
    best: tuple[float, TrialSpec, Finished] | None = None
    spent = 0.0
    for wave in range(run.waves):
        seen = [outcome for outcome in history if outcome.wave <= wave - run.lag]
        for spec, entry in specify(settings, seen, wave, propose(settings, seen, wave)):
            start = None if spec.start is None else states[spec.start.state]
            setup = setup_of(settings.protocol, spec, start)
            finished = train(setup, splits, NoCheckpoints())
            key = None if finished.state is None else spec.candidate
            if key is not None and finished.state is not None:
                states[key] = finished.state
            history.append(outcome_of(entry, fitness_of(spec, finished, NOTHING, state=key)))
            spent += len(finished.epochs) * (1.0 if setup.shard is None else setup.shard.share)
            if finished.fitness is not None and (best is None or finished.fitness < best[0]):
                best = finished.fitness, spec, finished
    if best is None:
        return math.inf, math.inf, spent
    setup = setup_of(settings.protocol, best[1])
    network = make_network(setup)
    network.load_state_dict(best[2].best_weights)
    return best[0], evaluate(network, setup.task, setup.form, test)[0], spent


# --- what is done, and what came of it ------------------------------------------------------------


def read_done(path: Path) -> list[dict[str, Any]]:
    """Return what was done before."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(tasks: Sequence[str], seeds: int, path: Path) -> None:
    """Do what is not done yet, seed after seed, and add it to the file."""
    set_up_torch(1)
    done = {(row["task"], row["arm"], row["seed"]) for row in read_done(path)}
    with tempfile.TemporaryDirectory(prefix="starts-") as folder:
        for seed in range(1, seeds + 1):
            for task in tasks:
                data = Path(folder) / task
                if not data.exists():
                    prepare(plug_in("task", run_of(task, "gp", 1).config.task), task, data)
                for arm in ARMS:
                    if (task, arm, seed) in done:
                        continue
                    valid, test, spent = searched(run_of(task, arm, seed), data)
                    row = {"task": task, "arm": arm, "seed": seed, "valid": valid, "test": test}
                    with path.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({**row, "epochs": spent}) + "\n")


def show(rows: Sequence[Mapping[str, Any]], tasks: Sequence[str]) -> None:
    """Print the tables as Markdown."""
    for task in tasks:
        found = {arm: by_seed(rows, task, arm) for arm in ARMS}
        print(f"\n| {task} | n | epochs | validation | test |\n| --- | --- | --- | --- | --- |")
        for arm, of in found.items():
            cells = [interval([row[key] for row in of.values()]) for key in ("valid", "test")]
            epochs = np.mean([row["epochs"] for row in of.values()]) if of else math.nan
            print(f"| {arm} | {len(of)} | {epochs:.1f} | {' | '.join(cells)} |")
        print(f"\n| {task} | test loss less | better | p |\n| --- | --- | --- | --- |")
        for one, other in COMPARED:
            shared = sorted(found[one].keys() & found[other].keys())
            apart = np.array([found[other][s]["test"] - found[one][s]["test"] for s in shared])
            p = wilcoxon(apart).pvalue if np.any(apart) else 1.0
            better = f"{int((apart < 0).sum())} of {len(shared)}"
            print(f"| {other} − {one} | {interval(apart)} | {better} | {p:.3f} |")


def by_seed(rows: Sequence[Mapping[str, Any]], task: str, arm: str) -> dict[int, Mapping[str, Any]]:
    """Return the rows of an arm by their seed."""
    return {row["seed"]: row for row in rows if (row["task"], row["arm"]) == (task, arm)}


def interval(values: Sequence[float] | np.ndarray) -> str:
    """Return a mean with its 95 % bootstrap interval."""
    numbers = np.array(values)
    if len(numbers) < 2:
        return " ".join(f"{value:.3f}" for value in numbers)
    low, high = bootstrap(numbers.tolist())
    return f"{numbers.mean():.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", nargs="+", choices=TASKS, metavar="TASK")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    measure(options.tasks, options.seeds, options.to)
    show(read_done(options.to), options.tasks)
