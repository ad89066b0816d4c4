"""What a search's stopping rule saved, and what that cost, as its control group tells.

Trials of the control group were trained on where the rule would have ended them, and the search read of
them what it would have read then. So for each both are known: what was read, and what it came to.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from gp_cells.compare.ranks import best_until, interval_of_difference, recall_of_best, right_sides
from gp_cells.compare.records import Records, Row

FEWEST = 10  # of the control group, that ranks are compared of


def stopping_cost(records: Records) -> list[Row]:
    """Return for each stopping rule of a task's searches, `never` apart, what it saved and cost."""
    by_rule: dict[str, list[Row]] = {}
    for run in records.runs:
        settings = records.settings[run["run"]]
        if run["searches"] and settings["stopping"]["name"] != "never":
            planned = settings["task"]["settings"]["recipe"]["epochs"]
            trials = [{**trial, "planned": planned} for trial in records.searched(run)]
            by_rule.setdefault(settings["stopping"]["name"], []).extend(trials)
    return [_cost(records, rule, trials) for rule, trials in sorted(by_rule.items())]


def _cost(records: Records, rule: str, trials: Sequence[Row]) -> Row:
    stoppable = [of for of in trials if not of["control"]]
    spent = sum(of["epochs"] for of in stoppable)
    planned = sum(of["planned"] for of in stoppable)
    control = [
        {**of, "curve": records.curves[of["trial_id"]]}
        for of in trials
        if of["control"] and of["fitness"] is not None
    ]
    row: Row = {
        "rule": rule,
        "trials": len(stoppable),
        "ended": sum(of["status"] == "stopped_early" for of in stoppable),
        "saved": 1 - spent / planned if planned else 0.0,
        "control": len(control),
        **dict.fromkeys(("tau", "cut_tau", "low", "high", "recall", "cut_recall", "error")),
    }
    if len(control) >= FEWEST and row["ended"]:
        row |= _ranks(control, statistics.fmean(of["epochs"] for of in stoppable))
    return {**row, "said": say_stopping(row)}


def _ranks(control: Sequence[Row], epochs: float) -> Row:
    """Return how what was read ranks the control group, and how the cut of equal cost does."""
    finals = np.array([of["fitness"] for of in control])
    read = np.array([_read(of) for of in control])
    cut = best_until([of["curve"] for of in control], epochs)
    runs = np.array([of["run"] for of in control])
    together = runs[:, None] == runs[None]
    right, cut_right = (right_sides(values, finals, together) for values in (read, cut))
    low, high = interval_of_difference(right, cut_right)
    missed = [
        abs(of["stop_predicted"] - of["fitness"])
        for of in control
        if of["stop_predicted"] is not None
    ]
    return {
        "tau": float(right.mean()),
        "cut_tau": float(cut_right.mean()),
        "low": low,
        "high": high,
        "recall": recall_of_best(read, finals),
        "cut_recall": recall_of_best(cut, finals),
        "error": statistics.fmean(missed) if missed else None,
    }


def _read(trial: Row) -> float:
    """Return what the search read of a trial: what was predicted, else observed where the rule ended it."""
    known = (trial["stop_predicted"], trial["stop_observed"], trial["fitness"])
    return float(next(loss for loss in known if loss is not None))


def say_stopping(row: Row) -> str:
    """Return in one sentence whether a rule paid."""
    if not row["ended"]:
        return f"stopping by {row['rule']} ended none of {row['trials']} trials"
    saved = f"stopping by {row['rule']} saved {row['saved']:.0%} of the epochs"
    if row["tau"] is None or not math.isfinite(row["low"]):
        return (
            f"{saved}; its control group of {row['control']} is too small to say what that cost "
            f"(it takes {FEWEST})"
        )
    verdict = (
        "it ranks better than that cut"
        if row["low"] > 0
        else "it ranks worse than that cut, which costs nothing to compute"
        if row["high"] < 0
        else "it cannot be told from that cut"
    )
    return (
        f"{saved}; in its control group of {row['control']} what the search read ranks as the whole "
        f"training does to tau {row['tau']:.2f}, a cut of equal cost to {row['cut_tau']:.2f} (difference "
        f"{row['low']:+.2f} to {row['high']:+.2f}): {verdict}"
    )
