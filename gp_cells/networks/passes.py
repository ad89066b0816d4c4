"""What one time step computes, forward and backward, as elementwise passes between matrix products.

The derivative is a program like the cell's own, written by reverse accumulation: every value's
adjoint (the derivative of the loss by it) from the adjoints of the values that use it. A cell without
`linear` has one pass forward and one backward; each level of `linear` adds one, since its product
mixes units. Backends (C++, Triton) only spell these passes; they decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from gp_cells.networks.program import DIVISORS, Program, Step

Place = tuple[str, int]
"""Where a value lies between passes: a kind of array, and the block of `units` columns in it."""

STEP_ADJOINTS = ("gate", "input", "recurrent")  # leaves with an adjoint for each step and sequence
# What every backend's language spells alike.
ARITHMETIC = {
    "add": "{0} + {1}",
    "mul": "{0} * {1}",
    "sub": "{0} - {1}",
    "complement": "1 - {0}",
    "increment": "{0} + 1",
    "decrement": "{0} - 1",
    "tanh": "tanh({0})",
    "sigmoid": "sigmoid({0})",
    **{f"over{n}": f"{{0}} / {n}" for n in DIVISORS},
    "negate": "-{0}",
    "tanh_slope": "{1} * (1 - {0} * {0})",
    "sigmoid_slope": "{1} * ({0} * (1 - {0}))",
}
LEAK = 0.01  # of leaky_relu below zero, as in torch
COSTLY = ("tanh", "sigmoid")  # kept for the derivative rather than computed again


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One elementwise pass: read some values, compute others, write some of both.

    Values go by their position in `Passes.steps`. `products` are the applications of `linear` whose
    arguments (backward: the adjoints of whose values) it has written, to be multiplied before the
    next pass.
    """

    loads: tuple[tuple[int, Place], ...]
    computes: tuple[int, ...]
    stores: tuple[tuple[Place, int], ...]
    products: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Passes:
    """All passes of a cell's step, in order.

    `steps` are the program's, then those of the derivative. `applied[a]` is the number of the
    `linear` of application `a`; `kept` counts the values that forward keeps for backward.
    """

    program: Program
    steps: tuple[Step, ...]
    forward: tuple[Pass, ...]
    backward: tuple[Pass, ...]
    applied: tuple[int, ...]
    kept: int

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """The weights that this cell has beside those of its input, in the order of `cell.Weights`."""
        counts = self.program.counts
        leaves = {"gate_bias": "gate", "bias": "bias", "scale": "scale", "linear": "linear"}
        return ("recurrent", *(name for name, leaf in leaves.items() if counts[leaf]))

    @cached_property
    def reads(self) -> dict[bool, tuple[str, ...]]:
        """What a layer reads, by whether it looks up its inputs in a table of projected ones."""
        rest = (*self.weights, "first_state")
        return {False: ("inputs", "weight_input", *rest), True: ("tokens", "table", *rest)}

    @property
    def extra(self) -> int:
        """How many kept values find no room where the raw projections were."""
        counts = self.program.counts
        return max(0, self.kept - counts["gate"] - counts["input"] - counts["recurrent"])


def place_of(place: Place, cell: Passes) -> Place:
    """Return where a kept value lies: over raw projections that are done with, or in `extra`."""
    kind, i = place
    if kind != "kept":
        return place
    for over in ("gate", "input", "recurrent"):
        if i < cell.program.counts[over]:
            return over, i
        i -= cell.program.counts[over]
    return "extra", i


def make_passes(program: Program) -> Passes:
    """Return the passes of a program."""
    linears = [i for i, step in enumerate(program.steps) if step.operation == "linear"]
    steps, adjoints = _differentiate(program, linears)
    leaves: dict[int, Place] = {
        i: (step.operation, step.number)
        for i, step in enumerate(program.steps)
        if not step.arguments
    }
    applied: dict[int, Place] = {v: ("applied", a) for a, v in enumerate(linears)}

    # What backward finds without anything being kept for it; raw projections are overwritten.
    found: dict[int, Place] = {
        **{steps[v].arguments[0]: ("argument", a) for a, v in enumerate(linears)},
        **{v: ("new_state", i) for i, v in enumerate(program.results)},
        **{v: place for v, place in leaves.items() if place[0] not in STEP_ADJOINTS},
        **applied,
    }
    used = {a for step in steps[len(program.steps) :] for a in step.arguments}
    kept: dict[int, Place] = {
        v: ("kept", i) for i, v in enumerate(_to_keep(program.steps, used, found))
    }

    ends: list[tuple[Place, int]] = [(("new_state", i), v) for i, v in enumerate(program.results)]
    ends += [(place, v) for v, place in kept.items()]
    forward = _schedule(steps, leaves | applied, dict(enumerate(linears)), "argument", ends)

    given: dict[int, Place] = {
        v: (step.operation, step.number)
        for v, step in enumerate(steps)
        if step.operation in ("incoming", "returned")
    }
    returned = {step.number: v for v, step in enumerate(steps) if step.operation == "returned"}
    ends = [((f"{name}_adjoint", i), v) for (name, i), v in adjoints.items()]
    backward = _schedule(steps, found | kept | given, returned, "applied_adjoint", ends)
    return Passes(
        program=program,
        steps=steps,
        forward=forward,
        backward=backward,
        applied=tuple(steps[v].number for v in linears),
        kept=len(kept),
    )


def _differentiate(
    program: Program, linears: list[int]
) -> tuple[tuple[Step, ...], dict[Place, int]]:
    """Return the program's steps and those of its derivative, and where each leaf's adjoint is.

    New operations are those of `_parts`, `incoming` (adjoint of a new state) and `zero`.
    """
    steps: dict[Step, int] = {step: i for i, step in enumerate(program.steps)}
    adjoint: dict[int, int] = {}

    def place(operation: str, arguments: tuple[int, ...], number: int = 0) -> int:
        return steps.setdefault(Step(operation, arguments, number), len(steps))

    def contribute(value: int, part: int) -> None:
        adjoint[value] = place("add", (adjoint[value], part)) if value in adjoint else part

    for i, value in enumerate(program.results):
        contribute(value, place("incoming", (), i))
    for v in reversed(range(len(program.steps))):
        step, d = program.steps[v], adjoint.get(v)
        if d is None or not step.arguments:
            continue
        application = linears.index(v) if step.operation == "linear" else 0
        for argument, part in _parts(step, v, d):
            contribute(argument, d if part is None else place(*part, application))
    leaves = [i for i, step in enumerate(program.steps) if not step.arguments]
    ends = {(program.steps[i].operation, program.steps[i].number): adjoint.get(i) for i in leaves}
    for i in range(len(program.states)):
        ends.setdefault(("state", i), None)  # a state that nothing reads
    ends_placed = {key: place("zero", ()) if v is None else v for key, v in ends.items()}
    return tuple(steps), ends_placed


def _parts(step: Step, v: int, d: int) -> list[tuple[int, tuple[str, tuple[int, ...]] | None]]:
    """Return what a step, value v with the adjoint d, adds to the adjoint of each of its arguments.

    Each part is an operation with its arguments; None stands for d itself. New operations:
    `returned` (adjoint of the argument of an application of `linear`, from that of its value),
    `negate`, and `tanh_slope`, `sigmoid_slope`, `relu_slope`, `leaky_relu_slope` (of the function's
    value y and its adjoint d: d times the derivative, written in y).
    """
    first, second = step.arguments[0], step.arguments[-1]
    match step.operation:
        case "add":
            return [(first, None), (second, None)]
        case "sub":
            return [(first, None), (second, ("negate", (d,)))]
        case "mul":
            return [(first, ("mul", (d, second))), (second, ("mul", (d, first)))]
        case "increment" | "decrement":
            return [(first, None)]
        case "complement":
            return [(first, ("negate", (d,)))]
        case "tanh" | "sigmoid" | "relu" | "leaky_relu":
            return [(first, (f"{step.operation}_slope", (v, d)))]
        case operation if operation.startswith("over"):
            return [(first, (operation, (d,)))]
        case "linear":
            return [(first, ("returned", (d,)))]
    return []


def _to_keep(steps: tuple[Step, ...], used: set[int], found: Mapping[int, Place]) -> Iterable[int]:
    """Yield the values that backward uses and could not cheaply compute from what it has."""
    known = set(found)
    for v, step in enumerate(steps):
        if v in known:
            continue
        cheap = step.arguments and step.operation not in COSTLY
        if cheap and known.issuperset(step.arguments):
            known.add(v)
        elif v in used:
            known.add(v)
            yield v


def _schedule(
    steps: tuple[Step, ...],
    found: Mapping[int, Place],
    products: Mapping[int, int],
    written: str,
    ends: list[tuple[Place, int]],
) -> tuple[Pass, ...]:
    """Return the passes that lead to `ends`, each doing only what its own stores need.

    `found` says where given values lie; `products` has each application's value, which lies there
    once the product was made of what a pass has stored in the array `written`. What two passes need
    is computed in both.
    """
    outcomes = {v: a for a, v in products.items()}
    level: list[int] = []
    for v, step in enumerate(steps):
        deepest = max((level[a] for a in step.arguments), default=0)
        level.append(deepest + 1 if v in outcomes else 0 if v in found else deepest)
    last = max([level[v] for _, v in ends] + [level[v] for v in outcomes], default=0)
    passes = []
    for number in range(last + 1):
        due = tuple(a for a, v in products.items() if level[v] == number + 1)
        stores = [((written, a), steps[products[a]].arguments[0]) for a in due]
        stores += ends if number == last else []
        needed = {v for _, v in stores}
        for v in reversed(range(len(steps))):
            if v in needed and v not in found:
                needed.update(steps[v].arguments)
        loads = tuple((v, found[v]) for v in sorted(needed) if v in found)
        computes = tuple(v for v in sorted(needed) if v not in found)
        passes.append(Pass(loads=loads, computes=computes, stores=tuple(stores), products=due))
    return tuple(passes)
