"""The kinds of formulas: what names a genome's formulas have, and what one may read of another.

A language has formulas of one kind, an object of its own that answers every question that depends on it.
There are four: `CellFormulas`, the memory cells of a recurrent cell, `GraphFormulas`, values with a name,
`NodeFormulas`, nodes whose names say where they come from, and in `gp_cells.genomes.modules` formulas that
are called. A further kind is a further class, and nothing that asks has to be changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from gp_cells.genomes.terms import Term, heads, leaves, unprimed

T = TypeVar("T")


class FormulaKind(Protocol):
    """How the formulas of a language hang together.

    Every genome has the formulas `outputs`, and may have those called `named` beside them; `inputs` are
    what is given from outside, by name.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        """The formulas that every genome has."""
        ...

    @property
    def named(self) -> tuple[str, ...]:
        """The names of all other formulas, in order of use in canonical form."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what is given from outside."""
        ...

    @property
    def states(self) -> tuple[str, ...]:
        """What formulas left at the step before, by their names without prime."""
        ...

    @property
    def passed_on(self) -> tuple[str, ...]:
        """The formulas whose values the next step of a recurrent cell reads."""
        ...

    @property
    def written(self) -> tuple[str, ...]:
        """The names under which a text may write a formula; any other name is an abbreviation."""
        ...

    @property
    def word(self) -> str:
        """What a formula is called in messages."""
        ...

    @property
    def example(self) -> str:
        """A formula as it may be written, for messages."""
        ...

    @property
    def shares(self) -> bool:
        """Whether a formula is a value with a name, which other formulas read as often as they like."""
        ...

    @property
    def expands(self) -> bool:
        """Whether formulas may be larger in canonical form than they were written."""
        ...

    @property
    def marked(self) -> bool:
        """Whether a name says which formula of other genomes it is, so that canonical form keeps it."""
        ...

    def refusal(self, formulas: Mapping[str, Term]) -> str:
        """Return what is wrong with the formulas of a genome as a whole, "" if nothing is."""
        ...

    def parts(self, formulas: Sequence[tuple[str, T]]) -> dict[str, list[tuple[str, T]]]:
        """Return the formulas that each output may use, by its name, in their order."""
        ...

    def readable(self, name: str, written: Sequence[str]) -> list[str]:
        """Return what formula `name` may read beside learned leaves, in a genome of formulas `written`."""
        ...

    def why_not(self, function: str, name: str, written: Collection[str]) -> str | None:
        """Return why formula `name` may not use a function, in a genome of formulas `written`, or None."""
        ...

    def name_of_next(self, taken: Collection[str], own: str) -> str | None:
        """Return the name under which an abbreviation, called `own`, is kept as a formula of its own.

        None where it stands in place of its name instead.

        Raises:
            LookupError: all names are taken; says how many there are.
        """
        ...

    def still_known(self, abbreviations: dict[str, T]) -> dict[str, T]:
        """Return the abbreviations that still hold once a formula has been written."""
        ...

    def inlined(self, formulas: Mapping[str, Term], output: str) -> dict[str, Term]:
        """Return the formulas of a part as canonical form has them: which stand for themselves."""
        ...

    def written_out(self, formulas: Sequence[tuple[str, Term]]) -> list[tuple[str, Term]]:
        """Return formulas of canonical form as the values that a network computes, in order."""
        ...

    def matched(
        self, first: Sequence[tuple[str, Term]], second: Sequence[tuple[str, Term]]
    ) -> dict[str, Term]:
        """Return the second genome's formulas, each by the name that the first has for its place."""
        ...

    def can_read(self, names: Collection[str], name: str, written: Sequence[str]) -> bool:
        """Return whether leaves of another genome may stand in formula `name` of formulas `written`."""
        ...

    def completed(
        self, formulas: Mapping[str, Term], donors: Mapping[str, Term]
    ) -> list[tuple[str, Term]]:
        """Return formulas with those of another genome that they now read, in an order of writing."""
        ...


class Formulas:
    """What most kinds answer; each says only what is otherwise with it. See `FormulaKind`."""

    @property
    def states(self) -> tuple[str, ...]:
        """None: nothing is carried over, or it comes in as an input."""
        return ()

    @property
    def written(self: FormulaKind) -> tuple[str, ...]:
        """The outputs: all else has names of the author's own."""
        return self.outputs

    @property
    def word(self) -> str:
        """What a formula is called in messages."""
        return "formula"

    @property
    def shares(self) -> bool:
        """No: what a formula computes has no name that others read."""
        return False

    @property
    def expands(self) -> bool:
        """No: canonical form is no larger."""
        return False

    @property
    def marked(self) -> bool:
        """No: names mean nothing."""
        return False

    def refusal(self, formulas: Mapping[str, Term]) -> str:
        """Return nothing: what was read formula by formula is right as a whole."""
        return ""

    def parts(
        self: FormulaKind, formulas: Sequence[tuple[str, T]]
    ) -> dict[str, list[tuple[str, T]]]:
        """Return the formulas up to each output; what is after the last is of none."""
        parts: dict[str, list[tuple[str, T]]] = {}
        part: list[tuple[str, T]] = []
        for formula in formulas:
            part.append(formula)
            if formula[0] in self.outputs:
                parts[formula[0]], part = part, []
        return parts

    def why_not(self, function: str, name: str, written: Collection[str]) -> str | None:
        """Return None: every formula may use all functions."""
        return None

    def still_known(self, abbreviations: dict[str, T]) -> dict[str, T]:
        """Return all: abbreviations hold to the end."""
        return abbreviations

    def inlined(self, formulas: Mapping[str, Term], output: str) -> dict[str, Term]:
        """Return the formulas as they are."""
        return dict(formulas)

    def written_out(self, formulas: Sequence[tuple[str, Term]]) -> list[tuple[str, Term]]:
        """Return the formulas as they are."""
        return list(formulas)

    def matched(
        self, first: Sequence[tuple[str, Term]], second: Sequence[tuple[str, Term]]
    ) -> dict[str, Term]:
        """Return the second genome's formulas by their names, which say what they are."""
        return dict(second)

    def can_read(
        self: FormulaKind, names: Collection[str], name: str, written: Sequence[str]
    ) -> bool:
        """Return whether all leaves are what the formula may read."""
        return set(names) <= set(self.readable(name, written))

    def completed(
        self, formulas: Mapping[str, Term], donors: Mapping[str, Term]
    ) -> list[tuple[str, Term]]:
        """Return the formulas as they are: nothing that they lack can come along."""
        return list(formulas.items())


@dataclass(frozen=True)
class CellFormulas(Formulas):
    """Memory cells: a formula writes a primed name, and without prime it is what the step before wrote.

    Any other name in a text is an abbreviation of its formula. Memory is read as the step before left it,
    and by the output as this step leaves it.
    """

    output: str
    named: tuple[str, ...]

    inputs: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The one output; see `FormulaKind`."""
        return (self.output,)

    @property
    def states(self) -> tuple[str, ...]:
        """The output and the memory cells; see `FormulaKind`."""
        return tuple(unprimed(name) for name in self.passed_on)

    @property
    def passed_on(self) -> tuple[str, ...]:
        """The output and the memory cells; see `FormulaKind`."""
        return (self.output, *self.named)

    @property
    def written(self) -> tuple[str, ...]:
        """The output and the memory cells; see `FormulaKind`."""
        return self.passed_on

    @property
    def word(self) -> str:
        """What a formula is called in messages."""
        return "state"

    @property
    def example(self) -> str:
        """A formula as it may be written, for messages."""
        return f"{self.output} = tanh(gate1)"

    def parts(self, formulas: Sequence[tuple[str, T]]) -> dict[str, list[tuple[str, T]]]:
        """Return all formulas: the output may use each; see `FormulaKind`."""
        return {self.output: list(formulas)}

    def readable(self, name: str, written: Sequence[str]) -> list[str]:
        """Return the memory cells, and for the output their new values too; see `FormulaKind`."""
        memories = [other for other in written if other != self.output]
        now = memories if name == self.output else []
        return [*(unprimed(memory) for memory in memories), *now]

    def name_of_next(self, taken: Collection[str], own: str) -> None:
        """Return None: an abbreviation stands in place of its name; see `FormulaKind`."""
        return None

    def can_read(self, names: Collection[str], name: str, written: Sequence[str]) -> bool:
        """Return True: memory that is missing comes along; see `completed`."""
        return True

    def completed(
        self, formulas: Mapping[str, Term], donors: Mapping[str, Term]
    ) -> list[tuple[str, Term]]:
        """Return formulas with the memory cells that they read and lack, by name, the output last."""
        whole = dict(formulas)
        while True:
            read = {unprimed(head) for term in whole.values() for head in heads(term)}
            missing = [m for m in self.named if unprimed(m) in read and m not in whole]
            if not missing:
                return sorted(whole.items(), key=lambda item: (item[0] == self.output, item[0]))
            whole.update({memory: donors[memory] for memory in missing})


@dataclass(frozen=True)
class GraphFormulas(Formulas):
    """Values with a name: a formula may read `inputs` and the formulas before it, down to the last output.

    Each output ends a part of its own. In canonical form what is read once stands where it is read.
    """

    outputs: tuple[str, ...]
    named: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    @property
    def passed_on(self) -> tuple[str, ...]:
        """The outputs; see `FormulaKind`."""
        return self.outputs

    @property
    def example(self) -> str:
        """A formula as it may be written, for messages."""
        return f"{self.outputs[0]} = …"

    @property
    def shares(self) -> bool:
        """Yes: a value has a name and may be read many times."""
        return True

    @property
    def expands(self) -> bool:
        """Yes: what is read once is put where it is read."""
        return True

    def readable(self, name: str, written: Sequence[str]) -> list[str]:
        """Return the inputs and the formulas before, down to the last output; see `FormulaKind`."""
        before: list[str] = []
        for other in written:
            if other == name:
                break
            before = [] if other in self.outputs else [*before, other]
        return [*self.inputs, *before]

    def name_of_next(self, taken: Collection[str], own: str) -> str:
        """Return the first name that is free; see `FormulaKind`."""
        for name in self.named:
            if name not in taken:
                return name
        raise LookupError(f"at most {len(self.named)} named formulas are allowed")

    def still_known(self, abbreviations: dict[str, T]) -> dict[str, T]:
        """Return none: the next output begins with the inputs alone; see `FormulaKind`."""
        return {}

    def inlined(self, formulas: Mapping[str, Term], output: str) -> dict[str, Term]:
        """Return formulas with each that is read once, or is a mere name, put where it is read."""
        left = dict(formulas)
        while True:
            uses = Counter(head for term in left.values() for head in heads(term))
            once = [
                name
                for name, term in left.items()
                if name != output and (uses[name] == 1 or len(term) == 1)
            ]
            if not once:
                return left
            name, term = once[0], left.pop(once[0])
            left = {other: replaced(of, name, term) for other, of in left.items()}

    def matched(
        self, first: Sequence[tuple[str, Term]], second: Sequence[tuple[str, Term]]
    ) -> dict[str, Term]:
        """Return the second genome's formulas by place, since names mean nothing; see `FormulaKind`.

        What has no such place keeps a name of its own, which no formula of the first can read.
        """
        own = {place: name for name, place in self._places(first).items()}
        places = self._places(second)
        names = {name: own.get(place, f"{name} of another") for name, place in places.items()}

        def renamed(term: Term) -> Term:
            return (names.get(term[0], term[0]), *(renamed(child) for child in term[1:]))

        return {names[name]: renamed(term) for name, term in second}

    def _places(self, formulas: Sequence[tuple[str, Term]]) -> dict[str, tuple[str, int]]:
        """Return where each formula stands: before which output, and how many formulas before it."""
        return {
            name: (output, -1 if name == output else i)
            for output, part in self.parts(formulas).items()
            for i, (name, _) in enumerate(part)
        }


def replaced(term: Term, name: str, by: Term) -> Term:
    """Return a term with another in place of each leaf of a name."""
    if term == (name,):
        return by
    return (term[0], *(replaced(child, name, by) for child in term[1:]))


@dataclass(frozen=True)
class NodeFormulas(Formulas):
    """Nodes of a network: a formula reads `inputs` and nodes before it, each once, and outputs read all.

    A node keeps the name that its author gave it, which tells it from all others in whatever genome it is:
    the historical marking of Stanley and Miikkulainen 2002 (https://doi.org/10.1162/106365602320169811).
    Nodes without an author, as those of a general mutation, are called by `named`.
    """

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    given: tuple[str, ...] = ("bias",)
    named: tuple[str, ...] = tuple(f"n{i}" for i in range(1, 257))

    @property
    def passed_on(self) -> tuple[str, ...]:
        """None; see `FormulaKind`."""
        return ()

    @property
    def word(self) -> str:
        """What a formula is called in messages."""
        return "output"

    @property
    def example(self) -> str:
        """A formula as it may be written, for messages."""
        return f"{self.outputs[0]} = {' + '.join(self.inputs[-2:])}"

    @property
    def shares(self) -> bool:
        """Yes: a node may be read many times."""
        return True

    @property
    def marked(self) -> bool:
        """Yes; see `FormulaKind`."""
        return True

    def refusal(self, formulas: Mapping[str, Term]) -> str:
        """Return which node reads something twice, or that no output comes from an input."""
        reached = {name for name in self.inputs if name not in self.given}
        for name, term in formulas.items():
            sources = leaves(term)
            twice = [source for source in sources if sources.count(source) > 1]
            if twice:
                return f"{name} reads {twice[0]} twice, and has one weight for it; name it once"
            if reached & set(sources):
                reached.add(name)
        if not reached & set(self.outputs):
            known = [name for name in self.inputs if name not in self.given]
            some = known[0] if len(known) == 1 else f"any of {known[0]} to {known[-1]}"
            return f"no output reads {some}, itself or through nodes"
        return ""

    def readable(self, name: str, written: Sequence[str]) -> list[str]:
        """Return the inputs and the nodes before, of an output all nodes; see `FormulaKind`."""
        nodes = [other for other in written if other not in self.outputs]
        before = nodes[: nodes.index(name)] if name in nodes else nodes
        return [*self.inputs, *before]

    def name_of_next(self, taken: Collection[str], own: str) -> str:
        """Return its own name; see `FormulaKind`."""
        if len(taken) >= len(self.named) + len(self.outputs):
            raise LookupError(f"at most {len(self.named)} nodes are allowed")
        return own
