"""A genome as a straight-line program: each distinct sub-expression computed once, in order.

Everything that runs or measures a cell reads this program, never the trees.
"""

from __future__ import annotations

from dataclasses import dataclass

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.terms import Term, family_of, number_of, unprimed

DIVISORS = range(2, 17)  # of the operations over2 … over16
PROJECTIONS = ("gate", "input", "recurrent", "bias", "scale", "linear")


@dataclass(frozen=True)
class Step:
    """One value: an operation on earlier values (their positions), or a leaf.

    `number` counts the weights of a projection from 0; for a state it is its place in `states`.
    """

    operation: str
    arguments: tuple[int, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Program:
    """One time step of a cell.

    `states` are the names of what is carried over, the output first; `results[i]` is the position
    of the step that computes the new value of `states[i]`; `counts` says how many weights of each
    projection there are.
    """

    states: tuple[str, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]
    counts: dict[str, int]


def compile_program(genome: Genome) -> Program:
    """Return the program of a genome's canonical form."""
    return compile_as_written(genome.canonical())


def compile_as_written(genome: Genome) -> Program:
    """Return the program of a genome with the projections' numbers that are written in it."""
    language, formulas = genome.language, genome.formulas
    written = dict(formulas)
    states = tuple(unprimed(name) for name in language.kind.passed_on if name in written)
    steps: dict[Step, int] = {}
    finished: dict[str, int] = {}

    def leaf(name: str) -> Step:
        if name in states:
            return Step("state", number=states.index(name))
        return Step(family_of(name), number=number_of(name) - 1)

    def place(term: Term) -> int:
        head, children = term[0], term[1:]
        if head in finished:
            return finished[head]
        if not children:
            return steps.setdefault(leaf(head), len(steps))
        arguments = [place(child) for child in children]
        if language.by_name[head].commutative:
            arguments.sort()
        if language.is_learned(head):
            step = Step(family_of(head), tuple(arguments), number_of(head) - 1)
        else:
            step = Step(head, tuple(arguments))
        return steps.setdefault(step, len(steps))

    for name, term in formulas:
        finished[name] = place(term)
    used = dict.fromkeys(PROJECTIONS, 0)
    for step in steps:
        if step.operation in used:
            used[step.operation] = max(used[step.operation], step.number + 1)
    return Program(states, tuple(steps), tuple(finished[f"{state}'"] for state in states), used)


def count_parameters(program: Program, inputs: int, units: int) -> int:
    """Return the number of learned numbers in one layer of this cell."""
    counts = program.counts
    from_input = (counts["gate"] + counts["input"]) * units * inputs
    from_units = (counts["gate"] + counts["recurrent"] + counts["linear"]) * units * units
    return from_input + from_units + (counts["gate"] + counts["bias"] + counts["scale"]) * units


def count_multiply_adds(program: Program, inputs: int, units: int) -> int:
    """Return the multiply-adds of one time step of one sequence.

    Each matrix product counts its multiply-adds, each other operation one a unit (squashings too),
    leaves nothing.
    """
    counts = program.counts
    products = (counts["gate"] + counts["input"]) * inputs * units
    products += (counts["gate"] + counts["recurrent"]) * units * units
    products += sum(step.operation == "linear" for step in program.steps) * units * units
    elementwise = sum(bool(s.arguments) and s.operation != "linear" for s in program.steps)
    return products + elementwise * units
