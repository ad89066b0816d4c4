"""What a number of seeds could show: the smallest difference of two strategies that it would tell.

By a paired t-test at 5 %, two-sided and not corrected for how many pairs there are, in 4 of 5 cases
(Cohen 1988; the noncentral t distribution). Its spread is that of the differences seen, which few seeds
know badly. The signed-rank test needs about 5 % more seeds, and can tell nothing with fewer than six.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from scipy import stats
from scipy.optimize import brentq

from gp_cells.compare.hypotheses import ALPHA
from gp_cells.compare.intervals import FEWEST_FOR_INTERVAL
from gp_cells.compare.records import Row

POWER = 0.8  # of 1: how often a true difference is to be found
PLANNED = (10, 20)  # seeds that are told of beside those there are
MOST_SEEDS = 1000  # that are looked at


def smallest_difference(deviation: float, n: int) -> float:
    """Return the smallest difference that n paired seeds tell, given its standard deviation."""
    critical = stats.t.ppf(1 - ALPHA / 2, n - 1)

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(critical, n - 1, shift)) - POWER  # the wrong side adds nothing

    return float(brentq(lacking, 0.0, 3 * critical)) * deviation / math.sqrt(n)


def seeds_needed(deviation: float, difference: float) -> int | None:
    """Return how many seeds would tell a difference, None if more than `MOST_SEEDS`."""
    low, high = FEWEST_FOR_INTERVAL, MOST_SEEDS
    if smallest_difference(deviation, high) > abs(difference):
        return None
    while low < high:
        middle = (low + high) // 2
        if smallest_difference(deviation, middle) <= abs(difference):
            high = middle
        else:
            low = middle + 1
    return low


def could_show(differences: Sequence[float]) -> Row | None:
    """Return what the seeds of a pair could show, and what others could; None where no spread is known."""
    if len(differences) < FEWEST_FOR_INTERVAL:
        return None
    deviation = statistics.stdev(differences)
    if not deviation:
        return None
    seeds = [len(differences), *(n for n in PLANNED if n > len(differences))]
    return {
        "seeds": seeds,
        "differences": [smallest_difference(deviation, n) for n in seeds],
        "needed": seeds_needed(deviation, statistics.fmean(differences)),
    }


def say_power(pairs: Sequence[Row]) -> str:
    """Return in a sentence what the seeds of a task's pairs could show; "" where nothing is known."""
    known = [pair["could_show"] for pair in pairs if pair["could_show"] is not None]
    if not known:
        return ""
    n = max(of["seeds"][0] for of in known)
    same = [of for of in known if of["seeds"][0] == n]
    told = [
        f"{seeds} seeds {_from_to([of['differences'][i] for of in same])}"
        for i, seeds in enumerate(same[0]["seeds"])
    ]
    needed = [of["needed"] for of in same]
    most = f"over {MOST_SEEDS:,}" if None in needed else f"{max(needed):,}"
    least = min((n for n in needed if n is not None), default=None)
    seen = f"{least:,} to {most}" if least is not None and f"{least:,}" != most else most
    return (
        f"the smallest difference of two strategies that could be told, in 4 of 5 cases at 5 %: "
        f"{', '.join(told)}; those seen would take {seen} seeds"
    )


def _from_to(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"
