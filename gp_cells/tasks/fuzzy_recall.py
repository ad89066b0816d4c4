"""Fuzzy recall in context, after the task of that name of MAD (Poli et al. 2024).

https://arxiv.org/abs/2403.17844: as recall, but keys and values are words of one or more symbols, so that
neighbours have to be put together before they are looked up. Each sequence draws its own words and pairs,
and where a key comes again, all symbols of its value are to be told; all other steps do not count. Keys
and values have no symbol in common, so a word ends where the other kind begins; blanks fill up the end.
What is mended is as in the task `recall`; beside that, words are drawn anew for each sequence.

Chance is one of the symbols of values, the ceiling no error: each target has been shown.
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

Word = tuple[int, ...]


@dataclass(frozen=True)
class FuzzyRecall:
    """Tell the value that came after this key before, both of one or more symbols."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = UNIT

    keys: int = setting(
        8, "symbols that keys are made of", unit="symbols", low=2, high=MOST_SYMBOLS
    )
    values: int = setting(
        8, "symbols that values are made of", unit="symbols", low=2, high=MOST_SYMBOLS
    )
    longest: int = setting(
        2, "most symbols of a key, and of a value; each number is as likely", unit="symbols", low=1
    )
    pairs: int = setting(6, "of a key and a value, in each sequence", unit="pairs", low=1)
    length: int = setting(32, "of a sequence", unit="steps", low=4)
    sequences: int = setting(6400, "of the training split", unit="sequences", low=1)
    held: int = setting(1280, "of validation, and of test", unit="sequences", low=1)
    seed: int = setting(0, "of all sequences")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "fuzzy_recall")
        needed = 2 * self.longest * (self.pairs + 1)
        if self.length < needed:
            raise SettingError(
                f"fuzzy_recall.length: {self.pairs} pairs of words of up to {self.longest} symbols need "
                f"{needed} steps, so that one comes again; got {self.length}"
            )
        if self.pairs > self.keys:
            raise SettingError(
                f"fuzzy_recall.pairs: expected no more than symbols of keys, {self.keys}, got {self.pairs}"
            )

    def read(self) -> Data:
        """Make the sequences."""
        splits = make_splits("fuzzy_recall", self.seed, self.sequences, self.held, self._draw)
        names = [f"key {i}" for i in range(self.keys)] + [f"value {i}" for i in range(self.values)]
        return describe(splits, [*names, "blank"], range(self.keys, self.keys + self.values))

    def _draw(self, rng: np.random.Generator, count: int) -> Made:
        symbols = np.full((count, self.length), self.keys + self.values)
        targets, scored = np.zeros_like(symbols), np.zeros_like(symbols)
        for i in range(count):
            self._fill(rng, symbols[i], targets[i], scored[i])
        return symbols, targets, scored

    def _fill(
        self, rng: np.random.Generator, symbols: np.ndarray, targets: np.ndarray, scored: np.ndarray
    ) -> None:
        """Write one sequence, until the next pair has no room in it."""
        pairs, told, end = self._pairs(rng), set(), 0
        while True:
            key, value = pair = pairs[int(rng.integers(self.pairs))]
            first, after = end + len(key), end + len(key) + len(value)
            if after > self.length:
                return
            symbols[end:first], symbols[first:after] = key, value
            if pair in told:
                targets[first - 1 : after - 1], scored[first - 1 : after - 1] = value, 1
            told.add(pair)
            end = after

    def _pairs(self, rng: np.random.Generator) -> list[tuple[Word, Word]]:
        """Return pairs whose keys differ."""
        pairs: dict[Word, Word] = {}
        while len(pairs) < self.pairs:
            sizes = rng.integers(1, self.longest + 1, 2)
            key = tuple(rng.integers(0, self.keys, sizes[0]).tolist())
            value = tuple(rng.integers(self.keys, self.keys + self.values, sizes[1]).tolist())
            pairs.setdefault(key, value)
        return list(pairs.items())

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield sequences, with `shuffle` in random order."""
        return scored_batches(split, self.recipe.batch_size, shuffle)
