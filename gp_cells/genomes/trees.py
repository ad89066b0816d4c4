"""Formulas as trees of DEAP, and the random formulas that DEAP draws.

DEAP (Fortin et al. 2012, https://jmlr.org/papers/v13/fortin12a.html) does three things in this project.
Here its typed generator draws the random formulas of fresh genomes, full and grown in equal parts; in
`gp_cells.strategies.selection` its NSGA-II selects among points; and the strategy `deap` has its whole
toolbox (`gp_cells.strategies.toolbox`). Genomes are stored as terms, and all else that is done with
formulas (parsing, canonical form, mutation, crossover, distance) works on those.

The other strategies do without DEAP's variation: `cxOnePoint` iterates a set of types in the order of
their memory addresses (DEAP issue 190) and so gives other children in every process; `mutInsert` and
`mutShrink` do not know that a squashed value is a value. Its generator draws from the global `random`,
which is seeded around the call and put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from deap import gp

from gp_cells.config.seeds import deap_seeded
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term
from gp_cells.genomes.vocabulary import Vocabulary, drawn_functions, drawn_leaves

DRAWN_DEPTH = (2, 4)  # shallowest and deepest formula of a fresh genome


def trees_of(genome: Genome) -> list[tuple[str, gp.PrimitiveTree]]:
    """Return the formulas of a genome as DEAP trees."""
    return [
        (name, tree_of(term, genome.language, genome.formulas)) for name, term in genome.formulas
    ]


def tree_of(
    term: Term, language: Language, formulas: Sequence[tuple[str, Term]]
) -> gp.PrimitiveTree:
    """Return a formula of a genome of some `formulas` as a DEAP tree, its leaves of their own types."""
    mapping, types = primitive_set(language).mapping, language.types(formulas)

    def flat(part: Term) -> list[gp.Primitive | gp.Terminal]:
        if part[0] not in language.by_name:
            return [gp.Terminal(part[0], True, language.type_of(part[0], types))]
        return [mapping[part[0]], *(node for child in part[1:] for node in flat(child))]

    return gp.PrimitiveTree(flat(term))


def term_of(tree: gp.PrimitiveTree) -> Term:
    """Return a DEAP tree (a list in prefix order) as a term."""
    position = 0

    def walk() -> Term:
        nonlocal position
        node = tree[position]
        position += 1
        return (node.name, *(walk() for _ in range(node.arity)))

    return walk()


@cache
def primitive_set(language: Language) -> gp.PrimitiveSetTyped:
    """Return the DEAP primitive set of a language, which knows types and computes nothing."""
    primitives = gp.PrimitiveSetTyped(language.name, [], language.formula)
    for function in language.by_name.values():
        primitives.addPrimitive(_never_called, function.arguments, function.result, function.name)
    for name in language.terminals:
        primitives.addTerminal(None, language.leaf, name)
    return primitives


def _never_called() -> None:
    raise AssertionError("formulas are compiled by gp_cells.networks, never called through DEAP")


def random_formula(
    space: Vocabulary, name: str, written: Sequence[str], rng: np.random.Generator
) -> Term:
    """Return a random formula `name` of a genome of formulas `written`.

    Half the time it is a full tree, half the time a grown one; depths as in `DRAWN_DEPTH`.
    """
    narrowed, kind = _narrowed(space, name, written), space.language.formula
    with deap_seeded(rng):
        tree = gp.genHalfAndHalf(narrowed, *DRAWN_DEPTH, kind)
    return term_of(gp.PrimitiveTree(tree))


def _narrowed(space: Vocabulary, name: str, written: Sequence[str]) -> gp.PrimitiveSetTyped:
    """Return the DEAP primitive set that a search draws formula `name` from."""
    language = space.language
    primitives = gp.PrimitiveSetTyped(language.name, [], language.formula)
    functions = drawn_functions(space, name, written)
    for function in language.functions:
        if function.name in functions:
            primitives.addPrimitive(len, function.arguments, function.result, function.name)
    everything = primitive_set(language).mapping
    leaves = drawn_leaves(space, name, written)
    for kind in (language.formula, language.leaf):
        primitives.terminals[kind] = [everything[leaf] for leaf in leaves]
    primitives.terms_count = len(set(leaves))
    return primitives


def breeding_set(
    space: Vocabulary, name: str, formulas: Sequence[tuple[str, Term]]
) -> gp.PrimitiveSetTyped:
    """Return what DEAP's operators may write in formula `name` of a genome: functions and typed leaves.

    Leaves are as often in it as they are drawn, and of their own types.
    """
    language, types = space.language, space.language.types(formulas)
    primitives = gp.PrimitiveSetTyped(language.name, [], language.root_wanted(name, types))
    functions = drawn_functions(space, name, [other for other, _ in formulas])
    for function in language.functions:
        if function.name in functions:
            primitives.addPrimitive(len, function.arguments, function.result, function.name)
    leaves = [
        gp.Terminal(leaf, True, language.type_of(leaf, types))
        for leaf in drawn_leaves(space, name, [other for other, _ in formulas])
    ]
    for kind in (*primitives.primitives, *(leaf.ret for leaf in leaves)):
        primitives.terminals[kind] = [leaf for leaf in leaves if issubclass(leaf.ret, kind)]
    primitives.terms_count = len({leaf.name for leaf in leaves})
    return primitives
