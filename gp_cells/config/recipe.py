"""What a network is for and how it is trained: the form of a task's data, and its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gp_cells.config.choose import check_range

Inputs = Literal["frames", "symbols", "images"]
Targets = Literal["keys", "classes", "numbers"]


@dataclass(frozen=True)
class Form:
    """What one prediction is made from, and what is predicted.

    Inputs are sequences of `frames` of `features` numbers, sequences of `symbols` of a vocabulary of
    `features`, or `images` of `features` channels, `height` × `width`. Targets are `outputs` independent
    `keys`, each on or off; one of `outputs` `classes`; or `outputs` real `numbers`, standardised by the
    training split. A step of a sequence may be a target, or its end alone.
    """

    inputs: Inputs
    features: int
    targets: Targets
    outputs: int
    height: int = 0
    width: int = 0

    @property
    def batch_axis(self) -> int:
        """The axis of a batch's inputs along which its sequences or images lie."""
        return 0 if self.inputs == "images" else 1


@dataclass(frozen=True)
class Recipe:
    """How one candidate is trained on a task; the same for every candidate, evolved or not."""

    units: int = 64  # width: of each recurrent layer; of a convolutional network's first cells (F)
    layers: int = 1  # depth: recurrent layers; normal cells between two reductions (N)
    batch_size: int = 16  # sequences or images trained on at once
    epochs: int = 20  # passes over the training part
    learning_rate: float = 0.003  # Adam's step size, constant
    clip_norm: float = 1.0  # largest gradient norm before it is scaled down
    dropout: float = (
        0.0  # share zeroed in training: of each recurrent layer's outputs, of pooled maps
    )
    tied: bool = False  # symbols only: the output layer's weight is the embedding

    def __post_init__(self) -> None:
        for name in ("units", "layers", "batch_size", "epochs"):
            check_range(f"recipe.{name}", getattr(self, name), 1)
        check_range("recipe.learning_rate", self.learning_rate, 1e-9)
        check_range("recipe.clip_norm", self.clip_norm, 1e-9)
        check_range("recipe.dropout", self.dropout, 0, 0.95)
