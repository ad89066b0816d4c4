"""The language of a search space: its words, their types, and how large a formula may be.

The types forbid what makes no sense (a squashed value squashed again), so that neither a parser nor a
search can write it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

from gp_cells.genomes.kinds import FormulaKind
from gp_cells.genomes.terms import NodePath, Term, family_of, subtree


class Value:
    """Type of anything a formula can compute."""

    refusal = "this value cannot stand here"
    label = "a value"


class Mixed(Value):
    """Type of what may be squashed: sums, products, projections, memory."""

    refusal = "two non-linearities in a row"


class Squashed(Value):
    """Type of what already went through a non-linearity, so that two in a row are refused."""


Types: TypeAlias = "Mapping[str, type[Value]]"  # of formulas, and of leaves unlike the others
NO_TYPES: Types = MappingProxyType({})


@dataclass(frozen=True)
class Function:
    """One primitive: its name, argument types, result type and how it is written.

    `pattern` is the infix form with the arguments as `{0}` and `{1}`; empty for a call. An
    `associative` one may be written with more than two arguments, and is one of two inside. Several may
    be `spelt` alike, and take as many arguments; the first one whose types fit is meant. Without it a
    function is spelt as its name.
    """

    name: str
    arguments: tuple[type[Value], ...]
    result: type[Value]
    commutative: bool = False
    associative: bool = False
    pattern: str = ""
    spelt: str = ""

    @property
    def word(self) -> str:
        """What it is called in a text."""
        return self.spelt or self.name


@dataclass(frozen=True)
class Language:
    """What the formulas of a search space may say, and how large they may be.

    `kind` says which formulas a genome has and what one may read of another. `leaves` and `weighted` are
    numbered families, (`gate`, 16) standing for gate1 … gate16: leaves with learned weights, and
    functions of one argument with learned weights. Formulas and leaves are of the types `formula` and
    `leaf`, but for the inputs of `typed_inputs`; with `typed_names` a named formula has the type of its
    value, whatever that is, and can stand where that can.
    """

    name: str
    version: str
    functions: tuple[Function, ...]
    kind: FormulaKind
    leaves: tuple[tuple[str, int], ...] = ()
    weighted: tuple[tuple[str, int], ...] = ()
    formula: type[Value] = Value
    leaf: type[Value] = Value
    typed_inputs: tuple[tuple[str, type[Value]], ...] = ()
    typed_names: bool = False
    max_depth: int = 15
    max_nodes: int = 128

    def __hash__(self) -> int:
        """Return the same number in every process, worked out once: many texts are looked up by it."""
        return self._number

    @cached_property
    def _number(self) -> int:
        return zlib.crc32(f"{self.name} {self.version}".encode())

    @property
    def recurrent(self) -> bool:
        """Whether its formulas are one step of a cell, whose output is called h'."""
        return self.kind.outputs == ("h'",)

    @property
    def names(self) -> tuple[str, ...]:
        """All names of formulas, the outputs first."""
        return (*self.kind.outputs, *self.kind.named)

    @cached_property
    def by_name(self) -> Mapping[str, Function]:
        """Every function by its name, the numbered ones included."""
        numbered = [
            Function(f"{family}{i}", (self.formula,), self.leaf)
            for family, count in self.weighted
            for i in range(1, count + 1)
        ]
        return {function.name: function for function in (*self.functions, *numbered)}

    @cached_property
    def families(self) -> frozenset[str]:
        """The families of names with learned weights, such as `gate`."""
        return frozenset(family for family, _ in (*self.leaves, *self.weighted))

    def is_learned(self, name: str) -> bool:
        """Return whether a name stands for learned weights: a family and a number."""
        return family_of(name) in self.families and name != family_of(name)

    @cached_property
    def spelt(self) -> Mapping[str, tuple[Function, ...]]:
        """The functions that a word may mean, in the order in which they are tried."""
        meant: dict[str, tuple[Function, ...]] = {}
        for function in self.by_name.values():
            meant[function.word] = (*meant.get(function.word, ()), function)
        return meant

    def types(self, formulas: Sequence[tuple[str, Term]]) -> Types:
        """Return the type of each formula and leaf that is not of the type of all leaves."""
        found = dict(self.typed_inputs)
        for name, term in formulas if self.typed_names else ():
            found[name] = self.type_of(term[0], found)
        return found

    def type_of(self, name: str, types: Types = NO_TYPES) -> type[Value]:
        """Return the type of the value that a function or leaf gives, in a genome of those `types`."""
        return self.by_name[name].result if name in self.by_name else types.get(name, self.leaf)

    def type_wanted(
        self, term: Term, path: NodePath, root: type[Value] | None = None
    ) -> type[Value]:
        """Return the type that a formula needs at a path; at its root `root`, or that of formulas."""
        if not path:
            return root or self.formula
        return self.by_name[subtree(term, path[:-1])[0]].arguments[path[-1]]

    def root_wanted(self, name: str, types: Types) -> type[Value]:
        """Return the type that a formula has to be of, so that all that reads it still can."""
        is_free = self.typed_names and name not in self.kind.written
        return types[name] if is_free else self.formula

    def resolved(self, formulas: Sequence[tuple[str, Term]]) -> list[tuple[str, Term]]:
        """Return formulas with each word as the first function of its spelling that fits, as read."""
        types = dict(self.typed_inputs)
        found: list[tuple[str, Term]] = []

        def meant(term: Term) -> Term:
            children = tuple(meant(child) for child in term[1:])
            if not children:
                return term
            given = [self.type_of(child[0], types) for child in children]
            fitting = (
                function.name
                for function in self.spelt[self.by_name[term[0]].word]
                if all(map(issubclass, given, function.arguments))
            )
            return (next(fitting, term[0]), *children)

        for name, term in formulas:
            found.append((name, meant(term)))
            types[name] = self.type_of(found[-1][1][0], types)
        return found

    def is_typed(self, formulas: Sequence[tuple[str, Term]]) -> bool:
        """Return whether each argument is of the type that its function takes, names included."""
        types = self.types(formulas)

        def fits(term: Term, wanted: type[Value]) -> bool:
            arguments = self.by_name[term[0]].arguments if term[1:] else ()
            return issubclass(self.type_of(term[0], types), wanted) and all(
                fits(child, kind) for child, kind in zip(term[1:], arguments, strict=True)
            )

        return all(fits(term, self.root_wanted(name, types)) for name, term in formulas)

    @cached_property
    def terminals(self) -> tuple[str, ...]:
        """Every leaf: numbered projections, inputs, states of the step before, formulas that are values."""
        numbered = [f"{family}{i}" for family, n in self.leaves for i in range(1, n + 1)]
        values = [name for name in self.names if name not in self.by_name]
        return (*numbered, *self.kind.inputs, *self.kind.states, *values)
