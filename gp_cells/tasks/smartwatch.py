"""Smartwatch: which of seven shoulder exercises is being done, from two seconds of motion.

Source: `watch_dataset.npy` of the installed package seglearn 1.2.5 (BSD-3), read where it lies without
importing it: 140 recordings of ten people (Burns et al. 2018, https://arxiv.org/abs/1802.01489),
acceleration and rotation on three axes each at 50 Hz. The file is a pickle. It is read by an unpickler
that makes numpy arrays and nothing else, after its SHA-256 was checked.

A recording is cut into windows of 100 samples, each beginning 50 after the one before it; what is left
at its end is dropped.

Split: by person, since a person's windows are alike and overlap: 1 to 6 train, 7 and 8 validation, 9 and
10 test: 2,669, 1,006 and 1,002 windows.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

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
    DataError,
    Form,
    Inputs,
    Reading,
    Recipe,
    SplitName,
    refuse_tied,
)

SHA_256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
AXES = 6
EXERCISES = 7
WINDOW, STRIDE = 100, 50  # samples
PEOPLE: dict[SplitName, tuple[int, ...]] = {
    "train": (1, 2, 3, 4, 5, 6),
    "valid": (7, 8),
    "test": (9, 10),
}
RECIPE = Recipe(units=64, batch_size=64, epochs=20, dropout=0.3)


@dataclass(frozen=True)
class Smartwatch:
    """Tell which exercise is being done.

    By the default recipe the formula `lstm` takes about 18 CPU seconds of one thread and comes to 0.57 to
    0.69 nats on validation: seeds differ much, with two people to validate on.
    """

    inputs: ClassVar[Inputs] = "frames"
    unit: ClassVar[str] = "nats per sequence"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        refuse_tied("smartwatch", self.recipe)

    def read(self) -> Data:
        """Read the recordings of the installed seglearn.

        Raises:
            DataError: seglearn is not installed, or its file is not the one that it ships.
        """
        folder = installed(
            "seglearn", "smartwatch needs seglearn's file: pip install 'gp-cells[data]'"
        )
        content = read_bytes(folder / "data" / "watch_dataset.npy", SHA_256, "reinstall seglearn")
        recordings = unpickle_arrays(content[content.index(b"\n") + 1 :]).item()
        splits = {split: cut_windows(recordings, people) for split, people in PEOPLE.items()}
        scale = standardise_frames(splits, np.float32)
        form = Form(self.inputs, AXES, "classes", EXERCISES)
        names = tuple(recordings["y_labels"])
        reading = Reading(self.inputs, "classes", "last step", **kept_scale(scale), classes=names)
        return Data(form, splits, score_guesses(splits, form), reading)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield windows, the exercise at their last sample."""
        return sequence_batches(split, self.recipe.batch_size, shuffle)


def cut_windows(recordings: dict[str, Any], people: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the windows of some people's recordings."""
    windows, exercises = [], []
    told = zip(recordings["X"], recordings["y"], recordings["subject"], strict=True)
    for motion, exercise, person in told:
        if person in people:
            starts = range(0, len(motion) - WINDOW + 1, STRIDE)
            windows += [motion[start : start + WINDOW] for start in starts]
            exercises += [exercise] * len(starts)
    return pack_sequences(windows, np.array(exercises, np.int64))


def unpickle_arrays(content: bytes) -> Any:
    """Return what a pickle of numpy arrays, lists and dicts holds.

    Raises:
        DataError: the pickle wants to make something else.
    """
    return _ArrayUnpickler(io.BytesIO(content)).load()


class _ArrayUnpickler(pickle.Unpickler):
    """Looks up no name but the four that a pickled array of Python 2 or 3 is made by."""

    KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
        ("_codecs", "encode"): lambda text, encoding: text.encode("latin-1"),
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name of the pickle stands for."""
        if (module, name) not in self.KNOWN:
            raise DataError(f"smartwatch: the pickle asks for {module}.{name}; reinstall seglearn")
        return self.KNOWN[module, name]
