"""The strategies of a comparison on the page: their numbers, and charts of what they reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from gp_cells.compare.anytime import BUDGETS
from gp_cells.compare.power import say_power
from gp_cells.report.encoding import colour, finish, inline, rounded

Row = dict[str, Any]
HEIGHT = 230  # of each chart, px
MOST_TICKS = 12  # of an axis of epochs


def draw_strategies(
    compared: Mapping[str, Any], colours: Mapping[str, str]
) -> dict[str, dict[str, Any] | None]:
    """Return the charts of a task's strategies by name, None where there is nothing to show."""
    return {
        **{budget: draw_regret(compared, budget, colours) for budget in BUDGETS},
        "tested": draw_tested(compared, colours),
        "surfaces": draw_surfaces(compared, colours),
        "early": draw_early_epochs(compared["epochs"]),
    }


def describe_strategies(compared: Mapping[str, Any], colours: Mapping[str, str]) -> Row:
    """Return what the page says of a task's strategies."""
    strategies = compared["strategies"]
    return {
        **strategies,
        "rows": [{**row, "colour": colours[row["strategy"]]} for row in strategies["rows"]],
        "repeated": any(row["n"] + row["missing"] > 1 for row in strategies["rows"]),
        "could_tell": say_power(strategies["pairs"]),
        "volumes": compared["size_against_loss"],
        "variance": compared["variance"],
        "operators": compared["operators"],
        "novelty": [novelty_rows(of) for of in compared["novelty"]],
        "search_as_predictor": compared["search_as_predictor"],
    }


def novelty_rows(of: Mapping[str, Any]) -> Row:
    """Return what is new of a strategy's proposals as shares, in all and wave by wave; None of nothing."""

    def share(counts: Mapping[str, int], part: str, whole: str) -> float | None:
        return counts[part] / counts[whole] if counts[whole] else None

    def row(name: str, counts: Mapping[str, int]) -> Row:
        refused = share(counts, "refused", "texts")
        return {
            "name": name,
            **{key: counts[key] for key in ("candidates", "texts", "edits")},
            "valid": None if refused is None else 1 - refused,
            "repeated": share(counts, "repeated", "candidates"),
            "returned": share(counts, "returned", "edits"),
        }

    whole = row(of["strategy"], of)
    # wave by wave where an author outside may be told of it
    waves = [row(f"wave {one['wave']}", one) for one in of["waves"]] if of["texts"] else []
    return {"rows": [whole, *waves]}


def draw_regret(
    compared: Mapping[str, Any],
    budget: str,
    colours: Mapping[str, str],
    top: float | None = None,
) -> dict[str, Any] | None:
    """Return each strategy's regret against what it has spent, with a band over seeds.

    What is above the `top` is not shown.
    """
    curves = [curve for curve in compared["anytime"]["curves"] if curve["budget"] == budget]
    if not curves:
        return None
    best = compared["anytime"]["best_known"]["loss"]
    unit = f"regret, {compared['loss_unit']}"
    names = [curve["strategy"] for curve in curves]
    scale = alt.Scale(domain=[0, top], nice=False) if top else alt.Scale()
    shown = Shown("regret", unit, best, scale, cuts=bool(top))
    over_time = _over_time(curves, shown, BUDGETS[budget], colours, names)
    return finish(over_time, HEIGHT)


def draw_tested(compared: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any] | None:
    """Return each strategy's test loss against candidates, with a band over seeds."""
    curves = compared["tested_over_time"]
    if not curves:
        return None
    unit = f"test loss, {compared['loss_unit']}"
    shown = [curve for curve in curves if curve["x"]]
    single = [
        {"strategy": curve["strategy"], "seed": of["seed"], "x": x, "loss": rounded(loss)}
        for curve in curves
        for of in curve["searches"]
        for x, loss in zip(of["x"], of["loss"], strict=True)
    ]
    names = [curve["strategy"] for curve in curves]
    base = alt.Chart(inline(single)).encode(x=alt.X("x:Q"), y=alt.Y("loss:Q"))
    line = base.mark_line(strokeWidth=1.2, opacity=0.35, interpolate="step-after")
    faint = line.encode(color=colour(colours, names), detail="seed:N")
    means = _over_time(
        shown,
        Shown("loss", unit, 0.0, alt.Scale(zero=False)),
        BUDGETS["evaluations"],
        colours,
        names,
    )
    return finish(faint + means, HEIGHT)


@dataclass(frozen=True)
class Shown:
    """What curves over time show: its name, the title of its axis, what it is more than, and its scale.

    `cuts`: whether the scale leaves some of it out.
    """

    name: str
    title: str
    least: float
    scale: alt.Scale
    cuts: bool = False


def _over_time(
    curves: Sequence[Mapping[str, Any]],
    what: Shown,
    words: str,
    colours: Mapping[str, str],
    names: Sequence[str],
) -> alt.LayerChart:
    """Return curves as steps with bands."""
    name = what.name
    rows = [row for curve in curves for row in _points(curve, name, what.least)]
    x = alt.X("x:Q", title=words, scale=alt.Scale(nice=False))
    y = alt.Y(f"{name}:Q", title=what.title, scale=what.scale)
    tips = [
        alt.Tooltip("strategy:N"),
        alt.Tooltip("x:Q", title=words, format=",.4~g"),
        alt.Tooltip(f"{name}:Q", format=".3~g"),
        alt.Tooltip("searches:Q", title="n"),
    ]
    base = alt.Chart(inline(rows)).encode(x=x, color=colour(colours, names))
    banded = base.transform_filter("isValid(datum.low)")
    clip = what.cuts or alt.Undefined  # not where it cuts nothing: Vega numbers all clips on
    band = banded.mark_area(opacity=0.15, interpolate="step-after", clip=clip).encode(
        y="low:Q", y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.2, interpolate="step-after", clip=clip).encode(
        y=y, tooltip=tips
    )
    return band + line


def _points(curve: Mapping[str, Any], name: str, least: float) -> list[Row]:
    rows = []
    for i, x in enumerate(curve["x"]):
        row: Row = {"strategy": curve["strategy"], "searches": curve["n"], "x": rounded(x)}
        row[name] = rounded(curve["mean"][i] - least)
        if "low" in curve:
            row |= {end: rounded(curve[end][i] - least) for end in ("low", "high")}
        rows.append(row)
    return rows


def draw_surfaces(compared: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any] | None:
    """Return each strategy's median attainment surface of loss against parameters, as steps."""
    volumes = compared["size_against_loss"]
    if volumes is None:
        return None
    rows = [
        {"strategy": row["strategy"], "loss": rounded(loss), "parameters": size}
        for row in volumes["rows"]
        for loss, size in sorted(row["surface"], key=lambda point: point[1])
    ]
    if not rows:
        return None
    x = alt.X("parameters:Q", title="parameters of the cell", scale=alt.Scale(zero=False))
    unit = f"validation loss, {compared['loss_unit']}"
    y = alt.Y("loss:Q", title=unit, scale=alt.Scale(zero=False))
    names = [row["strategy"] for row in volumes["rows"] if row["surface"]]
    tips = ["strategy:N", alt.Tooltip("parameters:Q", format=","), "loss:Q"]
    base = alt.Chart(inline(rows)).encode(x=x, y=y, color=colour(colours, names))
    line = base.mark_line(interpolate="step-after", strokeWidth=2)
    return finish(line + base.mark_point(filled=True, size=42).encode(tooltip=tips), HEIGHT)


def draw_early_epochs(epochs: Sequence[Row]) -> dict[str, Any] | None:
    """Return the rank correlation of each epoch's loss with the final one, with its interval."""
    rows = [
        {"epoch": row["epoch"], "n": row["n"]}
        | {end: rounded(row[end]) for end in ("correlation", "low", "high") if row[end] is not None}
        for row in epochs
        if row["correlation"] is not None
    ]
    if len(rows) < 2:
        return None
    first, last = rows[0]["epoch"], rows[-1]["epoch"]
    step = math.ceil((last - first + 1) / MOST_TICKS)
    ticks = alt.Axis(values=list(range(first, last + 1, step)), format="d")
    x = alt.X("epoch:Q", scale=alt.Scale(nice=False), axis=ticks)
    y = alt.Y("correlation:Q", title="Spearman's correlation with the fitness")
    base = alt.Chart(inline(rows)).encode(x=x)
    band = base.mark_area(opacity=0.18, color="#868d97").encode(y="low:Q", y2="high:Q")
    tips = ["epoch:Q", alt.Tooltip("correlation:Q", format=".2f"), "n:Q"]
    line = base.mark_line(
        color="#868d97", strokeWidth=2.2, point=alt.OverlayMarkDef(color="#868d97")
    )
    return finish(band + line.encode(y=y, tooltip=tips), HEIGHT)


# --- over all tasks -------------------------------------------------------------------------------


def describe_over_tasks(
    over: Mapping[str, Any], colours: Mapping[str, str], specs: dict[str, Any]
) -> Row | None:
    """Return what the page says of all tasks together, None where one alone can be compared.

    Its chart, if it has one, is added to `specs`.
    """
    if len(over["tasks"]) < 2 or not over["rows"]:
        return None
    diagram = draw_ranks(over["ranks"], colours)
    if diagram is not None:
        specs["ranks"] = diagram
    rows = [{**row, "colour": colours[row["strategy"]]} for row in over["rows"]]
    return {**over, "rows": rows}


def draw_ranks(ranks: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the critical-difference diagram of Demšar 2006, None where ranks were not compared.

    A bar joins strategies whose mean ranks are closer than the critical difference.
    """
    if "why_not" in ranks:
        return None
    dots = [{"strategy": name, "rank": rank, "row": name} for name, rank in ranks["ranks"].items()]
    dots.sort(key=lambda dot: dot["rank"])
    groups = alike(ranks["ranks"], ranks["critical_difference"])
    bars = [
        {"row": f"group {i + 1}", "low": low, "high": high} for i, (low, high) in enumerate(groups)
    ]
    order = [*(dot["row"] for dot in dots), *(bar["row"] for bar in bars)]
    x = alt.X("rank:Q", title="mean rank over tasks, 1 is the best", scale=alt.Scale(zero=False))
    labels = alt.Axis(labelExpr="indexof(datum.label, 'group ') == 0 ? '' : datum.label")
    y = alt.Y("row:N", sort=order, title=None, axis=labels)
    names = [dot["strategy"] for dot in dots]
    mark = alt.Chart(inline(dots)).mark_point(filled=True, size=110, opacity=1)
    tips = ["strategy:N", alt.Tooltip("rank:Q", format=".2f")]
    bar = alt.Chart(inline(bars)).mark_rule(strokeWidth=5, opacity=0.7)
    joined = bar.encode(x=alt.X("low:Q"), x2="high:Q", y=y)
    return finish(mark.encode(x=x, y=y, color=colour(colours, names), tooltip=tips) + joined, None)


def alike(ranks: Mapping[str, float], difference: float) -> list[tuple[float, float]]:
    """Return the ranks between which the largest groups lie that Nemenyi's test does not part."""
    ordered = sorted(ranks.values())
    groups: list[tuple[float, float]] = []
    for low in ordered:
        high = max(rank for rank in ordered if rank - low < difference)
        if high > low and not any(high <= reached for _, reached in groups):
            groups.append((low, high))
    return groups
