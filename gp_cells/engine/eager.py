"""A cell run step by step with torch's own operations: the reference engine.

The input projections of all time steps are one matrix product, the recurrent projections of a step
another; everything else is elementwise. Autograd differentiates it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gp_cells.engine.program import Program, Step

OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "mul": torch.mul,
    "sub": torch.sub,
    "complement": lambda value: 1 - value,
    "increment": lambda value: value + 1,
    "decrement": lambda value: value - 1,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}


class Cell(nn.Module):
    """A recurrent layer of one evolved or hand-designed cell.

    Call it with `x` (time, batch, inputs) and the state of the step before, a tuple of tensors
    (batch, units) in the order of `program.states`, or None for zeros. It returns the outputs
    (time, batch, units) and the new state. Weights are drawn like those of `torch.nn.LSTM`: uniform within
    1/sqrt(units) of zero.

    Weights, with G gates, I inputs, R recurrents, …, counted in `program.counts`:
    `weight_input` ((G + I) units, inputs), `weight_recurrent` ((G + R) units, units), `gate_bias`
    (G units), `bias` (B, units), `scale` (S, units), `linear` (L, units, units).
    """

    def __init__(self, program: Program, inputs: int, units: int) -> None:
        super().__init__()
        self.program, self.inputs, self.units = program, inputs, units
        count = program.counts
        self.weight_input = _weight((count["gate"] + count["input"]) * units, inputs)
        self.weight_recurrent = _weight((count["gate"] + count["recurrent"]) * units, units)
        self.gate_bias = _weight(count["gate"] * units)
        self.bias = _weight(count["bias"], units)
        self.scale = _weight(count["scale"], units)
        self.linear = _weight(count["linear"], units, units)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw every weight anew, from the given generator or torch's own."""
        bound = 1 / math.sqrt(self.units)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)

    def forward(
        self, x: Tensor, state: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the layer over a sequence; see the class for shapes."""
        if x.dim() != 3 or x.shape[2] != self.inputs or x.shape[0] == 0:
            shape = tuple(x.shape)
            raise ValueError(f"expected x of shape (time > 0, batch, {self.inputs}), got {shape}")
        if state is None:
            zeros = x.new_zeros(x.shape[1], self.units)
            state = (zeros,) * len(self.program.states)
        gated = self.program.counts["gate"] * self.units
        from_gates, from_inputs = self.weight_input[:gated], self.weight_input[gated:]
        gates = torch.nn.functional.linear(x, from_gates, self.gate_bias)
        inputs = torch.nn.functional.linear(x, from_inputs)
        transposed = self.weight_recurrent.t()
        outputs = []
        for gate_step, input_step in zip(gates.unbind(0), inputs.unbind(0), strict=True):
            state = self._step(gate_step, input_step, transposed, state)
            outputs.append(state[0])
        return torch.stack(outputs), state

    def _step(
        self, gates: Tensor, inputs: Tensor, recurrent: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        gated = gates.shape[1]
        if recurrent.shape[1] == gated:
            gates, recurrents = torch.addmm(gates, state[0], recurrent), gates[:, :0]
        else:
            products = state[0] @ recurrent
            gates, recurrents = gates + products[:, :gated], products[:, gated:]
        leaves = {
            "gate": gates.split(self.units, 1) if gated else (),
            "input": inputs.split(self.units, 1) if inputs.shape[1] else (),
            "recurrent": recurrents.split(self.units, 1) if recurrents.shape[1] else (),
            "bias": self.bias,
            "scale": self.scale,
            "state": state,
        }
        values: list[Tensor] = []
        for step in self.program.steps:
            values.append(self._value(step, values, leaves))
        return tuple(values[i].expand_as(state[0]) for i in self.program.results)

    def _value(self, step: Step, values: list[Tensor], leaves: dict) -> Tensor:
        if step.operation in leaves:
            return leaves[step.operation][step.number]
        arguments = [values[i] for i in step.arguments]
        if step.operation == "linear":
            return arguments[0] @ self.linear[step.number].t()
        return OPERATIONS[step.operation](*arguments)


def _weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape))
