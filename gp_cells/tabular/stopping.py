"""Stopping rules judged on whole curves: what each would have saved, and what the search would have read.

A rule is shown each curve epoch by epoch. Curves are ranked among those of their seed, as a search does.
Rules that learn do so from the curves of all other seeds, or, where there is one alone, from four fifths of
the curves for the other fifth. Every line stands beside the cut of
equal cost: all trials ended after the same epoch, which costs nothing to compute and is the rule to beat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gp_cells.compare.ranks import (
    best_until,
    interval_of_difference,
    recall_of_best,
    right_sides,
)
from gp_cells.config.records import PlugIn
from gp_cells.plugins import plug_in
from gp_cells.stopping.stopper import (
    Curve,
    Stopper,
    first_stop,
    learned_from,
    learns,
    read_as,
    reads,
)
from gp_cells.tabular.curves import Curves, Whole, read_curves

Array = NDArray[np.float64]

FOLDS = 5  # of a single search's curves
FEWEST = 10  # curves that ranks are compared of


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule would have done on a task.

    `saved` is the share of epochs; `tau` Kendall's rank correlation of the losses that the search reads
    with the best of all epochs, `cut_tau` that of the cut of equal cost, and `low` and `high` the 95 %
    interval of the difference. `recall` is the share of the best 5 % that is among the 10 % with the lowest
    loss that was read, `regret` how much worse the best of what was read is than the best, and `error` the
    mean distance of predictions, both in the task's unit. `ended` are the trials that the rule ended.
    """

    task: str
    rule: str
    settings: dict[str, Any]
    n: int
    ended: int
    saved: float
    tau: float
    cut_tau: float
    low: float
    high: float
    recall: float
    cut_recall: float
    regret: float
    cut_regret: float
    error: float | None

    @property
    def said(self) -> str:
        """How the rule compares with the cut."""
        return "above" if self.low > 0 else "below" if self.high < 0 else "level"


def judge(curves: Curves, name: str, rule: Stopper, settings: dict[str, Any]) -> Verdict:
    """Return what a rule would have done on the curves of a task."""
    whole = curves.whole
    finals, epochs = np.array([of.final for of in whole]), whole[0].curve.epochs
    parts = _parts(rule, whole)
    seen = [
        _meet(rule, of.curve, learned) for of, learned in zip(whole, parts.learned, strict=True)
    ]
    read, spent = np.array([of.read for of in seen]), np.array([of.epoch for of in seen])
    cut = best_until([of.curve.losses for of in whole], float(spent.mean()))
    right, cut_right = (right_sides(values, finals, parts.together) for values in (read, cut))
    tau, cut_tau = float(right.mean()), float(cut_right.mean())
    low, high = interval_of_difference(right, cut_right)
    missed = [
        abs(of.predicted - of_all) for of, of_all in zip(seen, finals, strict=True) if of.predicted
    ]
    return Verdict(
        task=curves.task,
        rule=name,
        settings=settings,
        n=len(finals),
        ended=int((spent < epochs).sum()),
        saved=1 - float(spent.mean()) / epochs,
        tau=tau,
        cut_tau=cut_tau,
        low=low,
        high=high,
        recall=_over(recall_of_best, read, finals, parts),
        cut_recall=_over(recall_of_best, cut, finals, parts),
        regret=_over(_regret, read, finals, parts),
        cut_regret=_over(_regret, cut, finals, parts),
        error=float(np.mean(missed)) if missed else None,
    )


def ceiling(curves: Curves) -> tuple[float, int] | None:
    """Return how well two trainings of one architecture with other seeds agree, and of how many.

    Kendall's tau of the best losses with the first two seeds of each; None of fewer than five.
    """
    by_architecture: dict[str, dict[str, float]] = {}
    for of in curves.whole:
        if of.architecture:
            by_architecture.setdefault(of.architecture, {}).setdefault(of.seed, of.final)
    pairs = [list(of.values())[:2] for of in by_architecture.values() if len(of) > 1]
    if len(pairs) < 5:
        return None
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    everywhere = np.ones((len(pairs), len(pairs)))
    return float(right_sides(first, second, everywhere).mean()), len(pairs)


@dataclass(frozen=True)
class _Met:
    """What the search reads of a trial, its epochs, and what was predicted of it."""

    read: float
    epoch: int
    predicted: float | None


def _meet(rule: Stopper, curve: Curve, learned: Any) -> _Met:
    found = first_stop(rule, curve, learned)
    epoch = len(curve.losses) if found is None else found[0]
    predicted = None if found is None else found[1].predicted
    if reads(rule):
        return _Met(read_as(rule, curve.until(epoch), learned), epoch, predicted)
    observed = min(curve.losses[:epoch])
    return _Met(observed if predicted is None else predicted, epoch, predicted)


@dataclass(frozen=True)
class _Parts:
    """The number of each curve's part, within which they are ranked, and what was learned for it."""

    numbers: Array
    learned: Sequence[Any]

    @property
    def together(self) -> Array:
        """Whether two curves are in one part, (n, n)."""
        same: Array = self.numbers[:, None] == self.numbers[None]
        return same


def _parts(rule: Stopper, whole: Sequence[Whole]) -> _Parts:
    """Return the curves by seed; those of a single seed in folds if the rule has to learn from others."""
    seeds = sorted({of.seed for of in whole})
    if len(seeds) > 1:
        numbers = np.array([seeds.index(of.seed) for of in whole])
    else:
        numbers = np.arange(len(whole)) % (FOLDS if learns(rule) else 1)
    learned = {
        part: learned_from(
            rule, [of.curve for of, n in zip(whole, numbers, strict=True) if n != part]
        )
        for part in sorted(set(numbers.tolist()))
    }
    return _Parts(numbers, [learned[part] for part in numbers.tolist()])


def _over(
    measure: Callable[[Array, Array], float], values: Array, finals: Array, parts: _Parts
) -> float:
    """Return the mean of a measure over the parts."""
    each = [parts.numbers == part for part in np.unique(parts.numbers)]
    return float(np.mean([measure(values[of], finals[of]) for of in each]))


def _regret(values: Array, finals: Array) -> float:
    return float(finals[values.argmin()] - finals.min())


# --- which rules, and how they are told -----------------------------------------------------------

SHARES = tuple(round(0.1 * i, 1) for i in range(1, 10))
VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "i_epoch": [{"share": share} for share in SHARES],
    "ensemble": [{"share": share} for share in SHARES],
    "learned": [{"share": share} for share in SHARES],
    "median": [{"share": share} for share in (0.1, 0.2, 0.3, 0.5)],
    "patience": [{"epochs": epochs} for epochs in (1, 2, 3, 5)],
    "parametric": [
        {"function": function, "tolerance": tolerance, "reads": reading}
        for function in ("exp3", "pow3", "wbl4")
        for tolerance in (0.01, 0.03)
        for reading in ("observed", "predicted")
    ],
}


def judge_all(
    place: Path, rules: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[Verdict | str]:
    """Yield for each task a line on its curves, and a verdict on each of some rules and settings.

    Raises:
        RecordError: the curves cannot be read.
        SettingError: there is no such rule or setting.
    """
    for curves in read_curves(place):
        yield _about(curves)
        if len(curves.whole) < FEWEST:
            continue
        for name, variants in rules.items():
            for settings in variants:
                rule = plug_in("stopping", PlugIn(name=name, settings=settings))
                yield judge(curves, name, rule, dict(settings))


def _about(curves: Curves) -> str:
    n = len(curves.whole)
    if n < FEWEST:
        return f"# {curves.task}: {n} whole curves; ranks are compared of {FEWEST} or more"
    top = ceiling(curves)
    agree = (
        "no five architectures were trained with two seeds"
        if top is None
        else f"two seeds agree to tau {top[0]:.2f} (n {top[1]})"
    )
    epochs = curves.whole[0].curve.epochs
    return f"# {curves.task}: {n} curves of {epochs} epochs, {curves.left_out} left out; {agree}"
