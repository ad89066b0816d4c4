"""How sure a mean is: intervals of 95 % over what was repeated.

A number has Student's interval, which holds what it promises also with few repetitions; at five, a
bootstrap's holds the truth in 84 of 100 cases. A curve and a statistic over tasks have a band by the
percentile bootstrap (Efron 1979, https://doi.org/10.1214/aos/1176344552), always from the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST_FOR_INTERVAL = 3  # of two, an interval would be the two themselves
FEWEST_SEEDS = 5  # below which a number of repeated searches comes with a warning

Band = tuple[np.ndarray, np.ndarray]


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return Student's interval of the mean, or twice None with fewer than three values."""
    if len(values) < FEWEST_FOR_INTERVAL:
        return None, None
    mean, error = np.mean(values), stats.sem(values)
    reach = error * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(mean - reach), float(mean + reach)


def interval_of_difference(
    left: Sequence[float], right: Sequence[float]
) -> tuple[float | None, float | None]:
    """Return the interval of the mean of `left` less that of `right`, both uncertain.

    Welch 1947 (https://doi.org/10.1093/biomet/34.1-2.28); twice None with fewer than three of `left` or
    two of `right`.
    """
    if len(left) < FEWEST_FOR_INTERVAL or len(right) < 2:
        return None, None
    parts = np.array([np.var(of, ddof=1) / len(of) for of in (left, right)])
    difference = np.mean(left) - np.mean(right)
    if not parts.any():
        return float(difference), float(difference)
    freedom = parts.sum() ** 2 / (parts**2 / [len(left) - 1, len(right) - 1]).sum()
    reach = np.sqrt(parts.sum()) * stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    return float(difference - reach), float(difference + reach)


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return the bootstrap interval of the mean."""
    low, high = band(np.asarray(values, dtype=float)[:, None])
    return float(low[0]), float(high[0])


def band(values: np.ndarray) -> Band:
    """Return the bootstrap interval of the mean at each point; `values` is (repetitions, points)."""
    return limits(values[resample(len(values), np.random.default_rng(0))].mean(axis=1))


def resample(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return which of n repetitions each resample holds, (resamples, n)."""
    return rng.integers(n, size=(RESAMPLES, n))


def limits(statistics: np.ndarray) -> Band:
    """Return the interval that the statistics of some resamples span, along their first axis."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(statistics, [tail, 100 - tail], axis=0)
    return low, high
