"""Charts of how a task's searches and trainings went: the best so far, and losses by epoch."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import altair as alt

from gp_cells.compare.intervals import FEWEST_FOR_INTERVAL, bootstrap
from gp_cells.compare.summary import short_id
from gp_cells.report.encoding import (
    colour_of,
    drawn_candidates,
    emphasise,
    finish,
    finite,
    hover,
    inline,
    is_finite,
    place_names,
    rounded,
    thin,
    title,
    write_names,
    zoom,
)
from gp_cells.report.evidence import Evidence, Row, own_candidate

MOST_CURVES = 150  # of the search's trials, drawn behind the finalists'


def draw_search(evidence: Evidence) -> dict[str, Any] | None:
    """Return the best fitness so far against evaluations: each run, a strategy's mean, and its band."""
    names = evidence.searching
    lines: list[Row] = []
    single: list[Row] = []
    for strategy in names:
        runs = [evidence.candidates[run] for run in names[strategy]]
        single += [row for run in runs for row in _steps(run, strategy)]
        lines += _band(strategy, [[c["best_so_far"] for c in run] for run in runs])
    if not lines:
        return None
    of = evidence.strategy_of
    dots = [_dot(c, evidence) for c in drawn_candidates(evidence) if of[c["run"]] in names]
    rules = _designed_once(evidence)
    known = [row["loss"] for row in [*lines, *single] if is_finite(row["loss"])]
    marked = [row["loss"] for row in rules if row["named"]]
    domain = zoom([*known, *marked], [dot["loss"] for dot in dots])
    scale = alt.Scale(nice=False)
    x = alt.X("evaluation:Q", title="candidates trained", scale=scale, axis=alt.Axis(tickMinStep=1))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence, "stroke", list(names))
    points = alt.Chart(inline(dots)).mark_circle(size=20, clip=True)
    tips = hover("strategy:N", "candidate:N", "id:N", "operator:N", "loss:Q")
    seen = emphasise(0.25, field="run", picked=0.6, others=0.05)
    layers = [points.encode(x=x, y=y, color=colour, tooltip=tips, opacity=seen)]
    if any(len(runs) > 1 for runs in names.values()):
        band = alt.Chart(inline(line for line in lines if "low" in line))
        area = band.mark_area(clip=True, interpolate="step-after")
        shade = emphasise(0.16, field="strategy", picked=0.16, others=0.04)
        layers.append(area.encode(x=x, y="low:Q", y2="high:Q", color=colour, opacity=shade))
        run = alt.Chart(inline(single)).mark_line(
            strokeWidth=1.4, clip=True, interpolate="step-after"
        )
        faint = emphasise(0.3, field="run", others=0.05)
        layers.append(run.encode(x=x, y=y, color=colour, detail="run:N", opacity=faint))
    line = alt.Chart(inline(lines)).mark_line(strokeWidth=2.6, clip=True, interpolate="step-after")
    strong = emphasise(1.0, field="strategy", picked=0.8, others=0.15)
    layers.append(line.encode(x=x, y=y, color=colour, opacity=strong))
    return finish(alt.layer(*layers, _where_found(evidence, x, y, colour), _rules(rules)), 300)


def _dot(candidate: Row, evidence: Evidence) -> Row:
    run = candidate["run"]
    return {
        **{key: candidate[key] for key in ("run", "candidate", "operator")},
        "strategy": evidence.strategy_of[run],
        "evaluation": evidence.candidates[run].index(candidate) + 1,
        "loss": rounded(candidate["fitness"]),
        "id": short_id(candidate["trial_id"]),
    }


def _steps(run: Sequence[Row], strategy: str) -> list[Row]:
    """Return where a run's best so far changes, and its end."""
    best = [candidate["best_so_far"] for candidate in run]
    kept = [i for i, loss in enumerate(best) if i == len(best) - 1 or i == 0 or loss != best[i - 1]]
    return [
        {"strategy": strategy, "run": run[i]["run"], "evaluation": i + 1, "loss": rounded(best[i])}
        for i in kept
        if is_finite(best[i])
    ]


def _where_found(evidence: Evidence, x: alt.X, y: alt.Y, colour: alt.Color) -> alt.Chart:
    """Return a mark at the candidate that each finalist was, seen when it is picked."""
    found = []
    for row in evidence.evolved:
        own = own_candidate(evidence, row)
        if own is not None:
            found.append(
                {**_dot(own, evidence), "cell": row["label"], "id": short_id(row["trial_id"])}
            )
    marks = alt.Chart(inline(found)).mark_point(size=150, filled=True, shape="diamond", clip=True)
    tips = hover("cell:N", "id:N", "candidate:N", "operator:N", "loss:Q")
    seen = emphasise(0.0, others=0.0)
    return marks.encode(x=x, y=y, color=colour, tooltip=tips, opacity=seen)


def _designed_once(evidence: Evidence) -> list[Row]:
    """Return the hand-designed cells as the search would have seen them, by one trial each."""
    fitness = {
        (t["run"], t["architecture_id"]): t["fitness"]
        for t in evidence.tables["trials"]
        if t["role"] == "search" and t["fitness"] is not None
    }
    known = sorted(
        (fitness[row["run"], row["architecture_id"]], row["label"])
        for row in evidence.designed
        if (row["run"], row["architecture_id"]) in fitness
    )
    return [
        {"cell": name, "loss": rounded(loss), "name": f"{name}, one trial", "named": i == 0}
        for i, (loss, name) in enumerate(known)
    ]


def _rules(rows: Sequence[Row]) -> alt.LayerChart:
    seen = emphasise(0.0, named=1.0, others=0.0)
    base = alt.Chart(inline(rows)).encode(y="loss:Q", opacity=seen)
    text = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, fontStyle="italic")
    rule = base.mark_rule(strokeDash=[4, 3], clip=True)
    return rule + text.encode(x=alt.value("width"), text="name:N")


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
            few = len(losses) < FEWEST_FOR_INTERVAL
            low, high = (min(losses), max(losses)) if few else bootstrap(losses)
            row |= {"low": rounded(low), "high": rounded(high)}
        rows.append(row)
    return rows


def draw_curves(evidence: Evidence) -> dict[str, Any]:
    """Return validation loss by epoch: search trials faint, finalists' means over seeds strong."""
    searched = [trial for trial in evidence.tables["trials"] if trial["role"] == "search"]
    faint = [
        {"trial": f"{t['run']}/{t['candidate']}", "strategy": evidence.strategy_of[t["run"]]}
        | _own_curve(t, evidence)
        for t in thin(searched, "fitness", MOST_CURVES)
    ]
    strong = _mean_curves(evidence)
    early = [s["losses"][min(len(s["losses"]) // 4, len(s["losses"]) - 1)] for s in strong]
    last = [s["losses"][-1] for s in strong]
    low = min((min(s["losses"]) for s in strong), default=0.0)
    top = max([*early, *last], default=1.0)
    domain = [rounded(low - 0.04 * (top - low)), rounded(top + 0.02 * (top - low))]
    ends = [
        {key: s[key] for key in ("cell", "strategy", "named")}
        | {"epoch": len(s["losses"]), "loss": s["losses"][-1]}
        for s in strong
    ]
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1))
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    colour = colour_of(evidence, "stroke")
    crowd = _lines(faint, "trial").mark_line(clip=True, strokeWidth=1)
    lines = _lines(strong, "cell").mark_line(clip=True, strokeWidth=2.2)
    tips = hover("cell:N", "id:N", "strategy:N", "epoch:Q", "loss:Q")
    dim = emphasise(0.16 if len(faint) < 80 else 0.09, others=0.04)
    clear = emphasise(0.3, named=0.95)
    chart = alt.layer(
        crowd.encode(x=x, y=y, color=colour, detail="trial:N", opacity=dim),
        lines.encode(x=x, y=y, color=colour, detail="cell:N", tooltip=tips, opacity=clear),
        write_names(place_names(ends, "epoch", domain, 340), "epoch"),
    )
    return finish(chart, 340)


def _mean_curves(evidence: Evidence) -> list[Row]:
    """Return each finalist's mean curve over the seeds of its chosen rate, the best last."""
    rows = []
    for row in reversed(evidence.rows):
        curves = [finite(evidence.curves.get(t["trial_id"], [])) for t in evidence.replicates(row)]
        mean = [rounded(statistics.fmean(at)) for at in zip(*curves, strict=False)]
        if mean:
            named = {"cell": row["label"], "named": row["label"] in evidence.leading}
            named["id"] = short_id(row["trial_id"])
            rows.append({**named, "strategy": row["strategy"], "losses": mean})
    return rows


def _own_curve(trial: Row, evidence: Evidence) -> Row:
    """Return the losses of a trial's own epochs, after the last one of what it resumed, and its epoch."""
    before, losses = evidence.curve_of(trial)
    skipped = max(0, len(losses) - len(evidence.curves.get(trial["trial_id"], [])) - 1)
    own: Row = {"losses": [rounded(v) for v in finite(losses[skipped:])]}
    return own | ({"before": before + skipped} if before + skipped else {})


def _lines(rows: Sequence[Row], name: str) -> alt.Chart:
    """Return a chart of lists of losses, one row a trial, unfolded by the browser.

    Their first epoch is the one after `before`, which is 0 where it is not said.
    """
    unfolded = alt.Chart(inline(rows)).transform_flatten(["losses"], as_=["loss"])
    counted = unfolded.transform_window(number="row_number()", groupby=[name, "strategy"])
    return counted.transform_calculate(epoch="datum.number + (datum.before || 0)")
