"""What the page says of one architecture: its drawing, formulas, curves, parents and cost.

Finalists stand in the page. Of the searches' candidates those that the charts draw, and the ancestors
of finalists, are packed away (`pack`) and unpacked by page.js when one is asked for.
"""

from __future__ import annotations

import base64
import json
import statistics
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup

from gp_cells.config.choose import choose
from gp_cells.genomes.genome import parse
from gp_cells.report.answer import name_task
from gp_cells.report.drawing import STYLE, draw
from gp_cells.report.encoding import drawn_candidates, finite
from gp_cells.report.evidence import Evidence, Row, find_ancestors, own_candidate
from gp_cells.report.surface import draw_surface
from gp_cells.spaces import SPACES

WIDTH, HEIGHT = 240, 72  # of a small chart of curves, px
COSTS = (  # column of the trials, its name, how it is written
    ("wall_s", "training", "{:.3g} s"),
    ("peak_memory_mb", "memory", "{:.0f} MB"),
    ("latency_1_ms", "a pass of 1", "{:.3g} ms"),
    ("latency_64_ms", "a pass of 64", "{:.3g} ms"),
)


def describe_finalist(row: Mapping[str, Any], evidence: Evidence) -> Row:
    """Return what the page says of a finalist's architecture."""
    trials = evidence.replicates(row)
    own = own_candidate(evidence, row)
    return {
        **{key: row[key] for key in ("label", "strategy", "genome", "architecture_id")},
        **{key: row[key] for key in ("parameters", "multiply_adds")},
        **_measured(trials, evidence),
        "task": evidence.task,
        "pass": evidence.one_pass,
        "id": f"cell-{row['strategy']}-{row['architecture_id']}",
        "colour": evidence.colours[row["strategy"]],
        "drawing": draw_cell(row["genome"], evidence),
        "surface": draw_surface(_best_surface(trials)),
        "origin": _origin(own, evidence) if own and row["name"] is None else None,
        **{key: row[key] for key in ("trial", "trial_id")},
    }


def describe_candidate(candidate: Mapping[str, Any], evidence: Evidence) -> Row:
    """Return what the page says of a candidate of a search."""
    run, key = candidate["run"], candidate["architecture_id"]
    architecture = evidence.architectures[run, key]
    trial = evidence.search_trials.get((run, candidate["candidate"]))
    return {
        **{name: architecture[name] for name in ("genome", "parameters", "multiply_adds")},
        **_measured([trial] if trial else [], evidence),
        "label": f"{run} {candidate['candidate']}",
        "fitness": candidate["fitness"],
        "unit": evidence.unit,
        "pass": evidence.one_pass,
        "architecture_id": key,
        "colour": evidence.colours[evidence.strategy_of[run]],
        "drawing": draw_cell(architecture["genome"], evidence),
        "surface": draw_surface(trial["surface"] if trial else None),
        "origin": _origin(candidate, evidence),
        "trial": f"{run}/{candidate['candidate']}",
        "trial_id": candidate["trial_id"],
    }


def candidates_shown(evidence: Evidence) -> list[Row]:
    """Return the candidates that can be asked for: those that charts draw, and finalists' ancestors."""
    ancestors = [node for row in evidence.evolved for node in find_ancestors(evidence, row)[0]]
    every = {(c["run"], c["candidate"]): c for c in [*drawn_candidates(evidence), *ancestors]}
    return list(every.values())


def group_finalists(gathered: Sequence[Evidence]) -> list[Row]:
    """Return every finalist's architecture once, by strategy, with where it was found."""
    cells: dict[str, Row] = {}
    for evidence in gathered:
        for row in evidence.rows:
            described = describe_finalist(row, evidence)
            cell = cells.setdefault(described["id"], {**described, "found": []})
            cell["found"].append(
                {"task": name_task(evidence.task), "label": row["label"]}
                | {"loss": row["valid_mean"], "unit": evidence.unit}
            )
    groups: dict[str, Row] = {}
    for cell in cells.values():
        empty = {"strategy": cell["strategy"], "colour": cell["colour"], "cells": []}
        groups.setdefault(cell["strategy"], empty)["cells"].append(cell)
    return list(groups.values())


def draw_cell(genome: str, evidence: Evidence) -> Markup:
    """Return a drawing without its style, which the page has once."""
    return _draw(genome, json.dumps(evidence.settings["space"], sort_keys=True))


@cache
def _draw(genome: str, space: str) -> Markup:
    svg = draw(parse(genome, choose("spaces", SPACES, **json.loads(space)).language))
    return Markup(svg.replace(f"<style>{STYLE}</style>", ""))


def _measured(trials: Sequence[Row], evidence: Evidence) -> Row:
    """Return the curves of some trials as a small chart, and what they cost in the median."""
    curves = [finite(evidence.curve_of(trial)[1]) for trial in trials]
    costs = []
    for column, name, form in COSTS:
        known = [trial[column] for trial in trials if trial[column] is not None]
        if known:
            costs.append((name, form.format(statistics.median(known))))
    return {"curve": draw_small([c for c in curves if len(c) > 1]), "costs": costs}


def _best_surface(trials: Sequence[Row]) -> str | None:
    """Return the surface of the best of some trials, None if it has none."""
    known = [trial for trial in trials if trial["fitness"] is not None]
    best = min(known, key=lambda trial: trial["fitness"], default=None)
    return None if best is None else best["surface"]


def _origin(candidate: Mapping[str, Any], evidence: Evidence) -> Row:
    """Return which operator made a candidate, and from which parents."""
    edges = evidence.parents.get((candidate["run"], candidate["candidate"]), [])
    ordered = sorted(edges, key=lambda edge: edge["parent_number"])
    return {
        "operator": candidate["operator"],
        "candidate": candidate["candidate"],
        "parents": [(edge["parent"], f"{candidate['run']}/{edge['parent']}") for edge in ordered],
    }


def draw_small(curves: Sequence[Sequence[float]]) -> Markup | None:
    """Return curves of losses as a small chart; what lies above their first quarter is cut off."""
    if not curves:
        return None
    low = min(min(curve) for curve in curves)
    top = max(max(curve[len(curve) // 4 :]) for curve in curves)
    longest = max(map(len, curves))
    rise = (HEIGHT - 8) / (top - low or 1.0)
    paths = []
    for curve in curves:
        points = [
            f"{i * WIDTH / (longest - 1):.0f} {max(HEIGHT - 4 - (loss - low) * rise, 0):.0f}"
            for i, loss in enumerate(curve)
        ]
        paths.append(f'<path d="M{"L".join(points)}"/>')
    said = f"Validation loss over {longest} epochs, down to {low:.4g}"
    return Markup(  # numbers alone
        f'<svg class="small" role="img" aria-label="{said}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(paths)}</svg>"
    )


def pack(cards: Mapping[str, str]) -> str:
    """Return texts by name as zlib's bytes in base64, which a browser unpacks by itself."""
    text = json.dumps(cards, separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
