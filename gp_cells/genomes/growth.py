"""Random terms of a wanted type, where types have no leaves of their own.

DEAP's generator gives up where a type has no leaf (DEAP issue 7); this one always knows how deep the least
term of a type is, and never begins what it cannot end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from gp_cells.genomes.language import Function, Language, Types, Value
from gp_cells.genomes.terms import Term

LEAF_SHARE = 0.3  # how often a leaf is taken where it could be a function, too


def grow(
    language: Language,
    functions: tuple[str, ...],
    kind: type[Value],
    depth: int,
    leaves: Sequence[str],
    types: Types,
    rng: np.random.Generator,
) -> Term | None:
    """Return a random term of a type, no deeper than `depth` or than it has to be.

    Its functions and leaves are among those given. None if no term of that type can be written.
    """
    least = least_depths(
        language, functions, frozenset(types.get(x, language.leaf) for x in leaves)
    )
    return _grown(_Wanted(language, functions, leaves, types, least, rng), kind, depth)


class _Wanted:
    """What a term may be made of."""

    def __init__(
        self,
        language: Language,
        functions: tuple[str, ...],
        leaves: Sequence[str],
        types: Types,
        least: Mapping[str, int],
        rng: np.random.Generator,
    ) -> None:
        self.language, self.leaves, self.types = language, leaves, types
        self.makers = [(language.by_name[name], least[name]) for name in functions if name in least]
        self.rng = rng


def _grown(wanted: _Wanted, kind: type[Value], depth: int) -> Term | None:
    rng, language = wanted.rng, wanted.language
    leaves = [x for x in wanted.leaves if issubclass(language.type_of(x, wanted.types), kind)]
    able = [
        (function, least) for function, least in wanted.makers if issubclass(function.result, kind)
    ]
    if not leaves and not able:
        return None
    room = depth if leaves or not able else max(depth, min(least for _, least in able))
    makers: list[Function] = [function for function, least in able if least <= room]
    if leaves and (not makers or rng.random() < LEAF_SHARE):
        return (leaves[int(rng.integers(len(leaves)))],)
    maker = makers[int(rng.integers(len(makers)))]
    arguments = [_grown(wanted, argument, room - 1) for argument in maker.arguments]
    return (maker.name, *(term for term in arguments if term is not None))


@cache
def least_depths(
    language: Language, functions: tuple[str, ...], leaves: frozenset[type[Value]]
) -> Mapping[str, int]:
    """Return how deep the least term is that begins with each function; without those that have none."""
    least: dict[str, int] = {}
    while True:
        found = {}
        for name in functions:
            depths = [
                _least(language, kind, least, leaves) for kind in language.by_name[name].arguments
            ]
            if None not in depths:
                found[name] = 1 + max(depth for depth in depths if depth is not None)
        if found == least:
            return least
        least = found


def _least(
    language: Language, kind: type[Value], least: Mapping[str, int], leaves: frozenset[type[Value]]
) -> int | None:
    if any(issubclass(leaf, kind) for leaf in leaves):
        return 0
    depths = [n for name, n in least.items() if issubclass(language.by_name[name].result, kind)]
    return min(depths, default=None)
