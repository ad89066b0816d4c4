"""What the spaces of recurrent cells share: the words of a step, what a search may write, size and network.

A space has its own settings and language, and calls these with itself for its limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gp_cells.config.choose import setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import CellFormulas
from gp_cells.genomes.language import Function, Language, Mixed, Squashed, Value
from gp_cells.genomes.terms import Term, family_of, heads, height, paths, size, subtree
from gp_cells.networks.program import compile_program, count_multiply_adds, count_parameters

if TYPE_CHECKING:
    from gp_cells.networks.recurrent import RecurrentNetwork

READS: tuple[Inputs, ...] = ("frames", "symbols")
ENGINES = ("compiled", "eager")

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
    Function("leaky_relu", (Mixed,), Squashed),  # leaks 0.01
)

LEAVES: Mapping[str, str] = {
    "gate": "W x + U h + b",
    "input": "W x",
    "recurrent": "U h",
    "bias": "b, one number a unit",
    "scale": "a learned factor, one number a unit",
}
SUMMANDS: Mapping[str, tuple[str, ...]] = {  # what the leaves that are sums are sums of
    "gate": ("W x", "U h", "b"),
    "input": ("W x",),
    "recurrent": ("U h",),
    "bias": ("b",),
}
MOST_LEAVES = 16  # of each family in one genome
LEAF_FAMILIES = tuple((family, MOST_LEAVES) for family in LEAVES)
WEIGHTED = (("linear", 24),)  # functions with learned weights

MEMORIES = ("c'", "d'", "e'", "f'")
CELLS = Language(  # with the widest limits, so that every published cell can be read
    name="recurrent",
    version="1",
    functions=FUNCTIONS,
    kind=CellFormulas("h'", MEMORIES),
    leaves=LEAF_FAMILIES,
    weighted=WEIGHTED,
    leaf=Mixed,
    max_depth=24,
    max_nodes=128,
)


class Limits(Protocol):
    """The settings of a space of recurrent cells that limit what a search may write."""

    @property
    def leaves(self) -> tuple[str, ...]:
        """The families of learned leaves."""
        ...

    @property
    def max_gates(self) -> int:
        """Most leaves of each family."""
        ...

    @property
    def max_depth(self) -> int:
        """Deepest formula; a single leaf has depth 0."""
        ...

    @property
    def max_nodes(self) -> int:
        """Most nodes in one formula."""
        ...

    @property
    def redundant(self) -> bool:
        """Whether a sum may have learned leaves that one could stand for."""
        ...


def leaves_setting() -> Any:
    """Return the field of the setting `leaves`."""
    meanings = "; ".join(f"{family}: {meaning}" for family, meaning in LEAVES.items())
    return setting(
        ("gate",),
        f"families of learned leaves that a search may write: {meanings}",
        choices=tuple(LEAVES),
        min_items=1,
    )


def max_gates_setting() -> Any:
    """Return the field of the setting `max_gates`."""
    return setting(8, "most leaves of each family", unit="leaves", low=1, high=MOST_LEAVES)


def redundant_setting() -> Any:
    """Return the field of the setting `redundant`."""
    return setting(
        False,
        "whether a search may write sums of learned leaves that one would do for, like gate1 + gate2, "
        "where nothing else reads them: the same cell with more parameters and a larger learning rate",
    )


def projections(space: Limits) -> list[str]:
    """Return the leaves that a search draws from: as many of each family as the limit allows."""
    return [f"{family}{i + 1}" for family in space.leaves for i in range(space.max_gates)]


def admits(space: Limits, genome: Genome) -> bool:
    """Return whether a search may propose a canonical genome: within limits, reads the input.

    Genomes with a state that explodes whatever the weights are left out too, and unless the space allows
    them those that write one projection as a sum of several.
    """
    terms = [term for _, term in genome.formulas]
    used = {head for term in terms for head in heads(term)}
    return (
        all(height(term) <= space.max_depth for term in terms)
        and all(size(term) <= space.max_nodes for term in terms)
        and not any(f"{family}{space.max_gates + 1}" in used for family in space.leaves)
        and any(name.startswith(("gate", "input")) for name in used)
        and not explodes(genome)
        and (space.redundant or not has_redundant_sum(genome))
    )


def network(
    genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
) -> RecurrentNetwork:
    """Return recurrent layers between inputs and predictions; see `Space.network`."""
    from gp_cells.networks.recurrent import RecurrentNetwork

    return RecurrentNetwork(genome, form, recipe, engine, device, precision)


def count(genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
    """Return the sizes of one layer and of the network; see `Space.count`."""
    program, units, layers = compile_program(genome), recipe.units, recipe.layers
    inputs = units if form.inputs == "symbols" else form.features
    nodes = sum(size(term) for _, term in genome.formulas)
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


def has_redundant_sum(genome: Genome) -> bool:
    """Return whether a sum has two learned leaves, read nowhere else, that one leaf could stand for.

    `gate1 + gate2` is W x + U h + b as `gate1` alone is, and is trained as that with twice its learning
    rate: a search that selects by the loss after few epochs finds it, and pays for it with parameters. So
    is a gate plus an input, a recurrent projection or a bias; but `input1 + recurrent1` is no leaf.
    """
    read = Counter(head for _, term in genome.formulas for head in heads(term))
    return any(
        max(Counter(_parts(subtree(term, path), read)).values(), default=0) > 1
        for _, term in genome.formulas
        for path in paths(term)
    )


def _parts(term: Term, read: Mapping[str, int]) -> list[str]:
    """Return what is in the learned leaves that a term adds up, whatever their signs, and alone reads."""
    if term[0] in ("add", "sub", "complement", "increment", "decrement"):
        return [part for child in term[1:] for part in _parts(child, read)]
    return [*SUMMANDS.get(family_of(term[0]), ())] if read[term[0]] == 1 else []


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
        for name, term in genome.formulas:
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
    if f"{head}'" in before:
        return before[f"{head}'"]
    return before[language.kind.outputs[0]] if head.startswith(("gate", "recurrent")) else 0
