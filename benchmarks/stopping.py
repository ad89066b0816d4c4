"""The page on early stopping: rules judged on stored curves, and the index of functions drawn.

    python benchmarks/stopping.py RESULTS [FILE.parquet …] --chart benchmarks/stopping.svg

Prints Markdown: for each task the taus at 80, 70, 60 and 50 % of the epochs saved by the cut, by the
default and by the regression, then every other rule at what it saves. The chart has each function of the
index through the curve of RESULTS that it foretells best from the first 60 % of its epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import vl_convert

from gp_cells.config.files import written_beside
from gp_cells.stopping.functions import FUNCTIONS, fit
from gp_cells.tabular.curves import Whole, read_curves
from gp_cells.tabular.stopping import VARIANTS, Verdict, judge_all

SEEN = 0.6  # of the epochs, that a function is fitted to
CUTS = ("i_epoch", "ensemble", "learned")
SHARES = (0.2, 0.3, 0.4, 0.5)


def main() -> None:
    """Print the tables and draw the chart."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("places", type=Path, nargs="+")
    options.add_argument("--chart", type=Path)
    asked = options.parse_args()
    for place in asked.places:
        for task in judge_all(place, VARIANTS):
            for line in tables(task.about, list(task.verdicts)):
                print(line)
    if asked.chart:
        draw(asked.places[0], asked.chart)


def tables(about: str, own: Sequence[Verdict]) -> Iterator[str]:
    """Yield the lines of a task's two tables."""
    yield from ("", f"**{about.removeprefix('# ')}.**", "")
    yield "| saved | cut | ensemble | learned | ensemble less cut, 95 % | best 5 %: cut, ensemble |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for share in SHARES:
        cut, ensemble, learned = (
            next(of for of in own if of.rule == rule and of.settings["share"] == share)
            for rule in CUTS
        )
        difference = f"{ensemble.low:+.3f} to {ensemble.high:+.3f}"
        recalled = f"{cut.recall:.0%}, {ensemble.recall:.0%}"
        taus = " | ".join(f"{of.tau:.3f}" for of in (cut, ensemble, learned))
        yield f"| {cut.saved:.0%} | {taus} | {difference} | {recalled} |"
    yield from (
        "",
        "| rule | saved | tau | cut of equal cost | |",
        "| --- | --- | --- | --- | --- |",
    )
    for of in own:
        if of.rule not in CUTS:
            settings = ", ".join(f"{name} {value}" for name, value in of.settings.items())
            numbers = f"{of.saved:.0%} | {of.tau:.3f} | {of.cut_tau:.3f}"
            yield f"| {of.rule}: {settings} | {numbers} | {of.said} |"


def draw(place: Path, chart: Path) -> None:
    """Draw each function through the curve that it foretells best, what it saw and what it did not."""
    whole = [of for curves in read_curves(place) for of in curves.whole if of.curve.epochs >= 10]
    rows = [row for name in FUNCTIONS for row in _best(name, whole)]
    base = alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False)),
    )
    scale = alt.Scale(zero=False)
    dots = base.mark_point(filled=True, size=18).encode(
        y=alt.Y("loss:Q", title="validation loss", scale=scale),
        color=alt.Color(
            "seen:N", title="the function saw it", scale=alt.Scale(range=["#bbb", "#333"])
        ),
    )
    line = base.mark_line(color="#c1440e").encode(y=alt.Y("fitted:Q", scale=scale))
    small = alt.layer(dots, line, data=alt.Data(values=rows)).properties(width=150, height=95)
    figure = small.facet(alt.Facet("function:N", title=None), columns=4).resolve_scale(
        x="independent", y="independent"
    )
    with written_beside(chart) as partial:
        partial.write_text(vl_convert.vegalite_to_svg(figure.to_dict()) + "\n", encoding="utf-8")


def _best(name: str, whole: Sequence[Whole]) -> list[dict[str, Any]]:
    """Return the points of the curve whose last losses a function foretells best."""
    found = min(whole, key=lambda of: _missed(name, of))
    losses = found.curve.losses
    seen = round(SEEN * len(losses))
    fitted = fit(name, losses[:seen])
    assert fitted is not None
    values = fitted.at(range(1, len(losses) + 1))
    label = f"{name}: {FUNCTIONS[name].formula}"
    return [
        {"function": label, "epoch": e + 1, "loss": loss, "fitted": float(value), "seen": e < seen}
        for e, (loss, value) in enumerate(zip(losses, values, strict=True))
    ]


def _missed(name: str, of: Whole) -> float:
    """Return how far off the unseen losses are in the mean, as a share of what the curve covers."""
    losses = np.array(of.curve.losses)
    seen = round(SEEN * len(losses))
    fitted = fit(name, losses[:seen])
    if fitted is None:
        return float("inf")
    ahead = fitted.at(range(seen + 1, len(losses) + 1))
    missed = float(np.abs(ahead - losses[seen:]).mean() / (np.ptp(losses) or 1))
    return missed if np.isfinite(missed) else float("inf")


if __name__ == "__main__":
    main()
