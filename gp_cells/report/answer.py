"""The answer of a task in words, with its uncertainty.

Where strategies searched more than once, it is how far the best of them ends from the best hand-designed
cell, over its searches. Else it is the best cell found against the best hand-designed one, seed by seed,
since every finalist was trained with the same seeds. The best is selected by validation loss;
what is compared is the test split where it was measured, which no choice has seen. Where targets are
classes the shares of errors come first. Where a guard (`compare.guards`) says that nothing was learned, or
that the best hand-designed cell was not, the headline says that alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gp_cells.compare.guards import has_learned
from gp_cells.compare.hypotheses import ALPHA
from gp_cells.compare.intervals import FEWEST_FOR_INTERVAL
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


def answer(
    evidence: Evidence, strategies: Mapping[str, Any], guards: Sequence[Mapping[str, Any]]
) -> Answer:
    """Return the answer that a task's comparison gives; the last two are its parts of those names."""
    found = _over_searches(evidence, strategies) or _between_cells(evidence)
    headline = _guarded(evidence, {guard["guard"] for guard in guards}) or found.headline
    return replace(found, headline=headline)


def _guarded(evidence: Evidence, guards: Collection[str]) -> str:
    """Return the headline where cells are not to be compared, "" where they are."""
    task = name_task(evidence.task)
    if "nothing_learned" in guards:
        return f"On {task}, no cell is better than guessing."
    designed = next(iter(evidence.designed), None)
    guess = min(evidence.references.items(), key=lambda of: of[1], default=None)
    if designed is None or guess is None or has_learned(designed, guess):
        return ""
    return (
        f"On {task}, no hand-designed cell that could be compared is better than guessing "
        f"({guess[0].replace('_', ' ')}), so nothing says how good the cells found are."
    )


def _over_searches(evidence: Evidence, strategies: Mapping[str, Any]) -> Answer | None:
    """Return the answer over repeated searches, None where there are none to speak of."""
    rows = [row for row in strategies["rows"] if row["n"] >= FEWEST_FOR_INTERVAL]
    designed = strategies["designed"]
    if not rows or designed is None or not evidence.evolved or not evidence.designed:
        return None
    best = min(rows, key=lambda row: row["valid_mean"])
    behind, name = best["behind_designed"], designed["name"]
    within = (
        f"[{_signed(behind['low'])}, {_signed(behind['high'])}]"
        if behind["low"] is not None
        else ""
    )
    gap = f"{_signed(behind['mean'])} {evidence.unit} {within}".rstrip()
    said = f"On {name_task(evidence.task)}, {_said_of_searches(best, designed)}"
    among = f"the best of {_number(len(rows))} strategies by validation; " if len(rows) > 1 else ""
    caution = (
        f"{best['strategy']} is {among}its number is the mean test loss over n = {best['n']} searches, "
        f"less that of {name} over {designed['seeds']} seeds, with a 95 % interval for both. "
        f"{_pairs(strategies['pairs'])}"
    )
    warned = [f"{warning[0].upper()}{warning[1:]}." for warning in strategies["warnings"]]
    found = next(row for row in evidence.evolved if row["strategy"] == best["strategy"])
    return Answer(f"{said}: {gap}.", " ".join([caution, *warned]), found, evidence.designed[0])


def _said_of_searches(best: Mapping[str, Any], designed: Mapping[str, Any]) -> str:
    """Return how a strategy's searches end beside the best hand-designed cell."""
    behind = best["behind_designed"]
    if behind["low"] is not None and behind["low"] > 0:
        relation = "higher"
    elif behind["high"] is not None and behind["high"] < 0:
        relation = "lower"
    else:
        relation = ""
    searches, cell = (
        f"searches by {best['strategy']}",
        f"the best hand-designed cell, {designed['name']}",
    )
    if best["error"] is None or designed["test_error"] is None:
        end = f"with a {relation} loss than" if relation else "indistinguishable from"
        return f"{searches} end {end} {cell}"
    return (
        f"{searches} end with {_share(best['error'])} errors on the test split, {cell}, with "
        f"{_share(designed['test_error'])}; their losses are {relation or 'indistinguishable'}"
    )


def _share(error: float) -> str:
    return f"{100 * error:.1f} %"


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> str:
    """Return which strategies differ."""
    tested = [pair for pair in pairs if pair["p_holm"] is not None]
    if not tested:
        return ""
    apart = [pair for pair in tested if pair["p_holm"] < ALPHA]
    if not apart:
        least = min(pair["p_holm"] for pair in tested)
        return f"No two strategies differ significantly (smallest corrected p {least:.2g})."
    said = [
        f"{pair['left']} is {'better' if pair['rank_biserial'] < 0 else 'worse'} than {pair['right']} "
        f"(corrected p {pair['p_holm']:.2g})"
        for pair in apart
    ]
    return f"{'; '.join(said)}."


def _signed(value: float) -> str:
    return f"{value:+z.3f}".replace("-", "−")


def _between_cells(evidence: Evidence) -> Answer:
    """Return the answer that the best finalists give, cell against cell."""
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
        f"{abs(mean):z.3f} {evidence.unit}"
        if abs(mean) >= 0.0005
        else f"under 0.001 {evidence.unit}"
    )
    said = _said_of_cells(evolved, designed, differences, gap)
    if 1 < len(differences) < FEW:
        said += f" ({_number(len(differences))} seeds)"
    elif len(differences) == 1:
        said += " (one seed)"
    caution = f"{_trust(split, differences)} {_searches(evidence)}"
    return Answer(f"On {task}, {said}.", caution, evolved, designed)


def _said_of_cells(
    evolved: Mapping[str, Any],
    designed: Mapping[str, Any],
    differences: Sequence[float],
    gap: str,
) -> str:
    """Return how two cells compare; one seed beats nobody, and errors come before losses."""
    found, other = f"the best cell found by search ({evolved['strategy']})", designed["name"]
    mean = statistics.fmean(differences)
    is_equal = not any(differences)
    is_noise = len(differences) > 1 and min(differences) < 0 < max(differences)
    side = "lower" if mean < 0 else "higher"
    errors = evolved["test_error"], designed["test_error"]
    if None not in errors:
        loss = f"its loss is {side}, by {gap}"
        if is_equal:
            loss = "their losses are equal"
        elif is_noise:
            loss = f"their losses are within seed noise, {gap} apart"
        return (
            f"{found} has {_share(errors[0])} errors on the test split, the best hand-designed one, "
            f"{other}, {_share(errors[1])}; {loss}"
        )
    if is_equal:
        return f"{found} and {other} do equally well"
    if is_noise:
        return f"{found} and {other} are within seed noise, {gap} apart"
    if len(differences) == 1:
        return f"{found} has a {side} loss than the best hand-designed one, {other}, by {gap}"
    if mean < 0:
        return f"{found} beats the best hand-designed one, {other}, by {gap}"
    return f"{found} stays {gap} behind the best hand-designed one, {other}"


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
    ranged = f"{min(differences):+z.3f} to {max(differences):+z.3f}".replace("-", "−")
    shared = f"Measured on the {split} with the same {_number(n)} seeds each (n = {n})"
    every = "both" if n == 2 else f"all {_number(n)}"
    if not any(differences):
        won = f"both cells have the same loss with {every}"
    elif better in (0, n) and 0 not in differences:
        won = f"the found cell is {'better' if better else 'worse'} with {every}"
    else:
        won = f"the found cell is better with {_number(better)} of them"
    if any(differences):
        won += f" (difference {ranged})"
    if n < FEW:
        return f"{shared}: {won}. That is too few to rule out chance."
    return f"{shared}: {won}."


def _searches(evidence: Evidence) -> str:
    counts = count_runs(evidence)
    fewest = min(counts.values(), default=0)
    if fewest == 0:
        return "No search was run."
    if max(counts.values()) == 1:
        return (
            "Each search ran once, so nothing here says how often a strategy would do as well, or "
            "which strategy is better."
        )
    means = ", ".join(_mean_of_runs(evidence, strategy, n) for strategy, n in counts.items())
    return f"Over repeated searches, the best finalist's mean validation loss is {means}."


def _mean_of_runs(evidence: Evidence, strategy: str, n: int) -> str:
    best: dict[str, float] = {}
    for row in evidence.evolved:
        if row["strategy"] == strategy and not row["failed"]:
            best.setdefault(row["run"], row["valid_mean"])
    if not best:
        return f"{strategy} none (n = {n})"
    ranged = f", {min(best.values()):z.3f} to {max(best.values()):z.3f}" if len(best) > 1 else ""
    return f"{strategy} {statistics.fmean(best.values()):z.3f} (n = {len(best)}{ranged})"


def _number(n: int) -> str:
    return NUMBERS[n] if n < len(NUMBERS) else str(n)
