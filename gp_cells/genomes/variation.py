"""Chance in the space of formulas: sample, mutate and cross genomes under a given generator.

Crossover is one-point and homologous (Rawal and Miikkulainen 2018, https://arxiv.org/abs/1803.04439): the
point lies in the region that both trees share once mirrored sums and products are aligned. Mutation
and crossover work on terms; fresh formulas are drawn by DEAP, in `gp_cells.genomes.trees`, which also says
why its operators are not used.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.mutations import insert, replace, share, shrink
from gp_cells.genomes.similarity import aligned
from gp_cells.genomes.terms import Term, grafted, heads, paths, subtree
from gp_cells.genomes.trees import random_formula
from gp_cells.genomes.vocabulary import Vocabulary

TRIES = 100  # draws before giving up on a legal, changed child
MUTATIONS = ("replace", "insert", "shrink", "share")


def sample(space: Vocabulary, rng: np.random.Generator) -> Genome:
    """Return a random genome in canonical form.

    The space says which formulas it has, and writes those that follow a rule of its own; of the
    others each is half the time a full tree, half the time a grown one. Genomes that the space does
    not admit are drawn again.

    Raises:
        SettingError: the space is so narrow that nothing legal was drawn.
    """
    for _ in range(TRIES):
        sketch = space.sketch(rng)
        names = [name for name, _ in sketch]
        terms = [(name, term or random_formula(space, name, names, rng)) for name, term in sketch]
        genome = legal(space, terms)
        if genome is not None:
            return genome
    raise SettingError(f"no genome could be drawn from {space}; give it more functions or room")


def sample_new(space: Vocabulary, rng: np.random.Generator, known: Collection[str]) -> Genome:
    """Return a fresh genome whose architecture is not among the known ids, or after `TRIES` any."""
    genome = sample(space, rng)
    for _ in range(TRIES):
        if genome.architecture_id not in known:
            break
        genome = sample(space, rng)
    return genome


def mutate(
    space: Vocabulary,
    genome: Genome,
    rng: np.random.Generator,
    mutations: Sequence[str] = MUTATIONS,
) -> tuple[Genome, str]:
    """Return a changed, legal genome in canonical form and the name of the mutation that made it.

    The place is uniform over all nodes of all formulas. `share` is for languages whose formulas are
    values with a name; in others there is nothing to share.
    """
    mutations = [name for name in mutations if name != "share" or space.language.kind.shares]
    change = {"replace": replace, "insert": insert, "shrink": shrink}
    written = [name for name, _ in genome.formulas]
    for _ in range(TRIES):
        operator = mutations[int(rng.integers(len(mutations)))]
        terms = list(genome.formulas)
        spots = [(i, path) for i, (_, term) in enumerate(terms) for path in paths(term)]
        formula, path = spots[rng.integers(len(spots))]
        name, term = terms[formula]
        if operator == "share":
            terms = share(terms, formula, path, space.language, rng)
        elif (changed := change[operator](space, name, term, path, written, rng)) is not None:
            terms[formula] = (name, changed)
        else:
            continue
        child = legal(space, terms)
        if child is not None and child.architecture_id != genome.architecture_id:
            return child, operator
    return sample(space, rng), "sample"


def cross(
    space: Vocabulary, first: Genome, second: Genome, rng: np.random.Generator
) -> Genome | None:
    """Return `first` with one subtree from the same place of `second`, or None if none is new.

    Formulas are matched by their names, or, where names mean nothing, by their place before an output.

    A memory cell that the subtree reads and `first` lacks comes along from `second`; of values with a
    name, a subtree that reads what `first` does not have at that place is left.
    """
    language = space.language
    terms, donors = dict(first.formulas), language.kind.matched(first.formulas, second.formulas)
    points = [
        (name, here, there)
        for name in terms
        if name in donors
        for here, there in aligned(terms[name], donors[name], language)
        if subtree(terms[name], here) != subtree(donors[name], there)
    ]
    for point in rng.permutation(len(points)) if points else ():
        name, here, there = points[point]
        graft = subtree(donors[name], there)
        if not issubclass(language.type_of(graft[0]), language.type_wanted(terms[name], here)):
            continue
        leaves = {head for head in heads(graft) if head not in language.by_name}
        if not language.kind.can_read(leaves, name, list(terms)):
            continue
        child_terms = {**terms, name: grafted(terms[name], here, graft)}
        child = legal(space, language.kind.completed(child_terms, donors))
        if child is not None and child.architecture_id != first.architecture_id:
            return child
    return None


def legal(space: Vocabulary, terms: list[tuple[str, Term]]) -> Genome | None:
    """Return the canonical genome of some formulas, or None if a search may not propose it."""
    genome = Genome(space.language, tuple(terms)).canonical()
    return genome if space.admits(genome) else None
