"""Measure the first answer from the tables: python benchmarks/commons.py [--architectures N]

The tables are synthetic, all but their form: 15,000 architectures, each trained with 3 seeds for 100
epochs, in 50 runs, written by `gp_cells.tables` into a temporary folder. Every number and name in them
is drawn at random, so answers mean nothing; what is measured is how long each takes a process that has
just started, and its peak memory. The last row is the same data as one pickle.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.tables.parquet import write_rows
from gp_cells.tables.schemas import schema

TASKS = ("made_up_notes", "made_up_text")
STRATEGIES = ("made_up_gp", "made_up_random", "made_up_aging", "made_up_nsga2", "made_up_baselines")
SEEDS, EPOCHS, SLOTS = 3, 100, 10
REPEATS = 5
Row = dict[str, Any]

BEST = (
    "select run, candidate, fitness, trials.network_parameters, genome from trials"
    " join architectures using (run, architecture_id)"
    " where trials.network_parameters < 20000 order by fitness limit 10"
)
MEAN_CURVES = (
    "select task, strategy, epoch, avg(valid_loss) from curves join runs using (run)"
    " group by all order by all"
)
SPREAD = (
    "select run, stddev(mean), avg(spread) from"
    " (select run, architecture_id, avg(fitness) as mean, stddev(fitness) as spread"
    " from trials group by all) group by run order by run"
)
SHELL = {
    "best 10 trials under 20,000 parameters": BEST,
    "mean curve of each strategy": MEAN_CURVES,
    "spread of architectures and of seeds": SPREAD,
}
DOOR = {
    '.curve("RUN/CANDIDATE")': "curve('{run}/{candidate}')",
    '.curve("TRIAL_ID")': "curve('{trial_id}')",
    ".best(task, max_params=20000)": "best(task='made_up_text', max_params=20_000)",
    '.lineage("RUN/CANDIDATE")': "lineage('{run}/{candidate}')",
}
FROM_PICKLE = """
import pickle, sys
trials = pickle.load(open(sys.argv[1], "rb"))
small = [t for t in trials if t["architecture"]["network_parameters"] < 20000]
for trial in sorted(small, key=lambda t: t["fitness"])[:10]:
    print(trial["run"], trial["candidate"], trial["fitness"], trial["architecture"]["genome"])
"""
# Linux counts to a process's peak memory what its parent had when it was forked.
IN_A_SMALL_PARENT = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - began
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, file=sys.stderr)
sys.exit(status and 1)
"""


def make(results: Path, architectures: int) -> list[Row]:
    """Write synthetic tables; return the trials as one would pickle them, each with all that is its own."""
    names = [f"commons-{t}-{s}-s{n}" for t in TASKS for s in STRATEGIES for n in range(1, 6)]
    kept: list[Row] = []
    for i, name in enumerate(names):
        generator = np.random.default_rng(i)
        tables, curves = synthetic_run(name, architectures // len(names), generator)
        for table, rows in tables.items():
            empty = dict.fromkeys(schema(table).names)
            write_rows(results, table, name, [{**empty, **row} for row in rows])
        sizes = {row["architecture_id"]: row for row in tables["architectures"]}
        kept += [
            {**trial, "architecture": sizes[trial["architecture_id"]], "curve": curve}
            for trial, curve in zip(tables["trials"], curves, strict=True)
        ]
    return kept


def synthetic_run(
    run: str, count: int, generator: np.random.Generator
) -> tuple[dict[str, list[Row]], list[dict[str, np.ndarray]]]:
    """Return synthetic rows of a run with so many architectures, and the curve of each of its trials."""
    _, task, strategy, seed = run.split("-")
    of_run = {"run": run, "task": task, "strategy": strategy, "seed": int(seed[1:])}
    of_run |= {"loss_unit": "synthetic", "space": "none", "searches": True}
    tables: dict[str, list[Row]] = {"runs": [of_run]}
    tables |= {name: [] for name in ("architectures", "candidates", "lineage", "trials", "curves")}
    curves = []
    for number in range(count):
        size = int(generator.integers(2_000, 200_000))
        architecture = {"run": run, "architecture_id": digest(run, number)}
        counted = {"parameters": size, "network_parameters": size}
        genome = f"synthetic: no. {number} of {run}"
        tables["architectures"].append({**architecture, **counted, "genome": genome})
        wave, slot = divmod(number, SLOTS)
        candidate = f"w{wave:03d}-{slot:02d}"
        for seed_number in range(SEEDS):
            place = f"r{number:03d}-0-{seed_number}" if seed_number else candidate
            curves.append(synthetic_curve(generator))
            trial = {
                **counted,
                **{**architecture, "trial_id": digest(run, place), "candidate": place},
                **{"role": "replicate" if seed_number else "search", "seed": seed_number},
                **{"chosen": True if seed_number else None, "status": "ok", "epochs": EPOCHS},
                **{"fitness": float(curves[-1]["valid_loss"].min()), "learning_rate": 0.003},
                **{"wall_s": float(curves[-1]["wall_s"].sum()), "hardware_id": "synthetic"},
            }
            tables["trials"].append(trial)
            named = {"run": run, "trial_id": trial["trial_id"]}
            columns = (column.tolist() for column in curves[-1].values())
            for epoch in zip(*columns, strict=True):
                tables["curves"].append({**named, **dict(zip(curves[-1], epoch, strict=True))})
        first = tables["trials"][-SEEDS]
        shared = ("run", "architecture_id", "candidate", "fitness", "trial_id")
        made = {"wave": wave, "slot": slot, "operator": "synthetic"}
        tables["candidates"].append({**{key: first[key] for key in shared}, **made})
        for parent in range(2 if wave else 0):
            before = f"w{wave - 1:03d}-{generator.integers(SLOTS):02d}"
            edge = {"child": candidate, "parent": before, "parent_number": parent}
            tables["lineage"].append({"run": run, "operator": "synthetic", **edge})
    return tables, curves


def synthetic_curve(generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a synthetic curve, a column an array of (epoch)."""
    falling = np.linspace(4, 2, EPOCHS)
    losses = {name: falling + generator.random(EPOCHS) for name in ("train_loss", "valid_loss")}
    rest = {name: generator.random(EPOCHS) for name in ("gradient_norm", "wall_s", "cpu_s")}
    return {"epoch": np.arange(1, EPOCHS + 1), **losses, **rest}


def digest(*words: Any) -> str:
    """Return an id as long as a real one."""
    return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()


def measure(name: str, command: Sequence[str]) -> None:
    """Print the median time of a few cold processes, their CPU time, and their peak memory."""
    timed = [sys.executable, "-c", IN_A_SMALL_PARENT, *command]
    said = [
        subprocess.run(timed, capture_output=True, encoding="utf-8", check=True)
        for _ in range(REPEATS)
    ]
    spent = [[float(word) for word in done.stderr.split()] for done in said]
    wall, cpu, memory = (statistics.median(column) for column in zip(*spent, strict=True))
    print(f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} |", flush=True)


def main(architectures: int) -> None:
    """Make the tables and print the figures as Markdown."""
    with tempfile.TemporaryDirectory(prefix="made-up-results-") as folder:
        results, pickled = Path(folder) / "results", Path(folder) / "tables.pickle"
        trials = make(results, architectures)
        with pickled.open("wb") as file:
            pickle.dump(trials, file, protocol=pickle.HIGHEST_PROTOCOL)
        print(f"{len(trials):,} trials, {len(trials) * EPOCHS:,} epochs")
        last = next(trial for trial in reversed(trials) if trial["role"] == "search")
        del trials
        parquet = sum(path.stat().st_size for path in results.rglob("*.parquet"))
        print(f"Parquet {parquet / 1e6:.0f} MB, pickle {pickled.stat().st_size / 1e6:.0f} MB")
        print("\n| first answer | wall s | CPU s | peak MB |\n| --- | --- | --- | --- |")
        python = [sys.executable, "-c"]
        measure("(Python alone)", [*python, "pass"])
        for name, sql in SHELL.items():
            command = [str(Path(sys.executable).with_name("gp-cells")), "query", sql]
            measure(f"`gp-cells query`: {name}", [*command, "--results", str(results)])
        for name, call in DOOR.items():
            program = (
                f"import gp_cells; print(gp_cells.Results({str(results)!r}).{call.format(**last)})"
            )
            measure(f"`{name}`", [*python, program])
        measure("one pickle: best 10 trials", [*python, FROM_PICKLE, str(pickled)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", type=int, default=15_000)
    main(parser.parse_args().architectures)
