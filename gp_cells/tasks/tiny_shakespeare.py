"""Tiny Shakespeare: 1.1 million characters of his plays; which one comes next.

Source: the user's own copy of `input.txt` (Karpathy 2015, the address below), named in the setting
`file`; no package ships it. The text is in the public domain. It is pure ASCII, so a character is a byte.

Split: the first 90 % train, 5 % validation, 5 % test, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import REQUIRED, check_settings, setting
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe
from gp_cells.tasks.texts import PER_BYTE, RECIPE, read_split_bytes, window_batches

SHA_256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
ADVICE = "set `file` to input.txt of https://github.com/karpathy/char-rnn"


@dataclass(frozen=True)
class TinyShakespeare:
    """Predict the next byte of his plays, in windows that are the same for every network."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = PER_BYTE

    file: str = setting(REQUIRED, "the text, input.txt")
    part: float = setting(
        1.0,
        "share of the training text used, from its start; validation and test are always whole",
        low=0.0001,
        high=1,
    )
    window: int = setting(
        128,
        "length of the windows that the text is cut into, each from a zero state",
        unit="bytes",
        low=1,
    )
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "tiny_shakespeare")

    def read(self) -> Data:
        """Read the file.

        Raises:
            DataError: it is missing or another, or shorter than a window.
        """
        return read_split_bytes(Path(self.file), SHA_256, ADVICE, self.part, self.window)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield windows, with `shuffle` from another place each time and in random order."""
        return window_batches(split, self.window, self.recipe.batch_size, shuffle)
