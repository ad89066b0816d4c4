"""A comparison as a small table and one figure, for a README."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from gp_cells.compare.hypotheses import ALPHA
from gp_cells.compare.noise import is_luck
from gp_cells.config.files import written_beside
from gp_cells.report.strategies import draw_regret

PAGE = Path(__file__).with_name("page.css")  # has the strategies' colours
PANEL = {"width": 250, "height": 190}  # of the figure, px
LOOK = {
    "background": "white",
    "view": {"stroke": None},
    "axis": {"gridColor": "#e3e2dc", "labelColor": "#656c76", "titleFontWeight": "normal"},
    "title": {"fontWeight": "normal", "anchor": "start"},
}
PROGRESS = "evaluations"


def write_digest(comparison: Mapping[str, Any], table: Path, figure: Path) -> None:
    """Write the strategies of all tasks as a Markdown table, and their regret as an SVG."""
    with written_beside(table) as partial:
        words = f"{digest_table(comparison)}\n{digest_words(comparison)}"
        partial.write_text(words, encoding="utf-8")
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
            f"`{designed['name']}` {designed['test_mean']:z.3f} n = {designed['seeds']}"
            if designed
            else "–",
            *(_cell(rows.get(name)) for name in names),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def digest_words(comparison: Mapping[str, Any]) -> str:
    """Return in a few sentences how strategies fare beside designed cells, and beside each other."""
    tasks = [task["strategies"] for task in comparison["tasks"]]
    gaps = [row["behind_designed"] for of in tasks for row in of["rows"]]
    known = [gap for gap in gaps if gap is not None and gap["low"] is not None]
    ahead, behind = sum(gap["high"] < 0 for gap in known), sum(gap["low"] > 0 for gap in known)
    tested = [pair for of in tasks for pair in of["pairs"] if pair["p_holm"] is not None]
    apart = sum(pair["p_holm"] < ALPHA for pair in tested)
    luck = "".join(
        f" Read no ranking out of `{task['task']}`: of the spread of its validation losses "
        f"{100 * task['variance']['share_of_architecture']:.0f} % is the cell's, the rest luck."
        for task in comparison["tasks"]
        if is_luck(task["variance"])
    )
    return (
        f"Of {len(known)} pairs of strategy and task, {ahead or 'none'} ended ahead of the best "
        f"hand-designed cell, {behind or 'none'} behind it, and {len(known) - ahead - behind} within "
        "chance of it (the 95 % interval of the difference, which holds the spread of both). Of "
        f"{len(tested)} comparisons of two strategies on a task, {apart or 'none'} found a difference "
        f"after Holm's correction.{luck}\n"
    )


def _strategies(comparison: Mapping[str, Any]) -> list[str]:
    rows = [row for task in comparison["tasks"] for row in task["strategies"]["rows"]]
    return sorted({row["strategy"] for row in rows})


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "–"
    within = "" if row["low"] is None else f" [{row['low']:z.3f}, {row['high']:z.3f}]"
    missing = f", {row['missing']} missing" if row["missing"] else ""
    return f"{row['mean']:z.3f}{within} n = {row['n']}{missing}"


def digest_figure(comparison: Mapping[str, Any]) -> str:
    """Return each task's regret against candidates trained as one SVG, panels side by side."""
    hues = re.findall(r"--hue-[1-9]: (#[0-9a-f]{6});", PAGE.read_text(encoding="utf-8"))
    colours = {name: hues[i % len(hues)] for i, name in enumerate(_strategies(comparison))}
    drawn = [
        (task["task"].replace("_", " "), spec)
        for task in comparison["tasks"]
        if (spec := draw_regret(task, PROGRESS, colours)) is not None
    ]
    whole = {
        "$schema": alt.SCHEMA_URL,
        "datasets": {key: rows for _, spec in drawn for key, rows in spec["datasets"].items()},
        "hconcat": [
            {"data": spec["data"], "layer": spec["layer"], "title": name, **PANEL}
            for name, spec in drawn
        ],
        "config": LOOK,
        "padding": 8,
    }
    svg: str = vl_convert.vegalite_to_svg(whole)
    return svg + "\n"
