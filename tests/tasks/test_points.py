"""The three toys: where their points lie, and that each is another in each split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gp_cells.tasks.circles import Circles
from gp_cells.tasks.spirals import Spirals
from gp_cells.tasks.xor import Xor

TOYS = [Xor, Circles, Spirals]


def points_of(toy: Any, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    split = toy(**settings).read().splits["train"]
    return split["numbers"], split["targets"]


@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_has_200_points_a_split_none_of_them_twice(toy: Any) -> None:
    splits = toy().read().splits
    assert [len(split["numbers"]) for split in splits.values()] == [200] * 3
    rows = np.concatenate([split["numbers"] for split in splits.values()])
    assert len(np.unique(rows, axis=0)) == 600


@pytest.mark.parametrize("toy", TOYS)
def test_a_seed_decides_the_points(toy: Any) -> None:
    first, again, other = (points_of(toy, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_no_class_of_xor_is_wrong_whatever_the_noise() -> None:
    points, classes = points_of(Xor, noise=2.0)
    assert np.array_equal(classes, points.prod(1) > 0)


def test_without_noise_a_disc_is_in_its_ring() -> None:
    points, classes = points_of(Circles, noise=0.0)
    radii = np.linalg.norm(points, axis=1)
    assert radii[classes == 1].max() <= 2.5 and radii[classes == 0].min() >= 3.75
    assert radii.max() <= 5 and classes.sum() == 100


def test_noise_puts_some_points_of_the_disc_among_those_of_the_ring() -> None:
    points, classes = points_of(Circles, points=4000)
    radii = np.linalg.norm(points, axis=1)
    assert radii[classes == 1].max() > radii[classes == 0].min()
    assert np.abs(points).max() <= 5 + 5 / 6


def test_without_noise_the_arms_are_opposite_and_go_out_to_6() -> None:
    points, classes = points_of(Spirals, noise=0.0)
    one, other = points[classes == 0], points[classes == 1]
    np.testing.assert_allclose(one, -other, atol=1e-6)
    radii = np.linalg.norm(one, axis=1)
    np.testing.assert_allclose(radii, 6 * np.arange(100) / 100, atol=1e-5)
    turns = np.unwrap(np.arctan2(one[1:, 0], one[1:, 1]))
    np.testing.assert_allclose(turns - turns[0], 3.5 * np.pi * np.arange(99) / 100, atol=1e-4)


def test_noise_moves_each_coordinate_by_at_most_itself() -> None:
    apart = points_of(Spirals)[0] - points_of(Spirals, noise=0.0)[0]
    assert 0.4 < np.abs(apart).max() <= 0.5 + 1e-6
