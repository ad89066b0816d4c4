"""What the page says of one task: the answer, its finalists, its figures, its winner's descent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gp_cells.compare.guards import is_edge_of_rates
from gp_cells.compare.labels import say_spent
from gp_cells.compare.sizes import say_sizes
from gp_cells.compare.summary import has_errors
from gp_cells.config.records import ENDED_WELL
from gp_cells.report import finalists, progress, trials
from gp_cells.report.answer import answer, name_task
from gp_cells.report.cells import candidates_shown, describe_candidate, describe_finalist, draw_cell
from gp_cells.report.data import describe_confusion, describe_data
from gp_cells.report.descent import draw_descent, trace_line
from gp_cells.report.evidence import Evidence, Row, count_runs, find_ancestors
from gp_cells.report.protocol import describe_protocol
from gp_cells.report.stopping import draw_stopping
from gp_cells.report.strategies import describe_strategies, draw_strategies
from gp_cells.report.surface import draw_surface
from gp_cells.report.weights import draw_weights


def describe_task(evidence: Evidence, compared: Row, specs: dict[str, Any]) -> Row:
    """Return what the page says of a task; its charts are added to `specs`.

    `compared` is the task's part of the comparison.
    """
    found = answer(evidence, compared["strategies"], compared["guards"])
    descended = best_with_parents(evidence)
    every = evidence.tables["trials"]
    return {
        "label": evidence.task,
        "name": name_task(evidence.task),
        "unit": evidence.unit,
        "symbol": None if evidence.symbol is None else evidence.symbol[0],
        "pass": evidence.one_pass,
        "has_errors": has_errors(evidence.rows),
        "predictors": evidence.predictors,
        "headline": found.headline,
        "caution": found.caution,
        "guards": compared["guards"],
        "duel": [_shown(row, evidence) for row in (found.evolved, found.designed) if row],
        "rows": [_shown(row, evidence) for row in evidence.rows],
        "fronts": [
            {**front, "colour": evidence.colours[front["strategy"]]} for front in evidence.fronts
        ],
        "references": sorted(evidence.references.items(), key=lambda item: item[1]),
        "data": describe_data(evidence.settings),
        "confusions": [
            confusion
            for row in (found.evolved, found.designed)
            if row and (confusion := describe_confusion(row, evidence.settings))
        ],
        "equal_size": _sizes(compared["equal_size"], evidence),
        "said_of_sizes": say_sizes(compared["equal_size"]),
        **{key: compared[key] for key in ("spent", "ablations")},
        "budgets": [said for row in compared["spent"] if (said := say_spent(row))],
        "strategies": describe_strategies(compared, evidence.colours),
        "stopping": compared["stopping"],
        "figures": _figures(evidence, compared, descended, specs),
        "weights": _weights(evidence, specs),
        "line": _line(evidence, descended),
        "protocol": describe_protocol(evidence),
        "trials": len(every),
        "failed": sum(trial["status"] not in ENDED_WELL for trial in every),
        "wall_s": sum(trial["wall_s"] or 0 for trial in every),
        "candidates": {
            f"{c['run']}/{c['candidate']}": describe_candidate(c, evidence)
            for c in candidates_shown(evidence)
        },
    }


def _shown(row: Mapping[str, Any], evidence: Evidence) -> Row:
    """Return a finalist with what the table needs beside its numbers."""
    bits = None
    if evidence.symbol is not None and row["test_mean"] is not None:
        bits = row["test_mean"] / math.log(2) / evidence.symbol[1].get("test", 1)
    return {**row, "bits": bits, "cell": describe_finalist(row, evidence)}


def _sizes(rows: Sequence[Row], evidence: Evidence) -> list[Row]:
    """Return the best cells under each limit of size, called as in the table of finalists."""
    labels = {(row["run"], row["finalist"]): row["label"] for row in evidence.rows}
    return [
        {
            **row,
            **{
                kind: {
                    **row[kind],
                    "label": labels[row[kind]["run"], row[kind]["finalist"]],
                    "colour": evidence.colours[row[kind]["strategy"]],
                }
                for kind in ("evolved", "designed")
            },
        }
        for row in rows
    ]


def _figures(
    evidence: Evidence, compared: Row, descended: Row | None, specs: dict[str, Any]
) -> dict[str, Row]:
    """Return the figures of a task by name, with what is said of them; charts are added to `specs`."""
    runs = ", ".join(f"{strategy}: n = {n}" for strategy, n in count_runs(evidence).items())
    beyond = finalists.references_beyond(evidence)
    left_out = [f"{name.replace('_', ' ')} {evidence.references[name]:z.3f}" for name in beyond]
    said = {
        "finalists": f"Off the scale: {', '.join(left_out)}." if left_out else "",
        "search": f"Seeds of the search: {runs}." if runs else "",
        "descent": _whose(evidence, descended) if descended else "",
    }
    over_time = compared["tested_over_time"]
    tested = [f"{of['strategy']} {of['finalists']} of {of['n']} searches" for of in over_time]
    said["tested"] = f"Finalists: {', '.join(tested)}."
    said["rates"] = _at_the_edge(evidence)
    figures = {}
    for name, spec in draw_task(evidence, compared, descended).items():
        specs[f"{evidence.task}-{name}"] = spec
        figures[name] = {"id": f"{evidence.task}-{name}", "note": said.get(name, "")}
    return figures


def _weights(evidence: Evidence, specs: dict[str, Any]) -> list[Row]:
    """Return what is said of each chart of who took whose weights; the charts are added to `specs`."""
    said = []
    for strategy, (run, spec) in draw_weights(evidence).items():
        name = f"{evidence.task}-weights-{strategy}"
        specs[name] = spec
        said.append({"id": name, "strategy": strategy, "run": run})
    return said


def draw_task(evidence: Evidence, compared: Row, descended: Row | None) -> dict[str, Any]:
    """Return the charts of a task by name, without those that have nothing to show."""
    drawn = {
        "finalists": finalists.compare_finalists(evidence),
        "search": progress.draw_search(evidence),
        "curves": progress.draw_curves(evidence),
        "sizes": finalists.draw_sizes(evidence),
        "rates": finalists.draw_rates(evidence),
        "descent": draw_descent(evidence, descended) if descended else None,
        "failures": trials.count_failures(evidence),
        "times": trials.draw_times(evidence),
        **draw_strategies(compared, evidence.colours),
        **draw_stopping(compared),
    }
    return {name: spec for name, spec in drawn.items() if spec is not None}


def best_with_parents(evidence: Evidence) -> Row | None:
    """Return the best finalist that has parents, None if none has."""
    return next((row for row in evidence.evolved if find_ancestors(evidence, row)[1]), None)


def _at_the_edge(evidence: Evidence) -> str:
    """Return which finalists might do better with a rate that was not tried."""
    edged = []
    for row in evidence.rows:
        tried = [trial["learning_rate"] for trial in evidence.replicates(row, chosen=False)]
        if is_edge_of_rates(row["learning_rate"], tried):
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
            **{key: candidate[key] for key in ("run", "candidate", "operator", "fitness")},
            "genome": evidence.genomes[candidate["architecture_id"]],
            "drawing": draw_cell(evidence.genomes[candidate["architecture_id"]], evidence),
            "surface": draw_surface(
                evidence.search_trials[candidate["run"], candidate["candidate"]]["surface"]
            ),
        }
        for candidate in line
    ]
