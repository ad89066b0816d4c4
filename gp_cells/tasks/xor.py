"""Whether both coordinates of a point have one sign, as Ha 2016 has it (`gp_cells.tasks.points`).

Points are uniform in a square of 10 by 10, then moved by normal noise, and only then told apart by their
signs: the noise widens the square, and no class is wrong. The ceiling is no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.examples import row_batches
from gp_cells.tasks.points import RECIPE, UNIT, Points, make_points
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe


@dataclass(frozen=True)
class Xor:
    """Tell points of the first and third quadrant from those of the second and fourth."""

    inputs: ClassVar[Inputs] = "numbers"
    unit: ClassVar[str] = UNIT

    points: int = setting(200, "of each split", unit="points", low=4)
    noise: float = setting(0.5, "deviation of what is added to each coordinate", low=0)
    seed: int = setting(0, "of all points")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "xor")

    def read(self) -> Data:
        """Make the points."""
        return make_points("xor", self.seed, self.points, self._draw)

    def _draw(self, rng: np.random.Generator, count: int) -> Points:
        points = rng.uniform(-5, 5, (count, 2)) + rng.normal(0, self.noise, (count, 2))
        return points, points.prod(1) > 0

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield points, with `shuffle` in random order."""
        return row_batches(split, self.recipe.batch_size, shuffle)
