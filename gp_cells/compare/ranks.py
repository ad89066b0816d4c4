"""How well some numbers rank candidates as other numbers do, those of one group among each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BEST = 0.05  # share of candidates that are the best
CHOSEN = 0.10  # share of candidates that are chosen, among which the best should be


def right_sides(values: Array, truth: Array, together: Array) -> Array:
    """Return how each candidate is ordered with those of its group, −1 to 1; the mean is Kendall's tau-b.

    `together` says of each two whether they are of one group, (n, n).
    """
    signs = np.sign(values[:, None] - values[None]) * together
    true = np.sign(truth[:, None] - truth[None]) * together
    scale = math.sqrt(float((signs**2).sum() * (true**2).sum())) or 1.0
    shares: Array = (signs * true).sum(axis=1) * len(values) / scale
    return shares


def interval_of_difference(first: Array, second: Array) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two taus, given each candidate's `right_sides`.

    It takes candidates as drawn independently; each is in two places of every pair.
    """
    return _interval(first - second)


def interval_of_tau(sides: Array) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a tau, given each candidate's `right_sides`; twice None of a perfect one.

    As `interval_of_difference`, and within −1 to 1.
    """
    if abs(float(sides.mean())) > 1 - 1e-9:
        return None, None
    low, high = _interval(sides)
    return max(-1.0, low), min(1.0, high)


def _interval(sides: Array) -> tuple[float, float]:
    error = 2 * float(sides.std(ddof=1)) / math.sqrt(len(sides))
    return float(sides.mean()) - 1.96 * error, float(sides.mean()) + 1.96 * error


def recall_of_best(values: Array, truth: Array) -> float:
    """Return the share of the best 5 % that is among the 10 % with the lowest values."""
    best = np.argsort(truth, kind="stable")[: max(1, round(BEST * len(truth)))]
    chosen = np.argsort(values, kind="stable")[: max(1, round(CHOSEN * len(truth)))]
    return len({*best.tolist()} & {*chosen.tolist()}) / len(best)


def best_until(curves: Sequence[Sequence[float]], epochs: float) -> Array:
    """Return the best losses when all end after the same number of epochs.

    Of a number that is not whole, those of the epochs before and after it are averaged by its distance.
    """
    low = max(1, math.floor(epochs))
    share = max(0.0, epochs - low)
    before = np.array([min(curve[:low]) for curve in curves])
    after = np.array([min(curve[: low + 1]) for curve in curves])
    read: Array = before * (1 - share) + after * share
    return read
