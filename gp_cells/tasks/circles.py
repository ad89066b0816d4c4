"""Whether a point was drawn in a disc or the ring around it, as Ha 2016 has it (`gp_cells.tasks.points`).

Half of the points are in a disc of radius 2.5, half in a ring of radii 3.75 to 5, uniform in radius and
angle. Classes are told before each coordinate is moved by uniform noise of up to 5/3 of `noise`: where disc
and ring then overlap a class is as it was drawn, so some are wrong for whoever sees the point alone, and no
network has them all.
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

RADIUS = 5.0


@dataclass(frozen=True)
class Circles:
    """Tell points of a disc from those of the ring around it."""

    inputs: ClassVar[Inputs] = "numbers"
    unit: ClassVar[str] = UNIT

    points: int = setting(
        200, "of each split; half of them are of each class", unit="points", low=4
    )
    noise: float = setting(
        0.5, "3/5 of the most that is added to each coordinate, and taken off", low=0
    )
    seed: int = setting(0, "of all points")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "circles")

    def read(self) -> Data:
        """Make the points."""
        return make_points("circles", self.seed, self.points, self._draw)

    def _draw(self, rng: np.random.Generator, count: int) -> Points:
        inside = np.arange(count) % 2
        disc, ring = (rng.uniform(low, high, count) for low, high in ((0, 0.5), (0.75, 1)))
        radii = RADIUS * np.where(inside, disc, ring)
        points = around(radii, rng.uniform(0, 2 * np.pi, count))
        most = RADIUS * self.noise / 3
        return points + rng.uniform(-most, most, (count, 2)), inside

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield points, with `shuffle` in random order."""
        return row_batches(split, self.recipe.batch_size, shuffle)
