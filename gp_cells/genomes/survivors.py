"""Which nodes of one genome are those of another: what survived a mutation or a crossover, by what it is.

Two trees are laid over each other so that as many nodes as can be fall on a node of the same name whose
ancestors fall on its ancestors; arguments of a commutative function in any order. A node without a partner
was put in, taken out or replaced. That is a tree edit distance with the constraint of Zhang 1996
(https://doi.org/10.1007/BF01975866); what differs is that a call of many arguments is one node, and that a
replaced node costs its name alone. Numbers and names of projections, values and memory cells say nothing.

Where names say whose a formula is, as the marks of a network's nodes, they are all that is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import NodePath, Term, family_of, paths, subtree, unprimed

Place = tuple[str, NodePath]  # a formula's name and a path in it
Pairs = tuple[tuple[Place, Place], ...]


@dataclass(frozen=True)
class Node:
    """A node of a formula: what it is, how it is written, where it stands, and its arguments."""

    kind: str
    head: str
    place: Place
    children: tuple[Node, ...]
    in_order: bool


@dataclass(frozen=True)
class Survivors:
    """What of a child's genome is of its giver's, by place of a node and by learned name."""

    places: Mapping[Place, Place]
    names: Mapping[str, str]


def survivors(giver: Genome, child: Genome) -> Survivors:
    """Return what of a child is of a giver, both in canonical form."""
    language = child.language
    if language.kind.marked:
        return _marked(giver.canonical(), child.canonical())
    parts = [
        {output: _trees(formulas, language) for output, formulas in language.kind.parts(of).items()}
        for of in (giver.written_out, child.written_out)
    ]
    laying = _Laying()
    pairs: list[tuple[Node, Node]] = []
    for output in language.kind.outputs:
        first, second = (part[output] for part in parts)
        pairs += laying.formulas(first, second, output)
    return Survivors(
        places={theirs.place: own.place for own, theirs in pairs},
        names=_names([(own, theirs) for own, theirs in pairs if language.is_learned(own.head)]),
    )


def _marked(giver: Genome, child: Genome) -> Survivors:
    """Return the nodes of formulas of one name, each by what it is, and functions by their order."""
    own, theirs = dict(giver.formulas), dict(child.formulas)
    places: dict[Place, Place] = {}
    for name in (name for name in theirs if name in own):
        known = _numbered(own[name])
        for what, path in _numbered(theirs[name]).items():
            if what in known:
                places[name, path] = (name, known[what])
    return Survivors(places, {})


def _numbered(term: Term) -> dict[tuple[str, int], NodePath]:
    """Return the path of each node of a term, by its name and how many of that name come before it."""
    found: dict[tuple[str, int], NodePath] = {}
    counts: Counter[str] = Counter()
    for path in paths(term):
        head = subtree(term, path)[0]
        found[head, counts[head]] = path
        counts[head] += 1
    return found


def _names(pairs: Sequence[tuple[Node, Node]]) -> dict[str, str]:
    """Return learned names by what most of their nodes are, each once."""
    votes = Counter((theirs.head, own.head) for own, theirs in pairs)
    names: dict[str, str] = {}
    for (theirs, own), _ in sorted(votes.items(), key=lambda item: (-item[1], item[0])):
        if theirs not in names and own not in names.values():
            names[theirs] = own
    return names


def _trees(formulas: Sequence[tuple[str, Term]], language: Language) -> dict[str, Node]:
    """Return formulas as nodes, by name."""
    names = {name for name, _ in formulas} - set(language.kind.outputs)
    known = names | {unprimed(name) for name in names}

    def kind(head: str) -> str:
        if language.is_learned(head):
            return family_of(head)
        if head in known:
            return "now" if head in names else "before"
        return head

    def node(name: str, term: Term, path: NodePath) -> Node:
        function = language.by_name.get(term[0])
        merges = function is not None and function.associative
        children: list[Node] = []
        for i, child in enumerate(term[1:]):
            made = node(name, child, (*path, i))
            children += made.children if merges and child[0] == term[0] else [made]
        in_order = function is None or not function.commutative
        return Node(kind(term[0]), term[0], (name, path), tuple(children), in_order)

    return {name: node(name, term, ()) for name, term in formulas}


class _Laying:
    """Lays trees over each other; remembers what it found for each pair of nodes."""

    def __init__(self) -> None:
        self.found: dict[tuple[Place, Place], tuple[float, tuple[tuple[Node, Node], ...]]] = {}

    def formulas(
        self, first: Mapping[str, Node], second: Mapping[str, Node], output: str
    ) -> list[tuple[Node, Node]]:
        """Return the pairs of the formulas of a part, the outputs on each other, others as fits best."""
        own = [first[name] for name in first if name != output]
        theirs = [second[name] for name in second if name != output]
        _, pairs = self.trees(first[output], second[output])
        return [*pairs, *self.several(own, theirs, in_order=False)[1]]

    def trees(self, first: Node, second: Node) -> tuple[float, tuple[tuple[Node, Node], ...]]:
        """Return how much of two trees falls together, and the pairs."""
        key = first.place, second.place
        if key not in self.found:
            same = first.kind == second.kind
            in_order = first.in_order or second.in_order
            value, pairs = self.several(first.children, second.children, in_order)
            options = [(value + same, ((first, second), *pairs) if same else pairs)]
            options += [self.trees(child, second) for child in first.children]
            options += [self.trees(first, child) for child in second.children]
            self.found[key] = max(options, key=lambda option: option[0])
        return self.found[key]

    def several(
        self, first: Sequence[Node], second: Sequence[Node], in_order: bool
    ) -> tuple[float, tuple[tuple[Node, Node], ...]]:
        """Return how much of two lists of trees falls together: place on place, or as fits best."""
        if in_order:
            chosen = [(i, i) for i in range(min(len(first), len(second)))]
        else:
            values = np.array([[self.trees(a, b)[0] for b in second] for a in first])
            rows, columns = linear_sum_assignment(-values) if values.size else ((), ())
            chosen = list(zip(rows, columns, strict=True))
        laid = [self.trees(first[i], second[j]) for i, j in chosen]
        return sum(value for value, _ in laid), tuple(pair for _, of in laid for pair in of)
