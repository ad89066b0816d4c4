"""CIFAR-10: 60,000 colour pictures of ten kinds of things, 32 × 32 pixels.

Source: the user's own copy of `cifar-10-binary.tar.gz` (Krizhevsky 2009,
https://www.cs.toronto.edu/~kriz/cifar.html), 162 MB, named in the setting `file`; no package ships it.
The binary version is read, since the one for Python is a pickle.

Split: the official test split; of the official training split SHA-1 of an image's pixels, modulo 10: 9
validation, else train: about 45,000, 5,000 and 10,000 images.

In training each picture is moved by up to 4 pixels in either direction, black beyond its edges, and every
other one mirrored, as is usual since He et al. 2016 (https://arxiv.org/abs/1512.03385).
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import REQUIRED, check_settings, setting
from gp_cells.tasks.examples import classify_images, image_batches
from gp_cells.tasks.sources import drawn
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Inputs, Recipe, SplitName

SHA_256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
MEMBERS = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
ADVICE = (
    "set `file` to the CIFAR-10 binary version from https://www.cs.toronto.edu/~kriz/cifar.html"
)
NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
SIDE = 32
MARGIN = 4
RECIPE = Recipe(units=24, layers=1, batch_size=96, epochs=20)


@dataclass(frozen=True)
class Cifar10:
    """Tell which of ten things a picture shows.

    The recipe is not tuned; for a GPU.
    """

    inputs: ClassVar[Inputs] = "images"
    unit: ClassVar[str] = "nats per image"

    file: str = setting(REQUIRED, "the archive, your cifar-10-binary.tar.gz")
    part: float = setting(
        1.0,
        "share of the training images used, the first ones; validation and test are always whole",
        low=0.001,
        high=1,
    )
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "cifar10")

    def read(self) -> Data:
        """Read the archive.

        Raises:
            DataError: it is missing or another.
        """
        batches = read_archive(Path(self.file))
        rows = np.concatenate(batches)
        images = rows[:, 1:].reshape(-1, 3, SIDE, SIDE)
        tested = len(batches[-1])
        homes: list[SplitName] = [drawn(image.tobytes(), (9, 1, 0)) for image in images[:-tested]]
        homes += ["test"] * tested
        return classify_images(images, rows[:, 0], homes, self.part, NAMES)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield standardised images, with `shuffle` in random order, moved and mirrored."""
        return image_batches(split, self.recipe.batch_size, shuffle, move_and_mirror)


def read_archive(path: Path) -> list[np.ndarray]:
    """Return the records of each file of the archive, uint8 (image, 1 + 3072): class, then pixels.

    Raises:
        DataError: the archive is missing or another.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {ADVICE}") from error
    if digest != SHA_256:
        raise DataError(f"{path}: its SHA-256 is {digest}, expected {SHA_256}; {ADVICE}")
    with tarfile.open(path) as archive:
        files = [archive.extractfile(f"cifar-10-batches-bin/{name}") for name in MEMBERS]
        contents = [file.read() for file in files if file is not None]
    return [np.frombuffer(c, np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE) for c in contents]


def move_and_mirror(images: np.ndarray, shuffle: np.random.Generator) -> np.ndarray:
    """Return images (image, channel, height, width), each moved and perhaps mirrored at random."""
    beyond = ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))
    padded = np.pad(images, beyond)
    tops, lefts = shuffle.integers(0, 2 * MARGIN + 1, (2, len(images)))
    mirrored = shuffle.integers(0, 2, len(images)).astype(bool)
    moved = np.stack(
        [
            image[:, top : top + SIDE, left : left + SIDE]
            for image, top, left in zip(padded, tops, lefts, strict=True)
        ]
    )
    moved[mirrored] = moved[mirrored, :, :, ::-1]
    return moved
