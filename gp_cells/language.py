"""The language of a search space: its words, their types, and how large a formula may be.

The types forbid what makes no sense (a squashed value squashed again), so that neither a parser nor a
search can write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from deap import gp

Term = tuple  # ("add", left, right), ("gate1",): a formula as nested tuples


class Value:
    """Type of anything a formula can compute."""


class Mixed(Value):
    """Type of what may be squashed: sums, products, projections, memory."""


class Squashed(Value):
    """Type of what already went through a non-linearity, so that two in a row are refused."""


@dataclass(frozen=True)
class Function:
    """One primitive: its name, argument types, result type and how it is written.

    `pattern` is the infix form with the arguments as `{0}` and `{1}`; empty for a call.
    """

    name: str
    arguments: tuple[type, ...]
    result: type
    commutative: bool = False
    pattern: str = ""


@dataclass(frozen=True)
class Language:
    """What the formulas of a search space may say, and how large they may be.

    `leaves` and `weighted` are numbered families, (`gate`, 16) standing for gate1 … gate16: leaves
    with learned weights, and functions of one argument with learned weights. `output` names the
    state that is the result; `memories` the further states that a genome may have.
    """

    name: str
    version: str
    functions: tuple[Function, ...]
    leaves: tuple[tuple[str, int], ...]
    weighted: tuple[tuple[str, int], ...] = ()
    output: str = "h"
    memories: tuple[str, ...] = ()
    max_depth: int = 15
    max_nodes: int = 128

    @property
    def states(self) -> tuple[str, ...]:
        """All state names, the output first."""
        return (self.output, *self.memories)

    @cached_property
    def by_name(self) -> Mapping[str, Function]:
        """Every function by its name, the numbered ones included."""
        numbered = [
            Function(f"{family}{i}", (Value,), Mixed)
            for family, count in self.weighted
            for i in range(1, count + 1)
        ]
        return {function.name: function for function in (*self.functions, *numbered)}

    @cached_property
    def terminals(self) -> tuple[str, ...]:
        """Every leaf: numbered projections, states of the step before, and of this step."""
        numbered = [f"{family}{i}" for family, n in self.leaves for i in range(1, n + 1)]
        return (*numbered, *self.states, *(f"{state}'" for state in self.states))


@cache
def primitive_set(language: Language) -> gp.PrimitiveSetTyped:
    """Return the DEAP primitive set of a language; it is only ever used for its types."""
    primitives = gp.PrimitiveSetTyped(language.name, [], Value)
    for function in language.by_name.values():
        primitives.addPrimitive(_never_called, function.arguments, function.result, function.name)
    for name in language.terminals:
        primitives.addTerminal(None, Mixed, name)
    return primitives


def _never_called() -> None:
    raise AssertionError("formulas are compiled by gp_cells.engine, never called through DEAP")


def heads(term: Term) -> Iterator[str]:
    """Yield the name at every node of a term, in prefix order."""
    yield term[0]
    for child in term[1:]:
        yield from heads(child)
