"""Tests and effect sizes for a few paired or ranked losses, where lower is better.

The distributions are scipy's. Holm's correction, the critical difference and the effect sizes are a line
or two each, written out here and compared with published examples in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

ALPHA = 0.05
FEWEST_TASKS = 5  # that ranks are averaged over; with fewer, strategies are compared in pairs


def wilcoxon(differences: Sequence[float]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test, exact for up to 50 differences.

    A zero is ranked but has no sign (Pratt 1959, https://doi.org/10.1080/01621459.1959.10501526). Where
    there are ties or zeros the signs of the differences are permuted: all ways for up to 13, else
    9,999 drawn ones.
    """
    values = np.asarray(differences, dtype=float)
    if not values.any():
        return 1.0
    sizes = np.abs(values)
    plain = len(np.unique(sizes)) == len(sizes) and sizes.all()
    permuted = stats.PermutationMethod(n_resamples=9999, rng=np.random.default_rng(0))
    method = "auto" if plain else permuted
    return float(stats.wilcoxon(values, zero_method="pratt", method=method).pvalue)


def smallest_p(n: int) -> float:
    """Return the smallest p that `wilcoxon` can give with n differences."""
    return min(1.0, 2.0 ** (1 - n))


def rank_biserial(differences: Sequence[float]) -> float:
    """Return the matched-pairs rank-biserial correlation, −1 to 1; negative if most differences are.

    Kerby 2014 (https://doi.org/10.2466/11.IT.3.1): the share of the ranks of the differences that
    is positive, less the share that is negative. Zeros are left out; with nothing else it is 0.
    """
    values = np.asarray([value for value in differences if value != 0], dtype=float)
    if not values.size:
        return 0.0
    ranks = stats.rankdata(np.abs(values))
    return float((ranks * np.sign(values)).sum() / ranks.sum())


def probability_of_improvement(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the probability that one of `left` is lower than one of `right`; ties count half.

    Vargha and Delaney 2000 (https://doi.org/10.3102/10769986025002101), as in Agarwal et al. 2021
    (https://arxiv.org/abs/2108.13264).
    """
    lower = stats.mannwhitneyu(right, left, method="asymptotic").statistic
    return float(lower / (len(left) * len(right)))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979, https://www.jstor.org/stable/4615733)."""
    corrected = [0.0] * len(ps)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = largest
    return corrected


def average_ranks(losses: np.ndarray) -> np.ndarray:
    """Return each column's mean rank, 1 the best, of losses (tasks, strategies); ties share ranks."""
    return np.asarray(stats.rankdata(losses, axis=1).mean(axis=0))


def friedman(losses: np.ndarray) -> float:
    """Return the p of Friedman's test that all columns of (tasks, strategies) do alike."""
    return float(stats.friedmanchisquare(*losses.T).pvalue)


def critical_difference(strategies: int, tasks: int) -> float:
    """Return how far mean ranks must be apart to differ by Nemenyi's test at 5 %.

    Demšar 2006 (https://www.jmlr.org/papers/v7/demsar06a.html): the studentized range over √2.
    """
    q = stats.studentized_range.ppf(1 - ALPHA, strategies, math.inf) / math.sqrt(2)
    return float(q * math.sqrt(strategies * (strategies + 1) / (6 * tasks)))


def variance_components(losses: np.ndarray) -> tuple[float, float, float]:
    """Return the variances of rows, of columns and of the rest; `losses` is (architectures, seeds).

    Of a two-way random model without replication (Shrout and Fleiss 1979,
    https://doi.org/10.1037/0033-2909.86.2.420); an estimate below 0 is given as 0. The first as a share
    of all three is their ICC(2,1), where none is below 0.
    """
    rows, columns = losses.shape
    of_rows = columns * losses.mean(axis=1).var(ddof=1)
    of_columns = rows * losses.mean(axis=0).var(ddof=1)
    whole = losses.var(ddof=1) * (losses.size - 1)
    spread = whole - (rows - 1) * of_rows - (columns - 1) * of_columns
    rest = max(0.0, spread / ((rows - 1) * (columns - 1)))
    by_row, by_column = (of_rows - rest) / columns, (of_columns - rest) / rows
    return max(0.0, float(by_row)), max(0.0, float(by_column)), float(rest)


def interval_of_rank_correlation(rho: float, n: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of Spearman's correlation of n pairs, twice None of a perfect one.

    Bonett and Wright 2000 (https://doi.org/10.1007/BF02294183); n is more than three.
    """
    if abs(rho) > 1 - 1e-9:
        return None, None
    at = math.atanh(rho)
    reach = stats.norm.ppf(0.975) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(at - reach), math.tanh(at + reach)
