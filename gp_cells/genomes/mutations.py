"""The four mutations of formulas, each at a place that is handed in, and all that each may make there.

Replacing an element, inserting a branch and shrinking one are those of Rawal and Miikkulainen 2018
(https://arxiv.org/abs/1803.04439). Sharing is ours, for formulas that are values with a name: what one
formula computes is read twice. `None`, or formulas as they were, say that a place allows no such change.

Formulas come in the order of writing, since what one may read, and of which type a name is, depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from gp_cells.genomes.growth import grow
from gp_cells.genomes.language import Language, Types, Value
from gp_cells.genomes.terms import NodePath, Term, grafted, paths, subtree
from gp_cells.genomes.vocabulary import Vocabulary, drawn_functions, drawn_leaves


def replace(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
    rng: np.random.Generator,
) -> Term | None:
    """Replace the element at a path by another of the same type and number of arguments."""
    chosen = _pick(rng, replacements(space, name, term, path, formulas))
    return None if chosen is None else grafted(term, path, (chosen, *subtree(term, path)[1:]))


def replacements(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
) -> list[str]:
    """Return the elements that may stand at a path instead; leaves as often as they are drawn."""
    part, language = subtree(term, path), space.language
    types = language.types(formulas)
    needed = language.type_wanted(term, path, language.root_wanted(name, types))
    if len(part) == 1:
        leaves = drawn_leaves(space, name, _names(formulas))
        fitting = [leaf for leaf in leaves if issubclass(language.type_of(leaf, types), needed)]
        return [leaf for leaf in fitting if leaf != part[0]]
    old = language.by_name[part[0]]
    return [
        new
        for new in drawn_functions(space, name, _names(formulas))
        if new != part[0]
        and language.by_name[new].arguments == old.arguments
        and issubclass(language.by_name[new].result, needed)
    ]


def insert(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
    rng: np.random.Generator,
) -> Term | None:
    """Put a new element at a path, the old part becoming one of its arguments, the rest leaves."""
    part, language = subtree(term, path), space.language
    types = language.types(formulas)
    kind = language.type_of(part[0], types)
    functions = drawn_functions(space, name, _names(formulas))
    chosen = _pick(rng, _insertable(space, functions, name, term, path, types))
    if chosen is None:
        return None
    kinds = language.by_name[chosen].arguments
    leaves = drawn_leaves(space, name, _names(formulas))
    places = [i for i, wanted in enumerate(kinds) if issubclass(kind, wanted)]
    if language.typed_names:
        kept = places[rng.integers(len(places))]
        grown = [grow(language, functions, wanted, 1, leaves, types, rng) for wanted in kinds]
        filled = [part if i == kept else of for i, of in enumerate(grown)]
        whole = [of for of in filled if of is not None]
        return grafted(term, path, (chosen, *whole)) if len(whole) == len(filled) else None
    arguments = [_filling(space, wanted, leaves, rng) for wanted in kinds]
    arguments[places[rng.integers(len(places))]] = part
    return grafted(term, path, (chosen, *arguments))


def insertions(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
) -> Iterator[Term]:
    """Yield the formula with each new element at a path, its other arguments as small as types allow."""
    part, language = subtree(term, path), space.language
    types = language.types(formulas)
    kind = language.type_of(part[0], types)
    leaves = list(dict.fromkeys(drawn_leaves(space, name, _names(formulas))))
    functions = drawn_functions(space, name, _names(formulas))
    for new in _insertable(space, functions, name, term, path, types):
        kinds = language.by_name[new].arguments
        for kept in (i for i, wanted in enumerate(kinds) if issubclass(kind, wanted)):
            fillings = [
                [part] if i == kept else _fillings(space, wanted, leaves, types)
                for i, wanted in enumerate(kinds)
            ]
            for filled in product(*fillings):
                yield grafted(term, path, (new, *filled))


def _insertable(
    space: Vocabulary,
    functions: Sequence[str],
    name: str,
    term: Term,
    path: NodePath,
    types: Types,
) -> list[str]:
    """Return those of some functions that may stand at a path and take what stands there."""
    language = space.language
    kind = language.type_of(subtree(term, path)[0], types)
    needed = language.type_wanted(term, path, language.root_wanted(name, types))
    return [
        new
        for new in functions
        if issubclass(language.by_name[new].result, needed)
        and any(issubclass(kind, argument) for argument in language.by_name[new].arguments)
    ]


def _fillings(
    space: Vocabulary, kind: type[Value], leaves: Sequence[str], types: Types
) -> list[Term]:
    """Return the leaves of a type, or, if there are none, the functions of one leaf that give it."""
    language = space.language
    fitting: list[Term] = [
        (leaf,) for leaf in leaves if issubclass(language.type_of(leaf, types), kind)
    ]
    return fitting or [
        (maker.name, (leaf,))
        for maker in language.functions
        if len(maker.arguments) == 1 and issubclass(maker.result, kind)
        for leaf in leaves
        if issubclass(language.type_of(leaf, types), maker.arguments[0])
    ]


def _names(formulas: Sequence[tuple[str, Term]]) -> list[str]:
    return [name for name, _ in formulas]


def _pick(rng: np.random.Generator, options: list[str]) -> str | None:
    return options[rng.integers(len(options))] if options else None


def _filling(
    space: Vocabulary, kind: type[Value], leaves: Sequence[str], rng: np.random.Generator
) -> Term:
    """Return a leaf, within a function of one argument where only that gives a value of the type."""
    leaf = (leaves[int(rng.integers(len(leaves)))],)
    if issubclass(space.language.leaf, kind):
        return leaf
    makers = [f for f in space.language.functions if f.result is kind and len(f.arguments) == 1]
    return (makers[rng.integers(len(makers))].name, leaf)


def shrink(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
    rng: np.random.Generator,
) -> Term | None:
    """Replace the branch at a path by one of its own arguments."""
    fitting = shrinkings(space, name, term, path, formulas)
    return grafted(term, path, fitting[rng.integers(len(fitting))]) if fitting else None


def shrinkings(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    formulas: Sequence[tuple[str, Term]],
) -> list[Term]:
    """Return the arguments of the branch at a path that may stand in its place."""
    part, language = subtree(term, path), space.language
    types = language.types(formulas)
    needed = language.type_wanted(term, path, language.root_wanted(name, types))
    return [c for c in part[1:] if issubclass(language.type_of(c[0], types), needed)]


def share(
    terms: list[tuple[str, Term]],
    formula: int,
    path: NodePath,
    language: Language,
    rng: np.random.Generator,
) -> list[tuple[str, Term]]:
    """Give what stands at a path a name, and let it be read in a second place of the same cell.

    That is any leaf from there to the output, or else a sum with the output.
    """
    options = sharings(terms, formula, path, language)
    return options[rng.integers(len(options))] if options else terms


def sharings(
    terms: list[tuple[str, Term]], formula: int, path: NodePath, language: Language
) -> list[list[tuple[str, Term]]]:
    """Return the formulas with what stands at a path shared, once for each place that may read it."""
    free = [name for name in language.kind.named if name not in dict(terms)]
    name, term = terms[formula]
    part = subtree(term, path)
    kind = _type_of_name(part, language.types(terms), language)
    root = language.root_wanted(name, language.types(terms))
    can_be_named = language.typed_names or issubclass(language.type_of(part[0]), language.formula)
    can_be_read = issubclass(kind, language.type_wanted(term, path, root))
    if not free or len(part) == 1 or not (can_be_named and can_be_read):
        return []
    end = next(i for i, (n, _) in enumerate(terms) if i >= formula and n in language.kind.outputs)
    after = [(name, grafted(term, path, (free[0],))), *terms[formula + 1 : end + 1]]
    leaves = [
        (i, spot)
        for i, (_, of) in enumerate(after)
        for spot in paths(of)
        if len(subtree(of, spot)) == 1 and subtree(of, spot) != (free[0],)
        if not language.typed_names or issubclass(kind, language.type_wanted(of, spot))
    ]
    add = language.by_name.get("add")
    can_be_added = add is not None and issubclass(kind, add.arguments[1])
    read = [
        [*after[:i], (after[i][0], grafted(after[i][1], spot, (free[0],))), *after[i + 1 :]]
        for i, spot in leaves
    ]
    if can_be_added:
        read.append([*after[:-1], (after[-1][0], ("add", after[-1][1], (free[0],)))])
    before, rest = [*terms[:formula], (free[0], part)], terms[end + 1 :]
    return [[*before, *some, *rest] for some in read]


def _type_of_name(part: Term, types: Types, language: Language) -> type[Value]:
    """Return the type that a name of a part's value has where it is read."""
    return language.type_of(part[0], types) if language.typed_names else language.leaf
