"""A comparison as one table for a paper: LaTeX, Markdown and CSV, a row a cell or strategy of each task.

A designed cell has the mean over the seeds of its trainings, a strategy the mean over its searches of each
one's best finalist; both with Student's 95 % interval from three on. CSV has all digits, the others
those that are read; words from a config are escaped in all of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gp_cells.compare.finalists import once
from gp_cells.compare.intervals import interval
from gp_cells.compare.summary import summary
from gp_cells.config.files import canonical_json

Row = dict[str, Any]

COLUMNS = (
    *("task", "loss_unit", "kind", "name", "valid_loss", "test_loss", "test_low", "test_high"),
    *("test_error", "error_low", "error_high"),
    *("behind_designed", "behind_low", "behind_high", "parameters", "n", "n_of", "missing"),
    *("trial", "trial_id"),
)
EXPLAINED = (
    "Loss on the validation and the test split, lower is better; in brackets the 95 % interval of "
    "the mean (Student). Of a hand-designed cell n counts trainings with other seeds, of a strategy "
    "searches, of which each counts with its best finalist; parameters are those of the cell, of "
    "strategies the mean. Behind: test loss less that of the hand-designed cell with the lowest "
    "validation loss, marked †, with the interval of that difference (Welch)."
)


def table_rows(comparison: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the table with `COLUMNS`, task by task: cells by validation, then strategies."""
    return [row for task in comparison["tasks"] for row in _task_rows(task)]


def _task_rows(task: Mapping[str, Any]) -> list[Row]:
    shared = {**dict.fromkeys(COLUMNS), **{key: task[key] for key in ("task", "loss_unit")}}
    designed = [row for row in once(task["rows"]) if row["name"] is not None]
    guesses = sorted(task["references"].items(), key=lambda of: -of[1])
    return [
        *(
            shared | {"kind": "trivial predictor", "name": name, "valid_loss": loss}
            for name, loss in guesses
        ),
        *(shared | _cell(row) for row in designed),
        *(shared | _strategy(row) for row in task["strategies"]["rows"]),
    ]


def _cell(row: Mapping[str, Any]) -> Row:
    low, high = interval(row["test_losses"])
    error_low, error_high = interval(row["test_errors"])
    return {
        **{"kind": "designed cell", "valid_loss": row["valid_mean"], "test_loss": row["test_mean"]},
        **{key: row[key] for key in ("name", "test_error", "parameters", "trial", "trial_id")},
        **{"test_low": low, "test_high": high, "error_low": error_low, "error_high": error_high},
        **{"n": row["seeds"] - row["failed"], "n_of": "trainings", "missing": row["failed"]},
    }


def _strategy(row: Mapping[str, Any]) -> Row:
    behind = row["behind_designed"] or {}
    return {
        **{"kind": "strategy", "name": row["strategy"], "valid_loss": row["valid_mean"]},
        **{"test_loss": row["mean"], "test_low": row["low"], "test_high": row["high"]},
        **{"test_error": row["error"]},
        **{key: row[key] for key in ("error_low", "error_high", "parameters", "n", "missing")},
        **{"behind_designed": behind.get("mean")},
        **{f"behind_{end}": behind.get(end) for end in ("low", "high")},
        **{"n_of": "searches", **(row["best"] or {})},
    }


# --- forms ----------------------------------------------------------------------------------------


def as_csv(comparison: Mapping[str, Any]) -> str:
    """Return the table as CSV, with all digits; what is not known is empty."""
    text = io.StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(table_rows(comparison))
    return text.getvalue()


def as_markdown(comparison: Mapping[str, Any]) -> str:
    """Return the table as Markdown."""
    lines = []
    head = _head(comparison)
    for task in comparison["tasks"]:
        lines += [
            f"**{in_markdown(_words(task['task']))}**, {in_markdown(task['loss_unit'])}",
            "",
        ]
        lines += [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
        for row in _task_rows(task):
            cells = _cells(row, task, len(head) > len(HEAD), in_markdown, str)
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, EXPLAINED, ""])


def as_latex(comparison: Mapping[str, Any]) -> str:
    """Return the table as LaTeX for the packages booktabs and graphicx, no wider than the text."""
    head = _head(comparison)
    has_errors = len(head) > len(HEAD)
    lines = [
        f"% benchmark {comparison['benchmark']}; needs \\usepackage{{booktabs,graphicx}} and UTF-8",
        "\\begin{table}",
        f"\\caption{{{in_latex(EXPLAINED)}}}",
        f"\\label{{tab:{comparison['benchmark']}}}",
        "\\centering\\small",
        "\\resizebox{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}{!}{%",
        f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        "\\toprule",
        f"{' & '.join(map(in_latex, head))} \\\\",
    ]
    for task in comparison["tasks"]:
        said = f"{_words(task['task'])}, {task['loss_unit']}"
        lines += [
            "\\midrule",
            f"\\multicolumn{{{len(head)}}}{{l}}{{\\emph{{{in_latex(said)}}}}} \\\\",
        ]
        kind = None
        for row in _task_rows(task):
            if kind not in (None, row["kind"]):
                lines.append("\\addlinespace")
            kind = row["kind"]
            lines.append(f"{' & '.join(_cells(row, task, has_errors, in_latex, in_latex))} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}}", "\\end{table}", ""])


HEAD = ("cell or strategy", "validation", "test", "behind", "parameters", "n")


def _head(comparison: Mapping[str, Any]) -> list[str]:
    """Return the column titles; errors come first, where a task has any."""
    rows = table_rows(comparison)
    errors = ["test error"] if any(row["test_error"] is not None for row in rows) else []
    return [HEAD[0], *errors, *HEAD[1:]]


def _cells(
    row: Row,
    task: Mapping[str, Any],
    has_errors: bool,
    named: Callable[[str], str],
    said: Callable[[str], str],
) -> list[str]:
    """Return a row as words; `named` escapes its name, `said` what is made of numbers."""
    best = task["strategies"]["designed"]
    mark = " †" if best is not None and row["trial_id"] == best["trial_id"] else ""
    kind = " (trivial)" if row["kind"] == "trivial predictor" else ""
    error = _within(row["test_error"], row["error_low"], row["error_high"], _share)
    size = "–" if row["parameters"] is None else f"{row['parameters']:,.0f}"
    n = "–" if row["n"] is None else str(row["n"])
    missing = f" ({row['missing']} failed)" if row["missing"] else ""
    numbers = [
        *([error] if has_errors else []),
        _within(row["valid_loss"], None, None, _loss),
        _within(row["test_loss"], row["test_low"], row["test_high"], _loss),
        _within(row["behind_designed"], row["behind_low"], row["behind_high"], _signed),
        size,
        f"{n}{missing}",
    ]
    return [named(f"{row['name']}{kind}{mark}"), *map(said, numbers)]


def _loss(value: float) -> str:
    return f"{value:z.3f}".replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:z.1f} %".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+z.3f}".replace("-", "−")


def _within(
    value: float | None, low: float | None, high: float | None, form: Callable[[float], str]
) -> str:
    if value is None:
        return "–"
    around = "" if low is None or high is None else f" [{form(low)}, {form(high)}]"
    return f"{form(value)}{around}"


def _words(label: str) -> str:
    return label.replace("_", " ")


# --- escapes --------------------------------------------------------------------------------------

LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "†": r"$^\dagger$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
}


def in_latex(text: str) -> str:
    """Return words as LaTeX prints them."""
    return "".join(LATEX.get(sign, sign) for sign in " ".join(text.split()))


def in_markdown(text: str) -> str:
    """Return words as Markdown shows them, in a cell of a table too."""
    return "".join(f"\\{s}" if s in "\\`*_[]<>|#~" else s for s in " ".join(text.split()))


FORMS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "latex": as_latex,
    "csv": as_csv,
    "markdown": as_markdown,
    "json": lambda comparison: f"{canonical_json(comparison)}\n",
}


def say(comparison: Mapping[str, Any], form: str, results: Path) -> str:
    """Return a comparison of some results as `text`, or in one of `FORMS`."""
    return f"{summary(comparison, results)}\n" if form == "text" else FORMS[form](comparison)
