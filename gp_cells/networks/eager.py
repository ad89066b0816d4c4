"""A cell run step by step with torch's own operations: the reference engine.

The input projections of all time steps are one matrix product, the recurrent projections of a step
another; everything else is elementwise. Autograd differentiates it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gp_cells.networks.cell import SequenceFunction, Weights
from gp_cells.networks.passes import LEAK
from gp_cells.networks.program import DIVISORS, Program

OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "mul": torch.mul,
    "sub": torch.sub,
    "complement": lambda value: 1 - value,
    "increment": lambda value: value + 1,
    "decrement": lambda value: value - 1,
    **{f"over{n}": lambda value, n=n: value / n for n in DIVISORS},
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": lambda value: functional.leaky_relu(value, LEAK),
}


def sequence(program: Program, precision: str = "float32") -> SequenceFunction:
    """Return what runs a program over a sequence, on any device and with numbers of any kind.

    With the precision `bfloat16` matrix products are torch's in it, which rounds factors and products.
    """
    multiply = _multiply_rounded if precision == "bfloat16" else torch.matmul

    def run(
        inputs: Tensor, weight_input: Tensor, weights: Weights, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        looked_up = inputs.dtype == torch.int64
        projected = (
            functional.embedding(inputs, weight_input)
            if looked_up
            else multiply(inputs, weight_input)
        )
        if state is None:
            shape = (len(program.states), inputs.shape[1], len(weights.recurrent))
            state = weight_input.new_zeros(shape)
        outputs = []
        for step in projected.unbind(0):
            state = _step(program, step, weights, state, multiply)
            outputs.append(state[0])
        return torch.stack(outputs), state

    return run


def _step(
    program: Program,
    projected: Tensor,
    weights: Weights,
    state: Tensor,
    multiply: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Return the next state (states, batch, units) from one step's input projections."""
    units, gated = state.shape[2], len(weights.gate_bias)
    products = multiply(state[0], weights.recurrent)
    gates = projected[:, :gated] + products[:, :gated] + weights.gate_bias
    leaves: dict[str, Any] = {
        "gate": _blocks(gates, units),
        "input": _blocks(projected[:, gated:], units),
        "recurrent": _blocks(products[:, gated:], units),
        "bias": weights.bias,
        "scale": weights.scale,
        "state": state,
    }
    values: list[Tensor] = []
    for step in program.steps:
        if step.operation in leaves:
            value = leaves[step.operation][step.number]
        elif step.operation == "linear":
            value = multiply(values[step.arguments[0]], weights.linear[step.number])
        else:
            value = OPERATIONS[step.operation](*(values[i] for i in step.arguments))
        values.append(value)
    return torch.stack([values[i].expand_as(state[0]) for i in program.results])


def _blocks(values: Tensor, units: int) -> tuple[Tensor, ...]:
    return values.split(units, 1) if values.shape[1] else ()


def _multiply_rounded(left: Tensor, right: Tensor) -> Tensor:
    return (left.bfloat16() @ right.bfloat16()).to(left.dtype)
