"""A comparison as a small table and one figure, for a README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from gp_cells.files import written_beside
from gp_cells.report.evidence import COLOURS
from gp_cells.report.strategies import draw_regret

PANEL = {"width": 250, "height": 190}  # of the figure, px
PROGRESS = "evaluations"


def write_digest(comparison: Mapping[str, Any], table: Path, figure: Path) -> None:
    """Write the strategies of all tasks as a Markdown table, and their regret as an SVG."""
    with written_beside(table) as partial:
        partial.write_text(digest_table(comparison), encoding="utf-8")
    with written_beside(figure) as partial:
        partial.write_text(digest_figure(comparison), encoding="utf-8")


def digest_table(comparison: Mapping[str, Any]) -> str:
    """Return test losses by task and strategy, with intervals, beside the best hand-designed cell."""
    names = _strategies(comparison)
    lines = [
        f"| {' | '.join(['test loss', 'best designed cell', *(f'`{name}`' for name in names)])} |",
        f"|{' --- |' * (2 + len(names))}",
    ]
    for task in comparison["tasks"]:
        strategies = task["strategies"]
        rows = {row["strategy"]: row for row in strategies["rows"]}
        designed = strategies["designed"]
        cells = [
            f"`{task['task']}`, {task['loss_unit']}",
            f"`{designed['name']}` {designed['test_mean']:.3f} n = {designed['seeds']}"
            if designed
            else "–",
            *(_cell(rows.get(name)) for name in names),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _strategies(comparison: Mapping[str, Any]) -> list[str]:
    rows = [row for task in comparison["tasks"] for row in task["strategies"]["rows"]]
    return sorted({row["strategy"] for row in rows})


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "–"
    within = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    missing = f", {row['missing']} missing" if row["missing"] else ""
    return f"{row['mean']:.3f}{within} n = {row['n']}{missing}"


def digest_figure(comparison: Mapping[str, Any]) -> str:
    """Return each task's regret against candidates trained as one SVG, panels side by side."""
    names = _strategies(comparison)
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    panels = [
        {**spec, **PANEL, "title": task["task"].replace("_", " ")}
        for task in comparison["tasks"]
        if (spec := draw_regret(task, PROGRESS, colours)) is not None
    ]
    look = {
        "background": "white",
        "view": {"stroke": None},
        "axis": {"gridColor": "#e3e2dc", "labelColor": "#656c76", "titleColor": "#656c76"},
        "title": {"fontWeight": "normal", "anchor": "start"},
    }
    spec = {"$schema": alt.SCHEMA_URL, "hconcat": panels, "config": look, "padding": 8}
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg + "\n"
