"""Loss against size: the Pareto fronts of every search, one volume to compare them by.

Fronts, volumes and attainment surfaces are moocore's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import moocore
import numpy as np

from gp_cells.compare import pareto
from gp_cells.compare.intervals import interval
from gp_cells.compare.records import Records, Row
from gp_cells.config.objectives import FITNESS, entanglement

SIZE = "parameters"


def searched_fronts(records: Records) -> list[Row]:
    """Return the front and hypervolume of each run whose strategy has objectives of its own."""
    return [front for run in records.runs for front in _front(records, run)]


def _front(records: Records, run: Row) -> list[Row]:
    chosen = records.settings[run["run"]]["strategy"]["settings"]
    if not chosen.get("reference_point"):
        return []
    names, reference = chosen["objectives"], chosen["reference_point"]
    trained = [row for row in _judged(records, run) if all(row[n] is not None for n in names)]
    points = [tuple(float(row[name]) for name in names) for row in trained]
    best = sorted(pareto.front(points), key=lambda i: points[i])
    return [
        {
            **{key: run[key] for key in ("run", "strategy", "seed")},
            "objectives": names,
            "reference_point": reference,
            "hypervolume": pareto.hypervolume(points, tuple(reference)),
            "points": [
                {"candidate": trained[i]["candidate"], "values": [*points[i]]} for i in best
            ],
        }
    ]


def _judged(records: Records, run: Row) -> list[Row]:
    """Return the trials of a run's search that have a fitness, with all they may be judged by."""
    return [
        {
            **records.architectures[run["run"], row["architecture_id"]],
            **row,
            "entanglement": entanglement(row["introspectability"]),
        }
        for row in records.searched(run)
        if row[FITNESS] is not None
    ]


def size_against_loss(records: Records) -> Row | None:
    """Return how well each strategy's searches trade loss against parameters of the cell.

    Volumes are measured within one reference point for all: the loss of the best trivial predictor
    and the most parameters that any trial of the task had, both given. A share is of the volume of
    all trials together. The median attainment surface is what half of a strategy's runs reach
    (Grunert da Fonseca et al. 2001, https://doi.org/10.1007/3-540-44719-9_15). None if the task has
    no trivial predictor, or nothing was searched.
    """
    references = records.references
    points = {
        run["run"]: [(float(row[FITNESS]), float(row[SIZE])) for row in _judged(records, run)]
        for run in records.runs
    }
    everything = [point for of_run in points.values() for point in of_run]
    if not references or not everything or not records.searching:
        return None
    reference = (min(references.values()), max(size for _, size in everything))
    whole = pareto.hypervolume(everything, reference)
    return {
        "objectives": [FITNESS, SIZE],
        "reference_point": [*reference],
        "hypervolume": whole,
        "rows": [
            _traded(strategy, [points[run["run"]] for run in runs], reference, whole)
            for strategy, runs in records.searching.items()
        ],
    }


def _traded(
    strategy: str, runs: Sequence[Sequence[pareto.Point]], reference: pareto.Point, whole: float
) -> Mapping[str, Any]:
    reached = [points for points in runs if points]
    volumes = [pareto.hypervolume(points, reference) for points in reached]
    shares = [volume / whole for volume in volumes] if whole else []
    low, high = interval(shares)
    return {
        "strategy": strategy,
        "n": len(reached),
        "missing": len(runs) - len(reached),
        "share": float(np.mean(shares)) if shares else None,
        "low": low,
        "high": high,
        "shares": shares,
        "surface": median_surface(reached, len(runs)),
    }


def median_surface(runs: Sequence[Sequence[pareto.Point]], count: int) -> list[list[float]]:
    """Return the corners of the surface that half of `count` runs attain, by loss.

    `runs` are the points of those that have any; with less than half of them there is no such surface.
    """
    if not runs or 2 * len(runs) < count:
        return []
    sets = np.concatenate([np.full(len(points), i + 1) for i, points in enumerate(runs)])
    joined = np.array([point for points in runs for point in points])
    surface = moocore.eaf(joined, sets, percentiles=[50 * count / len(runs)])[:, :2]
    corners: list[list[float]] = surface[np.lexsort(surface.T[::-1])].tolist()
    return corners
