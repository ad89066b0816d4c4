"""A recurrent network with fewer units: the same cell, narrower, with the weights of the units that stay.

In a cell of formulas a unit is one of every gate, state and formula alike, since all between two
projections is done unit by unit. So a unit that goes takes a column of every projection with it and a row
of what reads the layer, and what is left is the network of a smaller recipe, without any mask. Each layer,
and of symbols the embedding, loses as many, which need not be the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gp_cells.config import seeds
from gp_cells.networks.cell import Cell
from gp_cells.networks.recurrent import RecurrentNetwork


def units_by_norm(network: RecurrentNetwork, count: int) -> list[Tensor]:
    """Return the units that stay, those whose weights have the largest norm, in and out together.

    Of each layer, after those of an embedding if there is one; in order.
    """
    return [_largest(of, count) for of in _norms(network)]


def units_by_chance(network: RecurrentNetwork, count: int, seed: int) -> list[Tensor]:
    """Return as many units that stay, drawn by chance."""
    rng = seeds.generator(seed=seed, purpose="units")
    return [_largest(torch.from_numpy(rng.random(len(of))), count) for of in _norms(network)]


def weights_of(network: RecurrentNetwork, kept: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return the weights of the network that has some units alone, by its names."""
    layers = [*kept]
    weights: dict[str, Tensor] = {}
    before: Tensor | None = None
    if network.embedding is not None:
        before = layers.pop(0)
        weights["embedding.weight"] = network.embedding.weight[:, before]
    for i, (cell, units) in enumerate(zip(network.cells, layers, strict=True)):
        rows = slice(None) if before is None else before
        of_cell = {
            "weight_input": cell.weight_input[rows][:, _columns(cell.weight_input, units, cell)],
            "weight_recurrent": cell.weight_recurrent[units][
                :, _columns(cell.weight_recurrent, units, cell)
            ],
            "gate_bias": cell.gate_bias[_columns(cell.gate_bias, units, cell)],
            "bias": cell.bias[:, units],
            "scale": cell.scale[:, units],
            "linear": cell.linear[:, units][:, :, units],
        }
        weights |= {f"layers.{i}.{name}": weight for name, weight in of_cell.items()}
        before = units
    weights["output.weight"] = network.output.weight[:, before]
    weights["output.bias"] = network.output.bias
    return {name: weight.detach().clone() for name, weight in weights.items()}


def _columns(weight: Tensor, units: Tensor, cell: Cell) -> Tensor:
    """Return the columns of some units in each projection of a weight."""
    projections = torch.arange(weight.shape[-1] // cell.units) * cell.units
    return (projections[:, None] + units).flatten()


def _largest(scores: Tensor, count: int) -> Tensor:
    return torch.argsort(scores, descending=True, stable=True)[:count].sort().values


@torch.no_grad()
def _norms(network: RecurrentNetwork) -> list[Tensor]:
    """Return the norm of what writes and reads each unit, by layer, an embedding's first."""
    cells = network.cells
    readers = [*(cell.weight_input for cell in cells[1:]), network.output.weight.T]
    norms = [_squares(cell, reader).sqrt() for cell, reader in zip(cells, readers, strict=True)]
    if network.embedding is None:
        return norms
    embedding = network.embedding.weight.square().sum(0) + cells[0].weight_input.square().sum(1)
    is_tied = network.embedding.weight is network.output.weight
    return [norms[-1] if is_tied else embedding.sqrt(), *norms]


def _squares(cell: Cell, reader: Tensor) -> Tensor:
    """Return the summed squares of all weights that write or read each unit."""
    written = (cell.weight_input, cell.weight_recurrent, cell.gate_bias, cell.bias, cell.scale)
    own = [weight.square().reshape(-1, cell.units).sum(0) for weight in written]
    read = [weight.square().sum(1) for weight in (cell.weight_recurrent, reader)]
    mixed = cell.linear.square()
    return torch.stack([*own, *read, mixed.sum((0, 1)), mixed.sum((0, 2))]).sum(0)
