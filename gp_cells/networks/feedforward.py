"""A network of scalar nodes: level by level in numpy, forth and back, under torch's autograd.

Networks of tens of nodes on batches of tens of rows are all overhead, of which torch's own operations and
autograd have several times as much.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gp_cells.config.recipe import Form
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.nodes import ADD, MUL, Node, nodes_of
from gp_cells.genomes.terms import paths, subtree
from gp_cells.networks.cell import Engine
from gp_cells.networks.head import drop
from gp_cells.networks.network import Part

State = tuple[Tensor, ...]  # empty
Values = np.ndarray  # (nodes, batch)

DEVIATION = 0.25  # of a first weight; Ha 2016


def _sigmoid(z: Values) -> Values:
    half: Values = 0.5 * np.tanh(0.5 * z)
    return half + 0.5


# What a node gives for the sum of what it reads, and the derivative, given the sum z and what it gave a.
ACTIVATIONS: Mapping[str, tuple[Callable[[Values], Values], Callable[[Values, Values], Values]]] = {
    "sigmoid": (_sigmoid, lambda z, a: a * (1 - a)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "relu": (lambda z: np.maximum(z, 0), lambda z, a: (z > 0).astype(z.dtype)),
    "gaussian": (lambda z: np.exp(-0.5 * z * z), lambda z, a: -z * a),
    "sine": (np.sin, lambda z, a: np.cos(z)),
    "abs": (np.abs, lambda z, a: np.sign(z)),
    "square": (lambda z: z * z, lambda z, a: 2 * z),
}


@dataclass(frozen=True)
class Level:
    """Nodes that read earlier levels alone: those that sum, by their activations, then those that multiply.

    All values, inputs first, have a row each. `first` is that of this level's first node; `sums` and
    `columns` say where in a matrix (nodes, values before) the weights of the numbers `weights` stand.
    `groups` are the activations, each with its first and last row in the level, and `products` the sources'
    rows and the numbers of their weights, of each node that multiplies.
    """

    first: int
    size: int
    summing: int
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    groups: tuple[tuple[str, int, int], ...]
    products: tuple[tuple[np.ndarray, np.ndarray], ...]

    def matrix(self, learned: np.ndarray) -> np.ndarray:
        """Return the weights of those that sum, (nodes, values before)."""
        matrix = np.zeros((self.summing, self.first), learned.dtype)
        matrix[self.rows, self.columns] = learned[self.weights]
        return matrix


class FeedforwardNetwork(nn.Module):
    """Nodes between rows of numbers and predictions: (batch, features) → (batch, outputs).

    `weight` is (connections, 1), in the order of the canonical genome. With one output for two classes the
    logit of the first is 0. Dropout zeroes what nodes give, never an input or output.
    """

    def __init__(self, genome: Genome, form: Form, dropout: float) -> None:
        super().__init__()
        self.genome, self.dropout = genome.canonical(), dropout
        self.engine = Engine("eager")
        nodes, kind = nodes_of(self.genome), genome.language.kind
        self.outputs = kind.outputs
        self.is_binary = form.targets == "classes" and form.outputs > len(self.outputs)
        connections = [(source, node.name) for node in nodes for source in node.sources]
        self.numbers = {connection: i for i, connection in enumerate(connections)}
        self.weight = nn.Parameter(torch.empty(len(connections), 1))
        places = {name: i for i, name in enumerate(kind.inputs)}
        self.levels = [
            _level(level, places, self.numbers) for level in _levels(nodes, kind.outputs)
        ]
        self.last = np.array([places[output] for output in self.outputs])

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed: normal, of deviation 0.25."""
        generator = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.weight, std=DEVIATION, generator=generator)

    def start_from(self, guess: Tensor) -> None:
        """Let predictions begin at (outputs,) values, as far as an output reads the bias."""
        values = guess[1:] - guess[:1] if self.is_binary else guess
        for output, value in zip(self.outputs, values, strict=True):
            number = self.numbers.get(("bias", output))
            if number is not None:
                self.weight.data[number, 0] = value

    def forward(
        self, inputs: Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return predictions, and an empty state; dropout of nodes draws from `generator`."""
        kept: np.ndarray | None = None
        if self.training and self.dropout > 0:
            hidden = self.levels[-1].first - self.levels[0].first
            ones = torch.ones(hidden, len(inputs), dtype=inputs.dtype)
            kept = drop(ones, self.dropout, generator).numpy()
        given: Tensor = _Pass.apply(inputs, self.weight, self, kept)
        return self._predicted(given), ()

    def activations(
        self, inputs: Tensor, state: State | None = None
    ) -> tuple[Tensor, State, list[Tensor]]:
        """Return predictions, an empty state, and what the nodes gave, level after level (batch, nodes)."""
        values, _ = self.values(inputs.detach().numpy(), self.weight.detach().numpy()[:, 0], None)
        given = [torch.from_numpy(values[of.first : of.first + of.size].T) for of in self.levels]
        return self._predicted(torch.from_numpy(values[self.last].T)), (), given

    def _predicted(self, given: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(given), given], 1) if self.is_binary else given

    def values(
        self, inputs: np.ndarray, learned: np.ndarray, kept: np.ndarray | None
    ) -> tuple[Values, Values]:
        """Return the value of each input and node, (values, batch), and the sums before activations.

        `learned` are the weights (connections,), `kept` what dropout leaves of hidden nodes.
        """
        last = self.levels[-1]
        values = np.empty((last.first + last.size, len(inputs)), inputs.dtype)
        sums = np.zeros_like(values)
        before = self.levels[0].first
        values[: before - 1], values[before - 1] = inputs.T, 1
        with np.errstate(over="ignore", invalid="ignore"):
            for level in self.levels:
                start, end = level.first, level.first + level.size
                own, z = values[start:end], sums[start:end]
                if level.summing:
                    np.matmul(level.matrix(learned), values[:start], out=z[: level.summing])
                    own[: level.summing] = z[: level.summing]
                for name, low, high in level.groups:
                    own[low:high] = ACTIVATIONS[name][0](z[low:high])
                for row, (sources, weights) in enumerate(level.products, start=level.summing):
                    own[row] = (values[sources] * learned[weights, None]).prod(0)
                if kept is not None and level is not last:
                    own *= kept[start - before : end - before]
        return values, sums

    def gradients(
        self,
        values: Values,
        sums: Values,
        learned: np.ndarray,
        kept: np.ndarray | None,
        slopes: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradients of inputs (batch, features) and weights, given `slopes` (batch, outputs)."""
        last, before = self.levels[-1], self.levels[0].first
        towards = np.zeros_like(values)
        towards[self.last] = slopes.T
        of_weights = np.zeros_like(learned)
        with np.errstate(over="ignore", invalid="ignore"):
            for level in reversed(self.levels):
                start, end = level.first, level.first + level.size
                down, own, z = towards[start:end], values[start:end], sums[start:end]
                if kept is not None and level is not last:
                    down *= kept[start - before : end - before]
                for row, (sources, weights) in enumerate(level.products, start=level.summing):
                    weighted = values[sources] * learned[weights, None]
                    for i, (source, weight) in enumerate(zip(sources, weights, strict=True)):
                        rest = np.delete(weighted, i, 0).prod(0) * down[row]
                        towards[source] += rest * learned[weight]
                        of_weights[weight] += (rest * values[source]).sum()
                for name, low, high in level.groups:
                    given = own[low:high] if kept is None else ACTIVATIONS[name][0](z[low:high])
                    down[low:high] *= ACTIVATIONS[name][1](z[low:high], given)
                if level.summing:
                    down = down[: level.summing]
                    of_matrix = down @ values[:start].T
                    of_weights[level.weights] = of_matrix[level.rows, level.columns]
                    towards[:start] += level.matrix(learned).T @ down
        return towards[: before - 1].T, of_weights

    def parts(self) -> dict[Part, Tensor]:
        """Return the weight of each connection, by the place of its source; see `Network`."""
        weight = self.state_dict()["weight"]
        return {
            ((name, path), "weight"): weight[self.numbers[source[0], name]]
            for name, term in self.genome.formulas
            for path in paths(term)
            if len(source := subtree(term, path)) == 1
        }

    def embed(self, inputs: Tensor) -> Tensor:
        """Return rows of numbers as they are."""
        return inputs

    def without_dropout(self) -> FeedforwardNetwork:
        """Return a copy whose training zeroes nothing."""
        network = copy.deepcopy(self)
        network.dropout = 0.0
        return network


class _Pass(torch.autograd.Function):
    """Rows (batch, features) and weights (connections, 1) to what outputs give, (batch, outputs)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, network: FeedforwardNetwork, kept: Any
    ) -> Tensor:
        learned = weight.detach().numpy()[:, 0]
        values, sums = network.values(inputs.detach().numpy(), learned, kept)
        ctx.network, ctx.used = network, (values, sums, learned.copy(), kept)
        return torch.from_numpy(np.ascontiguousarray(values[network.last].T))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_inputs, of_weights = ctx.network.gradients(*ctx.used, slopes.numpy())
        inputs = torch.from_numpy(np.ascontiguousarray(of_inputs))
        return inputs, torch.from_numpy(of_weights)[:, None], None, None


def _levels(nodes: Sequence[Node], outputs: Sequence[str]) -> list[list[Node]]:
    """Return nodes by the longest way from an input, and the outputs, which no node reads, at the end."""
    depths: dict[str, int] = {}
    levels: list[list[Node]] = []
    for node in nodes[: len(nodes) - len(outputs)]:
        depth = depths[node.name] = 1 + max(depths.get(source, -1) for source in node.sources)
        if depth == len(levels):
            levels.append([])
        levels[depth].append(node)
    return [*levels, list(nodes[len(nodes) - len(outputs) :])]


def _level(
    nodes: Sequence[Node], places: dict[str, int], numbers: Mapping[tuple[str, str], int]
) -> Level:
    """Return a level of some nodes, which are given the next places."""
    summing = sorted((n for n in nodes if n.function != MUL), key=lambda n: n.function)
    products = [node for node in nodes if node.function == MUL]
    entries = [
        (row, places[source], numbers[source, node.name])
        for row, node in enumerate(summing)
        for source in node.sources
    ]
    rows, columns, weights = np.array(entries, np.intp).reshape(-1, 3).T
    groups, low = [], 0
    for name, of in groupby(node.function for node in summing):
        high = low + len(list(of))
        if name != ADD:
            groups.append((name, low, high))
        low = high
    level = Level(
        first=len(places),
        size=len(nodes),
        summing=len(summing),
        rows=rows,
        columns=columns,
        weights=weights,
        groups=tuple(groups),
        products=tuple(
            (
                np.array([places[source] for source in node.sources]),
                np.array([numbers[source, node.name] for source in node.sources]),
            )
            for node in products
        ),
    )
    for node in (*summing, *products):
        places[node.name] = len(places)
    return level
