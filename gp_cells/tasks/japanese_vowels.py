"""Japanese vowels: which of nine men spoke this /ae/, 7 to 29 frames of 12 cepstral coefficients.

Source: the two files `JapaneseVowels_TRAIN.ts` and `_TEST.ts` of the installed package aeon 1.6.0
(BSD-3), read where they lie without importing it, so that `pip install --no-deps` is enough; the data
are Kudo, Toyama and Shimbo's 1999 (https://archive.ics.uci.edu/dataset/128, CC BY 4.0).

Split: the official test split, 370 utterances; of the official training split's 30 of each speaker the 6
whose frames have the lowest SHA-1 are validation, 54 in all, and 216 train. No two are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import setting
from gp_cells.tasks.examples import (
    kept_scale,
    pack_sequences,
    score_guesses,
    sequence_batches,
    standardise_frames,
)
from gp_cells.tasks.sources import installed, read_bytes
from gp_cells.tasks.task import (
    Arrays,
    Batch,
    Data,
    Form,
    Inputs,
    Reading,
    Recipe,
    SplitName,
    refuse_tied,
)

FILES = {  # SHA-256
    "TRAIN": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "TEST": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}
ADVICE = "pip install --no-deps aeon==1.6.0"
COEFFICIENTS = 12
SPEAKERS = 9
VALIDATION = 6  # of each speaker's utterances
RECIPE = Recipe(units=64, batch_size=16, epochs=20, dropout=0.3)


@dataclass(frozen=True)
class JapaneseVowels:
    """Tell who spoke.

    By the default recipe the formula `lstm` takes about 1 CPU second of one thread and comes to 0.06 to
    0.09 nats on validation.
    """

    inputs: ClassVar[Inputs] = "frames"
    unit: ClassVar[str] = "nats per sequence"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        refuse_tied("japanese_vowels", self.recipe)

    def read(self) -> Data:
        """Read the utterances of the installed aeon.

        Raises:
            DataError: aeon is not installed, or a file is not the one that it ships.
        """
        folder = installed("aeon", f"japanese_vowels needs aeon's files: {ADVICE}")
        texts = {
            part: read_bytes(
                folder / "datasets" / "data" / "JapaneseVowels" / f"JapaneseVowels_{part}.ts",
                digest,
                f"{ADVICE} afresh",
            ).decode()
            for part, digest in FILES.items()
        }
        sequences, speakers = read_ts(texts["TRAIN"])
        chosen = choose_validation(sequences, speakers)
        splits: dict[SplitName, dict[str, np.ndarray]] = {
            "train": pack_sequences(sequences, speakers, ~chosen),
            "valid": pack_sequences(sequences, speakers, chosen),
            "test": pack_sequences(*read_ts(texts["TEST"])),
        }
        scale = standardise_frames(splits, np.float32)
        form = Form(self.inputs, COEFFICIENTS, "classes", SPEAKERS)
        names = tuple(str(i + 1) for i in range(SPEAKERS))
        reading = Reading(self.inputs, "classes", "last step", **kept_scale(scale), classes=names)
        return Data(form, splits, score_guesses(splits, form), reading)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield utterances of about one length together, the speaker at their last frame."""
        return sequence_batches(split, self.recipe.batch_size, shuffle)


def read_ts(text: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the sequences, float64 (time, features), and their classes, 0 for "1", of a .ts file."""
    lines = text.partition("@data\n")[2].splitlines()
    sequences, classes = [], []
    for *features, label in (line.split(":") for line in lines):
        sequences.append(np.array([feature.split(",") for feature in features], np.float64).T)
        classes.append(int(label) - 1)
    return sequences, np.array(classes, np.int64)


def choose_validation(sequences: list[np.ndarray], classes: np.ndarray) -> np.ndarray:
    """Return for each utterance of the official training split whether it is for validation, bool."""
    digests = [hashlib.sha1(x.tobytes(), usedforsecurity=False).digest() for x in sequences]
    chosen = np.zeros(len(sequences), bool)
    for speaker in range(SPEAKERS):
        spoken = sorted(np.flatnonzero(classes == speaker), key=lambda i: digests[i])
        chosen[spoken[:VALIDATION]] = True
    return chosen
