"""Recurrent cells as formulas over learned projections and memory cells.

The search draws from what Rawal and Miikkulainen 2018 (https://arxiv.org/abs/1803.04439) show: add,
mul, tanh, sigmoid, relu; leaves that mix input and last output with learned weights (`gate`), and
the raw memory cells. Hand-designed cells need a few more words, which a search may be given too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.choose import SettingError, check_range
from gp_cells.genome import Genome
from gp_cells.language import Function, Language, Mixed, Squashed, Term, Value
from gp_cells.program import compile_program, count_multiply_adds, count_parameters
from gp_cells.recipe import Form, Inputs, Recipe

if TYPE_CHECKING:
    from gp_cells.engine.network import Network

FUNCTIONS = (
    Function("add", (Value, Value), Mixed, commutative=True, pattern="{0} + {1}"),
    Function("mul", (Value, Value), Mixed, commutative=True, pattern="{0} * {1}"),
    Function("sub", (Value, Value), Mixed, pattern="{0} - {1}"),
    Function("complement", (Value,), Mixed, pattern="1 - {0}"),
    Function("increment", (Value,), Mixed, pattern="{0} + 1"),
    Function("decrement", (Value,), Mixed, pattern="{0} - 1"),
    Function("tanh", (Mixed,), Squashed),
    Function("sigmoid", (Mixed,), Squashed),
    Function("relu", (Mixed,), Squashed),
)

LEAVES = {
    "gate": "W x + U h + b",
    "input": "W x",
    "recurrent": "U h",
    "bias": "b, one number a unit",
    "scale": "a learned factor, one number a unit",
}

MEMORIES = ("c'", "d'", "e'", "f'")


@dataclass(frozen=True)
class Recurrent:
    """The space of recurrent cells; its fields limit what a search may write."""

    reads: ClassVar[tuple[Inputs, ...]] = ("frames", "symbols")
    engines: ClassVar[tuple[str, ...]] = ("compiled", "eager")

    functions: tuple[str, ...] = ("add", "mul", "tanh", "sigmoid", "relu")
    leaves: tuple[str, ...] = ("gate",)
    memory_cells: int = 2  # most memory cells beside the output, 1 to 4
    max_gates: int = 8  # most projections of each family
    max_depth: int = 8  # deepest formula; a single leaf has depth 0
    max_nodes: int = 40  # most nodes in one formula

    def __post_init__(self) -> None:
        for setting, known in (
            ("functions", tuple(f.name for f in FUNCTIONS)),
            ("leaves", tuple(LEAVES)),
        ):
            given = getattr(self, setting)
            unknown = [name for name in given if name not in known]
            if unknown or not given:
                wrong = repr(unknown[0]) if unknown else "an empty list"
                allowed = ", ".join(known)
                raise SettingError(f"recurrent.{setting}: got {wrong}; choose from {allowed}")
        if not {"add", "mul", "sub"} & set(self.functions):
            raise SettingError("recurrent.functions: at least one of add, mul, sub must be there")
        check_range("recurrent.memory_cells", self.memory_cells, 1, len(MEMORIES))
        check_range("recurrent.max_gates", self.max_gates, 1, 16)
        check_range("recurrent.max_depth", self.max_depth, 3, 15)
        check_range("recurrent.max_nodes", self.max_nodes, 7, 128)

    @property
    def language(self) -> Language:
        """The whole language, with the widest limits, so that every published cell can be read."""
        return LANGUAGE

    @property
    def projections(self) -> Sequence[str]:
        """As many leaves of each family as the limit allows."""
        return [f"{family}{i + 1}" for family in self.leaves for i in range(self.max_gates)]

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed cells: name to `.cell` file."""
        folder = Path(__file__).parent / "cells"
        return {path.stem: path for path in sorted(folder.glob("*.cell"))}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return 1 to `memory_cells` memory cells and the output, all to be drawn.

        Memory cells that do not reach the output fall away later.
        """
        memories = MEMORIES[: rng.integers(1, self.memory_cells + 1)]
        return [(name, None) for name in (*memories, "h'")]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome: within limits, reads the input.

        Genomes with a state that explodes whatever the weights are left out too.
        """
        trees = [tree for _, tree in genome.formulas]
        used = {node.name for tree in trees for node in tree}
        return (
            all(tree.height <= self.max_depth for tree in trees)
            and all(len(tree) <= self.max_nodes for tree in trees)
            and not any(f"{family}{self.max_gates + 1}" in used for family in self.leaves)
            and any(name.startswith(("gate", "input")) for name in used)
            and not explodes(genome)
        )

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of one layer and of the network; see `Space.count`."""
        program, units, layers = compile_program(genome), recipe.units, recipe.layers
        inputs = units if form.inputs == "symbols" else form.features
        nodes = sum(len(tree) for _, tree in genome.formulas)
        parameters = count_parameters(program, inputs, units)
        multiply_adds = count_multiply_adds(program, inputs, units)
        output = units * form.outputs
        upper = (layers - 1) * count_parameters(program, units, units)
        embedding = units * form.features if form.inputs == "symbols" and not recipe.tied else 0
        deeper = (layers - 1) * count_multiply_adds(program, units, units)
        return {
            "parameters": parameters,
            "multiply_adds": multiply_adds,
            "network_parameters": parameters + upper + embedding + output + form.outputs,
            "network_multiply_adds": multiply_adds + deeper + output,
            "kept": layers * nodes * units + form.outputs,
            "nodes": nodes,
        }

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> Network:
        """Return recurrent layers between inputs and predictions; see `Space.network`."""
        from gp_cells.engine.network import Network

        return Network(genome, form, recipe, engine, device, precision)


LANGUAGE = Language(
    name="recurrent",
    version="1",
    functions=FUNCTIONS,
    outputs=("h'",),
    hidden=MEMORIES,
    carried=True,
    leaves=tuple((family, 16) for family in LEAVES),
    weighted=(("linear", 4),),
    leaf=Mixed,
    max_depth=15,
    max_nodes=128,
)


def explodes(genome: Genome) -> bool:
    """Return whether a state's next value may grow faster than in proportion to the states.

    Such a cell (c' = c * c + …) overflows within a few steps whatever its weights, so training it is
    a waste. The test is on the formulas' degree in unbounded states: tanh and sigmoid bring it to 0,
    a sum has its larger one, a product both. A projection of the output has the output's degree. The
    filter is ours; Rawal and Miikkulainen 2018 speak of none.
    """
    degrees = dict.fromkeys(genome.language.names, 1)
    while True:
        found: dict[str, int] = {}
        for name, term in genome.terms():
            found[name] = _degree(term, degrees, found, genome.language)
        bounded = {name for name, degree in found.items() if degree == 0 and degrees[name] == 1}
        if not bounded:
            return max(found.values()) > 1
        degrees.update(dict.fromkeys(bounded, 0))


def _degree(term: Term, before: dict[str, int], now: dict[str, int], language: Language) -> int:
    """Return a term's degree, given those of the states before and of the formulas so far."""
    head = term[0]
    children = [_degree(child, before, now, language) for child in term[1:]]
    if head in ("tanh", "sigmoid"):
        return 0
    if children:
        return sum(children) if head == "mul" else max(children)
    if head in now:
        return now[head]
    if head in language.states:
        return before[f"{head}'"]
    return before[language.outputs[0]] if head.startswith(("gate", "recurrent")) else 0
