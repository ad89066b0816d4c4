"""How good a search is at every moment: its best fitness so far against what it has spent.

The regret of a moment is that loss less the lowest that any trial of the task's searches, designed cells
among them, came to. Fitness is of one trial and was selected on, so it flatters; the comparison of
strategies rests on their finalists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gp_cells.compare.intervals import FEWEST_FOR_INTERVAL, band
from gp_cells.compare.records import Records, Row
from gp_cells.config.recipe import trained_share

# What is spent, by the name of the axis. Compute is of training and validation alone, on the processors
# of table `hardware`; a trial that failed is charged its whole process and one epoch at least, since
# the tables count completed epochs only. An epoch of a shard is as much less as it has of the split.
BUDGETS = {"evaluations": "candidates trained", "epochs": "epochs", "cpu_s": "CPU seconds"}
POINTS = 100  # of a curve, at most


def anytime(records: Records) -> Row:
    """Return each strategy's mean best loss so far over its seeds, against each kind of budget.

    A curve begins where every seed has had a success and ends where the first has spent all.
    """
    curves = [
        _curve(strategy, budget, [records.searched(run) for run in runs])
        for strategy, runs in records.searching.items()
        for budget in BUDGETS
    ]
    return {"best_known": _best_known(records), "curves": [curve for curve in curves if curve["x"]]}


def _best_known(records: Records) -> Row | None:
    trained = [trial for run in records.runs for trial in records.searched(run)]
    known = [trial for trial in trained if trial["fitness"] is not None]
    if not known:
        return None
    best = min(known, key=lambda trial: trial["fitness"])
    return {"loss": best["fitness"], "run": best["run"], "candidate": best["candidate"]}


def _curve(strategy: str, budget: str, runs: Sequence[Sequence[Row]]) -> Row:
    """Return a strategy's curve: where (`x`), its mean, its interval, and of how many seeds."""
    steps = [_steps(trials, budget) for trials in runs if trials]
    grid = _grid(steps, budget)
    said: Row = {"strategy": strategy, "budget": budget, "n": len(steps), "x": grid.tolist()}
    if not len(grid):
        return said
    values = np.array([_at(grid, spent, best) for spent, best in steps])
    said["mean"] = values.mean(axis=0).tolist()
    if len(values) >= FEWEST_FOR_INTERVAL:
        low, high = band(values)
        said |= {"low": low.tolist(), "high": high.tolist()}
    return said


def _steps(trials: Sequence[Row], budget: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what a run had spent after each trial, and its best loss by then, inf before one."""
    spent = [_cost(trial, budget) for trial in trials]
    losses = [math.inf if trial["fitness"] is None else trial["fitness"] for trial in trials]
    return np.cumsum(spent), np.minimum.accumulate(losses)


def _cost(trial: Row, budget: str) -> float:
    if budget == "evaluations":
        return 1
    failed = trial["fitness"] is None
    if budget == "epochs":
        return float(max(1 if failed else 0, trial["epochs"])) * trained_share(trial["recipe"])
    return float((trial["process_cpu_s"] if failed else trial[budget]) or 0)


def _grid(steps: Sequence[tuple[np.ndarray, np.ndarray]], budget: str) -> np.ndarray:
    """Return the moments at which all runs have a loss and none has ended."""
    firsts = [spent[np.isfinite(best)] for spent, best in steps]
    if not firsts or any(not len(first) for first in firsts):
        return np.array([])
    start = max(first[0] for first in firsts)
    end = min(spent[-1] for spent, _ in steps)
    if end < start:
        return np.array([])
    whole = budget != "cpu_s" and end - start < POINTS
    return np.arange(start, end + 1e-6) if whole else np.linspace(start, end, POINTS)


def _at(grid: np.ndarray, spent: np.ndarray, best: np.ndarray) -> np.ndarray:
    return best[np.searchsorted(spent, grid, side="right") - 1]
