"""Records of one task made by hand, with no more columns than the comparison reads."""

import json
from typing import Any

from gp_cells.compare.records import Records

FINALISTS = {"learning_rate_factors": [1.0], "seeds": [101, 102]}


def settings(name: str, slots: int, **changed: Any) -> dict[str, Any]:
    return {
        "strategy": {"name": name, "settings": {}},
        "search": {"waves": 1, "slots": slots, "finalists": 1},
        "task": {"name": "toy"},
        "space": {"name": "toy"},
        "data": {"hash": "0"},
        "stopping": {"name": "never"},
        "training": {"threads": 1},
        "finalists": FINALISTS,
        **changed,
    }


def records(
    searches: Any,
    references: Any = None,
    lineage: Any = (),
    strategies: Any = None,
    **changed: Any,
) -> Records:
    """Return the records of searches, given as {(strategy, seed): [fitness of each candidate]}."""
    tables: dict[str, Any] = {
        "lineage": list(lineage),
        "test": [],
        "hardware": [{"cpu": "a processor", "gpu": None}],
    }
    tables |= {"runs": [], "trials": [], "candidates": [], "architectures": []}
    curves: dict[str, Any] = {}
    for (strategy, seed), fitnesses in searches.items():
        run = f"{strategy}-s{seed}"
        own = settings(strategy, len(fitnesses), **(strategies or {}).get(strategy, {}), **changed)
        tables["runs"].append(
            {"run": run, "strategy": strategy, "seed": seed, "task": "toy", "data_hash": "0"}
            | {"searches": own["strategy"]["name"] != "baselines"}
            | {"settings": json.dumps(own), "references": json.dumps(references or {})}
        )
        for i, fitness in enumerate(fitnesses):
            name, key = f"w000-{i:02d}", f"{run}-{i}"
            tables["trials"].append(trial(run, name, key, fitness))
            tables["candidates"].append({"run": run, "candidate": name, "fitness": fitness})
            tables["architectures"].append({"run": run, "architecture_id": key, "parameters": 10})
            curves[f"{run}/{name}"] = [] if fitness is None else [fitness + 1, fitness]
    return Records("toy", tables, curves)


def trial(
    run: str, candidate: str, architecture: str, fitness: float | None, **changed: Any
) -> dict[str, Any]:
    return {
        "trial_id": f"{run}/{candidate}",
        "run": run,
        "candidate": candidate,
        "architecture_id": architecture,
        "role": "search",
        "chosen": None,
        "seed": 1,
        "fitness": fitness,
        "epochs": 2,
        **dict.fromkeys(("recipe", "start")),
        "cpu_s": 1.5,
        "process_cpu_s": 3.0,
        "resumed": 0,
        "introspectability": None,
        **dict.fromkeys(
            ("git_dirty", "git_unknown", "engine", "compiler", "precision", "device", "threads")
        ),
        "git_commit": "c" * 40,
        "gp_cells": "0.1.0",
        "torch": "2",
        "python": "3",
        **changed,
    }


def finalist(
    strategy: str,
    seed: int,
    test_mean: Any,
    name: str | None = None,
    valid_mean: float | None = 1.0,
    failed: int = 0,
) -> dict[str, Any]:
    return {
        "run": f"{strategy}-s{seed}",
        "strategy": strategy,
        "seed": seed,
        "finalist": 0,
        "name": name,
        "valid_mean": valid_mean,
        "test_mean": test_mean,
        "test_error": None,
        "test_errors": [],
        "parameters": 10,
        "trial": f"{strategy}-s{seed}/r00-0-0",
        "trial_id": f"{strategy}{seed}{name}".ljust(32, "0"),
        "test_losses": [test_mean - 0.1, test_mean + 0.1],
        "architecture_id": f"{strategy}-{seed}-{name}",
        "failed": failed,
        "seeds": 2,
    }
