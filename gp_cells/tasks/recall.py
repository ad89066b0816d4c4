"""Recall in context, after the task of that name of MAD (Poli et al. 2024, https://arxiv.org/abs/2403.17844).

A sequence is pairs of a key and a value, k v k v …; each sequence draws anew which value a key has. Where
a key comes again, its value is to be told; all other steps do not count. MAD's faults are mended: splits
have streams of their own and no sequence in common, the seed is a setting, and a learning rate is never
chosen by test loss. Beside that, sequences are shorter, and keys and values fewer, than MAD's.

Chance is one of the values, the ceiling no error: each target has been shown.
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


@dataclass(frozen=True)
class Recall:
    """Tell the value that came after this key before, in made-up sequences."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = UNIT

    keys: int = setting(8, "different keys", unit="symbols", low=1, high=MOST_SYMBOLS)
    values: int = setting(8, "different values", unit="symbols", low=2, high=MOST_SYMBOLS)
    length: int = setting(
        32,
        "of a sequence: pairs of a key and a value, more than there are keys",
        unit="steps",
        low=4,
    )
    sequences: int = setting(6400, "of the training split", unit="sequences", low=1)
    held: int = setting(1280, "of validation, and of test", unit="sequences", low=1)
    seed: int = setting(0, "of all sequences")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "recall")
        if self.length % 2 or self.length < 2 * (self.keys + 1):
            raise SettingError(
                f"recall.length: expected an even number, at least {2 * (self.keys + 1)} with "
                f"{self.keys} keys, got {self.length}"
            )

    def read(self) -> Data:
        """Make the sequences."""
        splits = make_splits("recall", self.seed, self.sequences, self.held, self._draw)
        names = [f"key {i}" for i in range(self.keys)] + [f"value {i}" for i in range(self.values)]
        return describe(splits, names, range(self.keys, self.keys + self.values))

    def _draw(self, rng: np.random.Generator, count: int) -> Made:
        pairs = self.length // 2
        values = rng.integers(self.keys, self.keys + self.values, (count, self.keys))
        keys = rng.integers(0, self.keys, (count, pairs))
        told = np.take_along_axis(values, keys, 1)
        again = [(keys[:, :i] == keys[:, i : i + 1]).any(1) for i in range(pairs)]
        symbols = np.stack([keys, told], -1).reshape(count, self.length)
        scored = np.zeros_like(symbols)
        scored[:, ::2] = np.stack(again, 1)
        return symbols, np.repeat(told, 2, axis=1) * scored, scored

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield sequences, with `shuffle` in random order."""
        return scored_batches(split, self.recipe.batch_size, shuffle)
