"""One formula by itself, as a population of formulas has it: how unlike another, and its children.

Its names mean what they say, and stay: what calls module `b` goes on to call `b`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gp_cells.genomes.canonical import ordered
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.mutations import insert, replace, shrink
from gp_cells.genomes.similarity import aligned, distance
from gp_cells.genomes.terms import Term, grafted, paths, subtree
from gp_cells.genomes.vocabulary import Vocabulary

MUTATIONS = {"replace": replace, "insert": insert, "shrink": shrink}

Wanted = Callable[[Term], bool]  # of a child: whether it may be, and is none that there is already


def unlike(first: Term, second: Term, language: Language) -> float:
    """Return the tree distance of two formulas, from 0 to 1; see `similarity.distance`."""
    name = language.kind.outputs[0]
    one, other = (Genome(language, ((name, term),)) for term in (first, second))
    return distance(one, other)


def changed(
    space: Vocabulary,
    name: str,
    term: Term,
    written: Sequence[str],
    wanted: Wanted,
    rng: np.random.Generator,
    tries: int,
) -> tuple[Term, str] | None:
    """Return a formula `name` of a genome of formulas `written` after one mutation, and which it was.

    The place is uniform over its nodes. None if none of `tries` draws gave a child that is wanted.
    """
    others: list[tuple[str, Term]] = [(of, term) for of in written]
    places = list(paths(term))
    for _ in range(tries):
        operator = list(MUTATIONS)[int(rng.integers(len(MUTATIONS)))]
        path = places[int(rng.integers(len(places)))]
        child = MUTATIONS[operator](space, name, term, path, others, rng)
        if child is not None and wanted(child := ordered(child, space.language)):
            return child, operator
    return None


def crossed(
    space: Vocabulary, first: Term, second: Term, wanted: Wanted, rng: np.random.Generator
) -> Term | None:
    """Return a formula with one subtree from the same place of another, None if none such is wanted."""
    language = space.language
    points = [
        (here, subtree(second, there))
        for here, there in aligned(first, second, language)
        if subtree(first, here) != subtree(second, there)
    ]
    for point in rng.permutation(len(points)) if points else ():
        here, graft = points[point]
        if issubclass(language.type_of(graft[0]), language.type_wanted(first, here)):
            child = ordered(grafted(first, here, graft), language)
            if wanted(child):
                return child
    return None
