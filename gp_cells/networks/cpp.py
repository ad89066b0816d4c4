"""A cell's passes as C++: plain loops over units, which a compiler turns into vector code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gp_cells.networks.passes import ARITHMETIC, LEAK, Pass, Passes, Place, place_of

FOLDER = Path(__file__).parent

OPERATIONS = {
    **ARITHMETIC,
    "zero": "0",
    "relu": "{0} < 0 ? 0 : {0}",
    "relu_slope": "{0} > 0 ? {1} : 0",
    "leaky_relu": f"{{0}} < 0 ? Real({LEAK}) * {{0}} : {{0}}",
    "leaky_relu_slope": f"{{0}} > 0 ? {{1}} : Real({LEAK}) * {{1}}",
}

# Where the row of each kind of place begins. `at` counts the rows of all steps before; `in_chunk` those
# since a chunk of steps began.
ROWS = {
    "gate": "a.projections + at * stride(PROJECTIONS, s.units) + {i} * s.units",
    "input": "a.projections + at * stride(PROJECTIONS, s.units) + (GATES + {i}) * s.units",
    "recurrent": "a.recurrents + at * stride(RECURRENTS, s.units) + {i} * s.units",
    "extra": "a.extra + at * stride(EXTRA, s.units) + {i} * s.units",
    "gate_bias": "a.gate_bias + {i} * s.units",
    "bias": "a.bias + {i} * s.units",
    "scale": "a.scale + {i} * s.units",
    "state": "a.states + (({i} * (s.time + 1) + t) * s.rows + row) * s.units",
    "new_state": "a.states + (({i} * (s.time + 1) + t + 1) * s.rows + row) * s.units",
    "argument": "a.arguments + at * stride(APPLICATIONS, s.units) + {i} * s.units",
    "applied": "a.applied + at * stride(APPLICATIONS, s.units) + {i} * s.units",
    "outputs_adjoint": "a.outputs_adjoint + at * s.units",
    "incoming": "a.carried + ({i} * s.rows + row) * s.units",
    "returned": "a.returned + row * stride(APPLICATIONS, s.units) + {i} * s.units",
    "applied_adjoint": "a.applied_adjoint + in_chunk * stride(APPLICATIONS, s.units) + {i} * s.units",
    "gate_adjoint": "a.projections_adjoint + in_chunk * stride(PROJECTIONS, s.units) + {i} * s.units",
    "input_adjoint": "a.projections_adjoint + in_chunk * stride(PROJECTIONS, s.units)"
    " + (GATES + {i}) * s.units",
    "recurrent_adjoint": "a.recurrents_adjoint + in_chunk * stride(RECURRENTS, s.units) + {i} * s.units",
    "state_adjoint": "a.carried + ({i} * s.rows + row) * s.units",
    "gate_bias_adjoint": "a.sums + {i} * s.units",
    "bias_adjoint": "a.sums + (GATES + {i}) * s.units",
    "scale_adjoint": "a.sums + (GATES + BIASES + {i}) * s.units",
}


def source(passes: Passes, precision: str = "float32") -> str:
    """Return the C++ of a cell's own part, for numbers in float32 or float64."""
    counts = passes.program.counts
    projections = counts["gate"] + counts["input"]
    constants = {
        "GATES": counts["gate"],
        "PROJECTIONS": projections,
        "RECURRENTS": counts["recurrent"],
        "EXTRA": passes.extra,
        "STATES": len(passes.program.states),
        "BIASES": counts["bias"],
        "SCALES": counts["scale"],
        "LINEARS": counts["linear"],
        "APPLICATIONS": len(passes.applied),
        "FORWARD_PASSES": len(passes.forward),
        "BACKWARD_PASSES": len(passes.backward),
    }
    tables = {
        "APPLIED": passes.applied,
        "FORWARD_PRODUCT_AFTER": _product_after(passes.forward, len(passes.applied)),
        "BACKWARD_PRODUCT_AFTER": _product_after(passes.backward, len(passes.applied)),
    }
    numbers = [f"constexpr long {name} = {value};" for name, value in constants.items()]
    for name, values in tables.items():
        numbers.append(f"constexpr long {name}[] = {{{', '.join(map(str, values)) or '0'}}};")
    spelled = _function("forward", passes.forward, passes)
    spelled += _function("backward", passes.backward, passes)
    text = _read("cell.cpp").replace("// CONSTANTS", "\n".join(numbers))
    whole = text.replace("// PASSES", "\n".join(spelled))
    return _together(precision, _read("exponential.h"), whole)


def sequence(precision: str = "float32") -> str:
    """Return the C++ of what is the same for all cells, in float32, float64 or bfloat16."""
    products = "products_bfloat16.cpp" if precision == "bfloat16" else "products.cpp"
    return _together(precision, *map(_read, ("products.h", products, "sequence.cpp")))


def loops(precision: str = "float32") -> str:
    """Return the C++ of the words of decoder blocks that are loops over time, in float32 or float64."""
    return _together(precision, _read("exponential.h"), _read("loops.cpp"))


def _together(precision: str, *texts: str) -> str:
    kind = "#define DOUBLE\n" if precision == "float64" else ""
    return "\n".join((kind + _read("sequence.h"), *texts))


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _product_after(passes: Sequence[Pass], applications: int) -> list[int]:
    return [
        next(i for i, each in enumerate(passes) if application in each.products)
        for application in range(applications)
    ]


def _function(name: str, passes: Sequence[Pass], cell: Passes) -> list[str]:
    """Return a function that does one step's pass of a given number."""
    lines = [
        f"static void {name}_pass(long pass, const Arrays &a, const Sizes &s, long t, long t_in_chunk) {{",
        "    for (long row = 0; row < s.rows; row++) {",
        "        const long at = t * s.rows + row, in_chunk = t_in_chunk * s.rows + row;",
    ]
    for i, each in enumerate(passes):
        lines += [f"        if (pass == {i}) {{", *_loop(each, cell), "        }"]
    return [*lines, "    }", "}"]


def _loop(each: Pass, cell: Passes) -> list[str]:
    rows: dict[str, str] = {}

    def at(kind: str, i: int) -> str:
        rows[f"{kind}{i}"] = ROWS[kind].format(i=i)
        return f"{kind}{i}[u]"

    def loaded(place: Place) -> str:
        value = at(*place_of(place, cell))
        if place[0] == "gate":
            return f"{value} + {at('gate_bias', place[1])}"
        if place == ("incoming", 0):
            return f"{value} + {at('outputs_adjoint', 0)}"
        return value

    def stored(place: Place, v: int) -> str:
        kind, i = place
        if kind == "gate_adjoint":
            return f"{at('gate_bias_adjoint', i)} += {at(kind, i)} = v{v};"
        is_sum = kind in ("bias_adjoint", "scale_adjoint")
        return f"{at(*place_of(place, cell))} {'+=' if is_sum else '='} v{v};"

    body = [f"const Real v{v} = {loaded(place)};" for v, place in each.loads]
    for v in each.computes:
        step = cell.steps[v]
        value = OPERATIONS[step.operation].format(*(f"v{a}" for a in step.arguments))
        body.append(f"const Real v{v} = {value};")
    body += [stored(place, v) for place, v in each.stores]
    return [
        *(f"            auto *{name} = {address};" for name, address in rows.items()),
        "#pragma GCC ivdep",
        "            for (long u = 0; u < s.units; u++) {",
        *(f"                {line}" for line in body),
        "            }",
    ]
