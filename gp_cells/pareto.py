"""Several objectives at once, all minimised: Pareto fronts, hypervolumes, and NSGA-II's selection.

A point is one number an objective. Fronts and hypervolumes are moocore's; the selection of Deb et al.
2002 (https://doi.org/10.1109/4235.996017) is DEAP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moocore
import numpy as np
from deap import base, tools

from gp_cells.variation import deap_seeded

Point = tuple[float, ...]
SMALLEST = 4  # points that DEAP's tournament needs


def front(points: Sequence[Point]) -> list[int]:
    """Return which points no other dominates, in order; of equal ones the first."""
    if not points:
        return []
    return np.flatnonzero(moocore.is_nondominated(np.array(points))).tolist()


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume that some points dominate within a reference point.

    A point that is not better than the reference in every objective adds nothing.
    """
    return moocore.hypervolume(np.array(points), ref=reference) if points else 0.0


@dataclass(frozen=True)
class Judged:
    """What DEAP selects from: the place of a point, and its fitness in DEAP's form."""

    place: int
    fitness: base.Fitness


def survivors(points: Sequence[Point], count: int) -> list[Judged]:
    """Return the `count` points that NSGA-II keeps: by front, in the last one by crowding."""
    if not points:
        return []
    kind = type("Minimised", (base.Fitness,), {"weights": (-1.0,) * len(points[0])})
    judged = [Judged(place, kind(point)) for place, point in enumerate(points)]
    return tools.selNSGA2(judged, count)


def parents(judged: Sequence[Judged], rng: np.random.Generator) -> tuple[int, int]:
    """Return the places of two winners of binary tournaments, by dominance, then by crowding.

    The four that meet are all different, so the two that win are.
    """
    with deap_seeded(rng):
        first, second, *_ = tools.selTournamentDCD(judged, 1)
    return first.place, second.place
