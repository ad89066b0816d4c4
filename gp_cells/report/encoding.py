"""What all charts share: colours, axes, rounding, what a choice does, and names beside curves.

Every chart has a signal `picked`, which page.js sets to the cell, run and strategy that the reader chose,
or to null. A mark belongs to a finalist if its row has the finalist's label as `cell`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import altair as alt
import numpy as np

from gp_cells.report.evidence import Evidence, Row
from gp_cells.report.layout import spread

MOST_FAINT = 300  # marks drawn behind the finalists; more would only blacken and swell the page

Drawn = alt.LayerChart | alt.FacetChart | alt.Chart


def inline(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows as the data of a chart.

    A dict, since `alt.Data` would check every number, and Altair keeps equal rows of a chart once.
    """
    return {"values": [dict(row) for row in rows]}


def finish(chart: Drawn, height: int | None) -> dict[str, Any]:
    """Return a chart as wide as its place; without a height each row takes the same room."""
    size = {"step": 34, "for": "position"} if height is None else height
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    sized = chart.properties(width="container", height=size, autosize=fit, padding=5)
    spec = sized.to_dict(validate=False)  # it would check every number again
    kept = {key: value for key, value in spec.items() if key not in ("$schema", "config")}
    return {**kept, "params": [{"name": "picked", "value": None}]}


def emphasise(
    usual: float,
    field: str = "cell",
    named: float | None = None,
    picked: float = 1.0,
    others: float = 0.1,
) -> alt.OpacityValue:
    """Return how opaque a mark is: usually, where it has a name, where it is picked, or another is."""
    tests = {f"picked && datum.{field} === picked.{field}": picked}
    if usual == 0:  # what is hidden stays so when another is picked
        tests["picked && !datum.named"] = 0.0
    tests["picked"] = others
    if named is not None:
        tests["datum.named"] = named
    condition = [{"test": test, "value": value} for test, value in tests.items()]
    return alt.OpacityValue(usual, condition=condition)


def colour_of(
    evidence: Evidence, sign: str | None = "circle", only: Sequence[str] | None = None
) -> alt.Color:
    """Return the colour of each strategy, of the task's or of those named; without a sign no legend."""
    ran = set(evidence.strategy_of.values() if only is None else only)
    return colour(evidence.colours, [name for name in evidence.colours if name in ran], sign)


def colour(
    colours: Mapping[str, str], names: Sequence[str], sign: str | None = "circle"
) -> alt.Color:
    """Return the colour of some strategies, in this order; without a sign no legend."""
    scale = alt.Scale(domain=list(names), range=[colours[name] for name in names])
    if sign is None:
        return alt.Color("strategy:N", scale=scale, legend=None)
    shown = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolType=sign)
    return alt.Color("strategy:N", scale=scale, legend=shown)


def title(evidence: Evidence) -> str:
    """Return the title of an axis of validation losses."""
    return f"validation loss, {evidence.unit}"


def loss_axis(field: str, evidence: Evidence) -> alt.X:
    """Return a horizontal axis of losses that need not start at zero."""
    return alt.X(f"{field}:Q", title=f"loss, {evidence.unit}", scale=alt.Scale(zero=False))


def thin(rows: Sequence[Row], field: str, most: int = MOST_FAINT) -> list[Row]:
    """Return the rows, or as many as can be seen, spread evenly over the values of a field."""
    if len(rows) <= most:
        return list(rows)
    ranked = sorted(rows, key=lambda row: (row[field] is None, row[field] or 0.0))
    return [ranked[i * len(ranked) // most] for i in range(most)]


def drawn_candidates(evidence: Evidence) -> list[Row]:
    """Return the candidates that charts draw: those that ended well, or as many as can be seen."""
    return thin([c for c in evidence.tables["candidates"] if is_finite(c["fitness"])], "fitness")


def hover(*fields: str) -> list[alt.Tooltip]:
    """Return what is shown when a mark is pointed at."""
    quantities = {
        **dict.fromkeys(("loss:Q", "low:Q", "high:Q"), ".4~f"),
        "seconds:Q": ",.1f",
        "parameters:Q": ",",
        "rate:Q": "~g",
    }
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
    ends: Sequence[Row], field: str, domain: Sequence[float], height: float
) -> list[Row]:
    """Return where to write the names of curves that have one, moved apart so that they can be read.

    `ends` are where the curves end, `field` the horizontal one; `height` is that of the chart, px.
    Others are written where they end, when they are picked.
    """
    letter = 12.5 / height * (domain[1] - domain[0])
    named = sorted((end for end in ends if end["named"]), key=lambda end: end["loss"])
    placed = spread([end["loss"] for end in named], [letter] * (len(named) - 1)) if named else []
    shift = max(0.0, domain[0] - placed[0]) if placed else 0.0
    furthest = max((end[field] for end in ends), default=0)
    moved = [
        {**end, field: furthest, "loss": rounded(y + shift)}
        for end, y in zip(named, placed, strict=True)
    ]
    return moved + [{**end, field: furthest} for end in ends if not end["named"]]


def write_names(ends: Sequence[Row], field: str) -> alt.Chart:
    """Return the marks of names placed by `place_names`."""
    text = alt.Chart(inline(ends)).mark_text(align="left", dx=7, fontSize=11)
    return text.encode(
        x=alt.X(f"{field}:Q"),
        y=alt.Y("loss:Q"),
        text="cell:N",
        opacity=emphasise(0.0, named=1.0, others=0.15),
    )
