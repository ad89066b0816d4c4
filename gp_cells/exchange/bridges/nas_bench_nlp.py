"""NAS-Bench-NLP recipes as formulas (Klyuchnikov et al. 2020, https://arxiv.org/abs/2006.07116).

A recipe is a graph of one step: `{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op":
"activation_tanh", "input": ["f"]}}`. Its `h_new_0` is the output, further `h_new_k` are memory; all are
zero before the first step. What an operation does is as in the authors' code
(https://github.com/fmsnew/nas-bench-nlp-release): `linear` is W a + V b + … + bias, `blend` is
a b + (1 − a) c, and a leaky relu leaks 0.01.

`h_prev_0` becomes h, `h_prev_1` c, and so on; the `linear` of x and h_prev_0 is a gate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gp_cells.config.files import read_text
from gp_cells.exchange.bridges.imported import (
    BridgeError,
    Imported,
    Numbers,
    Weight,
    genome_of,
    sum_of,
)
from gp_cells.genomes.terms import Term
from gp_cells.spaces.recurrent import LANGUAGE

ACTIVATIONS = {
    "activation_tanh": "tanh",
    "activation_sigm": "sigmoid",
    "activation_leaky_relu": "leaky_relu",
}
ELEMENTWISE = {"elementwise_prod": "mul", "elementwise_sum": "add"}
ARGUMENTS = {**dict.fromkeys(ACTIVATIONS, 1), **dict.fromkeys(ELEMENTWISE, 2), "blend": 3}


def from_recipe(recipe: Mapping[str, Any]) -> Imported:
    """Return the cell that a recipe describes, or the log of a training with a recipe in it.

    Raises:
        BridgeError: it is no recipe, or says what our formulas cannot; in which node, and what.
    """
    if isinstance(recipe, Mapping) and "recepie" in recipe:  # as the authors spell it
        text = recipe["recepie"]
        recipe = _parsed(text, "its recepie") if isinstance(text, str) else text
    check(recipe)
    count = sum(re.fullmatch(r"h_new_\d+", node) is not None for node in recipe)
    if count > len(LANGUAGE.names):
        raise BridgeError(
            f"it has {count} hidden states; at most {len(LANGUAGE.names)} are allowed"
        )
    missing = [f"h_new_{i}" for i in range(max(1, count)) if f"h_new_{i}" not in recipe]
    if missing:
        raise BridgeError(f"it has no {missing[0]}")
    states = {f"h_new_{i}": name for i, name in enumerate(LANGUAGE.names[:count])}
    reader = _Reader(recipe, states)
    formulas = [(states[root], reader.formula(root)) for root in reversed(states)]
    return Imported(genome_of(formulas, LANGUAGE), tuple(reader.weights))


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the recipes of a JSON file with their names: one, a list of them, or a log of a training.

    What is in the place of a recipe comes as it is; `from_recipe` refuses what is none.

    Raises:
        BridgeError: the file is no JSON, or has a name twice in one node or recipe.
        RecordError: it cannot be read.
    """
    content = _parsed(read_text(path), str(path))
    recipes = content if isinstance(content, list) else [content]
    for i, recipe in enumerate(recipes):
        yield (path.stem if recipes is not content else f"{path.stem}-{i:05d}"), recipe


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        said = str(error) or "too deeply nested"
        raise BridgeError(f"{place} is no JSON: {said}") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique: dict[str, Any] = {}
    for name, value in pairs:
        if name in unique:
            raise BridgeError(f"{name!r:.60} is there twice")
        unique[name] = value
    return unique


def check(recipe: Mapping[str, Any]) -> None:
    """Refuse what is no recipe.

    Raises:
        BridgeError: a node is no operation with its inputs, or reads what is not there.
    """
    if not isinstance(recipe, Mapping):
        raise BridgeError(f"expected a recipe, got {recipe!r:.60}")
    for name, node in recipe.items():
        if not isinstance(node, Mapping) or not {"op", "input"} <= set(node):
            raise BridgeError(f'{name:.60}: expected {{"op": …, "input": […]}}, got {node!r:.60}')
        operation, inputs = node["op"], node["input"]
        known = ("linear", *ARGUMENTS)
        if operation not in known:
            raise BridgeError(
                f"{name:.60}: there is no operation {operation!r:.60}; known are {', '.join(known)}"
            )
        if not isinstance(inputs, list) or not all(isinstance(read, str) for read in inputs):
            raise BridgeError(f"{name:.60}: expected a list of nodes as input, got {inputs!r:.60}")
        if len(inputs) != ARGUMENTS.get(operation, len(inputs)) or not inputs:
            wanted = ARGUMENTS.get(operation, "at least 1")
            raise BridgeError(
                f"{name:.60}: {operation} takes {wanted} input(s), {len(inputs)} given"
            )
        for read in inputs:
            if read not in recipe and read != "x" and not re.fullmatch(r"h_prev_\d+", read):
                raise BridgeError(f"{name:.60} reads {read:.60}, which is no node")


@dataclass
class _Reader:
    """Turns nodes into terms, each `linear` with its weights once, however often it is read."""

    recipe: Mapping[str, Any]
    states: Mapping[str, str]  # h_new_k → our name of the formula
    numbers: Numbers = field(default_factory=lambda: Numbers(LANGUAGE, {}))
    weights: list[Weight] = field(default_factory=list)
    known: dict[tuple[str, bool], Term] = field(default_factory=dict)
    projections: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)

    def formula(self, root: str) -> Term:
        """Return the formula of a hidden state; the output's reads the new memory by its name."""
        return self.operation(root, root == "h_new_0", (root,))

    def term(self, node: str, of_output: bool, path: tuple[str, ...]) -> Term:
        if node == "x":
            raise BridgeError(f"{path[-1]:.60} reads x without weights, which our formulas do not")
        if node not in self.recipe:
            return (self.state_before(node, path[-1]),)
        if of_output and node in self.states and node != "h_new_0":
            return (self.states[node],)
        if node in path:
            raise BridgeError(f"{node:.60} reads itself within one step")
        if len(path) > LANGUAGE.max_depth:
            raise BridgeError(f"{path[0]:.60} is more than {LANGUAGE.max_depth} operations deep")
        if (node, of_output) not in self.known:
            self.known[node, of_output] = self.operation(node, of_output, (*path, node))
        return self.known[node, of_output]

    def state_before(self, node: str, reader: str) -> str:
        written = self.states.get(node.replace("prev", "new"))
        if written is None:
            raise BridgeError(f"{reader:.60} reads {node:.60}, which no node writes")
        return written.removesuffix("'")

    def operation(self, name: str, of_output: bool, path: tuple[str, ...]) -> Term:
        operation, inputs = self.recipe[name]["op"], self.recipe[name]["input"]
        if operation == "linear":
            return sum_of(self.linear(name, of_output, path))
        read = [self.term(node, of_output, path) for node in inputs]
        if operation == "blend":
            share, first, second = read
            return ("add", ("mul", share, first), ("mul", ("complement", share), second))
        return ({**ACTIVATIONS, **ELEMENTWISE}[operation], *read)

    def linear(self, name: str, of_output: bool, path: tuple[str, ...]) -> Iterator[Term]:
        """Yield the summands of W a + V b + … + bias."""
        if name not in self.projections:
            self.projections[name] = list(self.projected(name))
        for projection, node in self.projections[name]:
            yield (projection,) if node is None else (projection, self.term(node, of_output, path))

    def projected(self, name: str) -> Iterator[tuple[str, str | None]]:
        """Yield the projections that a `linear` needs, and the nodes of those that multiply one."""
        inputs = list(self.recipe[name]["input"])
        has_gate = {"x", "h_prev_0"} <= set(inputs)
        if has_gate:
            gate = self.numbers.next("gate")
            self.weights += [(name, read, gate) for read in ("x", "h_prev_0", "bias")]
            inputs.remove("x")
            inputs.remove("h_prev_0")
            yield gate, None
        for node in inputs:
            family = {"x": "input", "h_prev_0": "recurrent"}.get(node, "linear")
            projection = self.numbers.next(family)
            self.weights.append((name, node, projection))
            yield projection, node if family == "linear" else None
        if not has_gate:
            bias = self.numbers.next("bias")
            self.weights.append((name, "bias", bias))
            yield bias, None
