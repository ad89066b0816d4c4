"""How sure a mean is: bootstrap intervals over what was repeated, always from the same resamples.

An interval is of 95 %, by the percentile bootstrap (Efron 1979, https://doi.org/10.1214/aos/1176344552).
With few repetitions it is too narrow, which is why every number stands beside its n.
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
    """Return the interval of the mean, or twice None with fewer than three values."""
    if len(values) < FEWEST_FOR_INTERVAL:
        return None, None
    low, high = band(np.asarray(values, dtype=float)[:, None])
    return float(low[0]), float(high[0])


def band(values: np.ndarray) -> Band:
    """Return the interval of the mean at each point; `values` is (repetitions, points)."""
    found = stats.bootstrap(
        (values,),
        np.mean,
        axis=0,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.asarray(found.low), np.asarray(found.high)


def resample(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return which of n repetitions each resample holds, (resamples, n)."""
    return rng.integers(n, size=(RESAMPLES, n))


def limits(statistics: np.ndarray) -> tuple[float, float]:
    """Return the interval that the statistics of some resamples span."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(statistics, [tail, 100 - tail])
    return float(low), float(high)
