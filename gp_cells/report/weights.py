"""Who took whose weights: each search whose trials start from others, wave by wave, as a chart.

Halving reads rung by rung, a tournament like a bracket: a slot that takes the model of another has a line
that slants, what nobody went on from is hollow, and the way to the best is thick.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt

from gp_cells.report.encoding import emphasise, finish, hover, inline, is_finite, rounded
from gp_cells.report.evidence import Evidence, Row

# Candidates of a run; of a larger one those that the best ones' weights came through.
MOST_DRAWN = 400
MOST_TICKS = 12
CHAINS = 20  # of the best candidates of such a run
ROW = 22  # height of a slot, px
LEAST, MOST = 110, 460  # of a chart's height, px


def draw_weights(evidence: Evidence) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return of each strategy whose trials start from others a run and its chart.

    The run is that of the strategy's best finalist, if it has one.
    """
    drawn = {}
    best = {row["strategy"]: row["run"] for row in reversed(evidence.evolved)}
    for strategy, runs in evidence.searching.items():
        run = best.get(strategy, runs[0])
        if any(trial["start"] is not None for trial in _trials(evidence, run)):
            drawn[strategy] = run, _draw(evidence, strategy, run)
    return drawn


def _trials(evidence: Evidence, run: str) -> Iterator[Row]:
    for candidate in evidence.candidates[run]:
        trial = evidence.search_trials.get((run, candidate["candidate"]))
        if trial is not None:
            yield trial


def _draw(evidence: Evidence, strategy: str, run: str) -> dict[str, Any]:
    shown = _shown(list(_trials(evidence, run)))
    places = {c["candidate"]: c for c in evidence.candidates[run] if c["candidate"] in shown}
    given = {trial["start"] for trial in shown.values()}
    last = max(candidate["wave"] for candidate in places.values())
    points = [
        _point(candidate, shown[name], name in given or candidate["wave"] == last, strategy)
        for name, candidate in places.items()
    ]
    way = _way_to_the_best(shown)
    lines = [
        {**_line(places[trial["start"]], places[name], trial), "best": name in way}
        for name, trial in shown.items()
        if trial["start"] in places
    ]
    slots = 1 + max(candidate["slot"] for candidate in places.values())
    x = _waves(places, shown)
    whole = alt.Axis(tickMinStep=1, format="d", grid=False)
    y = alt.Y(
        "slot:Q", title="slot", scale=alt.Scale(reverse=True, nice=False, padding=10), axis=whole
    )
    colour = alt.value(evidence.colours[strategy])
    dash = alt.StrokeDash(
        "weights:N",
        scale=alt.Scale(domain=["resumed", "inherited"], range=[[1, 0], [4, 3]]),
        legend=None,
    )
    rules = alt.Chart(inline(lines)).mark_rule(opacity=0.75)
    thick = alt.StrokeWidthValue(1.3, condition={"test": "datum.best", "value": 3.6})
    tips = hover("candidate:N", "operator:N", "loss:Q", "epochs:Q")
    marks = [
        alt.Chart(inline(p for p in points if p["went_on"] == filled))
        .mark_point(size=70, filled=filled, strokeWidth=1.5)
        .encode(x=x, y=y, color=colour, tooltip=tips, opacity=emphasise(1.0, others=0.5))
        for filled in (False, True)
    ]
    edges = rules.encode(x=x, y=y, x2="to_wave:Q", y2="to_slot:Q", strokeDash=dash, color=colour)
    edges = edges.encode(strokeWidth=thick)
    chart = alt.layer(edges, *marks)
    return finish(chart, min(MOST, max(LEAST, ROW * slots + 50)))


def _waves(places: Mapping[str, Row], shown: Mapping[str, Row]) -> alt.X:
    """Return the axis of waves; beneath each the epochs of its weights, if all of a wave have as many."""
    waves = sorted({candidate["wave"] for candidate in places.values()})
    seen: dict[int, set[int]] = {}
    for name, candidate in places.items():
        if is_finite(candidate["fitness"]):
            seen.setdefault(candidate["wave"], set()).add(shown[name]["total_epochs"])
    ticks = waves[:: math.ceil(len(waves) / MOST_TICKS)]
    axis = alt.Axis(values=ticks, format="d", grid=False)
    title = "wave"
    if all(len(epochs) == 1 for epochs in seen.values()):
        said = {str(wave): f"{min(seen[wave]):,}" if wave in seen else "" for wave in ticks}
        axis.labelExpr = f"[datum.label, {json.dumps(said)}[datum.label]]"
        title = "wave, and epochs that its weights have seen"
    return alt.X("wave:Q", title=title, scale=alt.Scale(nice=False, padding=14), axis=axis)


def _way_to_the_best(shown: Mapping[str, Row]) -> set[str]:
    """Return the candidates through which the weights of the run's best one came."""
    ended = [trial for trial in shown.values() if is_finite(trial["fitness"])]
    best = min(ended, key=lambda trial: (trial["fitness"], trial["candidate"]), default=None)
    way: set[str] = set()
    while best is not None:
        way.add(best["candidate"])
        best = shown.get(best["start"])
    return way


def _shown(trials: Sequence[Row]) -> dict[str, Row]:
    """Return the trials that are drawn, by candidate."""
    every = {trial["candidate"]: trial for trial in trials}
    if len(every) <= MOST_DRAWN:
        return every
    ended = (trial for trial in trials if is_finite(trial["fitness"]))
    kept: dict[str, Row] = {}
    for trial in sorted(ended, key=lambda trial: trial["fitness"])[:CHAINS]:
        name = trial["candidate"]
        while name in every and name not in kept:
            kept[name] = every[name]
            name = every[name]["start"]
    return {name: kept[name] for name in sorted(kept)}


def _point(candidate: Row, trial: Row, went_on: bool, strategy: str) -> Row:
    fitness = candidate["fitness"]
    return {
        **{key: candidate[key] for key in ("run", "candidate", "wave", "slot", "operator")},
        "strategy": strategy,
        "epochs": trial["total_epochs"],
        "loss": rounded(fitness) if is_finite(fitness) else None,
        "went_on": went_on,
    }


def _line(start: Row, child: Row, trial: Row) -> Row:
    return {
        **{key: start[key] for key in ("wave", "slot")},
        "to_wave": child["wave"],
        "to_slot": child["slot"],
        "weights": "resumed" if trial["inherited"] is None else "inherited",
    }
