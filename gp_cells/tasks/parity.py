"""Running parity: at each step, whether the ones so far are even or odd in number.

No linear recurrence whose gates are positive can tell it at every length, one whose gates are in [-1, 1]
can (Grazzi et al. 2025, https://arxiv.org/abs/2411.12537).

Chance is one of two, the ceiling no error: the target follows from the bits so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.synthetic import RECIPE, UNIT, Made, describe, make_splits, scored_batches
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe


@dataclass(frozen=True)
class Parity:
    """Tell at each step of a row of bits whether it has had an odd number of ones."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = UNIT

    length: int = setting(32, "of a sequence", unit="steps", low=1)
    sequences: int = setting(6400, "of the training split", unit="sequences", low=1)
    held: int = setting(1280, "of validation, and of test", unit="sequences", low=1)
    seed: int = setting(0, "of all sequences")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "parity")

    def read(self) -> Data:
        """Make the sequences."""
        splits = make_splits("parity", self.seed, self.sequences, self.held, self._draw)
        return describe(splits, ["0", "1"], range(2))

    def _draw(self, rng: np.random.Generator, count: int) -> Made:
        symbols = rng.integers(0, 2, (count, self.length))
        return symbols, symbols.cumsum(1) % 2, np.ones_like(symbols)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield sequences, with `shuffle` in random order."""
        return scored_batches(split, self.recipe.batch_size, shuffle)
