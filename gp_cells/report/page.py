"""The report of a benchmark: one HTML file that needs no network and no other file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from gp_cells.compare.anytime import BUDGETS
from gp_cells.compare.summary import in_results, short_id
from gp_cells.config.files import written_beside
from gp_cells.report.cells import group_finalists, pack
from gp_cells.report.drawing import STYLE
from gp_cells.report.encoding import MOST_FAINT
from gp_cells.report.evidence import Row, gather
from gp_cells.report.progress import MOST_CURVES
from gp_cells.report.protocol import describe_machines, say_what_was_compared
from gp_cells.report.strategies import describe_over_tasks
from gp_cells.report.task import describe_task

HERE = Path(__file__).parent
MOST_ROWS = 12  # of a table of finalists, and
MOST_CARDS = 6  # of a strategy's cells, before the rest is folded away


def write_report(results: Path, benchmark: str, comparison: Mapping[str, Any], path: Path) -> None:
    """Write the report of a benchmark's comparison and tables as one HTML file.

    Raises:
        RecordError: a table is missing or broken, or not of this benchmark.
    """
    gathered = gather(results, benchmark, comparison)
    specs: dict[str, Any] = {}
    tasks = [
        describe_task(evidence, compared, specs)
        for evidence, compared in zip(gathered, comparison["tasks"], strict=True)
    ]
    over_tasks = describe_over_tasks(comparison["strategies"], gathered[0].colours, specs)
    environment = environment_of_pages()
    environment.globals["where"] = in_results(results)
    environment.globals["has_records"] = not (results / "SHA256SUMS").exists()  # a release has none
    card: Any = environment.get_template("cells.html").module
    html = environment.get_template("page.html").render(
        benchmark=benchmark,
        compared=say_what_was_compared(gathered),
        tasks=tasks,
        over=over_tasks,
        checklist=comparison["checklist"],
        budgets=BUDGETS,
        groups=group_finalists(gathered),
        machines=describe_machines(gathered),
        example=_example(tasks),
        most_faint=MOST_FAINT,
        most_rows=MOST_ROWS,
        most_cards=MOST_CARDS,
        most_curves=MOST_CURVES,
        **parts_of_pages(specs),
        packed={
            task["label"]: pack(
                {
                    name: str(card.one(cell, task["label"]))
                    for name, cell in task["candidates"].items()
                }
            )
            for task in tasks
        },
    )
    with written_beside(path) as beside:
        beside.write_text(html, encoding="utf-8")


def parts_of_pages(specs: Mapping[str, Any]) -> Row:
    """Return what a template needs beside its own values: style, scripts, and charts by their ids."""
    return {
        "style": Markup((HERE / "page.css").read_text(encoding="utf-8") + STYLE),
        "library": Markup(_library()),
        "script": Markup((HERE / "page.js").read_text(encoding="utf-8")),
        "specs": {name: Markup(_json(spec)) for name, spec in specs.items()},
    }


def environment_of_pages() -> jinja2.Environment:
    """Return what renders templates of pages, with the filters that they use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "loss": _loss,
        "count": _count,
        "share": _share,
        "duration": _duration,
        "short": short_id,
        "chance": _chance,
    }
    for name, form in (("difference", "+z.3f"), ("two", "z.2f"), ("three", "z.3f")):
        environment.filters[name] = partial(_written, form)
    return environment


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script with one global name, `vegaEmbed`."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if "</script" in bundle or "<!--" in bundle:
        raise AssertionError("this Vega bundle would end its script element; escape it")
    return f"(() => {{{bundle}}})();"


def _json(value: Any) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(_plain(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    """Return a value that JSON can say: NaN and infinities become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _example(tasks: Sequence[Row]) -> str:
    """Return the name of a trial that the page speaks of."""
    named = [row["cell"]["trial"] for task in tasks for row in [*task["duel"], *task["rows"]]]
    return next(name for name in [*named, "RUN/CANDIDATE"] if name)


# --- numbers --------------------------------------------------------------------------------------


def _loss(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:z.3f}"


def _chance(p: float) -> str:
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def _written(form: str, value: float | None) -> str:
    return "–" if value is None else format(value, form).replace("-", "−")


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
