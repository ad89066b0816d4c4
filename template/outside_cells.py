"""A plug-in in each family, written against the contracts of gp-cells and nothing else of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.config.records import Search
from gp_cells.config.seeds import generator
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import Term, size
from gp_cells.genomes.variation import sample
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.measures.measure import Column, Subject
from gp_cells.stopping.stopper import Curve, Learned, Stop
from gp_cells.strategies.strategy import Outcome, Proposal
from gp_cells.tasks.task import Arrays, Batch, Data

if TYPE_CHECKING:
    from gp_cells.networks.network import Network

RECIPE = Recipe(units=4, batch_size=8, epochs=3)


@dataclass(frozen=True)
class WavesOfNumbers:
    """Tell two waves apart by their first steps."""

    inputs: ClassVar[Inputs] = "frames"
    unit: ClassVar[str] = "nats per sequence"

    length: int = 6
    recipe: Recipe = RECIPE

    def read(self) -> Data:
        """Make the waves: there is no source."""
        rng = generator(purpose="waves of numbers")
        splits: dict[Any, Arrays] = {}
        for name in ("train", "valid", "test"):
            classes = np.arange(16) % 2
            steps = np.arange(self.length)[:, None] * (1 + classes) + rng.random(16)
            splits[name] = {
                "frames": np.sin(steps).astype(np.float32)[..., None],
                "classes": classes,
            }
        return Data(Form("frames", 1, "classes", 2), splits, {"even_odds": float(np.log(2))})

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield sequences whose class is asked for at their end."""
        order = np.arange(16) if shuffle is None else shuffle.permutation(16)
        for i in range(0, 16, self.recipe.batch_size):
            chosen = order[i : i + self.recipe.batch_size]
            inputs = split["frames"][:, chosen]
            counted = np.zeros(inputs.shape[:2], np.float32)
            counted[-1] = 1
            targets = np.broadcast_to(split["classes"][chosen], counted.shape).copy()
            yield Batch(inputs, targets, counted, continues=False)


LANGUAGE = Language(
    name="smooth",
    version="1",
    functions=(
        Function("add", (Value, Value), Value, commutative=True, pattern="{0} + {1}"),
        Function("gelu", (Value,), Value),
    ),
    kind=GraphFormulas(outputs=("y",), inputs=("x",)),
)


@dataclass(frozen=True)
class Smooth:
    """Sums and GELUs of what each step reads; for every kind of input."""

    reads: ClassVar[tuple[Inputs, ...]] = ("frames", "symbols", "images", "numbers")
    engines: ClassVar[tuple[str, ...]] = ("eager",)
    functions: ClassVar[tuple[str, ...]] = ("add", "gelu")
    projections: ClassVar[Sequence[str]] = ()
    baselines: ClassVar[Mapping[str, Path]] = {}

    max_nodes: int = 20

    @property
    def language(self) -> Language:
        """The sums and GELUs."""
        return LANGUAGE

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return the one formula that there is, to be drawn."""
        return [("y", None)]

    def admits(self, genome: Genome) -> bool:
        """Return whether it is small."""
        return all(size(term) <= self.max_nodes for _, term in genome.formulas)

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of a network of `recipe.units`."""
        pixels = form.height * form.width if form.inputs == "images" else 1
        products = recipe.units * (form.features * pixels + form.outputs)
        nodes = sum(size(term) for _, term in genome.formulas)
        return {
            **dict.fromkeys(("parameters", "network_parameters"), products + recipe.units),
            **dict.fromkeys(("multiply_adds", "network_multiply_adds"), products),
            **{"kept": recipe.units * nodes, "nodes": nodes},
        }

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> Network:
        """Return a torch module that offers what `Network` says, and nothing else that is used."""
        return _network(dict(genome.formulas)["y"], form, recipe)


def _network(term: Term, form: Form, recipe: Recipe) -> Network:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    from gp_cells.networks.cell import Engine

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pixels = form.height * form.width if form.inputs == "images" else 1
            self.first = nn.Linear(form.features * pixels, recipe.units)
            self.last = nn.Linear(recipe.units, form.outputs, bias=False)
            self.noise = recipe.dropout
            self.engine = Engine("eager")

        def initialise(self, seed: int) -> None:
            drawn = torch.Generator().manual_seed(seed)
            for weight in self.parameters():
                nn.init.normal_(weight, std=0.5, generator=drawn)

        def start_from(self, guess: Tensor) -> None:
            """Heed no guess: there is no bias."""

        def embed(self, inputs: Tensor) -> Tensor:
            if inputs.is_floating_point():
                return inputs
            return functional.one_hot(inputs, form.features).float()

        def hidden(self, inputs: Tensor) -> Tensor:
            numbers = self.embed(inputs)
            return self._value(term, self.first(numbers.flatten(2 if numbers.dim() == 3 else 1)))

        def _value(self, term: Term, x: Tensor) -> Tensor:
            word, *parts = term
            if word == "gelu":
                return functional.gelu(self._value(parts[0], x))
            if word == "add":
                return self._value(parts[0], x) + self._value(parts[1], x)
            return x

        def forward(self, inputs: Tensor, state: Any, generator: Any) -> tuple[Tensor, Any]:
            hidden = self.hidden(inputs)
            if self.training and self.noise:
                noise = torch.empty_like(hidden).normal_(1, self.noise, generator=generator)
                hidden = hidden * noise
            return self.last(hidden), ()

        def activations(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any, list[Tensor]]:
            hidden = self.hidden(inputs)
            return self.last(hidden), (), [hidden]

        def without_dropout(self) -> Module:
            other = copy.deepcopy(self)
            other.noise = 0.0
            return other

    return Module()


@dataclass(frozen=True)
class SameAgain:
    """Proposes the best genome so far again, but for the first `fresh` slots, which are random."""

    fresh: int = setting(1, "slots of a wave that are drawn at random", unit="slots", low=0)

    def __post_init__(self) -> None:
        check_settings(self, "same_again")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse nothing."""

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes."""
        rng = generator(seed=seed, wave=wave)
        trained = [outcome for outcome in history if not outcome.failed]
        best = min(trained, key=lambda outcome: outcome.fitness, default=None)
        proposals = []
        for slot in range(slots):
            if best is None or slot < self.fresh:
                proposals.append(Proposal(sample(space, rng), "sample"))
            else:
                genome = parse(best.genome, space.language)
                proposals.append(Proposal(genome, "again", (best.candidate,)))
        return proposals


@dataclass(frozen=True)
class OneEpoch:
    """Stops after the first epoch."""

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why a trial ends."""
        return Stop("enough", "one epoch is enough") if curve.losses else None


@dataclass(frozen=True)
class SizeOfWeights:
    """How large the weights are."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("size_of_weights", "", "mean of the absolute weights, to a power"),
    )

    power: float = 1.0

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return the size."""
        weights = [weight.abs().mean().item() for weight in subject.trained.parameters()]
        return {"size_of_weights": (sum(weights) / len(weights)) ** self.power}
