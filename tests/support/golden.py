"""Golden numbers of published blocks: the block with weights from a seed that they belong to.

`golden_blocks.npz` has of each block what an implementation of others gave, float32: the output, and the
gradients of the inputs and of all weights, of the sum of the output times `toward`. `make_golden.py`
wrote it, and says whose implementation it ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gp_cells.config import seeds
from gp_cells.config.recipe import Form, Recipe
from gp_cells.networks.block import weights
from gp_cells.networks.decoder_block import Block
from gp_cells.spaces.decoder import Decoder, published

GOLDEN = Path(__file__).parent / "golden_blocks.npz"
D, H, K, TIME = 8, 2, 4, 6


def seeded(name: str, engine: str) -> tuple[Block, Tensor, Tensor]:
    """Return a published block with all weights from a seed, inputs, and `toward`, (1, time, D) float64."""
    space, form = Decoder(heads=H, most_parameters=0), Form("frames", D, "numbers", D)
    network = space.network(published(name), form, Recipe(units=D), engine, "cpu", "float32")
    block = network.double().blocks[0]
    dice = seeds.generator(purpose="golden", block=name)

    def draw(shape: Sequence[int]) -> Tensor:
        return torch.from_numpy(dice.standard_normal(tuple(shape)))

    with torch.no_grad():
        for weight in block.parameters():
            weight.copy_(draw(weight.shape) / 2)
    return block, draw((1, TIME, D)).requires_grad_(), draw((1, TIME, D))


class Weights:
    """The weights of a block, the next one of a word at each call."""

    def __init__(self, block: Block) -> None:
        self.found: dict[str, list[list[Tensor]]] = {}
        for part in block.parts_:
            for step in part.steps:
                if weights(step, block.sizes):
                    self.found.setdefault(step.word, []).append(block.weights_of(step))

    def next(self, word: str) -> Tensor:
        """Return the one weight of the next step with that word."""
        [weight] = self.several(word)
        return weight

    def several(self, word: str) -> list[Tensor]:
        """Return the weights of the next step with that word."""
        return self.found[word].pop(0)


def numbers(block: Block, x: Tensor, output: Tensor, toward: Tensor) -> dict[str, np.ndarray]:
    """Return an output and its gradients, by the names that they have in the file after the block's."""
    named = {"x": x, **dict(block.named_parameters())}
    learned = [of for of in named.values() if of.numel()]
    gradients = torch.autograd.grad((output * toward).sum(), learned)
    found = {"output": output, **{str(i): of for i, of in enumerate(gradients)}}
    return {key: of.detach().numpy() for key, of in found.items()}
