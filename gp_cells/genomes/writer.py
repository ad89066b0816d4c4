"""A genome as a row of tokens, each of a few that types and limits allow at its place.

First how many named formulas each output has before it, then the formulas in canonical order, each in
prefix order. Learned leaves are numbered as in canonical form: a new one is the next of its family. What
may come next is a mask over the tokens, and whatever is chosen under it, the row can be ended within the
limits of depth and size; whether a space admits the whole is not known before its end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Function, Types, Value
from gp_cells.genomes.terms import Term, family_of, heads, number_of
from gp_cells.genomes.vocabulary import Vocabulary

Mask = NDArray[np.bool_]

MOST_PLACES = 3  # numbers of arguments that are told apart; 0 is the root of a formula


@dataclass(frozen=True)
class Step:
    """One choice: the mask of tokens that are allowed, the token above and the number of the argument.

    At a formula's root the token above is the formula's name, of a count it is the token that begins all.
    """

    mask: Mask
    parent: int
    place: int


@dataclass(frozen=True)
class Row:
    """A genome as it is written: the token chosen at each step, and the steps."""

    tokens: tuple[int, ...]
    steps: tuple[Step, ...]


Walk = Generator[Step, int, list[tuple[str, Term]]]

BEGIN = "begin"


class Writer:
    """The tokens of a space, and what may be written where; made from some of its genomes.

    The tokens are the words of those genomes and all that a search draws from; a part has as many formulas
    as in one of them.
    """

    def __init__(self, space: Vocabulary, genomes: Sequence[Genome]) -> None:
        self.space, self.language = space, space.language
        kind, by_name = self.language.kind, self.language.by_name
        used = {head for genome in genomes for _, term in genome.formulas for head in heads(term)}
        functions = {*space.functions, *used} & set(by_name)
        self.functions = [by_name[name] for name in by_name if name in functions]
        learned = {*space.projections, *(head for head in used if self.language.is_learned(head))}
        self.learned = sorted(
            learned - set(by_name), key=lambda name: (family_of(name), number_of(name))
        )
        self.counts = sorted({self._counts_of(genome.formulas) for genome in genomes})
        most = max((max(counts) for counts in self.counts), default=0)
        given = dict.fromkeys((*kind.inputs, *kind.states, *self.language.names))
        names = [BEGIN, *(f"#{n}" for n in range(most + 1))]
        names += [*(f.name for f in self.functions), *self.learned, *given]
        self.names = tuple(dict.fromkeys(names))
        self.number = {name: i for i, name in enumerate(self.names)}
        self.max_depth = int(getattr(space, "max_depth", self.language.max_depth))
        self.max_nodes = int(getattr(space, "max_nodes", self.language.max_nodes))
        self._masks: dict[tuple[object, ...], Mask] = {}
        self._leasts: dict[tuple[object, ...], Mapping[type[Value], tuple[int, int]]] = {}

    def _counts_of(self, formulas: Sequence[tuple[str, Term]]) -> tuple[int, ...]:
        """Return how many named formulas each output has before it."""
        parts = self.language.kind.parts(formulas)
        return tuple(len(parts[output]) - 1 for output in self.language.kind.outputs)

    def _order(self, counts: Sequence[int]) -> list[str]:
        """Return the names of formulas in canonical order, so many of them before each output."""
        free, kind = iter(self.language.kind.named), self.language.kind
        named = [[next(free) for _ in range(count)] for count in counts]
        return [
            name for own, output in zip(named, kind.outputs, strict=True) for name in (*own, output)
        ]

    def read(self, genome: Genome) -> Row | None:
        """Return a canonical genome as a row, None if it has words or a shape that are not written."""
        tokens = [f"#{count}" for count in self._counts_of(genome.formulas)]
        tokens += [head for _, term in genome.formulas for head in heads(term)]
        counts = self._counts_of(genome.formulas)
        in_order = [name for name, _ in genome.formulas] == self._order(counts)
        if not in_order or any(token not in self.number for token in tokens):
            return None
        steps: list[Step] = []
        numbers = iter([self.number[token] for token in tokens])
        taken: list[int] = []

        def choose(step: Step) -> int | None:
            number = next(numbers, None)
            if number is None or not step.mask[number]:
                return None
            steps.append(step)
            taken.append(number)
            return number

        if self._walked(choose) is None:
            return None
        return Row(tuple(taken), tuple(steps))

    def write(self, choose: Callable[[Step], int]) -> list[tuple[str, Term]] | None:
        """Return the formulas that some choices give; None where a limit leaves nothing to choose."""
        return self._walked(choose)

    def _walked(self, choose: Callable[[Step], int | None]) -> list[tuple[str, Term]] | None:
        walk = self._walk()
        try:
            step = next(walk)
            while True:
                chosen = choose(step) if step.mask.any() else None
                if chosen is None:
                    return None
                step = walk.send(chosen)
        except StopIteration as end:
            found: list[tuple[str, Term]] = end.value
            return found

    def _walk(self) -> Walk:
        kind = self.language.kind
        counts: tuple[int, ...] = ()
        for _ in kind.outputs:
            able = {of[len(counts)] for of in self.counts if of[: len(counts)] == counts}
            mask = self._mask_of([f"#{count}" for count in sorted(able)])
            token = yield Step(mask, self.number[BEGIN], 0)
            counts = (*counts, int(self.names[token][1:]))
        order = self._order(counts)
        formulas: list[tuple[str, Term]] = []
        used: dict[str, int] = {}
        for name in order:
            types = self.language.types(formulas)
            is_free = self.language.typed_names and name not in kind.written
            wanted = Value if is_free else self.language.formula
            leaves = tuple(kind.readable(name, order))
            words = tuple(
                of.name for of in self.functions if not kind.why_not(of.name, name, order)
            )
            state = _Formula(leaves, words, types, used, self.max_nodes)
            term = yield from self._term(state, wanted, self.max_depth, self.number[name], 0)
            formulas.append((name, term))
        return formulas

    def _term(
        self, state: _Formula, wanted: type[Value], depth: int, parent: int, place: int
    ) -> Generator[Step, int, Term]:
        """Write a term of a type, at most `depth` deep; the nodes that it may have are in the state."""
        token = yield Step(self._mask(state, wanted, depth), parent, place)
        name = self.names[token]
        state.room -= 1
        function = self.language.by_name.get(name)
        if function is None:
            family = family_of(name)
            if self.language.is_learned(name):
                state.used[family] = max(state.used.get(family, 0), number_of(name))
            return (name,)
        least = self._least(state)
        sizes = [least[kind][1] for kind in function.arguments]
        children = []
        for i, kind in enumerate(function.arguments):
            later = sum(sizes[i + 1 :])
            state.room -= later  # kept for the arguments that come after this one
            child = yield from self._term(state, kind, depth - 1, token, min(i + 1, MOST_PLACES))
            state.room += later
            children.append(child)
        return (name, *children)

    def _mask(self, state: _Formula, wanted: type[Value], depth: int) -> Mask:
        """Return what may stand where a value of a type is wanted, within depth and nodes."""
        used = tuple(sorted(state.used.items()))
        types = tuple(state.types.get(leaf) for leaf in state.leaves)
        room = min(state.room, 2 * self.max_nodes)
        key = (wanted, depth, room, state.leaves, state.functions, types, used)
        if key not in self._masks:
            self._masks[key] = self._mask_of(self._able(state, wanted, depth))
        return self._masks[key]

    def _able(self, state: _Formula, wanted: type[Value], depth: int) -> list[str]:
        language = self.language
        given = [x for x in state.leaves if issubclass(language.type_of(x, state.types), wanted)]
        learned = []
        if issubclass(language.leaf, wanted):
            learned = [
                name
                for name in self.learned
                if number_of(name) <= state.used.get(family_of(name), 0) + 1
            ]
        least = self._least(state)
        functions = [
            function.name
            for function in self.functions
            if function.name in state.functions
            and issubclass(function.result, wanted)
            and all(kind in least for kind in function.arguments)
            and 1 + max(least[kind][0] for kind in function.arguments) <= depth
            and 1 + sum(least[kind][1] for kind in function.arguments) <= state.room
        ]
        return [*given, *learned, *functions] if state.room > 0 else []

    def _least(self, state: _Formula) -> Mapping[type[Value], tuple[int, int]]:
        """Return the least depth and the fewest nodes of a term of each type that there is one of."""
        kinds = {self.language.type_of(leaf, state.types) for leaf in state.leaves}
        if self.learned:
            kinds.add(self.language.leaf)
        key = frozenset(kinds), state.functions
        if key not in self._leasts:
            able = [self.language.by_name[name] for name in state.functions]
            self._leasts[key] = _least(able, key[0])
        return self._leasts[key]

    def _mask_of(self, names: Sequence[str]) -> Mask:
        mask = np.zeros(len(self.names), dtype=bool)
        mask[[self.number[name] for name in names]] = True
        return mask


@dataclasses.dataclass
class _Formula:
    """What is known while a formula is written: what it may read and use, leaves used, and nodes left."""

    leaves: tuple[str, ...]
    functions: tuple[str, ...]
    types: Types
    used: dict[str, int]
    room: int


def _least(
    functions: Sequence[Function], leaves: Collection[type[Value]]
) -> Mapping[type[Value], tuple[int, int]]:
    kinds = dict.fromkeys(kind for function in functions for kind in function.arguments)
    least: dict[type[Value], tuple[int, int]] = {
        kind: (0, 1) for kind in kinds if any(issubclass(leaf, kind) for leaf in leaves)
    }
    while True:
        before = dict(least)
        for function in functions:
            if all(kind in before for kind in function.arguments):
                depth = 1 + max(before[kind][0] for kind in function.arguments)
                nodes = 1 + sum(before[kind][1] for kind in function.arguments)
                for kind in kinds:
                    if issubclass(function.result, kind):
                        known = least.get(kind, (depth, nodes))
                        least[kind] = (min(known[0], depth), min(known[1], nodes))
        if least == before:
            return least
