"""enwik8: the first 100 million bytes of a dump of the English Wikipedia; which byte comes next.

Source: the user's own copy (Mahoney 2006, the address below), named in the setting
`file`; no package ships it. The text is that of Wikipedia's authors (CC BY-SA, GFDL).

Split: as is usual, 90 million bytes train, 5 million validation, 5 million test, one after the other.
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

SHA_256 = "2b49720ec4d78c3c9fabaee6e4179a5e997302b3a70029f30f2d582218c024a8"
ADVICE = "set `file` to enwik8 of https://mattmahoney.net/dc/textdata.html"


@dataclass(frozen=True)
class Enwik8:
    """Predict the next byte of Wikipedia, in windows that are the same for every network."""

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = PER_BYTE

    file: str = setting(REQUIRED, "the text, enwik8, unpacked")
    part: float = setting(
        0.01,
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
        check_settings(self, "enwik8")

    def read(self) -> Data:
        """Read the file.

        Raises:
            DataError: it is missing or another, or shorter than a window.
        """
        return read_split_bytes(Path(self.file), SHA_256, ADVICE, self.part, self.window)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield windows, with `shuffle` from another place each time and in random order."""
        return window_batches(split, self.window, self.recipe.batch_size, shuffle)
