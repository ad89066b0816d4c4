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
from gp_cells.genomes.edits import edited, legal
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.similarity import aligned
from gp_cells.genomes.terms import grafted, heads, subtree
from gp_cells.genomes.trees import random_formula
from gp_cells.genomes.vocabulary import Vocabulary, is_fixed

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
    values with a name; in others there is nothing to share. In a space that is fixed it is the same genome.
    """
    if is_fixed(space):
        return genome, "keep"
    found = edited(space, genome, rng, mutations, TRIES)
    return found or (sample(space, rng), "sample")


def cross(
    space: Vocabulary, first: Genome, second: Genome, rng: np.random.Generator
) -> Genome | None:
    """Return `first` with one subtree from the same place of `second`, or None if none is new.

    Formulas are matched by their names, or, where names mean nothing, by their place before an output.

    A memory cell that the subtree reads and `first` lacks comes along from `second`; of values with a
    name, a subtree that reads what `first` does not have at that place is left. In a space that is fixed it
    is `first` itself.
    """
    if is_fixed(space):
        return first
    language = space.language
    terms, donors = dict(first.formulas), language.kind.matched(first.formulas, second.formulas)
    types = language.types(first.formulas)
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
        wanted = language.type_wanted(terms[name], here, language.root_wanted(name, types))
        if not issubclass(language.type_of(graft[0], types), wanted):
            continue
        leaves = {head for head in heads(graft) if head not in language.by_name}
        if not language.kind.can_read(leaves, name, list(terms)):
            continue
        child_terms = {**terms, name: grafted(terms[name], here, graft)}
        child = legal(space, language.kind.completed(child_terms, donors))
        if child is not None and child.architecture_id != first.architecture_id:
            return child
    return None
