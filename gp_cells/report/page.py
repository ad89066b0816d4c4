"""The report of a benchmark: one HTML file that needs no network and no other file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from gp_cells.choose import choose
from gp_cells.compare.summary import has_errors
from gp_cells.compare.versions import count_versions, mixed_versions
from gp_cells.files import written_beside
from gp_cells.genome import parse
from gp_cells.report import charts
from gp_cells.report.answer import answer, name_task
from gp_cells.report.descent import draw_descent, trace_line
from gp_cells.report.drawing import STYLE, draw
from gp_cells.report.encoding import MOST_FAINT
from gp_cells.report.evidence import Evidence, Row, count_runs, find_ancestors, gather
from gp_cells.spaces import SPACES

HERE = Path(__file__).parent


def write_report(results: Path, benchmark: str, comparison: Mapping[str, Any], path: Path) -> None:
    """Write the report of a benchmark's comparison and tables as one HTML file.

    Raises:
        RecordError: a table is missing or broken, or not of this benchmark.
    """
    gathered = gather(results, benchmark, comparison)
    specs: dict[str, Any] = {}
    tasks = [
        _task(evidence, compared, specs)
        for evidence, compared in zip(gathered, comparison["tasks"], strict=True)
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"loss": _loss, "count": _count, "share": _share, "duration": _duration}
    html = environment.get_template("page.html").render(
        benchmark=benchmark,
        tasks=tasks,
        groups=_groups(gathered),
        machines=_machines(gathered),
        example=_example(tasks),
        most_faint=MOST_FAINT,
        style=Markup((HERE / "page.css").read_text() + STYLE),
        library=Markup(_library()),
        script=Markup((HERE / "page.js").read_text()),
        specs=Markup(_json(specs)),
    )
    with written_beside(path) as partial:
        partial.write_text(html, encoding="utf-8")


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


# --- one task -------------------------------------------------------------------------------------


def _task(evidence: Evidence, compared: Mapping[str, Any], specs: dict[str, Any]) -> Row:
    """Return what the page says of a task; its charts are added to `specs`."""
    found = answer(evidence, compared["strategies"])
    descended = next((row for row in evidence.evolved if find_ancestors(evidence, row)[1]), None)
    trials = evidence.tables["trials"]
    return {
        "label": evidence.task,
        "name": name_task(evidence.task),
        "unit": evidence.unit,
        "is_text": evidence.is_text,
        "has_errors": has_errors(evidence.rows),
        "signs": evidence.signs,
        "headline": found.headline,
        "caution": found.caution,
        "duel": [_shown(row, evidence) for row in (found.evolved, found.designed) if row],
        "rows": [_shown(row, evidence) for row in evidence.rows],
        "fronts": [
            {**front, "colour": evidence.colours[front["strategy"]]} for front in evidence.fronts
        ],
        "references": sorted(evidence.references.items(), key=lambda item: item[1]),
        "figures": _figures(evidence, descended, specs),
        "line": _line(evidence, descended),
        "protocol": _protocol(evidence),
        "trials": len(trials),
        "failed": sum(trial["status"] != "ok" for trial in trials),
        "wall_s": sum(trial["wall_s"] or 0 for trial in trials),
    }


def _shown(row: Mapping[str, Any], evidence: Evidence) -> Row:
    """Return a finalist with what the page needs beside its numbers."""
    trials = evidence.replicates(row)
    bits = row["test_mean"] / math.log(2) if row["test_mean"] is not None else None
    return {
        **row,
        "colour": evidence.colours[row["strategy"]],
        "bits": bits,
        "drawing": _drawing(row["genome"], evidence),
        "trial": f"{row['run']}/{trials[0]['candidate']}" if trials else None,
    }


def _drawing(genome: str, evidence: Evidence) -> Markup:
    """Return a drawing without its style, which the page has once."""
    space = choose("spaces", SPACES, **evidence.settings["space"])
    svg = draw(parse(genome, space.language))
    return Markup(svg.replace(f"<style>{STYLE}</style>", ""))


def _figures(evidence: Evidence, descended: Row | None, specs: dict[str, Any]) -> dict[str, Row]:
    """Return the figures of a task by name, without those that have nothing to show.

    `descended` is the best finalist that has parents.
    """
    runs = ", ".join(f"{strategy}: n = {n}" for strategy, n in count_runs(evidence).items())
    beyond = charts.references_beyond(evidence)
    left_out = [f"{name.replace('_', ' ')} {evidence.references[name]:.3f}" for name in beyond]
    said = {
        "finalists": f"Off the scale: {', '.join(left_out)}." if left_out else "",
        "search": f"Seeds of the search: {runs}." if runs else "",
        "descent": _whose(evidence, descended) if descended else "",
    }
    said["rates"] = _at_the_edge(evidence)
    drawn = {
        "finalists": charts.compare_finalists(evidence),
        "search": charts.draw_search(evidence),
        "curves": charts.draw_curves(evidence),
        "sizes": charts.draw_sizes(evidence),
        "rates": charts.draw_rates(evidence),
        "descent": draw_descent(evidence, descended) if descended else None,
        "failures": charts.count_failures(evidence),
        "times": charts.draw_times(evidence),
    }
    figures = {}
    for name, spec in drawn.items():
        if spec is not None:
            specs[f"{evidence.task}-{name}"] = spec
            figures[name] = {"id": f"{evidence.task}-{name}", "note": said.get(name, "")}
    return figures


def _at_the_edge(evidence: Evidence) -> str:
    """Return which finalists might do better with a rate that was not tried."""
    edged = []
    for row in evidence.rows:
        rates = {trial["learning_rate"] for trial in evidence.replicates(row, chosen=False)}
        if len(rates) > 1 and row["learning_rate"] in (min(rates), max(rates)):
            edged.append(row["label"])
    if not edged:
        return ""
    return f"At the edge of the rates tried, so perhaps not at its best: {', '.join(edged)}."


def _whose(evidence: Evidence, descended: Mapping[str, Any]) -> str:
    best = evidence.evolved[0]["label"]
    if descended["label"] == best:
        return f"This is {best}, the best found."
    return f"This is {descended['label']}; the best found, {best}, has no parents."


def _line(evidence: Evidence, descended: Row | None) -> list[Row]:
    """Return a finalist's line of descent, the oldest first, each with its drawing."""
    line = trace_line(evidence, descended) if descended else []
    return [
        {
            **{key: candidate[key] for key in ("candidate", "operator", "fitness")},
            "genome": evidence.genomes[candidate["architecture_id"]],
            "drawing": _drawing(evidence.genomes[candidate["architecture_id"]], evidence),
        }
        for candidate in line
    ]


def _protocol(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what all runs of a task share, and what each strategy may spend, from the settings."""
    settings = evidence.settings
    recipe, final = settings["task"]["settings"]["recipe"], settings["finalists"]
    factors = ", ".join(f"{factor:g}" for factor in final["learning_rate_factors"])
    said = [
        ("network", f"{recipe['layers']} layer(s) of {recipe['units']} units"),
        (
            "training",
            f"Adam, learning rate {recipe['learning_rate']:g}, batches of {recipe['batch_size']}, "
            f"{recipe['epochs']} epochs, gradient norm at most {recipe['clip_norm']:g}, "
            f"dropout {recipe['dropout']:g}; stopping rule {settings['stopping']['name']}",
        ),
        (
            "finalists",
            f"trained anew at {len(final['learning_rate_factors'])} learning rates (× {factors}) "
            f"with {len(final['seeds'])} seeds; the rate with the lowest mean validation loss counts"
            + (
                f"; otherwise than in the search: {_json(final['recipe'])}"
                if "recipe" in final
                else ""
            ),
        ),
        ("space", _written_settings(settings["space"])),
    ]
    firsts = {run["strategy"]: json.loads(run["settings"]) for run in evidence.tables["runs"]}
    for strategy, own in firsts.items():
        search = own["search"]
        said.append(
            (
                strategy,
                f"{search['waves']} × {search['slots']} = {search['waves'] * search['slots']} "
                f"candidates, lag {search['lag']}, {search['finalists']} finalist(s); "
                f"{_written_settings(own['strategy'])}",
            )
        )
    return said


def _written_settings(entry: Mapping[str, Any]) -> str:
    values = {
        key: ", ".join(map(str, value)) if isinstance(value, list) else f"{value}"
        for key, value in entry["settings"].items()
    }
    written = "; ".join(f"{key} {value}" for key, value in values.items())
    return f"{entry['name']} ({written})" if written else str(entry["name"])


# --- all tasks ------------------------------------------------------------------------------------


def _groups(gathered: Sequence[Evidence]) -> list[tuple[str, str, list[Row]]]:
    """Return every finalist's cell once, by strategy: its label, colour and cells."""
    cells: dict[tuple[str, str], Row] = {}
    colours: dict[str, str] = {}
    for evidence in gathered:
        for row in evidence.rows:
            key = (row["strategy"], row["architecture_id"])
            cell = cells.setdefault(key, {**_shown(row, evidence), "found": []})
            cell["found"].append(
                {"task": name_task(evidence.task), "label": row["label"]}
                | {"loss": row["valid_mean"], "unit": evidence.unit}
            )
            colours[row["strategy"]] = evidence.colours[row["strategy"]]
    return [
        (strategy, colour, [cell for (of, _), cell in cells.items() if of == strategy])
        for strategy, colour in colours.items()
    ]


def _example(tasks: Sequence[Row]) -> str:
    """Return the name of a trial that the page speaks of."""
    named = [row["trial"] for task in tasks for row in [*task["duel"], *task["rows"]]]
    return next(name for name in [*named, "RUN/CANDIDATE"] if name)


def _machines(gathered: Sequence[Evidence]) -> Row:
    """Return the machines and the versions that made the trials."""
    trials = [trial for evidence in gathered for trial in evidence.tables["trials"]]
    rows = {row["hardware_id"]: row for evidence in gathered for row in evidence.tables["hardware"]}
    return {
        "rows": [
            {**row, "trials": sum(t["hardware_id"] == key for t in trials)}
            for key, row in rows.items()
        ],
        "versions": [
            (
                name,
                [
                    f"{version} ({n} trials)" if len(of) > 1 else version
                    for version, n in of.items()
                ],
            )
            for name, of in count_versions(trials).items()
        ],
        "mixed": mixed_versions(trials),
        "is_dirty": any(trial["git_dirty"] for trial in trials),
        "started": min((trial["started_utc"] for trial in trials), default=None),
        "wall_s": sum(trial["wall_s"] or 0 for trial in trials),
        "trials": len(trials),
    }


# --- numbers --------------------------------------------------------------------------------------


def _loss(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
