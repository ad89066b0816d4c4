"""The network of a decoder genome: layers of one block over a residual stream."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.networks import loops, words
from gp_cells.networks.block import Sizes, block_parts
from gp_cells.networks.cell import Engine
from gp_cells.networks.decoder_block import Block
from gp_cells.networks.head import draw_weights, drop, outputs_of
from gp_cells.networks.network import OUTSIDE, Part

State = tuple[Tensor, ...]  # the steps so far, and then what each layer carries over


class DecoderNetwork(nn.Module):
    """Layers of one block, each reading and changing a stream of `units` numbers a step.

    Inputs are (time, batch) symbols, embedded, or (time, batch, features) frames, projected; predictions
    (time, batch, outputs), read from the stream's norm. With the recipe's `tied`, embedding and output
    share one weight. Where blocks carry nothing over (`carries`), every batch is a window of its own.
    Only in training does dropout zero a share of what each part adds to the stream.
    """

    def __init__(
        self,
        genome: Genome,
        form: Form,
        recipe: Recipe,
        sizes: Sizes,
        cells: Mapping[str, Genome],
        carries: bool,
        engine: str = "eager",
    ) -> None:
        super().__init__()
        units, is_text = recipe.units, form.inputs == "symbols"
        self.dropout, self.carries, self.sizes = recipe.dropout, carries, sizes
        self.engine = _made(engine)
        self.embedding = nn.Embedding(form.features, units) if is_text else None
        self.projection = None if is_text else nn.Linear(form.features, units)
        parts = block_parts(genome)
        self.blocks = [Block(parts, sizes, cells, engine) for _ in range(recipe.layers)]
        self.layers = nn.ModuleList(self.blocks)
        self.norm = nn.Parameter(torch.ones(units))
        self.output = nn.Linear(units, form.outputs)
        if recipe.tied and self.embedding is not None:
            self.embedding.weight = self.output.weight

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed, each word by its own customary rule."""
        generator = torch.Generator().manual_seed(seed)
        for block in self.blocks:
            block.reset_parameters(generator)
        nn.init.ones_(self.norm)
        draw_weights(self.output, generator)
        if self.projection is not None:
            draw_weights(self.projection, generator)
        if self.embedding is not None and self.embedding.weight is not self.output.weight:
            nn.init.normal_(self.embedding.weight, generator=generator)

    def start_from(self, guess: Tensor) -> None:
        """Let predictions begin at (outputs,) values: the output layer's bias."""
        self.output.bias.data.copy_(guess)

    def forward(
        self, inputs: Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return predictions and what the next batch goes on from; dropout draws from `generator`."""
        predicted, after = self.stream(inputs, (state or None) if self.carries else None, generator)
        return predicted, after if self.carries else ()

    def stream(
        self, inputs: Tensor, state: State | None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return predictions and all that a sequence can go on from, whether or not it grows."""
        values = (self.embed(inputs) if not inputs.is_floating_point() else inputs).transpose(0, 1)
        if self.projection is not None:
            values = self.projection(values)
        steps = 0 if state is None else int(state[0])
        left = None if state is None else list(state[1:])
        after: list[Tensor] = []
        share = self.dropout if self.training else 0.0
        adding = partial(drop, share=share, generator=generator) if share else None
        for block in self.blocks:
            values, kept = block(values, left, steps, adding)
            after += kept
        predicted = self.output(words.norm(values, self.norm)).transpose(0, 1)
        return predicted, (torch.tensor(steps + values.shape[1]), *after)

    def activations(
        self, inputs: Tensor, state: State | None
    ) -> tuple[Tensor, State, list[Tensor]]:
        """Return predictions, the state, the (time, batch, units) stream after each layer, and its norm."""
        with outputs_of(self.blocks) as given:
            predicted, carried = self(inputs, state)
        streams = [values.transpose(0, 1) for values, _ in given]
        return predicted, carried, [*streams, words.norm(streams[-1], self.norm)]

    def parts(self) -> dict[Part, Tensor]:
        """Return the weights of each word in each layer, and those around; see `Network`."""
        found: dict[Part, Tensor] = {
            (OUTSIDE, name): tensor
            for name, tensor in self.state_dict().items()
            if not name.startswith("layers.")
        }
        for i, block in enumerate(self.blocks):
            for (node, role), tensor in block.pieces().items():
                found[(node, f"{i} {role}")] = tensor
        return found

    def embed(self, inputs: Tensor) -> Tensor:
        """Return symbols as (time, batch, units) numbers, frames as they are."""
        if self.embedding is None:
            return inputs
        return functional.embedding(inputs, self.embedding.weight)

    def without_dropout(self) -> DecoderNetwork:
        """Return a copy whose training zeroes nothing."""
        network = copy.deepcopy(self)
        network.dropout = 0.0
        return network


def _made(engine: str) -> Engine:
    """Return an engine for the record of a trial, the compiled one with its compiler."""
    if engine != "compiled":
        return Engine(engine)
    made = loops.library(torch.float32)
    return Engine(engine, made.compiler, made.compile_s)
