"""What a task is: the types that every task file is written against.

A task reads its source from an installed, pinned package (nothing is downloaded by a job) and turns
splits into batches. Every loss is in nats and is minimised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np

from gp_cells.choose import check_range

Arrays = Mapping[str, np.ndarray]
SplitName = Literal["train", "valid", "test"]


class DataError(ValueError):
    """A data file that is missing, empty or broken; its one line names the file and what to do."""


@dataclass(frozen=True)
class Recipe:
    """How one candidate is trained on a task; the same for every candidate, evolved or not."""

    units: int = 64  # width of each recurrent layer
    layers: int = 1  # recurrent layers, all of the same cell
    batch_size: int = 16  # sequences trained on at once
    epochs: int = 20  # passes over the training part
    learning_rate: float = 0.003  # Adam's step size, constant
    clip_norm: float = 1.0  # largest gradient norm before it is scaled down
    dropout: float = 0.0  # share of each layer's outputs zeroed in training
    tied: bool = False  # symbols only: the output layer's weight is the embedding

    def __post_init__(self) -> None:
        for name in ("units", "layers", "batch_size", "epochs"):
            check_range(f"recipe.{name}", getattr(self, name), 1)
        check_range("recipe.learning_rate", self.learning_rate, 1e-9)
        check_range("recipe.clip_norm", self.clip_norm, 1e-9)
        check_range("recipe.dropout", self.dropout, 0, 0.95)


@dataclass(frozen=True)
class Data:
    """What a task read from its source.

    `features` is the size of one input: keys of a frame, or symbols of the vocabulary. `splits` maps
    each split name to named arrays. `reference_valid` holds losses of trivial predictors, fitted on
    the training split and measured on the validation split, in the task's unit (nats).
    """

    features: int
    splits: Mapping[SplitName, Arrays]
    reference_valid: Mapping[str, float]


@dataclass(frozen=True)
class Batch:
    """One step's worth of sequences.

    `inputs` and `targets` are (time, batch) int64 symbols or (time, batch, features) float32 frames;
    `counted` is (time, batch) float32, 1 where the target counts and 0 on padding. `continues` says
    whether these sequences go on from those of the batch before, so that the state is carried over.
    """

    inputs: np.ndarray
    targets: np.ndarray
    counted: np.ndarray
    continues: bool


class Task(Protocol):
    """A data set, its splits, its metric and its recipe; the fields of the class are its settings."""

    kind: ClassVar[Literal["frames", "symbols"]]
    """`frames`: each target is a set of keys, loss summed over keys; `symbols`: one of many."""
    unit: ClassVar[str]
    """What one loss is measured in, e.g. "nats per frame"."""

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
