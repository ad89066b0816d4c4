"""NSGA-II's selection among points of several objectives, all minimised.

The selection of Deb et al. 2002 (https://doi.org/10.1109/4235.996017) is DEAP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from deap import base, tools

from gp_cells.config.seeds import deap_seeded

Point = tuple[float, ...]
SMALLEST = 4  # points that DEAP's tournament needs


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
