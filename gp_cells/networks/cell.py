"""A recurrent layer of one evolved or hand-designed cell: its weights, and a choice of who runs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.networks.program import Program


class Weights(NamedTuple):
    """A cell's weights beside those of its input; shapes as in `Cell`."""

    recurrent: Tensor
    gate_bias: Tensor
    bias: Tensor
    scale: Tensor
    linear: Tensor


SequenceFunction = Callable[[Tensor, Tensor, Weights, Tensor | None], tuple[Tensor, Tensor]]
"""Run a cell over a sequence, differentiably: (inputs, weight_input, weights, state) → (outputs, state).

Inputs are (time, batch, inputs) numbers, or (time, batch) int64 rows of `weight_input`, which then is a
table (symbols, (G + I) units) of inputs projected already. Outputs are (time, batch, units), states
(states, batch, units), the first one None for zeros.
"""


@dataclass(frozen=True)
class Engine:
    """What runs a cell: `compiled` (with the compiler and seconds it took; 0: cached) or `eager`."""

    name: str
    compiler: str | None = None
    compile_s: float | None = None


class Cell(nn.Module):
    """A recurrent layer: (time, batch, inputs) → (time, batch, units) and the state after the last step.

    A state is (states, batch, units), its parts in the order of `program.states`, the output first;
    None stands for zeros. Weights are drawn like those of `torch.nn.LSTM`: uniform within 1/sqrt(units)
    of zero.

    Weights, with G gates, I inputs, R recurrents, …, counted in `program.counts`; all map their first
    axis to their last:
    `weight_input` (inputs, (G + I) units), `weight_recurrent` (units, (G + R) units), `gate_bias`
    (G units), `bias` (B, units), `scale` (S, units), `linear` (L, units, units).
    """

    def __init__(
        self, program: Program, inputs: int, units: int, sequence: SequenceFunction, engine: Engine
    ) -> None:
        super().__init__()
        self.program, self.inputs, self.units = program, inputs, units
        self.sequence, self.engine = sequence, engine
        count = program.counts
        self.weight_input = _weight(inputs, (count["gate"] + count["input"]) * units)
        self.weight_recurrent = _weight(units, (count["gate"] + count["recurrent"]) * units)
        self.gate_bias = _weight(count["gate"] * units)
        self.bias = _weight(count["bias"], units)
        self.scale = _weight(count["scale"], units)
        self.linear = _weight(count["linear"], units, units)
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw every weight again, from the given generator or torch's own."""
        bound = 1 / math.sqrt(self.units)
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)

    def forward(
        self, x: Tensor, state: Tensor | None = None, embedding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the layer over a sequence.

        With an `embedding` (symbols, inputs), `x` is (time, batch) int64: rows of it. If the sequence is
        longer than the embedding, each row is projected once and then looked up.

        Raises:
            ValueError: `x` or the state is not of that shape, or has no time step or no sequence.
            TypeError: the engine does not take numbers of that kind, or from that device.
            IndexError: a symbol is no row of the embedding.
        """
        wanted = 3 if embedding is None else 2
        if x.dim() != wanted or x.numel() == 0 or (wanted == 3 and x.shape[2] != self.inputs):
            axes = f"time > 0, batch > 0{f', {self.inputs}' if embedding is None else ''}"
            raise ValueError(f"expected x of shape ({axes}), got {tuple(x.shape)}")
        expected = (len(self.program.states), x.shape[1], self.units)
        if state is not None and state.shape != expected:
            raise ValueError(f"expected a state of shape {expected}, got {tuple(state.shape)}")
        weight_input: Tensor = self.weight_input
        if embedding is not None and len(embedding) <= x.numel():
            weight_input = embedding @ weight_input
        elif embedding is not None:
            x = functional.embedding(x, embedding)
        weights = Weights(
            recurrent=self.weight_recurrent,
            gate_bias=self.gate_bias,
            bias=self.bias,
            scale=self.scale,
            linear=self.linear,
        )
        return self.sequence(x, weight_input, weights, state)

    def pieces(self) -> dict[str, dict[str, Tensor]]:
        """Return views of the weights of each projection, by its name in the genome's canonical form."""
        return {
            f"{family}{i + 1}": self._pieces_of(family, i)
            for family, total in self.program.counts.items()
            for i in range(total)
        }

    def _pieces_of(self, family: str, number: int) -> dict[str, Tensor]:
        if family in ("bias", "scale", "linear"):
            return {family: getattr(self, family)[number]}
        first = (number if family == "gate" else self.program.counts["gate"] + number) * self.units
        own = slice(first, first + self.units)
        if family != "gate":
            weight = self.weight_input if family == "input" else self.weight_recurrent
            return {family: weight[:, own]}
        return {
            "input": self.weight_input[:, own],
            "recurrent": self.weight_recurrent[:, own],
            "bias": self.gate_bias[own],
        }


def _weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*shape))
