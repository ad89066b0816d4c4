"""What a genome is made of: pieces of its formulas, counted, as features that a model learns from.

The subtree features of Weisfeiler and Lehman's relabelling (Shervashidze et al. 2011,
https://jmlr.org/papers/v12/shervashidze11a.html): at each node the piece of formula from there down to a
depth, what is deeper cut off. What differs from the relabelling of an undirected graph:

- Pieces look down alone, into what a value is computed from, so that each can be written as a formula.
- What reads a value comes in by its place: its own name, how many arguments what it reads has, and how
  many what reads it has. Two functions in one place are alternatives, as the operations on an edge are in a
  space of cells.

A genome is taken as the graph that it stands for: the name of a value is followed to the value, a leaf that
is read twice is one node, sums and products join as many values as they do, and what commutes is sorted.
Numbers of learned weights mean nothing and are left out, and no memory cell is told from another; what it
held at the step before is a leaf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gp_cells.genomes.genome import Genome, parse, written
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term, family_of

CUT: Term = ("…",)  # what is deeper

# By level: pieces of depth 0, 1, …, and last the places.
Fragments: TypeAlias = tuple[Mapping[Any, int], ...]
Index: TypeAlias = slice | list[int]


@lru_cache(maxsize=2**12)
def fragments_of_text(text: str, language: Language, depth: int) -> Fragments:
    """Return the fragments of the genome that a text spells."""
    return fragments(parse(text, language), depth)


@lru_cache(maxsize=2**12)
def fragments(genome: Genome, depth: int) -> Fragments:
    """Return how often each piece of a genome occurs, by its depth, and each name in each place."""
    graph = _Graph(genome)
    pieces = [[_top(name, reads) for name, reads in zip(graph.names, graph.reads, strict=True)]]
    for _ in range(depth):
        below = pieces[-1]
        pieces.append([graph.joined(node, below) for node in range(len(graph.names))])
    places = [(name, graph.place(node)) for node, name in enumerate(graph.names)]
    return (*(Counter(level) for level in pieces), Counter(places))


def fragment_text(piece: Term, language: Language) -> str:
    """Return a piece as it is written in the language, `…` for what is cut off."""

    def binary(term: Term) -> Term:
        children = [binary(child) for child in term[1:]]
        name = f"{term[0]}1" if term[0] in language.families and children else term[0]
        if name in language.by_name and language.by_name[name].associative:
            return reduce(lambda left, right: (name, left, right), children)
        return (name, *children)

    return written(binary(piece), language)


def _top(name: str, reads: list[int]) -> Term:
    """Return a piece of depth 0; a sum of many values is a sum."""
    return (name, *[CUT] * min(len(reads), 2))


@dataclass
class _Graph:
    """A genome as a graph, by the numbers of its nodes: names, what each reads, and what reads each."""

    genome: Genome
    names: list[str] = field(default_factory=list)
    reads: list[list[int]] = field(default_factory=list)
    commutes: list[bool] = field(default_factory=list)
    readers: list[list[tuple[int, int]]] = field(default_factory=list)  # argument and node
    results: list[list[str]] = field(default_factory=list)  # of the genome, that a node is

    def __post_init__(self) -> None:
        self.language = self.genome.language
        self.formulas = dict(self.genome.written_out)
        self.leaves: dict[str, int] = {}
        for name in self.formulas:
            kept = name if name in self.language.kind.outputs else None
            memory = "memory'" if name in self.language.kind.passed_on else None
            if kept or memory:
                self.results[self._leaf(name)].append(kept or str(memory))

    def joined(self, node: int, below: list[Term]) -> Term:
        """Return the piece that a node is, of those that it reads."""
        parts = [below[read] for read in self.reads[node]]
        return (self.names[node], *(sorted(parts) if self.commutes[node] else parts))

    def place(self, node: int) -> tuple[Any, ...]:
        """Return how a node is joined to others, whatever these are called."""
        read = sorted(len(self.reads[other]) for other in self.reads[node])
        readers = sorted((place, len(self.reads[other])) for place, other in self.readers[node])
        return (*read, None, *readers, *self.results[node])

    def _node(self, name: str, reads: list[int], commutes: bool = False) -> int:
        node = len(self.names)
        self.names.append(name)
        self.reads.append(reads)
        self.commutes.append(commutes)
        self.readers.append([])
        self.results.append([])
        for place, read in enumerate(reads):
            self.readers[read].append((0 if commutes else place, node))
        return node

    def _leaf(self, name: str) -> int:
        """Return the node that a name stands for: a formula's value, or a leaf."""
        if name not in self.leaves:
            is_formula = name in self.formulas
            node = (
                self._value(self.formulas[name]) if is_formula else self._node(self._kind(name), [])
            )
            self.leaves[name] = node
        return self.leaves[name]

    def _value(self, term: Term) -> int:
        if len(term) == 1:
            return self._leaf(term[0])
        function = self.language.by_name[term[0]]
        reads = [self._value(part) for part in self._joins(term, function.associative)]
        return self._node(self._kind(term[0]), reads, function.commutative)

    def _joins(self, term: Term, is_associative: bool) -> list[Term]:
        parts: list[Term] = []
        for part in term[1:]:
            same = is_associative and part[0] == term[0]
            parts += self._joins(part, True) if same else [part]
        return parts

    def _kind(self, name: str) -> str:
        """Return what a name is, whatever its number; the first memory cell stands for all."""
        kind = self.language.kind
        if self.language.is_learned(name):
            return family_of(name)
        is_memory = name in kind.states and f"{name}'" not in kind.outputs
        return kind.named[0].removesuffix("'") if is_memory else name


class Distances:
    """How far genomes are apart, by level: squared distances between the counts of their fragments.

    Counts and their products are whole numbers of far less than 24 bits, so that sums of them are exact, in
    whatever order they are formed.
    """

    def __init__(self, genomes: Sequence[Fragments]) -> None:
        self.counts = [_matrix(level) for level in zip(*genomes, strict=True)]
        self.squares = [(counts * counts).sum(axis=1, dtype=np.float64) for counts in self.counts]

    def between(self, first: Index, second: Index) -> list[npt.NDArray[np.float64]]:
        """Return the squared distances of each level between genomes, (first, second), by their numbers."""
        return [
            squares[first][:, None] + squares[second] - 2.0 * (counts[first] @ counts[second].T)
            for counts, squares in zip(self.counts, self.squares, strict=True)
        ]


def _matrix(levels: Sequence[Mapping[Any, int]]) -> npt.NDArray[np.float32]:
    """Return counts as a matrix, (genomes, fragments); the order of fragments means nothing."""
    columns: dict[Any, int] = {}
    rows, places, counts = [], [], []
    for row, level in enumerate(levels):
        for fragment, count in level.items():
            rows.append(row)
            places.append(columns.setdefault(fragment, len(columns)))
            counts.append(count)
    matrix = np.zeros((len(levels), len(columns)), np.float32)
    matrix[rows, places] = counts
    return matrix
