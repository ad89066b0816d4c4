"""How cells found on each task do on every other, and how alike two tasks rank them.

From the runs of the strategy `transfer` alone, which train every cell as it is under one protocol, also on
the task that it was found on: so losses of one column are comparable, and none is the lowest of a search's
many, which is too low by chance.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from gp_cells.compare.ranks import interval_of_tau, right_sides
from gp_cells.compare.records import Row, chosen_benchmark, runs_of
from gp_cells.config.cell_files import TRANSFER
from gp_cells.config.files import RecordError
from gp_cells.tables.parquet import read_tables

FEWEST = 5  # cells that a rank correlation is taken of

Losses = Mapping[str, Mapping[str, float]]  # of a cell by its architecture_id, then by task


def read_transfers(results: Path, benchmark: str | None) -> Row:
    """Return what `transfers` finds in the tables of a benchmark.

    Raises:
        RecordError: there is no such benchmark, or no run of it transfers anything.
    """
    benchmark = chosen_benchmark(results, benchmark)
    names = runs_of(results, benchmark)
    runs = read_tables(results, "runs", names).to_pylist()
    found = transfers(runs, read_tables(results, "candidates", names).to_pylist())
    if not found["cells"]:
        raise RecordError(
            f"{benchmark} has no candidate that was transferred; a run of the strategy transfer has"
        )
    return {"benchmark": benchmark, **found}


def transfers(runs: Sequence[Row], candidates: Sequence[Row]) -> Row:
    """Return the matrix of winners and the rank correlation of each two tasks.

    A loss is the mean over a task's runs. A cell that failed in one of them has none there, and is counted
    in `failed`. `winners` has a row for each task that cells were found on: the one with the lowest loss
    on that very task, and its loss on every task. A cell that does not say where it was found has no row,
    and counts in the correlations alone.
    """
    tasks = {row["run"]: row["task"] for row in runs}
    trained = [row for row in candidates if row["operator"] == TRANSFER and row["run"] in tasks]
    known = {tasks[row["run"]] for row in trained}
    units = {row["task"]: row["loss_unit"] for row in runs if row["task"] in known}
    cells: dict[str, Row] = {}
    given: dict[str, dict[str, list[float]]] = {}  # NaN where a cell failed
    for row in sorted(trained, key=lambda row: (row["run"], row["candidate"])):
        key, loss = row["architecture_id"], row["fitness"]
        cells.setdefault(key, {"architecture_id": key, **json.loads(row["note"])})
        of_task = given.setdefault(key, {}).setdefault(tasks[row["run"]], [])
        of_task.append(math.nan if loss is None else loss)
    means = {
        key: {task: statistics.fmean(of) for task, of in g.items()} for key, g in given.items()
    }
    losses = {
        key: {task: loss for task, loss in of.items() if not math.isnan(loss)}
        for key, of in means.items()
    }
    sources = sorted({cell["found_on"] for cell in cells.values() if cell["found_on"]})
    return {
        "units": dict(sorted(units.items())),
        "cells": [{**cell, "losses": losses[key]} for key, cell in cells.items()],
        "failed": {
            task: sum(math.isnan(of.get(task, 0.0)) for of in means.values())
            for task in sorted(units)
        },
        "winners": [_winner(task, cells, losses) for task in sources],
        "correlations": [
            {"tasks": [one, other], **_correlation(one, other, losses)}
            for one, other in itertools.combinations(sorted(units), 2)
        ],
    }


def _winner(task: str, cells: Mapping[str, Row], losses: Losses) -> Row:
    """Return the best of the cells found on a task, none where it was not trained on that task again."""
    own = [key for key, cell in cells.items() if cell["found_on"] == task]
    able = [key for key in own if task in losses[key]]
    best = min(able, key=lambda key: (losses[key][task], key), default=None)
    return {
        "found_on": task,
        "cells": len(own),
        "architecture_id": best,
        "losses": {} if best is None else losses[best],
    }


def _correlation(one: str, other: str, losses: Losses) -> Row:
    """Return Kendall's tau-b of the losses on two tasks, its interval, and of how many cells it is."""
    pairs = np.array([(of[one], of[other]) for of in losses.values() if one in of and other in of])
    found: Row = {"tau": None, "low": None, "high": None, "n": len(pairs)}
    if len(pairs) >= FEWEST and all(len(set(column)) > 1 for column in pairs.T.tolist()):
        sides = right_sides(pairs[:, 0], pairs[:, 1], np.ones((len(pairs), len(pairs))))
        low, high = interval_of_tau(sides)
        found |= {"tau": float(sides.mean()), "low": low, "high": high}
    return found


def say(found: Row) -> Iterator[str]:
    """Yield the lines of both tables, in Markdown."""
    tasks = found["units"]
    yield f"The winner of each row, trained on each column: validation loss of {found['benchmark']}."
    yield ""
    yield f"| found on | {' | '.join(f'{task}, {unit}' for task, unit in tasks.items())} |"
    yield "| --- |" + " --- |" * len(tasks)
    for row in found["winners"]:
        told = (f"{row['losses'][task]:.4g}" if task in row["losses"] else "–" for task in tasks)
        yield f"| {row['found_on']}, of {row['cells']} | {' | '.join(told)} |"
    yield ""
    yield "| proxy and target | Kendall's tau | 95 % | cells |"
    yield "| --- | --- | --- | --- |"
    for row in found["correlations"]:
        tau, interval = "–", "–"
        if row["tau"] is not None:
            tau = f"{row['tau']:+.2f}"
        if row["low"] is not None:
            interval = f"{row['low']:+.2f} to {row['high']:+.2f}"
        yield f"| {' and '.join(row['tasks'])} | {tau} | {interval} | {row['n']} |"
    if any(found["failed"].values()):
        failed = ", ".join(f"{number} on {task}" for task, number in found["failed"].items())
        yield ""
        yield f"Cells that failed, which have no loss there: {failed}."
