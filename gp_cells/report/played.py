"""The page of searches that were played: on complete tables, or on stored results.

It has the style, the tables of pairs and the charts of a benchmark's page, and no cells, since nothing was
trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gp_cells.compare.anytime import BUDGETS
from gp_cells.compare.power import say_power
from gp_cells.config.files import RecordError, written_beside
from gp_cells.report.evidence import COLOURS, Row
from gp_cells.report.page import environment_of_pages, parts_of_pages
from gp_cells.report.strategies import draw_regret

LEVEL = 0.05  # below which a corrected p speaks of a difference


def write_played(
    compared: Sequence[Mapping[str, Any]],
    what: str,
    command: str,
    path: Path,
) -> None:
    """Write one page of the comparisons of played searches, a task each.

    `what` is the number that a search counts with, and `command` makes the page again.

    Raises:
        RecordError: there is nothing to compare.
    """
    if not compared:
        raise RecordError(
            "a page compares searches, expected several on a task, got one on each; choose more seeds or "
            "strategies"
        )
    specs: dict[str, Any] = {}
    tasks = [_describe(of, what, specs) for of in compared]
    template = environment_of_pages().get_template("played.html")
    html = template.render(
        what=what,
        tasks=tasks,
        command=command,
        version=version("gp-cells"),
        budgets=BUDGETS,
        **parts_of_pages(specs),
    )
    with written_beside(path) as beside:
        beside.write_text(html, encoding="utf-8")


def _describe(compared: Mapping[str, Any], what: str, specs: dict[str, Any]) -> Row:
    """Return what the page says of a task; its charts are added to `specs`."""
    after, last = compared["after"], compared["after"][-1]["strategies"]
    names = sorted(row["strategy"] for row in last["rows"])
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    figures = {}
    for budget in BUDGETS:
        if not _is_counted(compared, budget):
            continue
        spec = draw_regret(compared, budget, colours, _top(compared))
        if spec is not None:
            specs[f"{compared['task']}-{budget}"] = spec
            figures[budget] = {"id": f"{compared['task']}-{budget}", "note": ""}
    looked = [of["strategies"] for of in after]
    heads = [f"after {of['candidates']:,}" for of in after]
    if compared["judged"] is not None:
        looked, heads = [*looked, compared["judged"]], [*heads, "test, at the end"]
    return {
        "label": compared["task"],
        "name": compared["task"],
        "unit": compared["loss_unit"],
        "headline": say_headline(compared, what),
        "heads": heads,
        "rows": [
            {
                "strategy": row["strategy"],
                "colour": colours[row["strategy"]],
                "n": row["n"],
                "missing": row["missing"],
                "at": [_row_of(of, row["strategy"]) for of in looked],
            }
            for row in last["rows"]
        ],
        "strategies": last,
        "judged": compared["judged"],
        "could_tell": say_power(last["pairs"]),
        "figures": figures,
    }


def _top(compared: Mapping[str, Any]) -> float:
    """Return the regret from which charts begin: what the first look saw, since all begin far above."""
    rows = compared["after"][0]["strategies"]["rows"]
    ends = [end for row in rows for end in (row["mean"], row["high"]) if end is not None]
    return float(max(ends, default=0.0) - compared["anytime"]["best_known"]["loss"])


def _row_of(strategies: Mapping[str, Any], name: str) -> Row:
    return next(row for row in strategies["rows"] if row["strategy"] == name)


def _is_counted(compared: Mapping[str, Any], budget: str) -> bool:
    """Return whether searches differ in what they have spent of a budget from how many they trained."""
    curves = compared["anytime"]["curves"]
    own = [curve["x"] for curve in curves if curve["budget"] == budget]
    counted = [curve["x"] for curve in curves if curve["budget"] == "evaluations"]
    return budget == "evaluations" or (own != counted and any(x[-1] > 0 for x in own))


def say_headline(compared: Mapping[str, Any], what: str) -> str:
    """Return in a sentence what the searches of a task show at their end."""
    last, n = compared["after"][-1]["strategies"], compared["after"][-1]["candidates"]
    pairs = [pair for pair in last["pairs"] if pair["p_holm"] is not None]
    shown = [pair for pair in pairs if pair["p_holm"] < LEVEL]
    where = f"on {compared['task']} after {n:,} candidates"
    if len(shown) == 1:
        [pair] = shown
        names = [pair["left"], pair["right"]]
        better, worse = names if pair["difference"] < 0 else names[::-1]
        gap = f"{abs(pair['difference']):.3g} {compared['loss_unit']}"
        return f"{better} is ahead of {worse} {where}: {gap} less {what}"
    if shown:
        return f"{len(shown)} of {len(pairs)} pairs of strategies are told apart by {what} {where}"
    return f"no strategy is shown to be ahead of another by {what} {where}"
