"""Tests and effect sizes for a few paired or ranked losses, of which lower is better.

The distributions are scipy's. Holm's correction, the critical difference and the effect sizes are a line
or two each, written out here and held against published examples in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

ALPHA = 0.05
FEWEST_TASKS = 5  # that ranks are averaged over; with fewer, strategies are compared in pairs


def wilcoxon(differences: Sequence[float]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test, exact also with ties and zeros.

    A zero is ranked but has no sign (Pratt 1959, https://doi.org/10.1080/01621459.1959.10501526). Where
    there are ties or zeros the signs of the differences are permuted, all of them for up to 13.
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


def intraclass_correlation(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the share of the variance that lies between groups of one size, ICC(1).

    Shrout and Fleiss 1979 (https://doi.org/10.1037/0033-2909.86.2.420). Below 0 where members of one
    group differ more than chance would have it; None with fewer than two groups or members.
    """
    size = min((len(group) for group in groups), default=0)
    if len(groups) < 2 or size < 2 or any(len(group) != size for group in groups):
        return None
    values = np.asarray(groups, dtype=float)
    within = values.var(axis=1, ddof=1).mean()
    between = size * values.mean(axis=1).var(ddof=1)
    total = between + (size - 1) * within
    return float((between - within) / total) if total > 0 else None


def interval_of_rank_correlation(rho: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of Spearman's correlation of n pairs, more than three.

    Bonett and Wright 2000 (https://doi.org/10.1007/BF02294183).
    """
    at = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, rho)))
    reach = stats.norm.ppf(0.975) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(at - reach), math.tanh(at + reach)
