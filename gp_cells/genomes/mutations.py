"""The four mutations of formulas, each at a place that is handed in.

Replacing an element, inserting a branch and shrinking one are those of Rawal and Miikkulainen 2018
(https://arxiv.org/abs/1803.04439). Sharing is ours, for formulas that are values with a name: what one
formula computes is read twice. `None`, or formulas as they were, say that a place allows no such change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gp_cells.genomes.language import Language, Value
from gp_cells.genomes.terms import NodePath, Term, grafted, paths, subtree
from gp_cells.genomes.trees import drawn_leaves
from gp_cells.genomes.vocabulary import Vocabulary


def replace(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    written: Sequence[str],
    rng: np.random.Generator,
) -> Term | None:
    """Replace the element at a path by another of the same type and number of arguments."""
    part, language = subtree(term, path), space.language
    if len(part) == 1:
        options = [leaf for leaf in drawn_leaves(space, name, written) if leaf != part[0]]
    else:
        old, needed = language.by_name[part[0]], language.type_wanted(term, path)
        options = [
            new
            for new in space.functions
            if new != part[0]
            and language.by_name[new].arguments == old.arguments
            and issubclass(language.by_name[new].result, needed)
        ]
    chosen = _pick(rng, options)
    return None if chosen is None else grafted(term, path, (chosen, *part[1:]))


def insert(
    space: Vocabulary,
    name: str,
    term: Term,
    path: NodePath,
    written: Sequence[str],
    rng: np.random.Generator,
) -> Term | None:
    """Put a new element at a path, the old part becoming one of its arguments, the rest leaves."""
    part, language = subtree(term, path), space.language
    kind, needed = language.type_of(part[0]), language.type_wanted(term, path)
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
    leaves = drawn_leaves(space, name, written)
    arguments = [_filling(space, wanted, leaves, rng) for wanted in kinds]
    places = [i for i, wanted in enumerate(kinds) if issubclass(kind, wanted)]
    arguments[places[rng.integers(len(places))]] = part
    return grafted(term, path, (chosen, *arguments))


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
    written: Sequence[str],
    rng: np.random.Generator,
) -> Term | None:
    """Replace the branch at a path by one of its own arguments."""
    part, needed = subtree(term, path), space.language.type_wanted(term, path)
    fitting = [c for c in part[1:] if issubclass(space.language.type_of(c[0]), needed)]
    return grafted(term, path, fitting[rng.integers(len(fitting))]) if fitting else None


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
    free = [name for name in language.kind.named if name not in dict(terms)]
    name, term = terms[formula]
    part = subtree(term, path)
    can_be_named = issubclass(language.type_of(part[0]), language.formula)
    can_be_read = issubclass(language.leaf, language.type_wanted(term, path))
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
