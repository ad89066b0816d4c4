"""Modules and a blueprint: formulas that another calls by their names, each call with weights of its own.

    a = norm(conv3(relu(x))) + x
    b = max3(x)
    out = b(a(x)) + a(x)

Modules are formulas of one argument, `x`; the blueprint `out` calls them, and joins what they give. That
`a` is called twice says that both values are made alike, not that they are one. Miikkulainen et al. 2017,
https://arxiv.org/abs/1703.00548, evolve networks so, as two populations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gp_cells.genomes.kinds import Formulas, GraphFormulas, replaced
from gp_cells.genomes.terms import Term, heads

T = TypeVar("T")


@dataclass(frozen=True)
class ModularFormulas(Formulas):
    """A blueprint, called `output`, and the modules, called `named`, that it may call.

    A module reads `inputs`, the first of which is its argument, and calls no other. The blueprint reads
    that same name, for what the whole is given, and has no words beside modules and `joins`.
    """

    output: str
    named: tuple[str, ...]
    inputs: tuple[str, ...]
    joins: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The blueprint; see `FormulaKind`."""
        return (self.output,)

    @property
    def passed_on(self) -> tuple[str, ...]:
        """The blueprint; see `FormulaKind`."""
        return self.outputs

    @property
    def written(self) -> tuple[str, ...]:
        """The blueprint and the modules; see `FormulaKind`."""
        return (self.output, *self.named)

    @property
    def example(self) -> str:
        """A formula as it may be written, for messages."""
        return f"{self.output} = {self.named[0]}({self.inputs[0]})"

    def parts(self, formulas: Sequence[tuple[str, T]]) -> dict[str, list[tuple[str, T]]]:
        """Return all formulas: the blueprint may call each; see `FormulaKind`."""
        return {self.output: list(formulas)}

    def readable(self, name: str, written: Sequence[str]) -> list[str]:
        """Return the inputs, for the blueprint the first alone; see `FormulaKind`."""
        return [*self.inputs[:1]] if name == self.output else [*self.inputs]

    def why_not(self, function: str, name: str, written: Collection[str]) -> str | None:
        """Return why a formula may not use a word or call a module; see `FormulaKind`."""
        is_module = function in self.named
        if name == self.output:
            if is_module and function not in written:
                return f"there is no module {function}; write it above {name}"
            if is_module or function in self.joins:
                return None
            joins = " and ".join(self.joins)
            return f"{name} calls modules and joins them by {joins}; put {function} into a module"
        if name not in self.named:
            return self._names()
        if function == name:
            return f"module {name} calls itself"
        if is_module:
            return f"module {name} calls {function}; only {self.output} calls modules"
        return None

    def refusal(self, formulas: Mapping[str, Term]) -> str:
        """Return that no module is called, or none that does anything; see `FormulaKind`."""
        called = self.inlined(formulas, self.output)[self.output]
        if set(self.named) & set(heads(called)):
            return ""
        return f"{self.output} calls no module that does anything; write one, and {self.example}"

    def name_of_next(self, taken: Collection[str], own: str) -> str | None:
        """Refuse a name: a value that is read twice would be two; see `FormulaKind`."""
        raise LookupError(self._names())

    def _names(self) -> str:
        """Return what formulas are called, for messages."""
        return (
            f"a module is called {self.named[0]} to {self.named[-1]}, the blueprint {self.output}"
        )

    def inlined(self, formulas: Mapping[str, Term], output: str) -> dict[str, Term]:
        """Return formulas without the modules that give what they are given; see `FormulaKind`."""
        idle = {name for name, term in formulas.items() if name != output and len(term) == 1}

        def without(term: Term) -> Term:
            return without(*term[1:]) if term[0] in idle else (term[0], *map(without, term[1:]))

        return {name: without(term) for name, term in formulas.items() if name not in idle}

    def written_out(self, formulas: Sequence[tuple[str, Term]]) -> list[tuple[str, Term]]:
        """Return the values that all calls give; what is read once stands where it is read.

        The second call of module `a` is the value `a2`, and `out1` a join that a module reads.
        """
        bodies, values, calls = dict(formulas), dict[str, Term](), Counter[str]()

        def kept(name: str, term: Term) -> Term:
            calls[name] += 1
            values[f"{name}{calls[name]}"] = term
            return (f"{name}{calls[name]}",)

        def made(term: Term) -> Term:
            parts = [made(part) for part in term[1:]]
            if term[0] not in self.named:
                return (term[0], *parts)
            [given] = parts
            name = given if len(given) == 1 else kept(self.output, given)
            return kept(term[0], replaced(bodies[term[0]], self.inputs[0], name))

        values[self.output] = made(bodies[self.output])
        graph = GraphFormulas(self.outputs, inputs=self.inputs)
        return list(graph.inlined(values, self.output).items())

    def completed(
        self, formulas: Mapping[str, Term], donors: Mapping[str, Term]
    ) -> list[tuple[str, Term]]:
        """Return formulas with the modules that the blueprint calls and lacks, the blueprint last."""
        called = set(heads(formulas[self.output]))
        missing = {m: donors[m] for m in self.named if m in called and m not in formulas}
        whole = {**formulas, **missing}
        return [(name, whole[name]) for name in (*self.named, self.output) if name in whole]
