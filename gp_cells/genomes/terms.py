"""Formulas as nested tuples of names, and the walks over them.

`("add", ("tanh", ("gate1",)), ("h",))` is the term of `tanh(gate1) + h`; a leaf is a tuple of one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

Term: TypeAlias = "tuple[str, *tuple[Term, ...]]"

NodePath: TypeAlias = tuple[int, ...]  # from a formula's root to a node, as numbers of arguments


def heads(term: Term) -> Iterator[str]:
    """Yield the name at every node of a term, in prefix order."""
    yield term[0]
    for child in term[1:]:
        yield from heads(child)


def leaves(term: Term) -> list[str]:
    """Return the names at the leaves of a term, in order."""
    return [name for child in term[1:] for name in leaves(child)] if term[1:] else [term[0]]


def size(term: Term) -> int:
    """Return how many nodes a term has."""
    return sum(1 for _ in heads(term))


def height(term: Term) -> int:
    """Return how deep a term is; a single leaf has height 0."""
    return max((1 + height(child) for child in term[1:]), default=0)


def paths(term: Term) -> Iterator[NodePath]:
    """Yield the path of every node of a term, in prefix order."""
    yield ()
    for i, child in enumerate(term[1:]):
        for path in paths(child):
            yield (i, *path)


def subtree(term: Term, path: NodePath) -> Term:
    """Return the part of a term at a path."""
    for i in path:
        term = term[1:][i]
    return term


def grafted(term: Term, path: NodePath, part: Term) -> Term:
    """Return a term with the part at a path replaced."""
    if not path:
        return part
    children = list(term[1:])
    children[path[0]] = grafted(children[path[0]], path[1:], part)
    return (term[0], *children)


def members(term: Term) -> list[tuple[NodePath, Term]]:
    """Return what calls of one function, nested in each other, are of, in order; with their paths."""
    return [
        ((i, *way), member)
        for i, child in enumerate(term[1:])
        for way, member in (members(child) if child[0] == term[0] else [((), child)])
    ]


def unprimed(name: str) -> str:
    """Return a name without its prime."""
    return name.removesuffix("'")


def family_of(name: str) -> str:
    """Return a name without the number at its end: `gate` of `gate12`."""
    return name.rstrip("0123456789")


def number_of(name: str) -> int:
    """Return the number at the end of a name: 12 of `gate12`."""
    return int(name[len(family_of(name)) :])
