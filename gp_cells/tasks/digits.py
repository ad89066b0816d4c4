"""Handwritten digits of 8 × 8 pixels: a task for tests and first tries, learned in seconds.

Source: `digits.csv.gz` of the installed package scikit-learn (BSD-3), read where it lies without
importing it: 1,797 images from "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998,
https://archive.ics.uci.edu/dataset/80), each pixel a count of 0 to 16. Nothing tells who wrote which,
so one hand may be in several splits.

Split: SHA-1 of an image's pixels, modulo 10: 0-5 train, 6-7 validation, 8-9 test: 1,052, 386 and 359
images, no two of them the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import setting
from gp_cells.tasks.examples import classify_images, image_batches, read_image_rows
from gp_cells.tasks.sources import drawn, installed, read_bytes
from gp_cells.tasks.task import Arrays, Batch, Data, Inputs, Recipe

SHA_256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
SIDE = 8
RECIPE = Recipe(units=16, batch_size=32, epochs=20)


@dataclass(frozen=True)
class Digits:
    """Tell which digit was written, from 8 × 8 pixels; the recipe is not tuned."""

    inputs: ClassVar[Inputs] = "images"
    unit: ClassVar[str] = "nats per image"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def read(self) -> Data:
        """Read the images of the installed scikit-learn.

        Raises:
            DataError: scikit-learn is not installed, or its file is not the one that it ships.
        """
        folder = installed(
            "sklearn", "digits needs scikit-learn's file: pip install 'gp-cells[data]'"
        )
        path = folder / "datasets" / "data" / "digits.csv.gz"
        content = read_bytes(path, SHA_256, "reinstall scikit-learn")
        images, classes = read_image_rows(content, SIDE)
        homes = [drawn(image.tobytes(), (6, 2, 2)) for image in images]
        return classify_images(images, classes, homes)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield standardised images, with `shuffle` in random order."""
        return image_batches(split, self.recipe.batch_size, shuffle)
