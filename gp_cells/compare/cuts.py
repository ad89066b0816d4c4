"""What a search reads of its trials, held against the plain cuts: all trials ended after the same epoch.

A cut costs nothing to compute, so a stopping rule has to beat that of equal cost; all of them together are
the front of Egele et al. 2024 (https://arxiv.org/abs/2404.04111). Candidates are compared within their
group, as the trials of one search are.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.compare import pareto
from gp_cells.compare.ranks import (
    Array,
    best_until,
    interval_of_difference,
    recall_of_best,
    right_sides,
)

MOST = 40  # cuts of a front; of longer curves so many, evenly spread


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Whole curves, the best loss of each, and the number of the group it is compared in, all (n,)."""

    curves: Sequence[Sequence[float]]
    finals: Array
    groups: Array

    @property
    def together(self) -> Array:
        """Whether two are of one group, (n, n)."""
        same: Array = self.groups[:, None] == self.groups[None]
        return same

    def mean(self, measure: Callable[[Array, Array], float], values: Array) -> float:
        """Return the mean over the groups of a measure of some values and the best losses."""
        each = [self.groups == group for group in np.unique(self.groups)]
        return float(np.mean([measure(values[of], self.finals[of]) for of in each]))


@dataclass(frozen=True, kw_only=True)
class AgainstCut:
    """How well what was read says which candidates are the best, and how well the cut of equal cost does.

    `tau` is Kendall's rank correlation with the best of all epochs, `cut_tau` that of the cut, `low` and
    `high` the 95 % interval of the difference; `recall` the share of the best 5 % that is among the 10 %
    with the lowest loss that was read; `regret` how much worse the best of what was read is than the best,
    and `error` the mean distance of predictions, both in the task's unit.
    """

    tau: float
    cut_tau: float
    low: float
    high: float
    recall: float
    cut_recall: float
    regret: float
    cut_regret: float
    error: float | None


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A plain cut after some epochs; see `AgainstCut`.

    It is on a front if no cut after fewer epochs has as good a tau, or regret.
    """

    epochs: int
    tau: float
    recall: float
    regret: float
    front_of_tau: bool
    front_of_regret: bool


def against_cut(
    of: Candidates, read: Array, predicted: Sequence[float | None], epochs: float
) -> AgainstCut:
    """Return what was read beside the cut that trains as many epochs in the mean.

    `predicted` are the predictions among it, None where there was none.
    """
    cut, together = best_until(of.curves, epochs), of.together
    right, cut_right = (right_sides(values, of.finals, together) for values in (read, cut))
    low, high = interval_of_difference(right, cut_right)
    missed = [
        abs(guess - final)
        for guess, final in zip(predicted, of.finals.tolist(), strict=True)
        if guess is not None
    ]
    return AgainstCut(
        tau=float(right.mean()),
        cut_tau=float(cut_right.mean()),
        low=low,
        high=high,
        recall=of.mean(recall_of_best, read),
        cut_recall=of.mean(recall_of_best, cut),
        regret=of.mean(regret, read),
        cut_regret=of.mean(regret, cut),
        error=statistics.fmean(missed) if missed else None,
    )


def all_cuts(of: Candidates) -> list[Cut]:
    """Return the cuts after every epoch, or of long curves after as many as can be told apart."""
    longest = max(map(len, of.curves))
    looks = np.unique(np.linspace(1, longest, min(MOST, longest)).round().astype(int))
    together, reads = of.together, [best_until(of.curves, epochs) for epochs in looks.tolist()]
    taus = [float(right_sides(read, of.finals, together).mean()) for read in reads]
    regrets = [of.mean(regret, read) for read in reads]
    front_of_tau = pareto.front([*zip(looks.tolist(), (-tau for tau in taus), strict=True)])
    front_of_regret = pareto.front([*zip(looks.tolist(), regrets, strict=True)])
    return [
        Cut(
            epochs=epochs,
            tau=taus[i],
            recall=of.mean(recall_of_best, reads[i]),
            regret=regrets[i],
            front_of_tau=i in front_of_tau,
            front_of_regret=i in front_of_regret,
        )
        for i, epochs in enumerate(looks.tolist())
    ]


def regret(values: Array, finals: Array) -> float:
    """Return how much worse the one of the lowest value is than the best."""
    return float(finals[values.argmin()] - finals.min())
