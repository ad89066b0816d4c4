"""What a model of outcomes learns: their ranks as normal scores, whatever the unit and spread of losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from gp_cells.config.objectives import FITNESS
from gp_cells.strategies.gaussian_process import Array
from gp_cells.strategies.strategy import Outcome


def normal_scores(values: Sequence[float]) -> Array:
    """Return the normal quantile of each value's rank, to 9 digits; equal values share their mean rank.

    Infinite values, of what failed, are the worst.
    """
    ordered = np.sort(values)
    first, last = np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
    quantile = NormalDist().inv_cdf
    return np.array(
        [round(quantile((a + b) / (2 * len(values))), 9) for a, b in zip(first, last, strict=True)]
    )


def scalarised(
    history: Sequence[Outcome],
    objectives: Sequence[str],
    reference: Sequence[float],
    weights: Sequence[float],
) -> list[float]:
    """Return one number for each outcome, the weighted distance to the best of each objective.

    The augmented Chebyshev norm of ParEGO (Knowles 2006, https://doi.org/10.1109/TEVC.2005.851274), each
    objective in units of how far its best so far is below the reference point. Infinite of what failed, or
    was not measured.
    """
    points = np.array([_point(outcome, objectives) for outcome in history])
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        return [math.inf] * len(history)
    best = known.min(axis=0)
    span = np.maximum(np.array(reference) - best, 1e-12)
    shares = [
        [
            weight * (value - low) / wide
            for weight, value, low, wide in zip(weights, point, best, span, strict=True)
        ]
        for point in points
    ]
    return [max(of) + 0.05 * sum(of) if all(map(math.isfinite, of)) else math.inf for of in shares]


def _point(outcome: Outcome, objectives: Sequence[str]) -> list[float]:
    values = {FITNESS: outcome.fitness, **outcome.objectives}
    found = [values[name] for name in objectives]
    return [math.inf if value is None or outcome.failed else value for value in found]
