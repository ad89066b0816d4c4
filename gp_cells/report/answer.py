"""The answer of a task in words: the best cell found by search against the best hand-designed one.

Both are picked by validation loss. They are compared on the test split where it was measured, which
no choice has seen, and seed by seed, since every finalist was trained with the same seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.report.evidence import Evidence, Row, count_runs

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FEW = 5  # seeds below which a headline says how few


@dataclass(frozen=True)
class Answer:
    """What a task's finalists say: a headline, how far it may be trusted, and the two cells."""

    headline: str
    caution: str
    evolved: Row | None
    designed: Row | None


def answer(evidence: Evidence) -> Answer:
    """Return the answer that the finalists of a task give."""
    evolved = next(iter(evidence.evolved), None)
    designed = next(iter(evidence.designed), None)
    task = name_task(evidence.task)
    if evolved is None or designed is None:
        missing = "searched" if evolved is None else "hand-designed"
        headline = f"On {task}, there is no {missing} finalist to compare."
        return Answer(headline, _searches(evidence), evolved, designed)
    split, differences = compare_by_seed(evidence, evolved, designed)
    if not differences:
        headline = (
            f"On {task} the best cells share no seed with which both were trained to the end."
        )
        return Answer(headline, _searches(evidence), evolved, designed)
    mean = statistics.fmean(differences)
    gap = (
        f"{abs(mean):.3f} {evidence.unit}"
        if abs(mean) >= 0.0005
        else f"under 0.001 {evidence.unit}"
    )
    found = f"the best cell found by search ({evolved['strategy']})"
    if len(differences) > 1 and min(differences) < 0 < max(differences):
        said = f"{found} and {designed['name']} are within seed noise, {gap} apart"
    elif mean < 0:
        said = f"{found} beats the best hand-designed one, {designed['name']}, by {gap}"
    else:
        said = f"{found} stays {gap} behind the best hand-designed one, {designed['name']}"
    if 1 < len(differences) < FEW:
        said += f" ({_number(len(differences))} seeds)"
    elif len(differences) == 1:
        said += " (one seed)"
    caution = f"{_trust(split, differences)} {_searches(evidence)}"
    return Answer(f"On {task}, {said}.", caution, evolved, designed)


def name_task(task: str) -> str:
    """Return a task's label as words."""
    return task.replace("_", " ").capitalize()


def compare_by_seed(
    evidence: Evidence, evolved: Mapping[str, Any], designed: Mapping[str, Any]
) -> tuple[str, list[float]]:
    """Return the split and, for each shared seed, the loss of one cell less that of the other."""
    for split in ("test", "validation"):
        left, right = (_by_seed(evidence, row, split) for row in (evolved, designed))
        differences = [left[seed] - right[seed] for seed in sorted(left.keys() & right.keys())]
        if differences:
            return split, differences
    return "validation", []


def _by_seed(evidence: Evidence, row: Mapping[str, Any], split: str) -> dict[int, float]:
    losses = {}
    for trial in evidence.replicates(row):
        loss = evidence.loss(trial, split)
        if loss is not None:
            losses[trial["seed"]] = loss
    return losses


def _trust(split: str, differences: Sequence[float]) -> str:
    """Return how far a difference may be trusted, from the seeds alone."""
    n = len(differences)
    split = f"{split} split"
    if n == 1:
        return f"Measured on the {split} with one seed (n = 1), so chance alone may explain it."
    better = sum(difference < 0 for difference in differences)
    ranged = f"{min(differences):+.3f} to {max(differences):+.3f}".replace("-", "−")
    shared = f"Measured on the {split} with the same {_number(n)} seeds each (n = {n})"
    every = "both" if n == 2 else f"all {_number(n)}"
    if better in (0, n):
        won = f"the found cell is {'better' if better else 'worse'} with {every}"
    else:
        won = f"the found cell is better with {_number(better)} of them"
    won += f" (difference {ranged})"
    if n < FEW:
        return f"{shared}: {won}. That is too few to rule out chance."
    return f"{shared}: {won}."


def _searches(evidence: Evidence) -> str:
    counts = count_runs(evidence)
    fewest = min(counts.values(), default=0)
    if fewest == 0:
        return "No search was run."
    if fewest == 1:
        return (
            "Each search ran once, so nothing here says how often a strategy would do as well, or "
            "which strategy is better."
        )
    means = ", ".join(_mean_of_runs(evidence, strategy, n) for strategy, n in counts.items())
    return f"Over repeated searches, the best finalist's mean validation loss is {means}."


def _mean_of_runs(evidence: Evidence, strategy: str, n: int) -> str:
    best: dict[str, float] = {}
    for row in evidence.evolved:
        if row["strategy"] == strategy:
            best.setdefault(row["run"], row["valid_mean"])
    if not best:
        return f"{strategy} none (n = {n})"
    ranged = f", {min(best.values()):.3f} to {max(best.values()):.3f}" if len(best) > 1 else ""
    return f"{strategy} {statistics.fmean(best.values()):.3f} (n = {len(best)}{ranged})"


def _number(n: int) -> str:
    return NUMBERS[n] if n < len(NUMBERS) else str(n)
