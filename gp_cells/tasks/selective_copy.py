"""Selective copying: the symbols that stand here and there among blanks, in their order, at the end.

The task is that of Gu and Dao 2023 (https://arxiv.org/abs/2312.00752), and of MAD (Poli et al. 2024,
https://arxiv.org/abs/2403.17844): where the symbols stand is drawn for each sequence, so that no fixed
distance tells them. As many marks end the sequence as there are symbols to be copied; at the first the
first is to be told, and so on. Only these steps count.

Chance is one of the symbols, the ceiling no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.tasks.synthetic import (
    MOST_SYMBOLS,
    RECIPE,
    UNIT,
    Made,
    describe,
    make_splits,
    scored_batches,
)
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe

BLANK, MARK, FIRST = 0, 1, 2


@dataclass(frozen=True)
class SelectiveCopy:
    """Repeat in their order the symbols that stood among blanks."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = UNIT

    symbols: int = setting(
        8, "different symbols that are copied", unit="symbols", low=2, high=MOST_SYMBOLS
    )
    copied: int = setting(4, "in each sequence", unit="symbols", low=1)
    length: int = setting(32, "of a sequence, with a step for each copy", unit="steps", low=2)
    sequences: int = setting(6400, "of the training split", unit="sequences", low=1)
    held: int = setting(1280, "of validation, and of test", unit="sequences", low=1)
    seed: int = setting(0, "of all sequences")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "selective_copy")
        if self.length < 2 * self.copied:
            raise SettingError(
                f"selective_copy.length: {self.copied} symbols to copy need {2 * self.copied} steps, got "
                f"{self.length}"
            )

    def read(self) -> Data:
        """Make the sequences."""
        splits = make_splits("selective_copy", self.seed, self.sequences, self.held, self._draw)
        names = ["blank", "mark", *(f"symbol {i}" for i in range(self.symbols))]
        return describe(splits, names, range(FIRST, FIRST + self.symbols))

    def _draw(self, rng: np.random.Generator, count: int) -> Made:
        told = rng.integers(FIRST, FIRST + self.symbols, (count, self.copied))
        room = self.length - self.copied
        places = np.sort(rng.random((count, room)).argsort(1)[:, : self.copied], 1)
        symbols = np.full((count, self.length), BLANK)
        np.put_along_axis(symbols, places, told, 1)
        symbols[:, room:] = MARK
        targets, scored = np.zeros_like(symbols), np.zeros_like(symbols)
        targets[:, room:], scored[:, room:] = told, 1
        return symbols, targets, scored

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield sequences, with `shuffle` in random order."""
        return scored_batches(split, self.recipe.batch_size, shuffle)
