"""How similar two genomes are in structure: the tree that they share, and a distance from the rest."""

from __future__ import annotations

from functools import lru_cache

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import NodePath, Term, height, size


@lru_cache(10_000)  # a search measures the same pairs again after every wave
def distance(first: Genome, second: Genome, beta: float = 0.5) -> float:
    """Return how unlike two genomes are in shape, from 0 (same shape) to 1.

    Trujillo et al. 2016 (neat-GP): delta = beta (N - 2n)/(N - 2) + (1 - beta)(D - 2d)/(D - 2), with N
    and D the summed nodes and depths and n, d those of the shared tree, here after the best mirroring
    of sums and products (Rawal and Miikkulainen 2018). The formulas of a cell count as the branches
    of one tree, matched by name.
    """
    terms = dict(first.formulas)
    others = first.language.kind.matched(first.formulas, second.formulas)
    pairs = [
        pair
        for name in terms
        if name in others
        for pair in aligned(terms[name], others[name], first.language)
    ]
    nodes = sum(size(term) for term in (*terms.values(), *others.values())) + 2
    depths = sum(2 + max(height(term) for term in of.values()) for of in (terms, others))
    shared = 1 + len(pairs)
    shared_depth = 2 + max((len(here) for here, _ in pairs), default=-1)
    by_nodes = (nodes - 2 * shared) / (nodes - 2)
    by_depth = (depths - 2 * shared_depth) / (depths - 2)
    return beta * by_nodes + (1 - beta) * by_depth


def aligned(first: Term, second: Term, language: Language) -> list[tuple[NodePath, NodePath]]:
    """Return the paths of the largest tree that two terms share in shape, root first.

    Nodes match if they have as many arguments; the arguments of a commutative pair may be mirrored.
    """
    pairs: list[tuple[NodePath, NodePath]] = [((), ())]
    if len(first) != len(second) or len(first) == 1:
        return pairs
    orders = [list(zip(range(len(first) - 1), range(len(first) - 1), strict=True))]
    functions = [language.by_name[term[0]] for term in (first, second)]
    if len(first) == 3 and any(function.commutative for function in functions):
        orders.append([(0, 1), (1, 0)])
    best: list[tuple[NodePath, NodePath]] = []
    for order in orders:
        found = [
            ((i, *here), (j, *there))
            for i, j in order
            for here, there in aligned(first[1:][i], second[1:][j], language)
        ]
        if len(found) > len(best):
            best = found
    return pairs + best
