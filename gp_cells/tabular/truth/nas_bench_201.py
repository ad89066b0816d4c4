"""The 15,625 cells of NAS-Bench-201 (Dong and Yang 2020, https://arxiv.org/abs/2001.00326).

A cell joins four feature maps x, a, b and itself by six edges, each one of five operations:

    a = conv3(x)
    b = conv1(x) + avg3(a)
    cell = skip(x) + conv3(a) + none(b)

In canonical form b, which is read once, stands where it is read, so that two edges of one sum into b
differ from the others: a canonical genome is one cell, and a cell one canonical genome.
Cells that compute the same (where none cuts edges off, or skip joins two maps) keep rows of their own,
as in the benchmark; each was trained by itself, so those rows differ by chance.

The accuracies are those of AnalogNAS-Bench, whose authors trained every cell on CIFAR-10 once
(package analog-nasbench); they are not the official ones of NAS-Bench-201.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from gp_cells.genomes.choices import Chosen, Options
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import Term
from gp_cells.tabular.truth.pickled import read_pickled
from gp_cells.tabular.truth.play import Row

OPERATIONS = ("skip", "none", "conv3", "conv1", "avg3")  # numbered as in the table
EDGES = ("xa", "xb", "xc", "ab", "ac", "bc")  # from and to, in the order of the table

Cell = tuple[str, ...]  # the operation on every edge


class Edge(Value):
    """Type of what an operation gives, and of sums of it."""

    refusal = "only what went through an operation can be summed"


class Map(Value):
    """Type of the maps by name, which only an operation may read."""


LANGUAGE = Language(
    name="nas_bench_201",
    version="1",
    functions=(
        *(Function(name, (Value,), Edge) for name in OPERATIONS),
        Function(
            "add", (Edge, Edge), Edge, commutative=True, associative=True, pattern="{0} + {1}"
        ),
    ),
    kind=GraphFormulas(outputs=("cell",), named=("a", "b"), inputs=("x",)),
    formula=Edge,
    leaf=Map,
)


@dataclass(frozen=True)
class NASBench201:
    """What a search may write: the six edges, nothing else; so replacing is all that varies."""

    language: ClassVar[Language] = LANGUAGE
    functions: ClassVar[tuple[str, ...]] = OPERATIONS
    projections: ClassVar[tuple[str, ...]] = ()  # weights are those of the operations
    baselines: ClassVar[Mapping[str, Path]] = {}  # everything is in the table

    @property
    def choices(self) -> Options:
        """The operation on every edge; see `FixedChoices`."""
        return dict.fromkeys(EDGES, OPERATIONS)

    def chosen_genome(self, chosen: Chosen) -> Genome:
        """Return the cell of some operations; see `FixedChoices`."""
        cell = tuple(chosen[edge] for edge in EDGES)
        return Genome(LANGUAGE, tuple(formulas(cell))).canonical()

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return a cell, each edge uniformly any operation."""
        drawn = rng.integers(len(OPERATIONS), size=len(EDGES))
        return [*formulas(tuple(OPERATIONS[i] for i in drawn))]

    def admits(self, genome: Genome) -> bool:
        """Return whether a genome is one of the cells."""
        return cell_of(genome) is not None


def formulas(cell: Cell) -> list[tuple[str, Term]]:
    """Return a cell as formulas."""
    xa, xb, xc, ab, ac, bc = cell
    return [
        ("a", (xa, ("x",))),
        ("b", ("add", (xb, ("x",)), (ab, ("a",)))),
        ("cell", ("add", ("add", (xc, ("x",)), (ac, ("a",))), (bc, ("b",)))),
    ]


def cell_of(genome: Genome) -> Cell | None:
    """Return the cell that a canonical genome spells, or None if it is not one."""
    found = [edge for name, term in genome.formulas for edge in _edges(term, name[0])]
    operations = dict(found)
    if len(found) != len(EDGES) or set(operations) != set(EDGES):
        return None
    return tuple(operations[edge] for edge in EDGES)


def _edges(term: Term, target: str) -> list[tuple[str, str]]:
    """Return the edges into a map, each with its operation; an inner sum is the map b."""
    if term[0] == "add":
        return [edge for part in term[1:] for edge in _edges(part, target)]
    operation, [source] = term[0], term[1:]
    if len(source) == 1:
        return [(f"{source[0]}{target}", operation)]
    return [(f"b{target}", operation), *_edges(source, "b")]


def parameters(cell: Cell) -> int:
    """Return the learned numbers of the benchmark's CIFAR-10 network with this cell.

    Five cells at each of 16, 32 and 64 channels, a residual block of stride 2 between; convolutions
    have a batch norm and no bias.
    """
    stem, blocks, head = 464, 14_464 + 57_600, 128 + 650
    cells = sum(
        5 * (cell.count("conv3") * 9 + cell.count("conv1")) * channels**2
        + 5 * (cell.count("conv3") + cell.count("conv1")) * 2 * channels
        for channels in (16, 32, 64)
    )
    return stem + cells + blocks + head


@cache
def _trained() -> Mapping[tuple[int, ...], SimpleNamespace]:
    return read_pickled("analognasbench", "data.anb", "analog-nasbench")


def row_of(cell: Cell) -> Row:
    """Return the row of a cell.

    Each cell was trained once and has one accuracy, so fitness and test are the same number: 1 -
    accuracy. Objectives: `parameters`, and `drift_error`, the error of the same network trained for
    analog hardware, 30 days after its weights were written, when they have drifted.
    """
    trained = _trained()[tuple(OPERATIONS.index(operation) for operation in cell)]
    error = 1 - trained.baseline_accuracy / 100
    drifted = 1 - trained.analog_drift_2592000.value / 100
    return Row(error, "ok", {"parameters": parameters(cell), "drift_error": drifted}, error)


def table(genome: Genome) -> Row:
    """Return the row of the cell that a canonical genome spells."""
    cell = cell_of(genome)
    if cell is None:
        raise ValueError(f"not a cell of NAS-Bench-201: {genome}")
    return row_of(cell)


def rows() -> list[Row]:
    """Return every row."""
    return [row_of(cell) for cell in product(OPERATIONS, repeat=len(EDGES))]
