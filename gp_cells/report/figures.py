"""The page's charts as files for a paper: each as SVG and PDF, its data as CSV.

The same charts with nothing to point at: light colours on white, black letters, one
width. A column `mark` of the CSV says what a row is drawn as, since a chart has several kinds.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert

from gp_cells.compare.verdicts import Judged, Verdict
from gp_cells.config.files import written_beside
from gp_cells.report.evidence import COLOURS, gather
from gp_cells.report.stopping import draw_verdicts
from gp_cells.report.strategies import draw_ranks, draw_regret
from gp_cells.report.task import best_with_parents, draw_task

PAGE = Path(__file__).with_name("page.css")  # has the colours, by name
WIDTH = 480  # of a chart without its axis, px
LAYOUT = frozenset({"lane", "scatter", "named"})  # fields that only say where a mark is put
LOOK = {
    "background": "white",
    "font": "Helvetica, Arial, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **{"gridColor": "#e3e2dc", "labelColor": "#1f2328", "titleColor": "#1f2328"},
        **{"domainColor": "#656c76", "tickColor": "#656c76", "titleFontWeight": "normal"},
        **{"labelFontSize": 11, "titleFontSize": 12, "labelLimit": 200},
    },
    "legend": {"labelFontSize": 11, "labelColor": "#1f2328", "symbolStrokeWidth": 2.4},
    "title": {"fontWeight": "normal", "anchor": "start"},
    "text": {"color": "#1f2328"},
    "rule": {"color": "#656c76"},
    "circle": {"color": "#656c76"},
    "tick": {"color": "#1f2328"},
}


def write_figures(
    results: Path, benchmark: str, comparison: Mapping[str, Any], folder: Path
) -> list[str]:
    """Write the charts of a benchmark's page to a folder, and return their names.

    Raises:
        RecordError: a table is missing or broken, or not of this benchmark.
    """
    drawn: dict[str, Any] = {}
    gathered = gather(results, benchmark, comparison)
    for evidence, compared in zip(gathered, comparison["tasks"], strict=True):
        charts = draw_task(evidence, compared, best_with_parents(evidence))
        drawn |= {f"{evidence.task}-{name}": spec for name, spec in charts.items()}
    ranks = draw_ranks(comparison["strategies"]["ranks"], gathered[0].colours)
    drawn |= {"ranks": ranks} if ranks else {}
    for name, spec in drawn.items():
        write_chart(spec, folder, name)
    return list(drawn)


def write_regret(compared: Mapping[str, Any], folder: Path) -> None:
    """Write the regret by candidates of a comparison's task, if there is any."""
    names = sorted({curve["strategy"] for curve in compared["anytime"]["curves"]})
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    spec = draw_regret(compared, "evaluations", colours)
    if spec is not None:
        write_chart(spec, folder, f"{compared['task']}-evaluations")


def write_verdicts(judged: Iterator[Judged], folder: Path) -> Iterator[Judged]:
    """Yield what was judged, and write the charts of each task to a folder once its verdicts were taken."""
    for task in judged:
        kept: list[Verdict] = []
        yield dataclasses.replace(task, verdicts=_keeping(task.verdicts, kept))
        for name, spec in draw_verdicts(kept, task.cuts).items():
            if spec is not None:
                write_chart(spec, folder, f"{task.task}-{name}".lstrip("-"))


def _keeping(verdicts: Iterator[Verdict], kept: list[Verdict]) -> Iterator[Verdict]:
    for verdict in verdicts:
        kept.append(verdict)
        yield verdict


def write_chart(spec: Mapping[str, Any], folder: Path, name: str) -> None:
    """Write a chart of the page as SVG and PDF, and its data as CSV."""
    svg = _numbered(vl_convert.vegalite_to_svg(printed(spec)))
    files = {"svg": svg.encode(), "pdf": vl_convert.svg_to_pdf(svg), "csv": data_of(spec).encode()}
    for kind, content in files.items():
        with written_beside(folder / f"{name}.{kind}") as partial:
            partial.write_bytes(content)


def _numbered(svg: str) -> str:
    """Return an SVG whose clips are numbered from 0; Vega numbers on from chart to chart."""
    names = list(dict.fromkeys(re.findall(r'id="(clip\d+)"', svg)))
    return re.sub(r"\bclip\d+\b", lambda found: f"clip{names.index(found[0])}", svg)


def printed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart of the page as it is printed, without a page around it."""
    plain: dict[str, Any] = _plain(spec)
    return {**plain, "width": WIDTH, "config": LOOK, "autosize": "pad", "padding": 8}


def _plain(value: Any) -> Any:
    """Return a part of a chart with the page's light colours in place of their names."""
    if isinstance(value, str):
        return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: light_colours()[found[1]], value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


@cache
def light_colours() -> Mapping[str, str]:
    """Return the page's colours on light ground by their names."""
    first = PAGE.read_text(encoding="utf-8").partition("@media")[0]
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", first))


def data_of(spec: Mapping[str, Any]) -> str:
    """Return the data of a chart as CSV, a row a mark; what a mark has not is empty."""
    rows = list(_marks(spec, spec["datasets"]))
    names = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    lines = csv.DictWriter(text, names, lineterminator="\n")
    lines.writeheader()
    lines.writerows({key: _number(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _number(value: Any) -> Any:
    """Return a number as charts have it, with at most six digits; anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else value


def _marks(spec: Mapping[str, Any], datasets: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of every set of data once, each with the marks that are drawn of it."""
    marks: dict[str, list[str]] = {}
    for name, mark in _layers(spec, None):
        marks.setdefault(name, []).append(mark)
    for name, kinds in marks.items():
        if set(kinds) == {"text"} and len(marks) > 1:
            continue  # a name beside a mark that has its row
        kind = "+".join(dict.fromkeys(kind for kind in kinds if kind != "text")) or "text"
        for row in datasets[name]:
            shown = {key: value for key, value in row.items() if key not in LAYOUT}
            losses = shown.pop("losses", None)
            if losses is None:
                yield {"mark": kind, **shown}
            for i, loss in enumerate(losses or ()):
                yield {"mark": kind, **shown, "epoch": i + 1, "loss": loss}


def _layers(spec: Mapping[str, Any], data: str | None) -> Iterator[tuple[str, str]]:
    """Yield the name of the data and the kind of mark of each layer."""
    data = spec.get("data", {}).get("name", data)
    for layer in spec.get("layer", ()):
        yield from _layers(layer, data)
    mark = spec.get("mark")
    if mark is not None and data is not None:
        yield data, mark["type"] if isinstance(mark, Mapping) else mark
