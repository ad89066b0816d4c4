"""Stopping rules judged on whole curves: what each would have saved, and what the search would have read.

A rule is shown each curve epoch by epoch. Curves are ranked among those of their seed, as a search does.
Rules that learn do so from the curves of all other seeds, or, where there is one alone, from four fifths of
the curves for the other fifth. Every line stands beside the cut of
equal cost: all trials ended after the same epoch, which costs nothing to compute and is the rule to beat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gp_cells.compare.cuts import Candidates, against_cut, all_cuts
from gp_cells.compare.ranks import right_sides
from gp_cells.compare.verdicts import Judged, Verdict
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


def judge(
    curves: Curves, name: str, rule: Stopper, settings: dict[str, Any], folded: bool = False
) -> Verdict:
    """Return what a rule would have done on the curves of a task.

    `folded` ranks the curves of a single seed in the parts of rules that learn, so that all are alike.
    """
    whole = curves.whole
    epochs = whole[0].curve.epochs
    numbers = parts_of(whole, folded or learns(rule))
    learned = _learned(rule, whole, numbers)
    seen = [_meet(rule, of.curve, known) for of, known in zip(whole, learned, strict=True)]
    read, spent = np.array([of.read for of in seen]), np.array([of.epoch for of in seen])
    of = candidates_of(whole, numbers)
    cpu_s, saved_cpu_s = _cpu_s(whole, spent.tolist())
    return Verdict(
        task=curves.task,
        rule=name,
        settings=settings,
        n=len(whole),
        planned=epochs,
        ended=int((spent < epochs).sum()),
        saved=1 - float(spent.mean()) / epochs,
        cpu_s=cpu_s,
        saved_cpu_s=saved_cpu_s,
        **vars(against_cut(of, read, [of.predicted for of in seen], float(spent.mean()))),
    )


def candidates_of(whole: Sequence[Whole], numbers: Array) -> Candidates:
    """Return curves as they are ranked, each in its part."""
    curves = [of.curve.losses for of in whole]
    return Candidates(curves=curves, finals=np.array([of.final for of in whole]), groups=numbers)


def _cpu_s(whole: Sequence[Whole], spent: Sequence[int]) -> tuple[float | None, float | None]:
    """Return the CPU seconds of all epochs and of those not trained; None if not all are known."""
    known = [of.cpu_s for of in whole if of.cpu_s is not None]
    if len(known) < len(whole):
        return None, None
    left = (seconds[epoch:] for seconds, epoch in zip(known, spent, strict=True))
    return math.fsum(map(math.fsum, known)), math.fsum(map(math.fsum, left))


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


def parts_of(whole: Sequence[Whole], learning: bool) -> Array:
    """Return the number of each curve's part: its seed, or of a single seed a fold if rules learn."""
    seeds = sorted({of.seed for of in whole})
    if len(seeds) > 1:
        return np.array([seeds.index(of.seed) for of in whole], dtype=float)
    return np.arange(len(whole), dtype=float) % (FOLDS if learning else 1)


def _learned(rule: Stopper, whole: Sequence[Whole], numbers: Array) -> list[Any]:
    """Return what a rule knows for each curve, from those of all other parts."""
    known = {
        part: learned_from(
            rule, [of.curve for of, n in zip(whole, numbers, strict=True) if n != part]
        )
        for part in sorted(set(numbers.tolist()))
    }
    return [known[part] for part in numbers.tolist()]


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
    place: Path, rules: Mapping[str, Sequence[Mapping[str, Any]]], alike: bool = False
) -> Iterator[Judged]:
    """Yield for each task its curves, and a verdict on each of some rules and settings.

    `alike` compares all rules and cuts within the same parts, so that they can be drawn together; else
    rules that do not learn are told by all curves of a single seed.

    Raises:
        RecordError: the curves cannot be read.
        SettingError: there is no such rule or setting.
    """
    made = [
        (name, plug_in("stopping", PlugIn(name=name, settings=settings)), dict(settings))
        for name, variants in rules.items()
        for settings in variants
    ]
    folded = alike and any(learns(rule) for _, rule, _ in made)
    for curves in read_curves(place):
        enough = len(curves.whole) >= FEWEST
        numbers = parts_of(curves.whole, folded)
        yield Judged(
            curves.task,
            _about(curves),
            all_cuts(candidates_of(curves.whole, numbers)) if alike and enough else (),
            _verdicts(curves, made if enough else (), folded),
        )


def _verdicts(
    curves: Curves, made: Sequence[tuple[str, Stopper, dict[str, Any]]], folded: bool
) -> Iterator[Verdict]:
    for name, rule, settings in made:
        yield judge(curves, name, rule, settings, folded)


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
    whole = curves.whole
    epochs, (cpu_s, _) = whole[0].curve.epochs, _cpu_s(whole, [0] * n)
    took = "" if cpu_s is None else f" in {cpu_s:,.4g} CPU s"
    return (
        f"# {curves.task}: {n} curves of {epochs} epochs{took}, {curves.left_out} left out; {agree}"
    )
