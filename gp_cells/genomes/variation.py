"""Chance in the space of formulas: sample, mutate and cross genomes under a given generator.

The three mutations are those of Rawal and Miikkulainen 2018 (https://arxiv.org/abs/1803.04439):
replace an element, insert a branch, shrink a branch. A fourth is ours, for formulas that are values with a
name: let what one formula computes be read twice. Crossover is one-point and homologous: the
point lies in the region that both trees share once mirrored sums and products are aligned.

All work on terms. Fresh formulas are drawn by DEAP, in `gp_cells.genomes.trees`, which also says why
its operators are not used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language, Value
from gp_cells.genomes.terms import NodePath, Term, grafted, heads, paths, subtree
from gp_cells.genomes.trees import drawn_leaves, random_formula
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
    change = {"replace": _replace, "insert": _insert, "shrink": _shrink}
    for _ in range(TRIES):
        operator = mutations[int(rng.integers(len(mutations)))]
        terms = list(genome.formulas)
        spots = [(i, path) for i, (_, term) in enumerate(terms) for path in paths(term)]
        formula, path = spots[rng.integers(len(spots))]
        name, term = terms[formula]
        if operator == "share":
            terms = _share(terms, formula, path, space.language, rng)
        elif (changed := change[operator](space, name, term, path, genome, rng)) is not None:
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
    name, a subtree that reads what `first` has not got at that place is left.
    """
    terms, donors = (
        dict(first.formulas),
        first.language.kind.matched(first.formulas, second.formulas),
    )
    points = [
        (name, here, there)
        for name in terms
        if name in donors
        for here, there in aligned(terms[name], donors[name], space.language)
        if subtree(terms[name], here) != subtree(donors[name], there)
    ]
    for point in rng.permutation(len(points)) if points else ():
        name, here, there = points[point]
        graft = subtree(donors[name], there)
        if not issubclass(
            space.language.type_of(graft[0]), slot_type(terms[name], here, space.language)
        ):
            continue
        leaves = {head for head in heads(graft) if head not in space.language.by_name}
        if not space.language.kind.can_read(leaves, name, list(terms)):
            continue
        child_terms = {**terms, name: grafted(terms[name], here, graft)}
        child = legal(space, space.language.kind.completed(child_terms, donors))
        if child is not None and child.architecture_id != first.architecture_id:
            return child
    return None


def distance(first: Genome, second: Genome, beta: float = 0.5) -> float:
    """Return how unlike two genomes are in shape, from 0 (same shape) to 1.

    Trujillo et al. 2016 (neat-GP): delta = beta (N - 2n)/(N - 2) + (1 - beta)(D - 2d)/(D - 2), with N
    and D the summed nodes and depths and n, d those of the shared tree, here after the best mirroring
    of sums and products (Rawal and Miikkulainen 2018). The formulas of a cell count as the branches
    of one tree, matched by name.
    """
    terms, others = (
        dict(first.formulas),
        first.language.kind.matched(first.formulas, second.formulas),
    )
    pairs = [
        pair
        for name in terms
        if name in others
        for pair in aligned(terms[name], others[name], first.language)
    ]
    nodes = sum(sum(1 for _ in heads(t)) for t in (*terms.values(), *others.values())) + 2
    depths = sum(max(len(p) for t in g.values() for p in paths(t)) + 2 for g in (terms, others))
    shared = 1 + len(pairs)
    shared_depth = 2 + max((len(here) for here, _ in pairs), default=-1)
    by_nodes = (nodes - 2 * shared) / (nodes - 2)
    by_depth = (depths - 2 * shared_depth) / (depths - 2)
    return beta * by_nodes + (1 - beta) * by_depth


# --- types and places --------------------------------------------------------------------------


def slot_type(term: Term, path: NodePath, language: Language) -> type[Value]:
    """Return the type that a term needs at a path."""
    if not path:
        return language.formula
    return language.by_name[subtree(term, path[:-1])[0]].arguments[path[-1]]


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


def legal(space: Vocabulary, terms: list[tuple[str, Term]]) -> Genome | None:
    """Return the canonical genome of some formulas, or None if a search may not propose it."""
    genome = Genome(space.language, tuple(terms)).canonical()
    return genome if space.admits(genome) else None


# --- mutations ---------------------------------------------------------------------------------


def _share(
    terms: list[tuple[str, Term]],
    formula: int,
    path: NodePath,
    language: Language,
    rng: np.random.Generator,
) -> list[tuple[str, Term]]:
    """Give what stands at a path a name, and let it be read in a second place of the same cell.

    That is any leaf from there to the output, or else a sum with the output.
    """
    free = [name for name in language.kind.named if name not in dict(terms)]
    name, term = terms[formula]
    part = subtree(term, path)
    can_be_named = issubclass(language.type_of(part[0]), language.formula)
    can_be_read = issubclass(language.leaf, slot_type(term, path, language))
    if not free or len(part) == 1 or not (can_be_named and can_be_read):
        return terms
    end = next(i for i, (n, _) in enumerate(terms) if i >= formula and n in language.kind.outputs)
    after = [(name, grafted(term, path, (free[0],))), *terms[formula + 1 : end + 1]]
    leaves = [
        (i, spot)
        for i, (_, of) in enumerate(after)
        for spot in paths(of)
        if len(subtree(of, spot)) == 1 and subtree(of, spot) != (free[0],)
    ]
    add = language.by_name.get("add")
    can_be_added = add is not None and issubclass(language.leaf, add.arguments[1])
    if not leaves and not can_be_added:
        return terms
    choice = int(rng.integers(len(leaves) + can_be_added))
    if choice < len(leaves):
        i, spot = leaves[choice]
        after[i] = (after[i][0], grafted(after[i][1], spot, (free[0],)))
    else:
        after[-1] = (after[-1][0], ("add", after[-1][1], (free[0],)))
    return [*terms[:formula], (free[0], part), *after, *terms[end + 1 :]]


def _pick(rng: np.random.Generator, options: list[str]) -> str | None:
    return options[rng.integers(len(options))] if options else None


def _written(genome: Genome) -> list[str]:
    return [name for name, _ in genome.formulas]


def _replace(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    genome: Genome,
    rng: np.random.Generator,
) -> Term | None:
    """Replace the element at a path by another of the same type and number of arguments."""
    part, language = subtree(term, path), space.language
    if len(part) == 1:
        options = [leaf for leaf in drawn_leaves(space, name, _written(genome)) if leaf != part[0]]
    else:
        old, needed = language.by_name[part[0]], slot_type(term, path, language)
        options = [
            new
            for new in space.functions
            if new != part[0]
            and language.by_name[new].arguments == old.arguments
            and issubclass(language.by_name[new].result, needed)
        ]
    chosen = _pick(rng, options)
    return None if chosen is None else grafted(term, path, (chosen, *part[1:]))


def _insert(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    genome: Genome,
    rng: np.random.Generator,
) -> Term | None:
    """Put a new element at a path, the old part becoming one of its arguments, the rest leaves."""
    part, language = subtree(term, path), space.language
    kind, needed = language.type_of(part[0]), slot_type(term, path, language)
    options = [
        new
        for new in space.functions
        if issubclass(language.by_name[new].result, needed)
        and any(issubclass(kind, argument) for argument in language.by_name[new].arguments)
    ]
    chosen = _pick(rng, options)
    if chosen is None:
        return None
    kinds = language.by_name[chosen].arguments
    leaves = drawn_leaves(space, name, _written(genome))
    arguments = [_filling(space, wanted, leaves, rng) for wanted in kinds]
    places = [i for i, wanted in enumerate(kinds) if issubclass(kind, wanted)]
    arguments[places[rng.integers(len(places))]] = part
    return grafted(term, path, (chosen, *arguments))


def _filling(
    space: Vocabulary, kind: type[Value], leaves: Sequence[str], rng: np.random.Generator
) -> Term:
    """Return a leaf, within a function of one argument where only that gives a value of the type."""
    leaf = (leaves[int(rng.integers(len(leaves)))],)
    if issubclass(space.language.leaf, kind):
        return leaf
    makers = [f for f in space.language.functions if f.result is kind and len(f.arguments) == 1]
    return (makers[rng.integers(len(makers))].name, leaf)


def _shrink(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    genome: Genome,
    rng: np.random.Generator,
) -> Term | None:
    """Replace the branch at a path by one of its own arguments."""
    part, needed = subtree(term, path), slot_type(term, path, space.language)
    fitting = [c for c in part[1:] if issubclass(space.language.type_of(c[0]), needed)]
    return grafted(term, path, fitting[rng.integers(len(fitting))]) if fitting else None
