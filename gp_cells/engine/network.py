"""The network around a cell: input, recurrent layers, output; and its loss in nats."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.engine import build_layers
from gp_cells.genome import Genome

State = tuple[Tensor, ...]  # for each layer, what its cell carries over: (states, batch, units)


class Network(nn.Module):
    """Recurrent layers of one cell between a task's inputs and its predictions.

    For `frames` the inputs are (time, batch, features) floats, fed in as they are; for `symbols`
    (time, batch) integers, embedded first. Outputs are (time, batch, features) logits. With `tied`,
    embedding and output share one weight (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).
    """

    def __init__(
        self,
        genome: Genome,
        kind: str,
        features: int,
        units: int,
        layers: int,
        dropout: float,
        tied: bool = False,
        engine: str = "compiled",
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.kind, self.dropout = kind, dropout
        self.embedding = nn.Embedding(features, units) if kind == "symbols" else None
        first = units if kind == "symbols" else features
        self.cells = build_layers(genome, first, units, layers, engine, device, precision)
        self.layers = nn.ModuleList(self.cells)
        self.output = nn.Linear(units, features)
        if tied and self.embedding is not None:
            self.embedding.weight = self.output.weight

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed, each module by its own customary rule."""
        generator = torch.Generator().manual_seed(seed)
        bound = self.output.in_features**-0.5
        for cell in self.cells:
            cell.reset_parameters(generator)
        for weight in self.output.parameters():
            nn.init.uniform_(weight, -bound, bound, generator=generator)
        if self.embedding is not None and self.embedding.weight is not self.output.weight:
            nn.init.normal_(self.embedding.weight, generator=generator)

    def forward(
        self, inputs: Tensor, state: State | None, dice: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return logits and the state after the last step; `dice` decides what dropout zeroes."""
        values, embedding = inputs, None if self.embedding is None else self.embedding.weight
        carried = []
        for i, cell in enumerate(self.cells):
            before = None if state is None else state[i]
            values, layer_state = cell(values, before, embedding if i == 0 else None)
            carried.append(layer_state)
            if self.training and self.dropout > 0:
                keep = torch.empty_like(values).bernoulli_(1 - self.dropout, generator=dice)
                values = values * keep / (1 - self.dropout)
        return self.output(values), tuple(carried)

    def summed_loss(self, logits: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
        """Return the negative log-likelihood in nats, summed over all counted targets.

        A frame's loss is the sum over its keys.
        """
        if self.kind == "frames":
            each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return (each.sum(2) * counted).sum()
        each = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return (each * counted.flatten()).sum()
