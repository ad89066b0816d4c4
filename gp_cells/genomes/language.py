"""The language of a search space: its words, their types, and how large a formula may be.

The types forbid what makes no sense (a squashed value squashed again), so that neither a parser nor a
search can write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gp_cells.genomes.kinds import FormulaKind
from gp_cells.genomes.terms import NodePath, Term, family_of, subtree


class Value:
    """Type of anything a formula can compute."""

    refusal = "this value cannot stand here"


class Mixed(Value):
    """Type of what may be squashed: sums, products, projections, memory."""

    refusal = "two non-linearities in a row"


class Squashed(Value):
    """Type of what already went through a non-linearity, so that two in a row are refused."""


@dataclass(frozen=True)
class Function:
    """One primitive: its name, argument types, result type and how it is written.

    `pattern` is the infix form with the arguments as `{0}` and `{1}`; empty for a call. An
    `associative` one may be written with more than two arguments, and is one of two inside.
    """

    name: str
    arguments: tuple[type[Value], ...]
    result: type[Value]
    commutative: bool = False
    associative: bool = False
    pattern: str = ""


@dataclass(frozen=True)
class Language:
    """What the formulas of a search space may say, and how large they may be.

    `kind` says which formulas a genome has and what one may read of another. `leaves` and `weighted` are
    numbered families, (`gate`, 16) standing for gate1 … gate16: leaves with learned weights, and
    functions of one argument with learned weights. Formulas and leaves are of the types `formula` and
    `leaf`.
    """

    name: str
    version: str
    functions: tuple[Function, ...]
    kind: FormulaKind
    leaves: tuple[tuple[str, int], ...] = ()
    weighted: tuple[tuple[str, int], ...] = ()
    formula: type[Value] = Value
    leaf: type[Value] = Value
    max_depth: int = 15
    max_nodes: int = 128

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

    def type_of(self, name: str) -> type[Value]:
        """Return the type of the value that a function or leaf gives."""
        return self.by_name[name].result if name in self.by_name else self.leaf

    def type_wanted(self, term: Term, path: NodePath) -> type[Value]:
        """Return the type that a formula needs at a path."""
        if not path:
            return self.formula
        return self.by_name[subtree(term, path[:-1])[0]].arguments[path[-1]]

    @cached_property
    def terminals(self) -> tuple[str, ...]:
        """Every leaf: numbered projections, inputs, states of the step before, and formulas."""
        numbered = [f"{family}{i}" for family, n in self.leaves for i in range(1, n + 1)]
        return (*numbered, *self.kind.inputs, *self.kind.states, *self.names)
