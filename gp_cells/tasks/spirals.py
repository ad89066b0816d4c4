"""On which of two spirals a point lies, as Ha 2016 has it (`gp_cells.tasks.points`).

Two arms of one and three quarter turns, out to a radius of 6, points at even steps along each. Classes
are told before each coordinate is moved by uniform noise: with noise of 0.5 the arms, 1.7 apart, nearly
touch, and near the middle, where both begin, a class says little. So some are wrong for whoever sees the
point alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.examples import row_batches
from gp_cells.tasks.points import RECIPE, UNIT, Points, around, make_points
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe

RADIUS, TURNS = 6.0, 1.75


@dataclass(frozen=True)
class Spirals:
    """Tell points of two spirals apart."""

    inputs: ClassVar[Inputs] = "numbers"
    unit: ClassVar[str] = UNIT

    points: int = setting(
        200, "of each split; half of them are of each class", unit="points", low=4
    )
    noise: float = setting(0.5, "most that is added to each coordinate, and taken off", low=0)
    seed: int = setting(0, "of all points")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "spirals")

    def read(self) -> Data:
        """Make the points."""
        return make_points("spirals", self.seed, self.points, self._draw)

    def _draw(self, rng: np.random.Generator, count: int) -> Points:
        arm = np.arange(count) % 2
        share = np.arange(count) // 2 / (count / 2)
        points = around(RADIUS * share, 2 * np.pi * TURNS * share + np.pi * arm)
        return points + rng.uniform(-self.noise, self.noise, (count, 2)), arm

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield points, with `shuffle` in random order."""
        return row_batches(split, self.recipe.batch_size, shuffle)
