from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from gp_cells.compare import pareto
from gp_cells.strategies import selection

POINTS = some.lists(some.tuples(*[some.integers(0, 6).map(float)] * 2), min_size=1, max_size=14)


def dominates(one: pareto.Point, other: pareto.Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def peeled(points: list[pareto.Point]) -> list[set[int]]:
    """Return the fronts, taken off one by one."""
    left, fronts = set(range(len(points))), []
    while left:
        front = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        fronts.append(front)
        left -= front
    return fronts


@given(points=POINTS)
def test_the_front_is_what_nothing_dominates(points: list[pareto.Point]) -> None:
    undominated = {points[i] for i in peeled(points)[0]}
    found = [points[i] for i in pareto.front(points)]
    assert len(found) == len(set(found))
    assert set(found) == undominated


@given(points=POINTS, share=some.floats(0.05, 1))
def test_survivors_are_whole_fronts_and_of_the_next_the_least_crowded(
    points: list[pareto.Point], share: float
) -> None:
    count = max(1, round(share * len(points)))
    kept = [judged.place for judged in selection.survivors(points, count)]
    assert len(kept) == len(set(kept)) == count
    for front in peeled(points):
        if len(front) > len(kept):
            break
        assert set(kept[: len(front)]) == front
        kept = kept[len(front) :]
    assert set(kept) <= front  # none of a later front
    for objective in range(2 if len(kept) >= 4 else 0):  # the ends of a front are never crowded out
        ends = [f(points[i][objective] for i in front) for f in (min, max)]
        assert {points[i][objective] for i in kept} >= set(ends)


def test_parents_are_two_and_the_worst_is_never_one() -> None:
    points = [(1.0, 4.0), (2.0, 3.0), (3.0, 2.0), (4.0, 1.0), (9.0, 9.0)]
    judged = selection.survivors(points, 5)
    rng = np.random.default_rng(0)
    pairs = [selection.parents(judged, rng) for _ in range(100)]
    assert all(first != second for first, second in pairs)
    assert {place for pair in pairs for place in pair} == {0, 1, 2, 3}


def test_parents_depend_on_the_dice_alone() -> None:
    import random

    judged = selection.survivors([(float(i), float(-i)) for i in range(8)], 8)
    drawn = []
    for seed in (1, 2):
        random.seed(seed)
        drawn.append(selection.parents(judged, np.random.default_rng(5)))
        assert random.random() == random.Random(seed).random()
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([(1.0, 1.0)], (2.0, 2.0), 1.0),
        ([(1.0, 2.0), (2.0, 1.0)], (3.0, 3.0), 3.0),
        ([(1.0, 2.0), (2.0, 1.0), (2.0, 2.0)], (3.0, 3.0), 3.0),  # the third is dominated
        ([(1.0, 1.0), (0.0, 5.0)], (2.0, 2.0), 1.0),  # the second is beyond the reference
        ([(0.0, 0.0, 0.0), (-1.0, 0.5, 0.5)], (1.0, 1.0, 1.0), 1.25),
        ([], (1.0, 1.0), 0.0),
    ],
)
def test_known_hypervolumes(
    points: list[pareto.Point], reference: pareto.Point, volume: float
) -> None:
    assert pareto.hypervolume(points, reference) == pytest.approx(volume)
    assert pareto.front([]) == []
