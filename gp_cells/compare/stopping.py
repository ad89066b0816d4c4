"""What a search's stopping rule saved, and what that cost, as its control group tells.

Trials of the control group were trained on where the rule would have ended them, and the search read of
them what it would have read then. So for each both are known: what was read, and what it came to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np

from gp_cells.compare.cuts import AgainstCut, Candidates, against_cut, all_cuts
from gp_cells.compare.records import Records, Row

FEWEST = 10  # of the control group, that ranks are compared of


def stopping_cost(records: Records) -> list[Row]:
    """Return for each stopping rule of a task's searches, `never` apart, what it saved and cost.

    `cpu_s` are the CPU seconds of training and validation of the trials that the rule could end, and
    `saved_cpu_s` an estimate: of each that it ended its CPU seconds an epoch, times the epochs that it was
    not trained. `cuts` are what all plain cuts come to in the control group; see `compare.cuts`.
    """
    by_rule: dict[str, list[Row]] = {}
    for run in records.runs:
        settings = records.settings[run["run"]]
        if run["searches"] and settings["stopping"]["name"] != "never":
            planned = settings["task"]["settings"]["recipe"]["epochs"]
            trials = [
                {**trial, "planned": json.loads(trial["recipe"] or "{}").get("epochs", planned)}
                for trial in records.searched(run)
            ]
            by_rule.setdefault(settings["stopping"]["name"], []).extend(trials)
    return [_cost(records, rule, trials) for rule, trials in sorted(by_rule.items())]


def _cost(records: Records, rule: str, trials: Sequence[Row]) -> Row:
    stoppable = [of for of in trials if not of["control"]]
    ended = [of for of in stoppable if of["status"] == "stopped_early"]
    left = {of["trial_id"]: of["planned"] - of["epochs"] for of in ended}  # not trained
    spent = sum(of["epochs"] for of in stoppable)
    saved = sum(left.values())
    control = [
        {**of, "curve": records.curves[of["trial_id"]]}
        for of in trials
        if of["control"] and of["fitness"] is not None
    ]
    row: Row = {
        "rule": rule,
        "trials": len(stoppable),
        "ended": len(ended),
        "saved": saved / (spent + saved) if saved else 0.0,
        "epochs": spent / len(stoppable) if stoppable else None,
        "cpu_s": math.fsum(of["cpu_s"] or 0.0 for of in stoppable),
        "saved_cpu_s": math.fsum(
            (of["cpu_s"] or 0.0) / of["epochs"] * left[of["trial_id"]] for of in ended
        ),
        "control": len(control),
        **dict.fromkeys(of.name for of in fields(AgainstCut)),
        "cuts": [],
    }
    if len(control) >= FEWEST and ended:
        candidates = _candidates(control)
        read = np.array([_read(of) for of in control])
        predicted = [of["stop_predicted"] for of in control]
        row |= asdict(against_cut(candidates, read, predicted, row["epochs"]))
        row["cuts"] = [asdict(cut) for cut in all_cuts(candidates)]
    return {**row, "said": say_stopping(row)}


def _candidates(control: Sequence[Row]) -> Candidates:
    """Return the control group, of each run by itself."""
    runs = sorted({of["run"] for of in control})
    return Candidates(
        curves=[of["curve"] for of in control],
        finals=np.array([of["fitness"] for of in control]),
        groups=np.array([runs.index(of["run"]) for of in control]),
    )


def _read(trial: Row) -> float:
    """Return what the search read of a trial: what was predicted, else observed where the rule ended it."""
    known = (trial["stop_predicted"], trial["stop_observed"], trial["fitness"])
    return float(next(loss for loss in known if loss is not None))


def say_stopping(row: Row) -> str:
    """Return in one sentence whether a rule paid."""
    if not row["ended"]:
        return f"stopping by {row['rule']} ended none of {row['trials']} trials"
    saved = (
        f"stopping by {row['rule']} saved {row['saved']:.0%} of the epochs and an estimated "
        f"{row['saved_cpu_s']:,.3g} of {row['cpu_s'] + row['saved_cpu_s']:,.3g} CPU seconds"
    )
    if not row["control"]:
        return f"{saved}; without a control group nothing says what that cost"
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
