"""The network around a recurrent cell: input, layers, output."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.networks.engine import build_layers
from gp_cells.networks.head import draw_weights, drop, outputs_of
from gp_cells.networks.network import OUTSIDE, Part

State = tuple[Tensor, ...]  # for each layer, what its cell carries over: (states, batch, units)


class RecurrentNetwork(nn.Module):
    """Recurrent layers of one cell between a task's inputs and its predictions.

    Inputs are (time, batch, features) frames, fed in as they are, or (time, batch) symbols, embedded
    first; predictions (time, batch, outputs). With the recipe's `tied`, embedding and output share one
    weight (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).
    """

    def __init__(
        self,
        genome: Genome,
        form: Form,
        recipe: Recipe,
        engine: str = "compiled",
        device: str = "cpu",
        precision: str = "float32",
    ) -> None:
        super().__init__()
        units, is_text = recipe.units, form.inputs == "symbols"
        self.dropout = recipe.dropout
        self.embedding = nn.Embedding(form.features, units) if is_text else None
        first = units if is_text else form.features
        self.cells = build_layers(genome, first, units, recipe.layers, engine, device, precision)
        self.engine = self.cells[0].engine
        self.layers = nn.ModuleList(self.cells)
        self.output = nn.Linear(units, form.outputs)
        if recipe.tied and self.embedding is not None:
            self.embedding.weight = self.output.weight

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed, each module by its own customary rule."""
        generator = torch.Generator().manual_seed(seed)
        for cell in self.cells:
            cell.reset_parameters(generator)
        draw_weights(self.output, generator)
        if self.embedding is not None and self.embedding.weight is not self.output.weight:
            nn.init.normal_(self.embedding.weight, generator=generator)

    def start_from(self, guess: Tensor) -> None:
        """Let predictions begin at (outputs,) values: the output layer's bias."""
        self.output.bias.data.copy_(guess)

    def forward(
        self, inputs: Tensor, state: State | None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return predictions and the state after the last step; dropout draws from `generator`.

        Symbols may also come embedded already, as (time, batch, units) numbers.
        """
        values, is_text = inputs, not inputs.is_floating_point()
        embedding = self.embedding.weight if self.embedding is not None and is_text else None
        carried = []
        for i, cell in enumerate(self.cells):
            before = None if state is None else state[i]
            values, layer_state = cell(values, before, embedding if i == 0 else None)
            carried.append(layer_state)
            if self.training and self.dropout > 0:
                values = drop(values, self.dropout, generator)
        return self.output(values), tuple(carried)

    def activations(
        self, inputs: Tensor, state: State | None
    ) -> tuple[Tensor, State, list[Tensor]]:
        """Return predictions, the state, and the (time, batch, units) outputs of each layer."""
        with outputs_of(self.cells) as given:
            predicted, carried = self(inputs, state)
        return predicted, carried, [outputs for outputs, _ in given]

    def parts(self) -> dict[Part, Tensor]:
        """Return the weights of each projection in each layer, and those around; see `Network`."""
        found: dict[Part, Tensor] = {
            (OUTSIDE, name): tensor
            for name, tensor in self.state_dict().items()
            if not name.startswith("layers.")
        }
        for i, cell in enumerate(self.cells):
            for projection, pieces in cell.pieces().items():
                found |= {(projection, f"{i} {name}"): piece for name, piece in pieces.items()}
        return found

    def embed(self, inputs: Tensor) -> Tensor:
        """Return symbols as (time, batch, units) numbers, frames as they are."""
        if self.embedding is None:
            return inputs
        embedded: Tensor = self.embedding(inputs)
        return embedded

    def without_dropout(self) -> RecurrentNetwork:
        """Return a copy whose training zeroes nothing."""
        network = copy.deepcopy(self)
        network.dropout = 0.0
        return network
