"""Fashion-MNIST: 70,000 grey pictures of clothes and shoes, 28 × 28 pixels, ten kinds.

Source: the four IDX files of Xiao et al. 2017 (https://arxiv.org/abs/1708.07747, MIT licence), gzipped
or not, in a folder on this machine. What is in them is checked, not how it is packed: Debian's package
has packed them anew.

Split: the official test split; of the official training split SHA-1 of an image's pixels, modulo 12:
11 validation, else train: 55,007, 4,993 and 10,000 images, no two of them the same.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.examples import classify_images, image_batches
from gp_cells.tasks.sources import drawn
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Inputs, Recipe, SplitName

FILES = {  # SHA-256 of the content
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
WAYS = (
    "either apt-get install dataset-fashion-mnist, or unpack that package elsewhere by dpkg-deb -x, or "
    "take the four files from https://github.com/zalandoresearch/fashion-mnist; then set `folder`"
)
NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag"),
    "Ankle boot",
)
RECIPE = Recipe(units=16, batch_size=64, epochs=3)


@dataclass(frozen=True)
class FashionMnist:
    """Tell which of ten things to wear a picture shows.

    The recipe is not tuned.
    """

    inputs: ClassVar[Inputs] = "images"
    unit: ClassVar[str] = "nats per image"

    folder: str = setting(
        "/usr/share/datasets/fashion-mnist",
        "where the four files are; the default is where Debian's package puts them",
    )
    part: float = setting(
        1.0,
        "share of the training images used, the first ones; validation and test are always whole",
        low=0.001,
        high=1,
    )
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "fashion_mnist")

    def read(self) -> Data:
        """Read the four files.

        Raises:
            DataError: one is missing, broken or another.
        """
        arrays = [read_idx(Path(self.folder), name, digest) for name, digest in FILES.items()]
        images = np.concatenate([arrays[0], arrays[2]])[:, None]
        classes = np.concatenate([arrays[1], arrays[3]])
        homes: list[SplitName] = [drawn(image.tobytes(), (11, 1, 0)) for image in arrays[0]]
        homes += ["test"] * len(arrays[2])
        return classify_images(images, classes, homes, self.part, NAMES)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield standardised images, with `shuffle` in random order."""
        return image_batches(split, self.recipe.batch_size, shuffle)


def read_idx(folder: Path, name: str, digest: str) -> np.ndarray:
    """Return the array of an IDX file, `name` or `name`.gz, whose content has the SHA-256 `digest`.

    Raises:
        DataError: the file is missing, broken or another.
    """
    path = folder / f"{name}.gz"
    path = path if path.exists() else folder / name
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix else path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; {WAYS}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); get it again") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{path}: its content has another SHA-256 than {digest}; get it again")
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
