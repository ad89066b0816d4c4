"""Searches that were played as tables for a paper: LaTeX, Markdown and CSV, as `gp_cells.compare.paper`.

The first table has the mean loss of each strategy with its 95 % interval, the second the paired tests. CSV
has all digits of the first, a line for each strategy and number of candidates.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gp_cells.compare.paper import in_latex, in_markdown
from gp_cells.compare.summary import pair_rows
from gp_cells.config.files import canonical_json
from gp_cells.tabular.searches import columns

COLUMNS = ("task", "loss_unit", "strategy", "candidates", "split", "mean", "low", "high", "n")


def as_csv(compared: Mapping[str, Any], _: str) -> str:
    """Return a line for each strategy, number of candidates and split, with all digits."""
    text = io.StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    lines.writeheader()
    parts = [(of["candidates"], "validation", of["strategies"]) for of in compared["after"]]
    if compared["judged"] is not None:
        parts.append((parts[-1][0], "test", compared["judged"]))
    for candidates, split, part in parts:
        shared = {"candidates": candidates, "split": split}
        shared |= {key: compared[key] for key in ("task", "loss_unit")}
        lines.writerows(shared | row for row in part["rows"])
    return text.getvalue()


def as_markdown(compared: Mapping[str, Any], title: str) -> str:
    """Return both tables as Markdown."""
    lines: list[str] = []
    for head, *rows in _tables(compared, title):
        lines += [f"| {' | '.join(map(in_markdown, head))} |"]
        lines += [f"| --- |{' ---: |' * (len(head) - 1)}"]
        lines += [*(f"| {' | '.join(map(in_markdown, row))} |" for row in rows), ""]
    return "\n".join(lines)


def as_latex(compared: Mapping[str, Any], title: str) -> str:
    """Return both tables as LaTeX for the package booktabs."""
    lines = ["% needs \\usepackage{booktabs} and UTF-8"]
    for head, *rows in _tables(compared, title):
        lines += [
            f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            "\\toprule",
            f"{' & '.join(map(in_latex, head))} \\\\",
            "\\midrule",
            *(f"{' & '.join(map(in_latex, row))} \\\\" for row in rows),
            "\\bottomrule",
            "\\end{tabular}",
            "",
        ]
    return "\n".join(lines)


def _tables(compared: Mapping[str, Any], title: str) -> list[list[list[str]]]:
    """Return the tables that have rows, each with its head first and all rows as long."""
    pairs = pair_rows(compared["after"][-1]["strategies"]["pairs"])
    return [_filled(table) for table in (columns(compared, title), pairs) if len(table) > 1]


def _filled(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a table with rows of one length, and with the sign of minus before its numbers."""
    rows = [[*row, *[""] * (len(table[0]) - len(row))] for row in table]
    return [[re.sub(r"(?<!\w)-(?=\d)", "−", cell) for cell in row] for row in rows]


FORMS: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "latex": as_latex,
    "csv": as_csv,
    "markdown": as_markdown,
    "json": lambda compared, _: f"{canonical_json(compared)}\n",
}
