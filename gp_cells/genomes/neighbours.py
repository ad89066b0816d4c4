"""The genomes that are one edit away from a genome: every edit once, in a drawn order.

An edit is one mutation at one place with one outcome. There are finitely many, since what `insert` puts
beside the old part is a leaf, or, where no leaf is of the type, a function of one leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.mutations import insertions, replacements, sharings, shrinkings
from gp_cells.genomes.terms import NodePath, Term, grafted, paths, subtree
from gp_cells.genomes.vocabulary import Vocabulary

Formulas = list[tuple[str, Term]]


def neighbours(
    space: Vocabulary, genome: Genome, rng: np.random.Generator, mutations: Sequence[str]
) -> Iterator[tuple[int, Genome, str]]:
    """Yield the legal genomes one edit away, each with its edit's number in the order and its mutation.

    The mutation of each edit is drawn uniformly of those that have edits left, then the edit of its own. A
    genome that several edits make is yielded by the first of them.
    """
    left = {
        mutation: [found[i] for i in rng.permutation(len(found))]
        for mutation in mutations
        if (found := list(edits(space, genome, mutation)))
    }
    yielded = {genome.architecture_id}
    for number in range(sum(map(len, left.values()))):
        mutation = list(left)[int(rng.integers(len(left)))]
        neighbour = legal(space, left[mutation].pop())
        if not left[mutation]:
            del left[mutation]
        if neighbour is not None and neighbour.architecture_id not in yielded:
            yielded.add(neighbour.architecture_id)
            yield number, neighbour, mutation


def edits(space: Vocabulary, genome: Genome, mutation: str) -> Iterator[Formulas]:
    """Yield the formulas after each edit by a mutation, legal or not, in order of places."""
    terms = list(genome.formulas)
    for i, (name, term) in enumerate(terms):
        for path in paths(term):
            if mutation == "share":
                if space.language.kind.shares:
                    yield from sharings(terms, i, path, space.language)
                continue
            for changed in _changed(space, mutation, name, term, path, terms):
                yield [*terms[:i], (name, changed), *terms[i + 1 :]]


def _changed(
    space: Vocabulary, mutation: str, name: str, term: Term, path: NodePath, formulas: Formulas
) -> Iterator[Term]:
    if mutation == "insert":
        yield from insertions(space, name, term, path, formulas)
    elif mutation == "replace":
        rest = subtree(term, path)[1:]
        for new in dict.fromkeys(replacements(space, name, term, path, formulas)):
            yield grafted(term, path, (new, *rest))
    else:
        for part in shrinkings(space, name, term, path, formulas):
            yield grafted(term, path, part)
