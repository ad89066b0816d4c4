"""What the spaces of recurrent cells share: the words of a step, its size, and whether it can blow up."""

from __future__ import annotations

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Function, Language, Mixed, Squashed, Value
from gp_cells.genomes.terms import Term, size
from gp_cells.networks.program import compile_program, count_multiply_adds, count_parameters

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

LEAVES = {
    "gate": "W x + U h + b",
    "input": "W x",
    "recurrent": "U h",
    "bias": "b, one number a unit",
    "scale": "a learned factor, one number a unit",
}
MOST_LEAVES = 16  # of each family in one genome


def describe_leaves() -> str:
    """Return the families of leaves and what each computes, in words."""
    return "; ".join(f"{family}: {meaning}" for family, meaning in LEAVES.items())


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
