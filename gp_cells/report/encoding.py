"""What all charts share: colours, axes, rounding, and names written beside curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import altair as alt
import numpy as np

from gp_cells.report.evidence import Evidence, Row
from gp_cells.report.layout import spread

MOST_FAINT = 600  # marks drawn behind the finalists; more would only blacken and swell the page

Drawn = alt.LayerChart | alt.FacetChart | alt.Chart


def inline(rows: Iterable[Mapping[str, Any]]) -> alt.Data:
    """Return rows as the data of a chart."""
    return alt.Data(values=[dict(row) for row in rows])


def finish(chart: Drawn, height: int | None, room: int = 6) -> dict[str, Any]:
    """Return a chart as wide as its place; without a height each row takes the same room."""
    size = {"step": 30, "for": "position"} if height is None else height
    drawn = chart.properties(width="container", height=size)
    spec = drawn.properties(padding={"left": 4, "top": 4, "bottom": 4, "right": room}).to_dict()
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")}


def colour_of(
    evidence: Evidence, legend: bool = True, only: Sequence[str] | None = None
) -> alt.Color:
    """Return the colour of each strategy, of all or of those named."""
    names = [name for name in evidence.colours if only is None or name in only]
    scale = alt.Scale(domain=names, range=[evidence.colours[name] for name in names])
    shown = alt.Legend(title=None, orient="top", symbolOpacity=1) if legend else None
    return alt.Color("strategy:N", scale=scale, legend=shown)


def title(evidence: Evidence) -> str:
    """Return the title of an axis of validation losses."""
    return f"validation loss, {evidence.unit}"


def loss_axis(field: str, evidence: Evidence) -> alt.X:
    """Return a horizontal axis of losses that need not start at zero."""
    return alt.X(f"{field}:Q", title=f"loss, {evidence.unit}", scale=alt.Scale(zero=False))


def thin(rows: Sequence[Row], field: str) -> list[Row]:
    """Return the rows, or as many as can be seen, spread evenly over the values of a field."""
    if len(rows) <= MOST_FAINT:
        return list(rows)
    ranked = sorted(rows, key=lambda row: (row[field] is None, row[field] or 0.0))
    return [ranked[i * len(ranked) // MOST_FAINT] for i in range(MOST_FAINT)]


def hover(*fields: str) -> list[alt.Tooltip]:
    """Return what is shown when a mark is pointed at."""
    quantities = {"loss:Q": ".4~f", "seconds:Q": ",.1f", "parameters:Q": ",", "rate:Q": "~g"}
    return [
        alt.Tooltip(field, format=quantities[field]) if field in quantities else alt.Tooltip(field)
        for field in fields
    ]


def is_finite(value: float | None) -> TypeGuard[float]:
    """Say whether a value was measured and is a number."""
    return value is not None and math.isfinite(value)


def finite(values: Sequence[float]) -> list[float]:
    """Return the values before the first that is not finite."""
    ends = (i for i, value in enumerate(values) if not is_finite(value))
    return list(values[: next(ends, len(values))])


def rounded(value: float) -> float:
    """Return a value with five significant digits."""
    return float(f"{value:.5g}")


def pad(values: Sequence[float]) -> list[float]:
    """Return a domain a little wider than some values."""
    if not values:
        return [0.0, 1.0]
    margin = 0.06 * (max(values) - min(values)) or 0.01 * abs(max(values)) or 0.1
    return [rounded(min(values) - margin), rounded(max(values) + margin)]


def zoom(strong: Sequence[float], faint: Sequence[float]) -> list[float]:
    """Return a domain that shows all of what matters and the better three quarters of the rest."""
    reach = [float(np.quantile(faint, 0.75)), min(faint)] if faint else []
    return pad([*strong, *reach])


def place_names(
    series: Sequence[Row],
    at: Sequence[float],
    losses: Sequence[float],
    field: str,
    domain: Sequence[float],
    height: float,
) -> list[Row]:
    """Return where to write the names of curves, moved apart so that they can be read.

    `field` is the horizontal one, `at` where each curve ends; `height` is that of the chart, px.
    """
    letter = 12.5 / height * (domain[1] - domain[0])
    order = sorted(range(len(series)), key=lambda i: losses[i])
    placed = spread([losses[i] for i in order], [letter] * (len(order) - 1)) if order else []
    shift = max(0.0, domain[0] - placed[0]) if placed else 0.0
    furthest = max(at, default=0)
    return [
        {"cell": series[i]["cell"], "strategy": series[i]["strategy"]}
        | {field: furthest, "loss": rounded(y + shift)}
        for i, y in zip(order, placed, strict=True)
    ]


def make_room(names: Iterable[str]) -> int:
    """Return how much room names need to the right of a chart, px."""
    return 14 + round(6.3 * max(map(len, names), default=0))


def write_names(ends: Sequence[Row], field: str, colour: alt.Color) -> alt.Chart:
    """Return the marks of names placed by `place_names`."""
    text = alt.Chart(inline(ends)).mark_text(align="left", dx=7, fontSize=11)
    return text.encode(x=alt.X(f"{field}:Q"), y=alt.Y("loss:Q"), text="cell:N", color=colour)
