"""Which strategy is better: one number a search, compared over seeds within a task, then over tasks.

The number of a search is the mean test loss of its best finalist. Finalists were trained again with fresh
seeds; which of them, and which learning rate, was picked by the validation losses of those trainings. A
search none of whose finalists trained to the end has no number: it is counted as missing, never replaced.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import trim_mean

from gp_cells.compare import hypotheses
from gp_cells.compare.intervals import (
    FEWEST_FOR_INTERVAL,
    FEWEST_SEEDS,
    interval,
    interval_of_difference,
    limits,
    resample,
)
from gp_cells.compare.power import could_show
from gp_cells.compare.records import Records, Row

Scores = Mapping[str, Mapping[int, float]]  # strategy → seed → loss


# --- one task -------------------------------------------------------------------------------------


def compare_strategies(records: Records, finalists: Sequence[Row]) -> Row:
    """Return a task's strategies with their losses over seeds, and every pair of them.

    `finalists` are the task's, the best first.
    """
    scores = best_losses(records, finalists)
    designed = best_designed(finalists)
    pairs = [
        _pair(left, right, scores) for left, right in itertools.combinations(records.searching, 2)
    ]
    tested = [pair for pair in pairs if pair["p"] is not None]
    for pair, p in zip(tested, hypotheses.holm([p["p"] for p in tested]), strict=True):
        pair["p_holm"] = p
    valid = best_losses(records, finalists, "valid_mean")
    rows = [
        _strategy(strategy, scores[strategy], valid[strategy], len(runs), designed)
        | _of_best(strategy, finalists)
        for strategy, runs in records.searching.items()
    ]
    return {
        "split": "test",
        "designed": designed
        and {
            key: designed[key] for key in ("name", "trial_id", "test_mean", "test_error", "seeds")
        },
        "rows": rows,
        "pairs": pairs,
        "warnings": [*_warnings(rows, pairs), *_repeated_cells(records, finalists)],
    }


def best_finalists(finalists: Sequence[Row]) -> Mapping[str, Row]:
    """Return the best finalist of each run that has one with all its seeds trained and tested."""
    best: dict[str, Row] = {}
    for row in finalists:
        if not row["failed"] and row["test_mean"] is not None:
            best.setdefault(row["run"], row)
    return best


def best_losses(records: Records, finalists: Sequence[Row], split: str = "test_mean") -> Scores:
    """Return the loss of the best finalist of every search, by seed; without those that have none."""
    best = best_finalists(finalists)
    return {
        strategy: {run["seed"]: best[run["run"]][split] for run in runs if run["run"] in best}
        for strategy, runs in records.searching.items()
    }


def _of_best(strategy: str, finalists: Sequence[Row]) -> Row:
    """Return the mean error and size of a strategy's best finalists, and the best of them all."""
    best = [row for row in best_finalists(finalists).values() if row["strategy"] == strategy]
    errors = [row["test_error"] for row in best if row["test_error"] is not None]
    sizes = [row["parameters"] for row in best if row["parameters"] is not None]
    known = errors if len(errors) == len(best) else []  # a mean of the others might flatter
    low, high = interval(known)
    return {
        "error": statistics.fmean(known) if known else None,
        "error_low": low,
        "error_high": high,
        "parameters": statistics.fmean(sizes) if sizes else None,
        "best": {key: best[0][key] for key in ("trial", "trial_id")} if best else None,
    }


def best_designed(finalists: Sequence[Row]) -> Row | None:
    """Return the hand-designed finalist with the lowest validation loss of those that were tested."""
    return next(
        (
            row
            for row in finalists
            if row["name"] is not None and row["test_mean"] is not None and not row["failed"]
        ),
        None,
    )


def _strategy(
    strategy: str,
    scores: Mapping[int, float],
    valid: Mapping[int, float],
    runs: int,
    designed: Row | None,
) -> Row:
    """Return a strategy's mean loss, and how far behind the best hand-designed cell that is."""
    losses = list(scores.values())
    low, high = interval(losses)
    row: Row = {
        "strategy": strategy,
        "n": len(losses),
        "missing": runs - len(losses),
        "mean": statistics.fmean(losses) if losses else None,
        "low": low,
        "high": high,
        "losses": losses,
        "valid_mean": statistics.fmean(valid.values()) if valid else None,
        "behind_designed": None,
    }
    if designed is not None and losses:
        low, high = interval_of_difference(losses, designed["test_losses"])
        mean = statistics.fmean(losses) - designed["test_mean"]
        row["behind_designed"] = {"mean": mean, "low": low, "high": high}
    return row


def _pair(left: str, right: str, scores: Scores) -> Row:
    """Return how two strategies differ over the seeds that both have; below 0 the left is better."""
    seeds = sorted(scores[left].keys() & scores[right].keys())
    differences = [scores[left][seed] - scores[right][seed] for seed in seeds]
    low, high = interval(differences)
    lefts, rights = list(scores[left].values()), list(scores[right].values())
    both = bool(lefts and rights)
    return {
        "left": left,
        "right": right,
        "n": len(seeds),
        "searches": [len(lefts), len(rights)],
        "difference": statistics.fmean(differences) if differences else None,
        "low": low,
        "high": high,
        "p": hypotheses.wilcoxon(differences) if differences else None,
        "p_holm": None,
        "smallest_p": hypotheses.smallest_p(len(seeds)) if seeds else None,
        "rank_biserial": hypotheses.rank_biserial(differences) if differences else None,
        "improvement": hypotheses.probability_of_improvement(lefts, rights) if both else None,
        "could_show": could_show(differences),
    }


def _repeated_cells(records: Records, finalists: Sequence[Row]) -> list[str]:
    """Return which strategies' searches ended with the same cell, whose losses are one measurement."""
    found: dict[str, list[str]] = {}
    for row in best_finalists(finalists).values():
        found.setdefault(row["strategy"], []).append(row["architecture_id"])
    return [
        f"{len(cells)} searches of {strategy} ended with {len(set(cells))} different cells: "
        "equal cells have equal losses, so intervals and tests count too many as independent"
        for strategy, cells in found.items()
        if strategy in records.searching and len(set(cells)) < len(cells)
    ]


def _warnings(rows: Sequence[Row], pairs: Sequence[Row]) -> list[str]:
    said = []
    fewest = min((row["n"] for row in rows), default=0)
    if rows and fewest < FEWEST_SEEDS:
        said.append(
            f"only {fewest} searches of {next(r['strategy'] for r in rows if r['n'] == fewest)}: "
            f"below {FEWEST_SEEDS}, chance is a likely reason for any difference"
        )
    missing = {row["strategy"]: row["missing"] for row in rows if row["missing"]}
    if missing:
        said.append(
            "without a finalist that trained to the end, and left out: "
            + ", ".join(f"{count} of {strategy}" for strategy, count in missing.items())
        )
    said += [
        f"{pair['left']} and {pair['right']} share no seed, so nothing pairs them"
        for pair in pairs
        if not pair["n"] and all(pair["searches"])
    ]
    tested = [pair for pair in pairs if pair["smallest_p"] is not None]
    hopeless = min((pair["smallest_p"] for pair in tested), default=0.0)
    if hopeless * len(tested) > hypotheses.ALPHA:
        n = max(pair["n"] for pair in tested)
        said.append(
            f"with {n} seeds a signed-rank test cannot give a p below {hopeless:.3g}, which is "
            f"{min(1.0, hopeless * len(tested)):.2g} corrected for {len(tested)} pairs: "
            "no pair can be significant at 5 %; look at differences and their intervals"
        )
    return said


# --- all tasks ------------------------------------------------------------------------------------


def over_tasks(tasks: Sequence[tuple[Records, Sequence[Row]]], luck: Sequence[str] = ()) -> Row:
    """Return what all tasks together say of the strategies that were run on every one of them.

    A task's losses are put on a scale where 0 is the test loss of its best hand-designed cell and 1
    the loss of its weakest trivial predictor, the marginal (class-frequency) predictor (on
    validation, where that is measured). The interquartile
    mean and the probability of improvement are as in Agarwal et al. 2021
    (https://arxiv.org/abs/2108.13264), their intervals by bootstrap over seeds within each task. Tasks
    where most of the spread of validation losses is `luck` are left out: a search that selects by them
    selects luck.
    """
    scales = {records.task: _scaled(records, finalists) for records, finalists in tasks}
    scaled = {
        task: scale for task, scale in scales.items() if scale is not None and task not in luck
    }
    everyone = sorted({strategy for records, _ in tasks for strategy in records.searching})
    lacking = {
        strategy: [task for task, scores in scaled.items() if not scores.get(strategy)]
        for strategy in everyone
    }
    strategies = [strategy for strategy in everyone if scaled and not lacking[strategy]]
    arrays = {
        strategy: [np.array(list(scores[strategy].values())) for scores in scaled.values()]
        for strategy in strategies
    }
    return {
        "tasks": list(scaled),
        "tasks_left_out": [task for task, scale in scales.items() if scale is None],
        "tasks_of_luck": list(luck),
        "strategies_left_out": {name: of for name, of in lacking.items() if of},
        "rows": [_aggregated(strategy, arrays[strategy]) for strategy in strategies],
        "pairs": [
            {"left": left, "right": right, **_improvement(arrays[left], arrays[right])}
            for left, right in itertools.combinations(strategies, 2)
        ],
        "ranks": _ranks(strategies, scaled),
    }


def _scaled(records: Records, finalists: Sequence[Row]) -> Scores | None:
    """Return a task's numbers on the common scale, None where it has no such scale."""
    designed = best_designed(finalists)
    references = records.references
    if designed is None or not references:
        return None
    zero = designed["test_mean"]
    width = max(references.values()) - zero
    if width <= 0:
        return None
    return {
        strategy: {seed: (loss - zero) / width for seed, loss in of.items()}
        for strategy, of in best_losses(records, finalists).items()
    }


def _aggregated(strategy: str, tasks: Sequence[np.ndarray]) -> Row:
    low, high = None, None
    if min(map(len, tasks)) >= FEWEST_FOR_INTERVAL:
        rng = np.random.default_rng(0)
        drawn = np.concatenate([task[resample(len(task), rng)] for task in tasks], axis=1)
        low, high = map(float, limits(trim_mean(drawn, 0.25, axis=1)))
    return {
        "strategy": strategy,
        "interquartile_mean": float(trim_mean(np.concatenate(tasks), 0.25)),
        "low": low,
        "high": high,
        "n": [len(task) for task in tasks],
    }


def _improvement(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> Row:
    """Return the probability that the left strategy has the lower loss, the mean over tasks."""
    known = [
        hypotheses.probability_of_improvement(list(one), list(other))
        for one, other in zip(left, right, strict=True)
    ]
    found: Row = {"improvement": statistics.fmean(known), "low": None, "high": None}
    if min(map(len, [*left, *right])) >= FEWEST_FOR_INTERVAL:
        rng = np.random.default_rng(0)
        drawn = []
        for one, other in zip(left, right, strict=True):
            lower = (one[:, None] < other[None]) + 0.5 * (one[:, None] == other[None])
            rows, columns = resample(len(one), rng), resample(len(other), rng)
            drawn.append(lower[rows[:, :, None], columns[:, None, :]].mean(axis=(1, 2)))
        found["low"], found["high"] = map(float, limits(np.mean(drawn, axis=0)))
    return found


def _ranks(strategies: Sequence[str], scaled: Mapping[str, Scores]) -> Row:
    """Return Friedman's test and Nemenyi's critical difference over the tasks' means.

    Where there are too few tasks or strategies for that, `why_not` says so.
    """
    if len(strategies) < 3:
        return {"why_not": f"{len(strategies)} strategies: ranks are compared from three on"}
    if len(scaled) < hypotheses.FEWEST_TASKS:
        return {
            "why_not": f"{len(scaled)} tasks: ranks over tasks are compared from "
            f"{hypotheses.FEWEST_TASKS} on; strategies are compared in pairs, task by task"
        }
    means = np.array(
        [
            [statistics.fmean(scores[strategy].values()) for strategy in strategies]
            for scores in scaled.values()
        ]
    )
    ranks = hypotheses.average_ranks(means)
    p = hypotheses.friedman(means)
    return {
        "n": len(means),
        "ranks": dict(zip(strategies, ranks.tolist(), strict=True)),
        "friedman_p": None if math.isnan(p) else p,
        "critical_difference": hypotheses.critical_difference(len(strategies), len(means)),
    }
