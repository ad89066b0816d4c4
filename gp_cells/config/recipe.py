"""What a network is for and how it is trained: the form of a task's data, and its recipe."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gp_cells.config.choose import SettingError, check_settings, configure, setting
from gp_cells.config.supernet import SUPERNET, Supernet

Inputs = Literal["frames", "symbols", "images", "numbers"]
Targets = Literal["keys", "classes", "numbers"]
Schedule = Literal["constant", "cosine", "linear"]
OptimiserName = Literal["adam", "sgd", "rmsprop"]


@dataclass(frozen=True)
class Form:
    """What one prediction is made from, and what is predicted.

    Inputs are `frames` (continuous sequences, `features` numbers a step), `symbols` (sequences of tokens
    from a vocabulary of `features`), `images` (`features` channels of `height` × `width` pixels) or
    `numbers` (rows of `features` of them, as a table has).
    Targets are `keys` (`outputs` independent on/off targets, as in multilabel classification), `classes`
    (one of `outputs`) or `numbers` (`outputs` real values, standardised by the training split). A
    sequence has a target at every step, or one at its end.
    """

    inputs: Inputs
    features: int
    targets: Targets
    outputs: int
    height: int = 0
    width: int = 0

    @property
    def has_steps(self) -> bool:
        """Whether an example is a sequence; of images and rows of numbers there is one prediction each."""
        return self.inputs in ("frames", "symbols")

    @property
    def batch_axis(self) -> int:
        """The axis of a batch's inputs along which its sequences, images or rows lie."""
        return 1 if self.has_steps else 0


@dataclass(frozen=True)
class Recipe:
    """How one candidate is trained on a task; the same for every candidate, evolved or not."""

    units: int = setting(
        64,
        "width: units of a recurrent layer; F, the filters of a CNN's first cells",
        unit="units or filters",
        low=1,
    )
    layers: int = setting(
        1,
        "depth: recurrent layers; N, the normal cells of a CNN between two reductions",
        unit="layers or cells",
        low=1,
    )
    batch_size: int = setting(
        16, "examples in one step of the optimiser", unit="sequences or images", low=1
    )
    epochs: int = setting(20, "passes over the training split", unit="epochs", low=1)
    learning_rate: float = setting(
        0.003, "the optimiser's step size, the largest where it changes", low=1e-9
    )
    clip_norm: float = setting(1.0, "largest gradient norm; a larger one is scaled down", low=1e-9)
    dropout: float = setting(
        0.0,
        "share set to zero in training: of a recurrent layer's outputs, of a CNN's pooled maps",
        low=0,
        high=0.95,
    )
    tied: bool = setting(
        False, "symbols only: the output layer shares its weight with the embedding"
    )
    warm_up: int = setting(
        0,
        "first steps of the optimiser, over which the step size grows linearly from nothing",
        unit="steps",
        low=0,
        later=True,
    )
    weight_decay: float = setting(
        0.0,
        "share that matrices lose in each step, times the step size, as in AdamW; vectors lose nothing",
        low=0,
        later=True,
    )
    schedule: Schedule = setting(
        "constant",
        "the step size after the warm-up: constant, or down to nothing at the end of training, as half a "
        "cosine or a line; refused where trials go on from others, which have no end of their own",
        later=True,
    )
    optimiser: OptimiserName = setting(
        "adam", "what takes the steps; sgd has a momentum of 0.9", later=True
    )
    initial_scale: float = setting(
        1.0,
        "factor of all weights as they are drawn, but for vectors, such as biases and gains",
        above=0,
        high=100,
        later=True,
    )
    label_smoothing: float = setting(
        0.0,
        "classes only: share of each target that is spread over all classes, in training alone; curves "
        "have the loss without it",
        low=0,
        high=0.9,
        later=True,
    )
    shift: int = setting(
        0,
        "images only: most that each is moved up or down and left or right in training, its edges repeated",
        unit="pixels",
        low=0,
        high=64,
        later=True,
    )
    flip: bool = setting(
        False, "images only: each is mirrored left to right in training half the time", later=True
    )

    def __post_init__(self) -> None:
        check_settings(self, "recipe")


def misfit(recipe: Recipe, inputs: Inputs, targets: Targets | None = None) -> str:
    """Return what a recipe asks for that a task does not have, "" if nothing; targets may be unknown."""
    if inputs != "images" and (recipe.shift or recipe.flip):
        name = "shift" if recipe.shift else "flip"
        return f"recipe.{name}: only images are moved or mirrored, and this task has {inputs}"
    if targets not in (None, "classes") and recipe.label_smoothing:
        return f"recipe.label_smoothing: only classes are smoothed, and this task has {targets}"
    return ""


def changed_recipe(recipe: Recipe, changes: Mapping[str, Any] | None, place: str) -> Recipe:
    """Return a recipe with some of its settings changed.

    Raises:
        SettingError: what is changed is not in a recipe, or a value is one that it cannot have.
    """
    return configure(Recipe, {**dataclasses.asdict(recipe), **(changes or {})}, place)


# --- a part of the training split -----------------------------------------------------------------

SHARD = "shard"  # among the changes to a recipe that a proposal asks for


@dataclass(frozen=True)
class Shard:
    """The part of the training split that one trial trains on, and what it is judged on beside.

    The split's examples are dealt to `of` shards, the same to each trial of a run; a share of each shard
    is held out. The trial trains on the rest of the shard `number`, from 0, and its last weights are
    judged on what the shards `judged` hold out.
    """

    number: int = setting(0, "which of the shards, from 0", low=0)
    of: int = setting(1, "shards that the training split is dealt to", unit="shards", low=1)
    held: float = setting(0.2, "share of each shard that nobody trains on", low=0.01, high=0.9)
    judged: tuple[int, ...] = setting((), "shards whose held part the last weights are judged on")

    def __post_init__(self) -> None:
        check_settings(self, SHARD)
        outside = [number for number in (self.number, *self.judged) if not 0 <= number < self.of]
        if outside:
            raise SettingError(f"{SHARD}: expected 0 to {self.of - 1}, got {outside[0]}")

    @property
    def share(self) -> float:
        """The share of the training split that is trained on."""
        return (1 - self.held) / self.of


def supernet_in(changes: Mapping[str, Any] | None, place: str) -> Supernet | None:
    """Return how a trial's spec wants a supernet trained, None where it does not name one.

    Raises:
        SettingError: a value is one that it cannot have.
    """
    given = (changes or {}).get(SUPERNET)
    return None if given is None else configure(Supernet, given, f"{place}.{SUPERNET}")


def recipe_and_shard(
    recipe: Recipe, changes: Mapping[str, Any] | None, place: str
) -> tuple[Recipe, Shard | None]:
    """Return a recipe with what a trial's spec changes, and the shard that it names, if it does.

    Raises:
        SettingError: what is changed is not in a recipe, or a value is one that it cannot have.
    """
    rest = dict(changes or {})
    rest.pop(SUPERNET, None)
    shard = rest.pop(SHARD, None)
    made = None if shard is None else configure(Shard, shard, f"{place}.{SHARD}")
    return changed_recipe(recipe, rest, place), made


def trained_share(changes: str | None) -> float:
    """Return what of the training split a trial trained on, from its column `recipe` of table `trials`."""
    shard = json.loads(changes).get(SHARD) if changes else None
    return 1.0 if shard is None else configure(Shard, shard, SHARD).share
