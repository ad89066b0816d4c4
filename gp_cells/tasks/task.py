"""What a task is: the types that every task file is written against.

A task reads its source from an installed, pinned package (nothing is downloaded by a job) and turns
splits into batches. Every loss is minimised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Form, Inputs, Recipe, Targets
from gp_cells.config.refusal import Refusal

__all__ = ["Arrays", "Batch", "Data", "DataError", "Form", "Inputs", "Recipe", "SplitName", "Task"]

Arrays = Mapping[str, np.ndarray]
SplitName = Literal["train", "valid", "test"]
Counted = Literal["each step", "last step", "image", "row"]  # where a target stands


class DataError(Refusal):
    """A data file that is missing, empty or broken; its one line names the file and what to do."""


@dataclass(frozen=True)
class Reading:
    """How new examples become a network's inputs, and what its outputs mean; all of it from training.

    `counted` says where a target stands: at each step, at the last step, or of an image or row as a whole.
    `columns`, in their order, are those of the input in a file of one's own; `sequence`, `time`,
    `height`, `width` and `features` are as in the task `own_data`. `mean` and `deviation` are those of
    each feature or channel, in the floating-point type `scale_type`; there are none for inputs that are
    not standardised. `symbols` has each symbol's text at its number, None at the number of all that
    are not in it. `classes` has their names by number; `target` names what is told, and `target_mean` and
    `target_deviation` turn outputs back into numbers.
    """

    inputs: Inputs
    targets: Targets
    counted: Counted
    columns: tuple[str, ...] = ()
    sequence: str = ""
    time: str = ""
    height: int = 0
    width: int = 0
    features: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    scale_type: Literal["float32", "float64"] = "float64"
    symbols: tuple[str | None, ...] = ()
    classes: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_deviation: tuple[float, ...] = ()


@dataclass(frozen=True)
class Data:
    """What a task read from its source.

    `splits` maps each split name to named arrays. `reference_valid` holds losses of trivial
    predictors, fitted on the training split and measured on the validation split, in the task's unit.
    `reading` is how new examples are read, if the task can say it. `notes` are lines that a user has to
    see. `chance` is the share of targets that a guess gets right, of tasks in which all can be told.
    `bytes_per_target` is how many bytes of UTF-8 a character of each split of a text has.
    """

    form: Form
    splits: Mapping[SplitName, Arrays]
    reference_valid: Mapping[str, float]
    reading: Reading | None = None
    notes: tuple[str, ...] = ()
    chance: float | None = None
    bytes_per_target: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Batch:
    """One step's worth of sequences, images or rows.

    `inputs` are (time, batch) int64 symbols, (time, batch, features) float32 frames, (batch, features,
    height, width) float32 images or (batch, features) float32 numbers. There is a target for each step,
    or for each image or row:
    (…) int64 classes, or (…, outputs) float32 keys or numbers. `counted` is (…) float32, 1 where the
    target counts and 0 on padding; a sequence that has one target alone has it at its last step.
    `continues` says whether these sequences go on from those of the batch before, so that the state
    is carried over.
    """

    inputs: np.ndarray
    targets: np.ndarray
    counted: np.ndarray
    continues: bool


def refuse_tied(task: str, recipe: Recipe) -> None:
    """Refuse a recipe for frames that ties the output layer to an embedding.

    Raises:
        SettingError: it does.
    """
    if recipe.tied:
        raise SettingError(f"{task}.recipe.tied: frames are not embedded; leave it false")


class Task(Protocol):
    """A data set, its splits, its metric and its recipe; the fields of the class are its settings."""

    @property
    def inputs(self) -> Inputs:
        """What the inputs are; known before any data is read."""
        ...

    @property
    def unit(self) -> str:
        """What one loss is measured in, e.g. "nats per frame"."""
        ...

    @property
    def recipe(self) -> Recipe:
        """How a candidate is trained on this task."""
        ...

    def read(self) -> Data:
        """Read the installed package's files.

        Raises:
            DataError: a file is missing, empty or broken.
        """
        ...

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield the split as batches, in an order drawn from `shuffle`, or as stored if None.

        With None (validation and test) every target of the split counts exactly once.
        """
        ...
