"""Test loss over time: of the cell that a search would have been left with after so many candidates.

Only finalists are ever tested, once all is chosen, so no moment of a search has a test loss of its own.
What can be said is this: of the run's finalists that had been found by then, the one with the lowest mean
validation loss, chosen as in the end, and its mean test loss. A cell that led for a while and is no
finalist is not seen: with one finalist a search there is one step, with more the curve is the fuller. The
test split chooses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gp_cells.compare.intervals import FEWEST_FOR_INTERVAL, band
from gp_cells.compare.records import Records, Row

Step = tuple[int, float]  # candidates trained, and the test loss from then on


def losses_over_time(records: Records, finalists: Sequence[Row]) -> list[Row]:
    """Return each strategy's mean test loss against candidates, over its searches with a tested finalist.

    A curve begins where each of them has found one and ends where the first has trained all; between the
    points (`x`) it is constant. `finalists` are how many were tested, `n` of how many searches, and
    `searches` the same of each by itself.
    """
    curves = []
    for strategy, runs in records.searching.items():
        found = {run["seed"]: list(_found(records, run, finalists)) for run in runs}
        trained = {run["seed"]: len(records.searched(run)) for run in runs}
        steps = {seed: list(_steps(of)) for seed, of in found.items() if of}
        if steps:
            said = {
                "strategy": strategy,
                "finalists": sum(map(len, found.values())),
                "searches": [_search(seed, of, trained[seed]) for seed, of in steps.items()],
            }
            curves.append(said | _curve([(of, trained[seed]) for seed, of in steps.items()]))
    return curves


def _search(seed: int, steps: Sequence[Step], trained: int) -> Row:
    numbers, losses = zip(*steps, strict=True)
    return {"seed": seed, "x": [*numbers, trained], "loss": [*losses, losses[-1]]}


def _found(
    records: Records, run: Row, finalists: Sequence[Row]
) -> Iterator[tuple[int, float, float]]:
    """Yield when each tested finalist of a run was found, and its validation and test loss."""
    trained: dict[str, list[tuple[float, str, int]]] = {}
    for i, trial in enumerate(records.searched(run)):
        if trial["fitness"] is not None:
            outcome = trial["fitness"], trial["candidate"], i + 1
            trained.setdefault(trial["architecture_id"], []).append(outcome)
    for row in finalists:
        is_tested = not row["failed"] and row["test_mean"] is not None
        if row["run"] == run["run"] and is_tested and row["architecture_id"] in trained:
            yield min(trained[row["architecture_id"]])[2], row["valid_mean"], row["test_mean"]


def _steps(found: Sequence[tuple[int, float, float]]) -> Iterator[Step]:
    """Yield the test loss of what is chosen by validation, each time that this changes."""
    best = float("inf")
    for number, valid, test in sorted(found):
        if valid < best:
            best = valid
            yield number, test


def _curve(runs: Sequence[tuple[Sequence[Step], int]]) -> Row:
    start, end = max(steps[0][0] for steps, _ in runs), min(trained for _, trained in runs)
    moments = {start, end, *(number for steps, _ in runs for number, _ in steps)}
    x = np.array(sorted(number for number in moments if start <= number <= end))
    if not len(x):
        return {"n": len(runs), "x": [], "mean": []}
    values = np.array([_at(x, steps) for steps, _ in runs])
    said: Row = {"n": len(runs), "x": x.tolist(), "mean": values.mean(axis=0).tolist()}
    if len(values) >= FEWEST_FOR_INTERVAL:
        low, high = band(values)
        said |= {"low": low.tolist(), "high": high.tolist()}
    return said


def _at(x: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    numbers, losses = np.array(steps).T
    return losses[np.searchsorted(numbers, x, side="right") - 1]
