"""The graph networks of NAS-Bench-Graph (Qin et al. 2022, https://arxiv.org/abs/2206.09166).

Four nodes, each with one of nine operations, each reading the input or an earlier node, in one of nine
structures. A genome says it in one line: the structure innermost, then the operation of each node.

    network = cheb(fc(gin(gcn(s0112))))

Here nodes 1 to 4 are gcn, gin, fc and cheb, and read nodes 0 (the input), 1, 1 and 2. That is a list and
not the graph itself, but it makes the published mutations of either kind one replacement: of a
function the operation, of the leaf the structure. The 59,049 genomes are 26,206 networks up to
isomorphism and skips; the package knows which, and equal ones have one row. Nine of them, skips alone,
were never trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from gp_cells.genomes.choices import Chosen, Options
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language, Value
from gp_cells.genomes.terms import Term, heads
from gp_cells.tabular.truth.pickled import read_pickled
from gp_cells.tabular.truth.play import Row, Table

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
NODES = 4
STRUCTURES = tuple(
    f"s{links}"
    for links in (
        *("0000", "0001", "0011", "0012", "0013"),
        *("0111", "0112", "0122", "0123"),
    )
)
DATASETS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")

LANGUAGE = Language(
    name="nas_bench_graph",
    version="1",
    functions=tuple(Function(name, (Value,), Value) for name in OPERATIONS),
    kind=GraphFormulas(outputs=("network",), inputs=STRUCTURES),
)


@dataclass(frozen=True)
class NASBenchGraph:
    """What a search may write: four operations and a structure; so replacing is all that varies."""

    language: ClassVar[Language] = LANGUAGE
    functions: ClassVar[tuple[str, ...]] = OPERATIONS
    projections: ClassVar[tuple[str, ...]] = ()  # weights are those of the operations
    baselines: ClassVar[Mapping[str, Path]] = {}  # everything is in the table

    @property
    def choices(self) -> Options:
        """The structure and the operation of every node; see `FixedChoices`."""
        return {"structure": STRUCTURES, **{f"node{i + 1}": OPERATIONS for i in range(NODES)}}

    def chosen_genome(self, chosen: Chosen) -> Genome | None:
        """Return the network of some choices, None if it is skips alone; see `FixedChoices`."""
        term: Term = (chosen["structure"],)
        for i in range(NODES):
            term = (chosen[f"node{i + 1}"], term)
        genome = Genome(LANGUAGE, (("network", term),)).canonical()
        return genome if self.admits(genome) else None

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return a network, structure and operations each uniform."""
        term: Term = (STRUCTURES[rng.integers(len(STRUCTURES))],)
        for i in rng.integers(len(OPERATIONS), size=NODES):
            term = (OPERATIONS[i], term)
        return [("network", term)]

    def admits(self, genome: Genome) -> bool:
        """Return whether a genome has four operations that are not all skips."""
        operations = list_of(genome)[1]
        return len(operations) == NODES and set(operations) != {"skip"}


def list_of(genome: Genome) -> tuple[list[int], list[str]]:
    """Return what each node reads, and its operation."""
    *operations, structure = heads(genome.formulas[0][1])
    return [int(link) for link in structure[1:]], operations[::-1]


@cache
def _trained(dataset: str) -> Mapping[int, Mapping[str, Any]]:
    return read_pickled("nas_bench_graph", f"light/{dataset}.bench", "nas-bench-graph")


def row_of(trained: Mapping[str, Any]) -> Row:
    """Return the row of a trained network.

    Fitness is 1 - validation accuracy, test 1 - test accuracy. Objectives: `latency_s` and
    `parameters_millions`, as the benchmark states them.
    """
    objectives = {"latency_s": trained["latency"], "parameters_millions": trained["para"]}
    return Row(1 - trained["valid_perf"], "ok", objectives, 1 - trained["perf"])


def table(dataset: str) -> Table:
    """Return the table of one of the data sets."""
    from nas_bench_graph.architecture import Arch

    return lambda genome: row_of(_trained(dataset)[Arch(*list_of(genome)).valid_hash()])


def rows(dataset: str) -> list[Row]:
    """Return every row of one of the data sets."""
    return [row_of(trained) for trained in _trained(dataset).values()]
