"""Charts of all trials of a task: how many failed and why, and how long each took."""

from __future__ import annotations

import statistics
from typing import Any

import altair as alt

from gp_cells.config.records import ENDED_WELL
from gp_cells.report.encoding import colour_of, emphasise, finish, hover, inline, rounded, thin
from gp_cells.report.evidence import Evidence

FAILURES = ("diverged", "timeout", "out_of_memory", "invalid")


def count_failures(evidence: Evidence) -> dict[str, Any] | None:
    """Return the failed trials by strategy and status, or None if none did."""
    counts: dict[tuple[str, str], int] = {}
    for trial in evidence.tables["trials"]:
        if trial["status"] not in ENDED_WELL:
            key = (evidence.strategy_of[trial["run"]], trial["status"])
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return None
    rows = [{"strategy": s, "status": t, "trials": n} for (s, t), n in sorted(counts.items())]
    present = [status for status in FAILURES if any(r["status"] == status for r in rows)]
    colours = [f"var(--{status.replace('_', '-')})" for status in present]
    scale = alt.Scale(domain=present, range=colours)
    bars = alt.Chart(inline(rows)).mark_bar(size=16)
    chart = bars.encode(
        y=alt.Y("strategy:N", title=None),
        x=alt.X("trials:Q", title="trials", axis=alt.Axis(tickMinStep=1, format="d")),
        color=alt.Color("status:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        tooltip=hover("strategy:N", "status:N", "trials:Q"),
        opacity=emphasise(1.0, field="strategy", others=0.25),
    )
    return finish(chart, None)


def draw_times(evidence: Evidence) -> dict[str, Any]:
    """Return the wall time of every trial, a row a strategy, and the medians."""
    trials = [trial for trial in evidence.tables["trials"] if trial["wall_s"]]
    label = {(row["run"], row["finalist"]): row["label"] for row in evidence.rows}
    dots = [
        {"strategy": evidence.strategy_of[t["run"]], "seconds": rounded(t["wall_s"])}
        | {"candidate": t["candidate"], "status": t["status"], "scatter": i * 37 % 11}
        | {"cell": label.get((t["run"], t["finalist"])), "run": t["run"]}
        for i, t in enumerate(trials)
    ]
    times: dict[str, list[float]] = {}
    for trial in trials:
        times.setdefault(evidence.strategy_of[trial["run"]], []).append(trial["wall_s"])
    middles = [{"strategy": s, "seconds": statistics.median(own)} for s, own in times.items()]
    x = alt.X("seconds:Q", title="wall time of a trial, s (log)", scale=alt.Scale(type="log"))
    y = alt.Y("strategy:N", title=None)
    finalists = [dot for dot in dots if dot["cell"]]
    shown = thin([dot for dot in dots if not dot["cell"]], "seconds") + finalists
    points = alt.Chart(inline(shown)).mark_circle(size=26)
    tips = hover("strategy:N", "candidate:N", "status:N", "seconds:Q")
    drawn = points.encode(
        x=x,
        y=y,
        yOffset="scatter:Q",
        color=colour_of(evidence, sign=None),
        tooltip=tips,
        opacity=emphasise(0.35, others=0.08),
    )
    median = alt.Chart(inline(middles)).mark_tick(thickness=2.5, size=26)
    tips_of_median = hover("strategy:N", "seconds:Q")
    return finish(drawn + median.encode(x=x, y=y, tooltip=tips_of_median), None)
