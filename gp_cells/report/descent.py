"""The descent of a search's winner: a chart of its ancestors by wave and fitness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from gp_cells.report.encoding import (
    emphasise,
    finish,
    hover,
    inline,
    is_finite,
    rounded,
    title,
    zoom,
)
from gp_cells.report.evidence import Evidence, Row, find_ancestors

LABELLED = 40  # most ancestors with their operators written beside them


def draw_descent(evidence: Evidence, winner: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the winner's ancestors among all candidates of its run, or None if it has none.

    A full line comes from the parent that gave the frame, a dashed one from the donor of a cross.
    """
    nodes, edges = find_ancestors(evidence, winner)
    if not edges:
        return None
    family = {node["candidate"]: node for node in nodes}
    run = evidence.candidates[winner["run"]]
    others = [_point(c) for c in run if c["candidate"] not in family]
    own = {"cell": winner["label"]}
    points = [_point(node) | own for node in nodes]
    points[-1]["operator"] += " (this finalist)"
    losses = [point["loss"] for point in points]
    domain = zoom(losses, [other["loss"] for other in others if other["loss"] is not None])
    lines = [_line(edge, family) | own for edge in edges]
    waves = max(candidate["wave"] for candidate in run)
    scale = alt.Scale(domain=[-0.3 - 0.05 * waves, waves + 0.2], nice=False)
    axis = alt.Axis(tickMinStep=1, format="d", grid=False)
    x = alt.X("wave:Q", title="wave", scale=scale, axis=axis)
    y = alt.Y("loss:Q", title=title(evidence), scale=alt.Scale(domain=domain, nice=False))
    tips = hover("candidate:N", "operator:N", "loss:Q")
    colour = alt.value(evidence.colours[winner["strategy"]])
    faint = alt.Chart(inline(o for o in others if o["loss"] is not None))
    crowd = faint.mark_circle(size=22, opacity=0.28, clip=True).encode(x=x, y=y, tooltip=tips)
    seen = emphasise(1.0, others=0.3)
    dash = alt.Scale(domain=["frame", "donor"], range=[[1, 0], [5, 4]])
    rules = alt.Chart(inline(lines)).mark_rule(strokeWidth=1.6)
    edges_drawn = rules.encode(
        x=x,
        y=y,
        x2="to_wave:Q",
        y2="to_loss:Q",
        strokeDash=alt.StrokeDash("parent:N", scale=dash, legend=None),
        color=colour,
        opacity=emphasise(0.75, others=0.2),
        tooltip=hover("operator:N", "parent:N"),
    )
    layers: list[alt.Chart] = [
        crowd,
        edges_drawn,
        *_marks(points, x, y, color=colour, tooltip=tips, opacity=seen),
    ]
    return finish(alt.layer(*layers), 340)


def _marks(points: Sequence[Row], x: alt.X, y: alt.Y, **shown: Any) -> list[alt.Chart]:
    """Return the ancestors, the winner last and largest, with the operators that made them."""
    circles = alt.Chart(inline(points[:-1])).mark_circle(size=80)
    winner = alt.Chart(inline(points[-1:]))
    diamond = winner.mark_point(shape="diamond", filled=True, size=260)
    marks = [
        circles.encode(x=x, y=y, **shown),
        diamond.encode(x=x, y=y, **shown),
    ]
    if len(points) <= LABELLED:
        named = alt.Chart(inline(points)).mark_text(align="right", dx=-8, dy=-9, fontSize=11)
        marks.append(named.encode(x=x, y=y, text="operator:N"))
    return marks


def _point(candidate: Mapping[str, Any]) -> Row:
    fitness = candidate["fitness"]
    return {
        **{key: candidate[key] for key in ("run", "candidate", "wave", "operator")},
        "loss": rounded(fitness) if is_finite(fitness) else None,
    }


def _line(edge: Mapping[str, Any], family: Mapping[str, Row]) -> Row:
    parent, child = family[edge["parent"]], family[edge["child"]]
    return {
        "operator": edge["operator"],
        "parent": "donor" if edge["parent_number"] else "frame",
        "wave": parent["wave"],
        "loss": rounded(parent["fitness"]),
        "to_wave": child["wave"],
        "to_loss": rounded(child["fitness"]),
    }


def trace_line(evidence: Evidence, winner: Mapping[str, Any]) -> list[Row]:
    """Return the winner's candidate and the parents that gave each its frame, the oldest first."""
    nodes, edges = find_ancestors(evidence, winner)
    if not nodes:
        return []
    family = {node["candidate"]: node for node in nodes}
    frames = {edge["child"]: edge["parent"] for edge in edges if edge["parent_number"] == 0}
    line = [nodes[-1]["candidate"]]
    while line[-1] in frames:
        line.append(frames[line[-1]])
    return [family[name] for name in reversed(line)]
