"""A cell's passes as Triton kernels: each value of a step's array is one lane's work."""

from __future__ import annotations

from collections.abc import Sequence

from gp_cells.networks.passes import ARITHMETIC, LEAK, Pass, Passes, Place, place_of

# What a kernel is handed, in this order; shapes as in `cuda.py`.
ARRAYS = (
    *("projections", "recurrents", "extra", "states", "arguments", "applied"),
    *("gate_bias", "bias", "scale"),
    *("outputs_adjoint", "carried", "returned"),
    *("projections_adjoint", "recurrents_adjoint", "applied_adjoint", "shared_adjoint"),
)

OPERATIONS = {
    **ARITHMETIC,
    "zero": "0.0",
    "relu": "tl.where({0} < 0, 0.0, {0})",
    "relu_slope": "tl.where({0} > 0, {1}, 0.0)",
    "leaky_relu": f"tl.where({{0}} < 0, {LEAK} * {{0}}, {{0}})",
    "leaky_relu_slope": f"tl.where({{0}} > 0, {{1}}, {LEAK} * {{1}})",
}

# Where a value of each kind of place lies. `at` counts the rows of all steps before, `n` the values
# of this step's rows, `u` units.
ADDRESSES = {
    "gate": "projections + (at * {PROJECTIONS} + {i}) * units + u",
    "input": "projections + (at * {PROJECTIONS} + {GATES} + {i}) * units + u",
    "recurrent": "recurrents + (at * {RECURRENTS} + {i}) * units + u",
    "extra": "extra + (at * {EXTRA} + {i}) * units + u",
    "gate_bias": "gate_bias + {i} * units + u",
    "bias": "bias + {i} * units + u",
    "scale": "scale + {i} * units + u",
    "state": "states + (({i} * (time + 1) + t) * rows).to(tl.int64) * units + n",
    "new_state": "states + (({i} * (time + 1) + t + 1) * rows).to(tl.int64) * units + n",
    "argument": "arguments + (at * {APPLICATIONS} + {i}) * units + u",
    "applied": "applied + (at * {APPLICATIONS} + {i}) * units + u",
    "outputs_adjoint": "outputs_adjoint + at * units + u",
    "incoming": "carried + {i} * rows * units + n",
    "returned": "returned + (row * {APPLICATIONS} + {i}) * units + u",
    "applied_adjoint": "applied_adjoint + (at * {APPLICATIONS} + {i}) * units + u",
    "gate_adjoint": "projections_adjoint + (at * {PROJECTIONS} + {i}) * units + u",
    "input_adjoint": "projections_adjoint + (at * {PROJECTIONS} + {GATES} + {i}) * units + u",
    "recurrent_adjoint": "recurrents_adjoint + (at * {RECURRENTS} + {i}) * units + u",
    "state_adjoint": "carried + {i} * rows * units + n",
    "bias_adjoint": "shared_adjoint + (at * {SHARED} + {i}) * units + u",
    "scale_adjoint": "shared_adjoint + (at * {SHARED} + {BIASES} + {i}) * units + u",
}

# Squashings as in cell.cpp, for float32.
HEADER = """\
import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    square, size = x * x, tl.abs(x)
    p = -5.70498872745e-3
    p = p * square + 2.06390887954e-2
    p = p * square - 5.37397155531e-2
    p = p * square + 1.33314422036e-1
    p = p * square - 3.33332819422e-1
    large = 1 - 2 / (1 + tl.exp(2 * size))
    return tl.where(size < 0.625, p * square * x + x, tl.where(x < 0, -large, large))
"""


def source(passes: Passes) -> str:
    """Return a Python module of a cell's kernels, `forward_0`, …, `backward_0`, …, for float32.

    Each is called with `ARRAYS`, the step `t`, the numbers `time`, `rows` and `units`, and the lanes of
    a program.
    """
    functions = [
        _kernel(f"{name}_{i}", each, passes)
        for name, several in (("forward", passes.forward), ("backward", passes.backward))
        for i, each in enumerate(several)
    ]
    return "\n\n".join([HEADER, *functions])


def _kernel(name: str, each: Pass, cell: Passes) -> str:
    counts = cell.program.counts
    numbers = {
        "GATES": counts["gate"],
        "PROJECTIONS": counts["gate"] + counts["input"],
        "RECURRENTS": counts["recurrent"],
        "EXTRA": cell.extra,
        "APPLICATIONS": len(cell.applied),
        "BIASES": counts["bias"],
        "SHARED": counts["bias"] + counts["scale"],
    }

    def load(kind: str, i: int) -> str:
        return f"tl.load({ADDRESSES[kind].format(i=i, **numbers)}, mask=inside)"

    def loaded(place: Place) -> str:
        value = load(*place_of(place, cell))
        if place[0] == "gate":
            return f"{value} + {load('gate_bias', place[1])}"
        if place == ("incoming", 0):
            return f"{value} + {load('outputs_adjoint', 0)}"
        return value

    body = [f"v{v} = {loaded(place)}" for v, place in each.loads]
    for v in each.computes:
        step = cell.steps[v]
        value = OPERATIONS[step.operation].format(*(f"v{a}" for a in step.arguments))
        body.append(f"v{v} = {value}")
    for place, v in each.stores:
        kind, i = place_of(place, cell)
        body.append(f"tl.store({ADDRESSES[kind].format(i=i, **numbers)}, v{v}, mask=inside)")
    return "\n".join(_function(name, body))


def _function(name: str, body: Sequence[str]) -> list[str]:
    sizes = "t, time, rows, units: tl.constexpr, LANES: tl.constexpr"
    return [
        '@triton.jit(do_not_specialize=["t", "time", "rows"])',
        f"def {name}({', '.join(ARRAYS)}, {sizes}):",
        "    n = tl.program_id(0) * LANES + tl.arange(0, LANES)",
        "    inside = n < rows * units",
        "    row, u = n // units, n % units",
        "    at = (t * rows + row).to(tl.int64)",
        *(f"    {line}" for line in body),
    ]
