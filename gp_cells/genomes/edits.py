"""One mutation of a genome, drawn under a given generator until it is legal and new.

Apart from `gp_cells.genomes.variation`, which needs DEAP for fresh genomes: a space whose fresh genomes are
edits of others needs none of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.mutations import insert, replace, share, shrink
from gp_cells.genomes.terms import Term, paths
from gp_cells.genomes.vocabulary import Vocabulary


def edited(
    space: Vocabulary,
    genome: Genome,
    rng: np.random.Generator,
    mutations: Sequence[str],
    tries: int,
) -> tuple[Genome, str] | None:
    """Return a changed, legal genome in canonical form and the name of the mutation that made it.

    The place is uniform over all nodes of all formulas. `share` is for languages whose formulas are
    values with a name; in others there is nothing to share. None if none of `tries` draws was legal.
    """
    mutations = [name for name in mutations if name != "share" or space.language.kind.shares]
    change = {"replace": replace, "insert": insert, "shrink": shrink}
    for _ in range(tries):
        operator = mutations[int(rng.integers(len(mutations)))]
        terms = list(genome.formulas)
        spots = [(i, path) for i, (_, term) in enumerate(terms) for path in paths(term)]
        formula, path = spots[rng.integers(len(spots))]
        name, term = terms[formula]
        if operator == "share":
            terms = share(terms, formula, path, space.language, rng)
        else:
            changed = change[operator](space, name, term, path, genome.formulas, rng)
            if changed is None:
                continue
            terms[formula] = (name, changed)
        child = legal(space, terms)
        if child is not None and child.architecture_id != genome.architecture_id:
            return child, operator
    return None


def legal(space: Vocabulary, terms: list[tuple[str, Term]]) -> Genome | None:
    """Return the canonical genome of some formulas, or None if a search may not propose it."""
    genome = Genome(space.language, tuple(terms)).canonical()
    is_typed = not space.language.typed_names or space.language.is_typed(genome.formulas)
    return genome if is_typed and space.admits(genome) else None
