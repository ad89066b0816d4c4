"""What each strategy's searches took, and what the settings of one strategy under several labels do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gp_cells.compare.records import Records, Row, candidates_of
from gp_cells.config.objectives import HOURS
from gp_cells.config.recipe import trained_share

HOUR = 3600.0  # s
UNITS = {"epochs": "epochs", "cpu_hours": "CPU hours", "gpu_hours": "GPU hours"}  # of a budget


def spent(records: Records) -> list[Row]:
    """Return what each strategy's searches took together: candidates, epochs, CPU and GPU hours.

    Without finalists. CPU hours are of whole processes, start-up and failed trials included; GPU hours are
    the wall time of trainings on one, so both are those of the machines in table `hardware`.
    """
    rows = []
    for strategy, runs in records.searching.items():
        trials = [trial for run in runs for trial in records.searched(run)]
        on_gpu = [trial["wall_s"] or 0.0 for trial in trials if trial["device"] == "cuda"]
        rows.append(
            {
                "strategy": strategy,
                "searches": len(runs),
                "candidates": len(trials),
                "epochs": sum(trial["epochs"] or 0 for trial in trials),
                "cpu_h": math.fsum(trial["process_cpu_s"] or 0.0 for trial in trials) / HOUR,
                "gpu_h": math.fsum(on_gpu) / HOUR,
                "budget": _of_budget(records, runs),
            }
        )
    return rows


def _of_budget(records: Records, runs: Sequence[Row]) -> Row | None:
    """Return what of their budget searches spent, the least and the most, and how many it ended."""
    search = records.settings[runs[0]["run"]].get("search", {})
    limits = search.get("budget")
    if not limits:
        return None
    spent = {key: [_budgeted(records.searched(run), key) for run in runs] for key in limits}
    return {
        "said": say_budget(limits),
        "spent": {key: [min(each), max(each)] for key, each in spent.items()},
        "ended": sum(len(records.searched(run)) < candidates_of(search) for run in runs),
        "of_the_machine": any(key != "epochs" for key in limits),
    }


def _budgeted(trials: Sequence[Row], key: str) -> float:
    """Return what trials spent as a budget counts it: on completed epochs alone."""
    if key == "epochs":
        return math.fsum(trial["epochs"] * trained_share(trial["recipe"]) for trial in trials)
    return math.fsum(trial[HOURS[key]] for trial in trials) / HOUR


def say_budget(limits: Mapping[str, float] | None) -> str:
    """Return a budget in words, e.g. "2,000 epochs or 0.5 CPU hours"; "" of none."""
    return " or ".join(f"{_number(limit)} {UNITS[key]}" for key, limit in (limits or {}).items())


def say_spent(row: Mapping[str, Any]) -> str:
    """Return a sentence on a strategy's budget, from its row of what was spent; "" where it has none."""
    of = row["budget"]
    if of is None:
        return ""
    spent = " and ".join(f"{_span(*ends)} {UNITS[key]}" for key, ends in of["spent"].items())
    tied = "; hours are of the machine, and another one trains another number of candidates"
    return (
        f"{row['strategy']} searches within {of['said']}: {spent} each, of completed epochs of training "
        f"and validation, {of['ended']} of {row['searches']} searches ended by it"
        f"{tied if of['of_the_machine'] else ''}"
    )


def _span(low: float, high: float) -> str:
    first, last = _number(low), _number(high)
    return first if first == last else f"{first} to {last}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def ablations(records: Records, rows: Sequence[Row], pairs: Sequence[Row]) -> list[Row]:
    """Return, of each strategy that runs under several labels, what is other in each and what that does.

    `rows` and `pairs` are those of a task's strategies. The first label of the config is what the others
    are held against: `difference` is the other's loss less its own, over shared seeds.
    """
    labels: dict[str, list[str]] = {}
    settings: dict[str, Mapping[str, object]] = {}
    for run in records.runs:
        own = records.settings[run["run"]]
        if run["strategy"] in records.searching and run["strategy"] not in settings:
            settings[run["strategy"]] = own["strategy"]["settings"]
            labels.setdefault(own["strategy"]["name"], []).append(run["strategy"])
    by_label = {row["strategy"]: row for row in rows}
    found = []
    for name, of in labels.items():
        if len(of) < 2:
            continue
        keys = sorted({key for label in of for key in settings[label]})
        other = [k for k in keys if any(settings[of[0]].get(k) != settings[x].get(k) for x in of)]
        found.append(
            {
                "strategy": name,
                "settings": other,
                "rows": [
                    {
                        "label": label,
                        "values": [settings[label].get(key) for key in other],
                        **{key: by_label[label][key] for key in ("n", "mean", "low", "high")},
                        "against_first": _held_against(of[0], label, pairs),
                    }
                    for label in of
                ],
            }
        )
    return found


def _held_against(first: str, label: str, pairs: Sequence[Row]) -> Row | None:
    """Return the difference of a label to the first, with its interval and corrected p."""
    for pair in pairs:
        names, difference = (pair["left"], pair["right"]), pair["difference"]
        if label != first and set(names) == {first, label} and difference is not None:
            low, high = pair["low"], pair["high"]
            if names[0] == first:  # the pair is the first less the label
                difference = -difference
                low, high = (None, None) if low is None else (-high, -low)
            return {"difference": difference, "low": low, "high": high, "p_holm": pair["p_holm"]}
    return None
