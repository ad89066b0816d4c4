"""Charts of a task as Vega-Lite dicts with their data inside.

Colours of text, axes and ground come from the page, which knows whether it is dark. Values are
rounded to five digits; what was not measured is left out, never drawn as zero.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from gp_cells.report.encoding import (
    colour_of,
    finish,
    finite,
    hover,
    inline,
    is_finite,
    loss_axis,
    make_room,
    pad,
    place_names,
    rounded,
    thin,
    title,
    write_names,
    zoom,
)
from gp_cells.report.evidence import Evidence, Row, searching
from gp_cells.report.layout import spread

RESAMPLES = 2000  # of the bootstrap
STATUS_COLOURS = {
    "diverged": "#b8473d",
    "timeout": "#c98a1b",
    "out_of_memory": "#8a5a9e",
    "invalid": "#5c6670",
    "stopped_early": "#7f9db9",
}


def compare_finalists(evidence: Evidence) -> dict[str, Any]:
    """Return every replicate of every finalist at its chosen rate, validation and test."""
    dots, means = [], []
    for row in evidence.rows:
        trials = evidence.replicates(row)
        for split in ("validation", "test"):
            losses = {t["seed"]: evidence.loss(t, split) for t in trials}
            known = {seed: loss for seed, loss in losses.items() if is_finite(loss)}
            shared = {"cell": row["label"], "strategy": row["strategy"], "split": split}
            dots += [{**shared, "loss": rounded(loss), "seed": s} for s, loss in known.items()]
            if known:
                means.append({**shared, "loss": rounded(statistics.fmean(known.values()))})
    y = alt.Y("cell:N", sort=[row["label"] for row in evidence.rows], title=None)
    offset = alt.YOffset("split:N", sort=["validation", "test"])
    x = loss_axis("loss", evidence)
    colour = colour_of(evidence, legend=False)
    shape = alt.Shape(
        "split:N",
        sort=["validation", "test"],
        scale=alt.Scale(domain=["validation", "test"], range=["circle", "diamond"]),
        legend=alt.Legend(title=None, orient="top"),
    )
    tips = hover("cell:N", "strategy:N", "split:N", "seed:N", "loss:Q")
    base = alt.Chart(inline(dots)).mark_point(filled=True, size=62, opacity=0.75)
    points = base.encode(y=y, yOffset=offset, x=x, color=colour, shape=shape, tooltip=tips)
    tick = alt.Chart(inline(means)).mark_tick(thickness=2.4, size=13)
    average = tick.encode(y=y, yOffset=offset, x=x, color=colour, tooltip=hover("cell:N", "loss:Q"))
    return finish(points + average + _references(evidence), None)


def references_beyond(evidence: Evidence) -> list[str]:
    """Return the reference predictors that are too far off to be drawn beside the finalists."""
    trials = [trial for row in evidence.rows for trial in evidence.replicates(row)]
    losses = [trial["fitness"] for trial in trials if trial["fitness"] is not None]
    furthest = max(losses) + 0.8 * (max(losses) - min(losses)) if losses else 0.0
    return [name for name, loss in evidence.references.items() if loss > furthest]


def _references(evidence: Evidence) -> alt.LayerChart:
    beyond = references_beyond(evidence)
    rows = [
        {"name": name.replace("_", " "), "loss": rounded(loss)}
        for name, loss in evidence.references.items()
        if name not in beyond
    ]
    base = alt.Chart(inline(rows)).encode(x="loss:Q", tooltip=hover("name:N", "loss:Q"))
    text = base.mark_text(align="right", dx=-5, baseline="top", fontStyle="italic")
    return base.mark_rule(strokeDash=[4, 3]) + text.encode(y=alt.value(2), text="name:N")


def draw_search(evidence: Evidence) -> dict[str, Any] | None:
    """Return the best fitness so far against evaluations, a line a strategy with a band over seeds."""
    names = searching(evidence)
    lines: list[Row] = []
    dots: list[Row] = []
    for strategy in names:
        runs = [_by_evaluation(evidence, run) for run in names[strategy]]
        dots += [
            {"strategy": strategy, "evaluation": i + 1, "loss": rounded(c["fitness"])}
            | {"operator": c["operator"], "formulas": evidence.genomes[c["architecture_id"]]}
            for run in runs
            for i, c in enumerate(run)
            if is_finite(c["fitness"])
        ]
        lines += _band(strategy, [[c["best_so_far"] for c in run] for run in runs])
    if not lines:
        return None
    rule = _best_designed(evidence)
    domain = zoom([row["loss"] for row in [*lines, *rule]], [dot["loss"] for dot in dots])
    x = alt.X("evaluation:Q", title="candidates trained", axis=alt.Axis(tickMinStep=1))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence, only=list(names))
    points = alt.Chart(inline(thin(dots, "loss"))).mark_circle(size=20, opacity=0.3, clip=True)
    tips = hover("strategy:N", "operator:N", "loss:Q", "formulas:N")
    layers = [points.encode(x=x, y=y, color=colour, tooltip=tips)]
    band = alt.Chart(inline([line for line in lines if "low" in line]))
    band = band.mark_area(opacity=0.18, clip=True, interpolate="step-after")
    layers.append(band.encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour))
    line = alt.Chart(inline(lines)).mark_line(strokeWidth=2.4, clip=True, interpolate="step-after")
    layers.append(line.encode(x=x, y=y, color=colour))
    chart = alt.layer(*layers, _named_rule(rule))
    return finish(chart, 300)


def _best_designed(evidence: Evidence) -> list[Row]:
    """Return the best hand-designed cell as the search would have seen it, by one trial."""
    fitness = {
        (t["run"], t["architecture_id"]): t["fitness"]
        for t in evidence.tables["trials"]
        if t["role"] == "search" and t["fitness"] is not None
    }
    known = [
        (fitness[row["run"], row["architecture_id"]], row["label"])
        for row in evidence.designed
        if (row["run"], row["architecture_id"]) in fitness
    ]
    return [{"loss": rounded(loss), "name": f"{name}, one trial"} for loss, name in sorted(known)][
        :1
    ]


def _named_rule(rows: Sequence[Row]) -> alt.LayerChart:
    base = alt.Chart(inline(rows)).encode(y="loss:Q")
    text = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, fontStyle="italic")
    return base.mark_rule(strokeDash=[4, 3]) + text.encode(x=alt.value("width"), text="name:N")


def _by_evaluation(evidence: Evidence, run: str) -> list[Row]:
    own = [c for c in evidence.tables["candidates"] if c["run"] == run]
    return sorted(own, key=lambda c: (c["wave"], c["slot"]))


def _band(strategy: str, runs: Sequence[Sequence[float | None]]) -> list[Row]:
    """Return the mean over seeds at each evaluation, with a band if there is more than one.

    The band is the 95 % bootstrap interval of the mean with three seeds or more, else the range.
    """
    rows = []
    for i, at in enumerate(zip(*runs, strict=False)):
        losses = [loss for loss in at if loss is not None]
        if len(losses) < len(at):
            continue  # a seed has not had a success yet, so a mean would be of fewer seeds
        row: Row = {"strategy": strategy, "evaluation": i + 1}
        row["loss"] = rounded(statistics.fmean(losses))
        if len(losses) > 1:
            low, high = bootstrap(losses) if len(losses) > 2 else (min(losses), max(losses))
            row |= {"low": rounded(low), "high": rounded(high)}
        rows.append(row)
    return rows


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, always from the same resamples."""
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(np.asarray(values)[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def draw_curves(evidence: Evidence) -> dict[str, Any]:
    """Return validation loss by epoch: search trials faint, finalists' means over seeds strong."""
    searched = [trial for trial in evidence.tables["trials"] if trial["role"] == "search"]
    faint = [
        {"cell": i, "strategy": evidence.strategy_of[t["run"]]}
        | {"losses": [rounded(v) for v in finite(evidence.curves.get(t["trial_id"], []))]}
        for i, t in enumerate(thin(searched, "fitness"))
    ]
    strong = _mean_curves(evidence)
    early = [s["losses"][min(len(s["losses"]) // 4, len(s["losses"]) - 1)] for s in strong]
    last = [s["losses"][-1] for s in strong]
    low = min((min(s["losses"]) for s in strong), default=0.0)
    top = max([*early, *last], default=1.0)
    domain = [rounded(low - 0.04 * (top - low)), rounded(top + 0.02 * (top - low))]
    ends = place_names(strong, [len(s["losses"]) for s in strong], last, "epoch", domain, 340)
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence)
    crowd = _lines(faint).mark_line(
        clip=True, strokeWidth=1, opacity=0.16 if len(faint) < 80 else 0.07
    )
    lines = _lines(strong).mark_line(clip=True, strokeWidth=2.2, opacity=0.95)
    tips = hover("cell:N", "strategy:N", "epoch:Q", "loss:Q")
    chart = alt.layer(
        crowd.encode(x=x, y=y, color=colour, detail="cell:N"),
        lines.encode(x=x, y=y, color=colour, detail="cell:N", tooltip=tips),
        write_names(ends, "epoch", colour),
    )
    return finish(chart, 340, make_room(row["cell"] for row in ends))


def _mean_curves(evidence: Evidence) -> list[Row]:
    """Return each finalist's mean curve over the seeds of its chosen rate, the best last."""
    rows = []
    for row in reversed(evidence.rows):
        curves = [finite(evidence.curves.get(t["trial_id"], [])) for t in evidence.replicates(row)]
        mean = [rounded(statistics.fmean(at)) for at in zip(*curves, strict=False)]
        if mean:
            rows.append({"cell": row["label"], "strategy": row["strategy"], "losses": mean})
    return rows


def _lines(rows: Sequence[Row]) -> alt.Chart:
    """Return a chart of lists of losses, one row a trial, unfolded by the browser."""
    unfolded = alt.Chart(inline(rows)).transform_flatten(["losses"], as_=["loss"])
    return unfolded.transform_window(epoch="row_number()", groupby=["cell", "strategy"])


def draw_rates(evidence: Evidence) -> dict[str, Any]:
    """Return each finalist's loss at every learning rate it was trained with."""
    dots, lines, ends = [], [], []
    for row in evidence.rows:
        by_rate: dict[float, list[float]] = {}
        for trial in evidence.replicates(row, chosen=False):
            if trial["fitness"] is not None:
                by_rate.setdefault(trial["learning_rate"], []).append(trial["fitness"])
        shared = {"cell": row["label"], "strategy": row["strategy"]}
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
    axis = alt.Axis(values=rates, format="~g", grid=False)
    x = alt.X("rate:Q", title="learning rate (log)", scale=scale, axis=axis)
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence)
    line = alt.Chart(inline(lines)).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=36))
    tips = hover("cell:N", "rate:Q", "loss:Q", "n:Q")
    drawn = line.encode(x=x, y=y, color=colour, detail="cell:N", tooltip=tips)
    single = (
        alt.Chart(inline(dots)).mark_circle(size=16, opacity=0.4).encode(x=x, y=y, color=colour)
    )
    placed = place_names(
        ends, [e["rate"] for e in ends], [e["loss"] for e in ends], "rate", domain, 300
    )
    return finish(
        single + drawn + write_names(placed, "rate", colour),
        300,
        make_room(row["cell"] for row in ends),
    )


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
        {"strategy": evidence.strategy_of[c["run"]], "parameters": sizes[c["architecture_id"]]}
        | {"loss": rounded(c["fitness"]), "formulas": evidence.genomes[c["architecture_id"]]}
        for c in evidence.tables["candidates"]
        if is_finite(c["fitness"])
    ]
    strong = [
        {"cell": row["label"], "strategy": row["strategy"], "parameters": row["parameters"]}
        | {"loss": rounded(row["valid_mean"])}
        for row in evidence.rows
        if row["valid_mean"] is not None
    ]
    domain = zoom([row["loss"] for row in strong], [row["loss"] for row in faint])
    x = alt.X("parameters:Q", title="parameters of the cell", scale=alt.Scale(zero=False))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence)
    tips = hover("strategy:N", "parameters:Q", "loss:Q", "formulas:N")
    points = alt.Chart(inline(thin(faint, "loss"))).mark_circle(size=28, opacity=0.25, clip=True)
    named = alt.Chart(inline(strong)).encode(x=x, y=y, color=colour)
    names = alt.Chart(inline(_beside(strong, domain, 300))).encode(x=x, y=y, color=colour)
    label = names.mark_text(align="left", dx=8, fontSize=11).encode(text="cell:N")
    tips_of_named = hover("cell:N", "parameters:Q", "loss:Q")
    mark = named.mark_point(filled=True, size=90, opacity=1).encode(tooltip=tips_of_named)
    chart = points.encode(x=x, y=y, color=colour, tooltip=tips) + mark + label
    return finish(chart, 300, make_room(row["cell"] for row in strong) // 2)


def _beside(strong: Sequence[Row], domain: Sequence[float], height: float) -> list[Row]:
    """Return where to write the names of dots: beside them, or above each other in a crowd."""
    letter = 12.5 / height * (domain[1] - domain[0])
    sizes = [row["parameters"] for row in strong]
    reach = 0.16 * (max(sizes, default=0) - min(sizes, default=0))
    crowds: list[list[Row]] = []
    for row in sorted(strong, key=lambda row: row["parameters"]):
        if crowds and row["parameters"] - crowds[-1][0]["parameters"] <= reach:
            crowds[-1].append(row)
        else:
            crowds.append([row])
    placed = []
    for crowd in crowds:
        crowd.sort(key=lambda row: row["loss"])
        heights = spread([row["loss"] for row in crowd], [letter] * (len(crowd) - 1))
        placed += [{**row, "loss": rounded(y)} for row, y in zip(crowd, heights, strict=True)]
    return placed


def count_failures(evidence: Evidence) -> dict[str, Any] | None:
    """Return the trials that did not end ok by strategy and status, or None if all did."""
    counts: dict[tuple[str, str], int] = {}
    for trial in evidence.tables["trials"]:
        if trial["status"] != "ok":
            key = (evidence.strategy_of[trial["run"]], trial["status"])
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return None
    rows = [{"strategy": s, "status": t, "trials": n} for (s, t), n in sorted(counts.items())]
    present = [status for status in STATUS_COLOURS if any(r["status"] == status for r in rows)]
    scale = alt.Scale(domain=present, range=[STATUS_COLOURS[status] for status in present])
    bars = alt.Chart(inline(rows)).mark_bar(size=16)
    chart = bars.encode(
        y=alt.Y("strategy:N", title=None),
        x=alt.X("trials:Q", title="trials", axis=alt.Axis(tickMinStep=1, format="d")),
        color=alt.Color("status:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        tooltip=hover("strategy:N", "status:N", "trials:Q"),
    )
    return finish(chart, None)


def draw_times(evidence: Evidence) -> dict[str, Any]:
    """Return the wall time of every trial, a row a strategy, and the medians."""
    trials = [trial for trial in evidence.tables["trials"] if trial["wall_s"]]
    dots = [
        {"strategy": evidence.strategy_of[t["run"]], "seconds": rounded(t["wall_s"])}
        | {"candidate": t["candidate"], "status": t["status"], "scatter": i * 37 % 11}
        for i, t in enumerate(trials)
    ]
    times: dict[str, list[float]] = {}
    for trial in trials:
        times.setdefault(evidence.strategy_of[trial["run"]], []).append(trial["wall_s"])
    middles = [{"strategy": s, "seconds": statistics.median(own)} for s, own in times.items()]
    x = alt.X("seconds:Q", title="wall time of a trial, s (log)", scale=alt.Scale(type="log"))
    y = alt.Y("strategy:N", title=None)
    points = alt.Chart(inline(thin(dots, "seconds"))).mark_circle(size=26, opacity=0.4)
    tips = hover("strategy:N", "candidate:N", "status:N", "seconds:Q")
    colour = colour_of(evidence, legend=False)
    shown = points.encode(x=x, y=y, yOffset="scatter:Q", color=colour, tooltip=tips)
    median = alt.Chart(inline(middles)).mark_tick(thickness=2.5, size=26)
    tips_of_median = hover("strategy:N", "seconds:Q")
    return finish(shown + median.encode(x=x, y=y, tooltip=tips_of_median), None)
