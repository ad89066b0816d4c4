"""Networks of scalar nodes, as NEAT grows them: a formula a node, a weight for each name that it reads.

    n1 = tanh(x1 + x2 + bias)
    n2 = x1 * n1
    y1 = n1 + n2 + bias

Numbered inputs `x1`, `x2`, … are a row's columns, `bias` is always 1. Each name that a formula reads is a
connection with a weight of its own, so that this network has eight. A node gives the activation of the
weighted sum of what it reads, the sum itself, or the product of its weighted sources. Of two classes there
is one output, the logit of the second; else there is one for each class or number. A network whose outputs
read the inputs alone is logistic regression.

The activations are those of Ha's Backprop NEAT (2016, https://github.com/hardmaru/backprop-neat-js), a
gaussian being exp(−z²/2). What differs: nothing is read before it is computed, so there are no circles.
The name of a node is its mark, by which it is known in other genomes, and part of the architecture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import NodeFormulas
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.nodes import (
    branch,
    connect,
    connections_of,
    logistic_regression,
    nodes_of,
    renamed,
)
from gp_cells.genomes.terms import Term, size

if TYPE_CHECKING:
    from gp_cells.networks.feedforward import FeedforwardNetwork


class Summed(Value):
    """Type of a weighted sum, of one source or more."""

    label = "a sum of nodes"


class Multiplied(Value):
    """Type of a product of weighted sources."""

    label = "a product of nodes"


class Signal(Summed, Multiplied):
    """Type of what a node reads: an input or another node, by its name."""

    label = "the name of a node"


class Activated(Value):
    """Type of what a node gives; another node reads it by its name."""

    label = "a node without a name"


ACTIVATIONS = ("sigmoid", "tanh", "relu", "gaussian", "sine", "abs", "square")
FUNCTIONS = (
    Function("add", (Summed, Summed), Summed, True, True, pattern="{0} + {1}"),
    Function("mul", (Multiplied, Multiplied), Multiplied, True, True, pattern="{0} * {1}"),
    *(Function(name, (Summed,), Activated) for name in ACTIVATIONS),
)
MOST_INPUTS, MOST_OUTPUTS = 250, 100
DESIGNS = Path(__file__).parent / "networks"


@dataclass(frozen=True)
class Feedforward:
    """Feed-forward networks of scalar nodes; the settings say what is read and limit a search."""

    reads: ClassVar[tuple[Inputs, ...]] = ("numbers",)
    engines: ClassVar[tuple[str, ...]] = ("eager",)
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    projections: ClassVar[Sequence[str]] = ()  # what is learned is read by name

    inputs: int = setting(
        2, "numbers in a row, x1 and so on", unit="inputs", low=1, high=MOST_INPUTS
    )
    outputs: int = setting(
        1,
        "of two classes 1, the logit of the second; else one for each class or number",
        unit="outputs",
        low=1,
        high=MOST_OUTPUTS,
    )
    functions: tuple[str, ...] = setting(
        tuple(function.name for function in FUNCTIONS),
        "what a search may write; add must be there",
        choices=[function.name for function in FUNCTIONS],
        min_items=1,
    )
    edits: int = setting(
        6, "most new nodes and connections of a fresh genome", unit="edits", low=1, high=64
    )
    max_nodes: int = setting(
        64, "most nodes beside inputs and outputs", unit="nodes", low=1, high=256
    )
    max_connections: int = setting(400, "most connections", unit="connections", low=1, high=2_000)

    def __post_init__(self) -> None:
        check_settings(self, "feedforward")
        if "add" not in self.functions:
            raise SettingError(
                "feedforward.functions: add must be there; a node sums what it reads"
            )

    @property
    def language(self) -> Language:
        """The language of networks with so many inputs and outputs."""
        return _language(self.inputs, self.outputs)

    @property
    def baselines(self) -> Mapping[str, Path]:
        """Logistic regression and perceptrons, of two inputs and one output alone."""
        if (self.inputs, self.outputs) != (2, 1):
            return {}
        return {path.stem: path for path in sorted(DESIGNS.glob("*.cell"))}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return logistic regression after a new node and up to `edits` − 1 more nodes and connections."""
        genome = branch(logistic_regression(self.language), self.functions, rng)
        for _ in range(int(rng.integers(self.edits))):
            added = connect(genome, self.functions, rng) if rng.random() < 0.5 else None
            genome = added or branch(genome, self.functions, rng)
        return [*renamed(genome).formulas]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome: sound, and within the limits."""
        nodes = nodes_of(genome)
        return (
            not genome.language.kind.refusal(dict(genome.formulas))
            and len(nodes) <= self.max_nodes + self.outputs
            and len(connections_of(nodes)) <= self.max_connections
        )

    def misfit(self, form: Form) -> str:
        """Return what of a task's form is not that of the settings, "" if all is."""
        if form.features != self.inputs:
            return f"inputs: the task has {form.features} numbers in a row, got {self.inputs}"
        if form.outputs == self.outputs or (form.targets == "classes" and _is_binary(self, form)):
            return ""
        wanted = "1 or 2" if form.targets == "classes" and form.outputs == 2 else form.outputs
        return f"outputs: the task needs {wanted}, got {self.outputs}"

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of the network, whose parameters are its connections; see `Space.count`."""
        nodes = nodes_of(genome.canonical())
        connections = len(connections_of(nodes))
        return {
            "parameters": connections,
            "multiply_adds": connections,
            "network_parameters": connections,
            "network_multiply_adds": connections,
            "kept": connections + len(nodes),
            "nodes": sum(size(term) for _, term in genome.formulas),
        }

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> FeedforwardNetwork:
        """Return the network of a genome; see `Space.network`.

        Raises:
            SettingError: the task has other inputs or outputs, or the machinery is not there.
        """
        from gp_cells.networks.feedforward import FeedforwardNetwork

        if engine not in self.engines:
            raise SettingError(
                f"networks of nodes run in torch's own operations: engine eager, not {engine}"
            )
        if device not in self.devices:
            raise SettingError(f"networks of nodes run on the cpu, not on {device}")
        if precision not in self.precisions:
            raise SettingError(f"networks of nodes have float32, not {precision}")
        if wrong := self.misfit(form):
            raise SettingError(f"feedforward.{wrong}")
        return FeedforwardNetwork(genome, form, recipe.dropout)


def _is_binary(space: Feedforward, form: Form) -> bool:
    return form.outputs == 2 and space.outputs == 1


@cache
def _language(inputs: int, outputs: int) -> Language:
    return Language(
        name="feedforward",
        version="1",
        functions=FUNCTIONS,
        kind=NodeFormulas(
            outputs=tuple(f"y{i}" for i in range(1, outputs + 1)),
            inputs=(*(f"x{i}" for i in range(1, inputs + 1)), "bias"),
        ),
        leaf=Signal,
        max_depth=400,
        max_nodes=900,
    )
