"""Recurrent cells with one state, as graphs: a value has a name, and may be read many times.

Cells like those of ENAS (Pham et al. 2018, https://arxiv.org/abs/1802.03268) and of DARTS (Liu, Simonyan
and Yang 2019, https://arxiv.org/abs/1806.09055), whose step has a chain of values that each read an
earlier one several times; written out as one formula they have tens of thousands of nodes.

    s0 = h + sigmoid(input1 + recurrent1) * (tanh(input2 + recurrent2) - h)
    s1 = s0 + sigmoid(linear1(s0)) * (relu(linear2(s0)) - s0)
    h' = (s0 + s1) / 2

There are no memory cells, and, other than in the space `recurrent`, a squashed value may be squashed
again, since a name does not show whether its value is squashed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import Term
from gp_cells.networks.program import DIVISORS
from gp_cells.spaces import steps

if TYPE_CHECKING:
    from gp_cells.networks.recurrent import RecurrentNetwork

VALUES = tuple(f"v{i}" for i in range(1, 25))

# Of a function that commutes the grouping is no matter either: a mean is one however it is summed.
UNTYPED = tuple(
    dataclasses.replace(
        function,
        arguments=(Value,) * len(function.arguments),
        result=Value,
        associative=function.commutative,
    )
    for function in steps.FUNCTIONS
)
MEANS = tuple(Function(f"over{n}", (Value,), Value, pattern=f"{{0}} / {n}") for n in DIVISORS)

LANGUAGE = Language(
    name="recurrent_graph",
    version="1",
    functions=(*UNTYPED, *MEANS),
    kind=GraphFormulas(outputs=("h'",), named=VALUES, inputs=("h",)),
    leaves=steps.LEAF_FAMILIES,
    weighted=steps.WEIGHTED,
    max_depth=15,
    max_nodes=128,
)


@dataclass(frozen=True)
class RecurrentGraph:
    """Recurrent cells with one state, as graphs of named values; the settings limit a search."""

    reads: ClassVar[tuple[Inputs, ...]] = steps.READS
    engines: ClassVar[tuple[str, ...]] = steps.ENGINES

    functions: tuple[str, ...] = setting(
        ("add", "mul", "tanh", "sigmoid", "relu"),
        "what a search may write",
        choices=[function.name for function in LANGUAGE.functions],
        min_items=1,
    )
    leaves: tuple[str, ...] = steps.leaves_setting()
    values: int = setting(
        4, "most named values beside the output", unit="values", low=0, high=len(VALUES)
    )
    max_gates: int = steps.max_gates_setting()
    max_depth: int = setting(
        8, "deepest formula; a single leaf has depth 0", low=3, high=LANGUAGE.max_depth
    )
    max_nodes: int = setting(
        40, "most nodes in one formula", unit="nodes", low=7, high=LANGUAGE.max_nodes
    )
    redundant: bool = steps.redundant_setting()

    def __post_init__(self) -> None:
        check_settings(self, "recurrent_graph")

    @property
    def language(self) -> Language:
        """The whole language, with the widest limits."""
        return LANGUAGE

    @property
    def projections(self) -> Sequence[str]:
        """As many leaves of each family as the limit allows."""
        return steps.projections(self)

    @property
    def baselines(self) -> Mapping[str, Path]:
        """None: published cells come in by `gp-cells import`."""
        return {}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return up to `values` values with a name and the output, all to be drawn.

        Values that do not reach the output fall away later.
        """
        return [(name, None) for name in (*VALUES[: rng.integers(self.values + 1)], "h'")]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome; see `steps.admits`."""
        return len(genome.formulas) <= self.values + 1 and steps.admits(self, genome)

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of one layer and of the network; see `Space.count`."""
        return steps.count(genome, form, recipe)

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> RecurrentNetwork:
        """Return recurrent layers between inputs and predictions; see `Space.network`."""
        return steps.network(genome, form, recipe, engine, device, precision)
