"""A recurrent network as a Python file that needs only torch, its formulas written from the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from gp_cells.config.recipe import Form
from gp_cells.exchange.export.file import LOAD, PREDICTIONS, WEIGHTS
from gp_cells.networks.program import DIVISORS, Program, Step
from gp_cells.networks.recurrent import RecurrentNetwork

LONGEST = 40  # characters of a value that is written where it is used, without a name of its own
WIDEST = 6  # projections named on one line
SQUASHINGS = ("relu", "sigmoid", "tanh")  # leaky_relu is not in torch itself

SUM, PRODUCT, ATOM = 1, 2, 3  # how tightly a written value holds together
INFIX = {
    "add": ("{} + {}", SUM),
    "sub": ("{} - {}", SUM),
    "complement": ("1 - {}", SUM),
    "increment": ("{} + 1", SUM),
    "decrement": ("{} - 1", SUM),
    "mul": ("{} * {}", PRODUCT),
    **{f"over{n}": (f"{{}} / {n}", PRODUCT) for n in DIVISORS},
}


def weights(network: RecurrentNetwork) -> dict[str, Tensor]:
    """Return the network's weights by their names in the file; those of no numbers are left out."""
    return {
        name: weight
        for name, weight in network.state_dict().items()
        if weight.numel() and not (is_tied(network) and name == "embedding.weight")
    }


def is_tied(network: RecurrentNetwork) -> bool:
    """Return whether the embedding's weight is that of the output layer."""
    return network.embedding is not None and network.embedding.weight is network.output.weight


UNROLL = '''\
def unroll(step, inputs, state):
    """Take step after step; return the outputs of all, and the last state."""
    outputs = []
    for x in inputs:
        state = step(x, *state)
        outputs.append(state[0])
    return torch.stack(outputs), state
'''


def source(network: RecurrentNetwork, form: Form, about: str) -> str:
    """Return the text of the file."""
    program = network.cells[0].program
    parts = [_opening(network, form, about), cell_class(program), UNROLL, _network(network), LOAD]
    return "\n\n".join(parts)


def _opening(network: RecurrentNetwork, form: Form, about: str) -> str:
    """Return the file's docstring, imports and sizes."""
    cell = network.cells[0]
    shape = "(time, batch, FEATURES)" if network.embedding is None else "(time, batch) int64"
    states = ", ".join(cell.program.states)
    return f'''\
"""A recurrent network in plain torch, trained by gp-cells.

{about}

Inputs are {shape}; predictions are (time, batch, OUTPUTS),
{PREDICTIONS[form.targets]}.
What is carried over is ({states}) of each layer, (LAYERS, {len(cell.program.states)}, batch, UNITS).

    network = load()
    predictions, state = network(inputs)
    predictions, state = network(more_inputs, state)
"""

import json
from pathlib import Path

import torch
{chr(10).join(_imports(network))}

FEATURES = {form.features}
UNITS = {cell.units}
LAYERS = {len(network.cells)}
OUTPUTS = {form.outputs}
{WEIGHTS}
'''


def _imports(network: RecurrentNetwork) -> list[str]:
    """Return the lines that import what the file uses of torch."""
    used = {step.operation for step in network.cells[0].program.steps}
    lines = [f"from torch import {', '.join(['nn', *(s for s in SQUASHINGS if s in used)])}"]
    if "leaky_relu" in used:
        lines.append("from torch.nn.functional import leaky_relu")
    if any("functional" in line for line in _run(network)):
        lines.append("from torch.nn import functional")
    return lines


def cell_class(program: Program, name: str = "Cell") -> str:
    """Return the class of a layer; its file has `unroll` and `UNITS`, too."""
    return f'''\
class {name}(nn.Module):
    """One layer: (time, batch, inputs) and a state → (time, batch, UNITS) and the last state."""

    def __init__(self, inputs):
        super().__init__()
{_indented(_parameters(program))}

    def forward(self, inputs, state):
        outputs, state = unroll(self.step, {_projected(program)}, tuple(state))
        return outputs, torch.stack(state)

    def step(self, x, {", ".join(program.states)}):
{_indented(step_lines(program))}
'''


def _network(network: RecurrentNetwork) -> str:
    """Return the class of the whole network."""
    return f'''\
class Network(nn.Module):
    """Layers of the cell between inputs and predictions."""

    def __init__(self):
        super().__init__()
{_indented(_build(network))}

    def forward(self, inputs, state=None):
{_indented(_run(network))}
'''


def _build(network: RecurrentNetwork) -> list[str]:
    """Return the lines that make the network's modules."""
    first = "FEATURES" if network.embedding is None else "UNITS"
    lines = [
        "self.embedding = nn.Embedding(FEATURES, UNITS)",
        f"self.layers = nn.ModuleList(Cell({first} if i == 0 else UNITS) for i in range(LAYERS))",
        "self.output = nn.Linear(UNITS, OUTPUTS)",
    ]
    return lines if network.embedding is not None and not is_tied(network) else lines[1:]


def _run(network: RecurrentNetwork) -> list[str]:
    """Return the lines that run the network."""
    values = "inputs" if network.embedding is None else "self.embedding(inputs)"
    if is_tied(network):
        values = "functional.embedding(inputs, self.output.weight)"
    dropped = [f"    values = functional.dropout(values, {network.dropout}, self.training)"]
    states = len(network.cells[0].program.states)
    return [
        f"values = {values}",
        "if state is None:",
        f"    state = values.new_zeros(LAYERS, {states}, values.shape[1], UNITS)",
        "carried = []",
        "for layer, before in zip(self.layers, state, strict=True):",
        "    values, after = layer(values, before)",
        *(dropped if network.dropout else []),
        "    carried.append(after)",
        "return self.output(values), torch.stack(carried)",
    ]


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"        {line}" for line in lines)


def _parameters(program: Program) -> list[str]:
    count = program.counts
    from_input, from_units = count["gate"] + count["input"], count["gate"] + count["recurrent"]
    shapes = {
        "weight_input": f"inputs, {from_input} * UNITS" if from_input else "",
        "weight_recurrent": f"UNITS, {from_units} * UNITS" if from_units else "",
        "gate_bias": f"{count['gate']} * UNITS" if count["gate"] else "",
        "bias": f"{count['bias']}, UNITS" if count["bias"] else "",
        "scale": f"{count['scale']}, UNITS" if count["scale"] else "",
        "linear": f"{count['linear']}, UNITS, UNITS" if count["linear"] else "",
    }
    return [
        f"self.{name} = nn.Parameter(torch.empty({shape}))"
        for name, shape in shapes.items()
        if shape
    ]


def _projected(program: Program) -> str:
    reads = program.counts["gate"] + program.counts["input"]
    return "inputs @ self.weight_input" if reads else "inputs"


# --- one step -------------------------------------------------------------------------------------


def step_lines(program: Program) -> list[str]:
    """Return the lines of a step: learned projections, then a line for each value with a name."""
    written: list[tuple[str, int]] = []  # each value's text and how tightly it holds together
    uses = Counter(argument for step in program.steps for argument in step.arguments)
    new = {
        position: f"{state}_new"
        for state, position in reversed([*zip(program.states, program.results, strict=True)])
    }
    lines, named = _projections(program.counts), 0
    for position, step in enumerate(program.steps):
        text, tightness = _written(step, written, program.states)
        name = new.get(position)
        if name is None and step.arguments and (uses[position] > 1 or len(text) > LONGEST):
            named += 1
            name = f"v{named}"
        if name is not None:
            lines.append(f"{name} = {text}")
            text, tightness = name, ATOM
        written.append((text, tightness))
    batched = _batched(program)
    results = [
        written[position][0] + ("" if batched[position] else ".expand_as(h)")
        for position in program.results
    ]
    return [*lines, f"return {', '.join(results)}{',' if len(results) == 1 else ''}"]


def _written(
    step: Step, written: Sequence[tuple[str, int]], states: Sequence[str]
) -> tuple[str, int]:
    """Return a value as Python writes it, with the very order of operations that the engine has."""
    given = [written[argument] for argument in step.arguments]
    if step.operation == "state":
        return states[step.number], ATOM
    if step.operation in ("bias", "scale"):
        return f"self.{step.operation}[{step.number}]", ATOM
    if step.operation == "linear":
        return f"{_held(*given[0], ATOM)} @ self.linear[{step.number}]", PRODUCT
    if not given:
        return f"{step.operation}{step.number + 1}", ATOM
    if step.operation not in INFIX:
        return f"{step.operation}({given[0][0]})", ATOM
    pattern, tightness = INFIX[step.operation]
    least = [tightness, tightness + 1] if pattern.startswith("{}") else [tightness + 1]
    parts = [_held(*value, bound) for value, bound in zip(given, least, strict=False)]
    return pattern.format(*parts), tightness


def _held(text: str, tightness: int, least: int) -> str:
    return text if tightness >= least else f"({text})"


def _projections(count: Mapping[str, int]) -> list[str]:
    """Return the lines that make gates, projections of the input and of the last output."""
    gates, inputs, recurrents = (count[family] for family in ("gate", "input", "recurrent"))
    lines = ["products = h @ self.weight_recurrent"] if gates + recurrents else []
    if gates and inputs:
        lines.append(f"x, inputs = x.split(({gates} * UNITS, {inputs} * UNITS), 1)")
    if gates and recurrents:
        sizes = f"({gates} * UNITS, {recurrents} * UNITS)"
        lines.append(f"products, recurrents = products.split({sizes}, 1)")
    if gates:
        lines.append("gates = x + products + self.gate_bias")
        lines += _split("gate", gates, "gates")
    lines += _split("input", inputs, "inputs" if gates else "x")
    return [*lines, *_split("recurrent", recurrents, "recurrents" if gates else "products")]


def _split(family: str, count: int, values: str) -> list[str]:
    names = [f"{family}{i + 1}" for i in range(count)]
    if count <= 1:
        return [f"{name} = {values}" for name in names]
    if count <= WIDEST:
        return [f"{', '.join(names)} = {values}.split(UNITS, 1)"]
    rows = [names[i : i + WIDEST] for i in range(0, count, WIDEST)]
    return ["(", *(f"    {', '.join(row)}," for row in rows), f") = {values}.split(UNITS, 1)"]


def _batched(program: Program) -> list[bool]:
    """Return of each value whether it has a row for each sequence, or one for all of them."""
    batched: list[bool] = []
    for step in program.steps:
        own = step.operation in ("gate", "input", "recurrent", "state")
        batched.append(own or any(batched[argument] for argument in step.arguments))
    return batched
