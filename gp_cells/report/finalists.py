"""Charts of a task's finalists: compared, by learning rate, by size.

A chart is a Vega-Lite dict with its data inside. Colours come from the page, which knows whether it is
dark. Values are rounded to five digits; what was not measured is left out, never drawn as zero. Where
there are many finalists only the leading ones are named, and any other when it is picked.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import altair as alt

from gp_cells.compare.summary import short_id
from gp_cells.report.encoding import (
    colour_of,
    drawn_candidates,
    emphasise,
    finish,
    hover,
    inline,
    is_finite,
    loss_axis,
    pad,
    place_names,
    rounded,
    title,
    write_names,
    zoom,
)
from gp_cells.report.evidence import MOST_NAMED, Evidence, Row
from gp_cells.report.layout import spread

SPLITS = ("validation", "test")
MOST_RATES = 10  # that an axis names one by one


def compare_finalists(evidence: Evidence) -> dict[str, Any]:
    """Return each finalist's mean and range over seeds, on both splits; a row a strategy that searched."""
    dots = [dot for name, rows in _chart_rows(evidence) for dot in _dots(name, rows, evidence)]
    y = alt.Y("row:N", sort=list(dict.fromkeys(dot["row"] for dot in dots)), title=None)
    lane = alt.YOffset("lane:Q", scale=alt.Scale(domain=[0, 1]))
    x, colour = loss_axis("loss", evidence), colour_of(evidence, sign=None)
    shape = alt.Shape(
        "split:N",
        sort=SPLITS,
        scale=alt.Scale(domain=SPLITS, range=["circle", "diamond"]),
        legend=alt.Legend(title=None, orient="top"),
    )
    tips = hover("cell:N", "id:N", "split:N", "loss:Q", "low:Q", "high:Q", "seeds:Q")
    base = alt.Chart(inline(dots)).encode(y=y, yOffset=lane, color=colour, tooltip=tips)
    ranges = base.mark_rule(strokeWidth=1.4).encode(
        x=alt.X("low:Q", title=f"loss, {evidence.unit}"), x2="high:Q", opacity=emphasise(0.45)
    )
    points = base.mark_point(filled=True, size=64).encode(
        x=x, shape=shape, opacity=emphasise(0.95, others=0.15)
    )
    means = alt.Chart(inline(_means(dots))).mark_tick(thickness=2, size=15)
    tips_of_mean = hover("row:N", "split:N", "loss:Q", "cells:Q")
    average = means.encode(y=y, yOffset=lane, x=x, tooltip=tips_of_mean)
    return finish(alt.layer(ranges, average, points, *_references(evidence)), None)


def _chart_rows(evidence: Evidence) -> list[tuple[str, list[Row]]]:
    """Return the rows of the chart, the best first: a designed cell, or all that a strategy found."""
    groups: dict[str, list[Row]] = {}
    for row in evidence.designed:
        groups[row["label"]] = [row]
    for row in evidence.evolved:
        groups.setdefault(f"\0{row['strategy']}", []).append(row)  # a cell may have this name too
    named = [
        (rows[0]["label"] if len(rows) == 1 else f"{rows[0]['strategy']}, {len(rows)} cells", rows)
        for rows in groups.values()
    ]
    return sorted(named, key=lambda entry: statistics.fmean(r["valid_mean"] for r in entry[1]))


def _dots(name: str, rows: Sequence[Row], evidence: Evidence) -> list[Row]:
    """Return a row's finalists, each split in its own half of the row, one below the other."""
    dots = []
    for half, split in enumerate(SPLITS):
        for i, row in enumerate(rows):
            losses = [evidence.loss(trial, split) for trial in evidence.replicates(row)]
            known = [loss for loss in losses if is_finite(loss)]
            if known:
                within = (i + 0.5) / len(rows) if len(rows) > 1 else 0.5
                dots.append(
                    {
                        **{key: row[key] for key in ("strategy", "run")},
                        **{"row": name, "cell": row["label"], "split": split, "seeds": len(known)},
                        "id": short_id(row["trial_id"]),
                        "lane": round(0.06 + 0.44 * half + 0.4 * within, 3),
                        "loss": rounded(statistics.fmean(known)),
                        "low": rounded(min(known)),
                        "high": rounded(max(known)),
                    }
                )
    return dots


def _means(dots: Sequence[Row]) -> list[Row]:
    """Return the means of the rows that have several cells."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for dot in dots:
        groups.setdefault((dot["row"], dot["split"]), []).append(dot)
    return [
        {"row": row, "split": split, "cells": len(of), "lane": 0.26 + 0.44 * (split == "test")}
        | {"loss": rounded(statistics.fmean(dot["loss"] for dot in of))}
        for (row, split), of in groups.items()
        if len(of) > 1
    ]


def references_beyond(evidence: Evidence) -> list[str]:
    """Return the reference predictors that are too far off to be drawn beside the finalists."""
    trials = [trial for row in evidence.rows for trial in evidence.replicates(row)]
    losses = [trial["fitness"] for trial in trials if trial["fitness"] is not None]
    furthest = max(losses) + 0.8 * (max(losses) - min(losses)) if losses else 0.0
    return [name for name, loss in evidence.references.items() if loss > furthest]


def _references(evidence: Evidence) -> list[alt.Chart]:
    beyond = references_beyond(evidence)
    rows = [
        {"name": name.replace("_", " "), "loss": rounded(loss)}
        for name, loss in evidence.references.items()
        if name not in beyond
    ]
    if not rows:
        return []
    base = alt.Chart(inline(rows)).encode(x="loss:Q", tooltip=hover("name:N", "loss:Q"))
    text = base.mark_text(align="right", dx=-5, baseline="top", fontStyle="italic")
    return [base.mark_rule(strokeDash=[4, 3]), text.encode(y=alt.value(2), text="name:N")]


def draw_rates(evidence: Evidence) -> dict[str, Any]:
    """Return each finalist's loss at every learning rate it was trained with."""
    dots, lines, ends = [], [], []
    for row in evidence.rows:
        by_rate: dict[float, list[float]] = {}
        for trial in evidence.replicates(row, chosen=False):
            if trial["fitness"] is not None:
                by_rate.setdefault(trial["learning_rate"], []).append(trial["fitness"])
        shared = _named(row, evidence)
        own = [
            {**shared, "rate": rate, "loss": rounded(statistics.fmean(losses)), "n": len(losses)}
            for rate, losses in sorted(by_rate.items())
        ]
        dots += [{**shared, "rate": r, "loss": rounded(v)} for r, vs in by_rate.items() for v in vs]
        lines += own
        ends += own[-1:]
    values = [line["loss"] for line in lines] + [dot["loss"] for dot in dots]
    domain = pad(values)
    rates = sorted({line["rate"] for line in lines})
    scale = alt.Scale(type="log", nice=False, domain=_around(rates))
    marked = rates if len(rates) <= MOST_RATES else alt.Undefined
    axis = alt.Axis(values=marked, format="~g", grid=False)
    x = alt.X("rate:Q", title="learning rate (log)", scale=scale, axis=axis)
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence, "stroke")
    tips = hover("cell:N", "id:N", "rate:Q", "loss:Q", "n:Q")
    base = alt.Chart(inline(lines)).encode(x=x, y=y, color=colour, detail="cell:N", tooltip=tips)
    drawn = base.mark_line(strokeWidth=2).encode(opacity=emphasise(0.3, named=0.95))
    means = base.mark_circle(size=36).encode(opacity=emphasise(0.3, named=0.95))
    single = alt.Chart(inline(dots)).mark_circle(size=16)
    faint = emphasise(0.4 if len(evidence.rows) <= MOST_NAMED else 0.0, picked=0.7, others=0.0)
    placed = place_names(ends, "rate", domain, 300)
    return finish(
        single.encode(x=x, y=y, color=colour, opacity=faint)
        + drawn
        + means
        + write_names(placed, "rate"),
        300,
    )


def _named(row: Row, evidence: Evidence) -> Row:
    """Return whose mark it is, and whether its name is written unasked."""
    label = row["label"]
    named = {"cell": label, "strategy": row["strategy"], "named": label in evidence.leading}
    return {**named, "id": short_id(row["trial_id"])}


def _around(rates: Sequence[float]) -> list[float]:
    """Return a logarithmic domain with a little room on the left of the smallest rate."""
    if not rates:
        return [0.001, 0.01]
    room = (rates[-1] / rates[0]) ** 0.08 if rates[-1] > rates[0] else 2.0
    return [rates[0] / room, rates[-1]]


def draw_sizes(evidence: Evidence) -> dict[str, Any]:
    """Return loss against parameters: the search's candidates faint, finalists strong."""
    sizes = {row["architecture_id"]: row["parameters"] for row in evidence.tables["architectures"]}
    faint = [
        {key: c[key] for key in ("run", "candidate")}
        | {"strategy": evidence.strategy_of[c["run"]], "parameters": sizes[c["architecture_id"]]}
        | {"loss": rounded(c["fitness"]), "id": short_id(c["trial_id"])}
        for c in drawn_candidates(evidence)
    ]
    strong = [
        {**_named(row, evidence), "parameters": row["parameters"]}
        | {"loss": rounded(row["valid_mean"])}
        for row in evidence.rows
        if row["valid_mean"] is not None and row["parameters"] is not None
    ]
    domain = zoom([row["loss"] for row in strong], [row["loss"] for row in faint])
    x = alt.X("parameters:Q", title="parameters of the cell", scale=alt.Scale(zero=False))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence)
    tips = hover("strategy:N", "candidate:N", "id:N", "parameters:Q", "loss:Q")
    points = alt.Chart(inline(faint)).mark_circle(size=28, clip=True)
    crowd = points.encode(
        x=x, y=y, color=colour, tooltip=tips, opacity=emphasise(0.22, others=0.08)
    )
    tips_of_named = hover("cell:N", "id:N", "parameters:Q", "loss:Q")
    named = alt.Chart(inline(strong)).mark_point(filled=True, size=80)
    mark = named.encode(
        x=x,
        y=y,
        color=colour,
        tooltip=tips_of_named,
        opacity=emphasise(0.6, named=1.0, others=0.15),
    )
    names = alt.Chart(inline(_beside(strong, domain, 300)))
    label = names.mark_text(align="left", dx=8, fontSize=11).encode(
        x=x, y=y, text="cell:N", opacity=emphasise(0.0, named=1.0, others=0.12)
    )
    return finish(crowd + mark + label, 300)


def _beside(strong: Sequence[Row], domain: Sequence[float], height: float) -> list[Row]:
    """Return where to write the names of dots: beside them, or above each other in a crowd."""
    letter = 12.5 / height * (domain[1] - domain[0])
    sizes = [row["parameters"] for row in strong]
    reach = 0.16 * (max(sizes, default=0) - min(sizes, default=0))
    crowds: list[list[Row]] = []
    for row in sorted(strong, key=lambda row: row["parameters"]):
        if not row["named"]:
            continue
        if crowds and row["parameters"] - crowds[-1][0]["parameters"] <= reach:
            crowds[-1].append(row)
        else:
            crowds.append([row])
    placed = [row for row in strong if not row["named"]]
    for crowd in crowds:
        crowd.sort(key=lambda row: row["loss"])
        heights = spread([row["loss"] for row in crowd], [letter] * (len(crowd) - 1))
        placed += [{**row, "loss": rounded(y)} for row, y in zip(crowd, heights, strict=True)]
    return placed
