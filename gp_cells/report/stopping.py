"""What stopping rules cost against what they train, beside the front of all plain cuts, as charts.

The front is that of Egele et al. 2024 (https://arxiv.org/abs/2404.04111): all trials ended after the same
epoch, whichever that is. A rule above it in tau, or below it in regret, is worth more than its cost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from gp_cells.compare.cuts import Cut
from gp_cells.compare.verdicts import Verdict
from gp_cells.report.encoding import finish, inline, rounded
from gp_cells.report.evidence import COLOURS, HAND_DESIGNED, Row

HEIGHT = 230  # of each chart, px
CUTS = "i_epoch"  # the rule that all plain cuts are of
# of the other rules, since their points may lie on each other
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")


def draw_fronts(
    rules: Sequence[Row], cuts: Sequence[Mapping[str, Any]], unit: str
) -> dict[str, dict[str, Any] | None]:
    """Return the charts of tau and of regret by name, None where nothing was compared.

    `rules` are rows with a rule, its settings in words, and mean `epochs`, `tau` and `regret`; `cuts` are
    those of `compare.cuts`.
    """
    titles = {"tau": "Kendall's tau with the whole training", "regret": f"regret{unit}"}
    return {
        f"stopping-{name}": _draw(name, title, rules, cuts) if cuts else None
        for name, title in titles.items()
    }


def draw_stopping(compared: Mapping[str, Any]) -> dict[str, dict[str, Any] | None]:
    """Return the charts of a task's control group."""
    rows = [row for row in compared["stopping"] if row["cuts"]]
    cuts = rows[0]["cuts"] if rows else ()
    told = [{**row, "settings": ""} for row in rows]
    return draw_fronts(told, cuts, f", {compared['loss_unit']}")


def draw_verdicts(
    verdicts: Sequence[Verdict], cuts: Sequence[Cut]
) -> dict[str, dict[str, Any] | None]:
    """Return the charts of what rules come to on stored curves."""
    return draw_fronts([_row(of) for of in verdicts], [dataclasses.asdict(of) for of in cuts], "")


def _row(of: Verdict) -> Row:
    settings = ", ".join(f"{name} {value}" for name, value in of.settings.items())
    return {**dataclasses.asdict(of), "settings": settings, "epochs": of.spent}


def _draw(
    name: str, title: str, rules: Sequence[Row], cuts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    plain = [
        {"rule": CUTS, "epochs": cut["epochs"], name: rounded(cut[name]), "front": front}
        for cut in cuts
        for front in [cut[f"front_of_{name}"]]
    ]
    others = [
        {"rule": row["rule"], "settings": row["settings"]}
        | {key: rounded(row[key]) for key in ("epochs", name)}
        for row in rules
        if row["rule"] != CUTS
    ]
    names = sorted({row["rule"] for row in others})
    colours = [HAND_DESIGNED, *(COLOURS[i % len(COLOURS)] for i in range(len(names)))]
    shown = alt.Legend(title=None, orient="top", symbolOpacity=1)
    colour = alt.Color(
        "rule:N", scale=alt.Scale(domain=[CUTS, *names], range=colours), legend=shown
    )
    x = alt.X("epochs:Q", title="epochs of a trial, mean", scale=alt.Scale(nice=False, padding=8))
    y = alt.Y(f"{name}:Q", title=title, scale=alt.Scale(zero=name == "regret"))
    tips = ["rule:N", "epochs:Q", alt.Tooltip(f"{name}:Q", format=".3~g")]
    front = alt.Chart(inline(row for row in plain if row["front"])).mark_line(
        strokeWidth=2, interpolate="step-after"
    )
    dots = alt.Chart(inline(plain)).mark_circle(size=26, opacity=1).encode(tooltip=tips)
    marks = alt.Chart(inline(others)).mark_point(size=70, filled=True, opacity=0.75)
    shapes = ["circle", *(SHAPES[i % len(SHAPES)] for i in range(len(names)))]
    shape = alt.Shape("rule:N", scale=alt.Scale(domain=[CUTS, *names], range=shapes), legend=shown)
    told = marks.encode(tooltip=[*tips, "settings:N"], shape=shape)
    layers = [of.encode(x=x, y=y, color=colour) for of in (front, dots, *([told] * bool(others)))]
    return finish(alt.layer(*layers), HEIGHT)
