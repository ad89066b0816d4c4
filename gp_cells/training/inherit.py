"""Weights that pass from one genome's network to another's: those of what both share.

A learned projection or operation that survived a mutation or crossover keeps its weights, whatever number
or place it has now (`genomes.survivors`); so does what lies outside the formulas, as an output layer. What
is new, or has another shape, keeps the weights that were drawn for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.survivors import Survivors, survivors
from gp_cells.networks.network import OUTSIDE, Network, Part


@torch.no_grad()
def inherit(giver: Genome, giving: Network, child: Genome, taking: Network) -> float:
    """Copy the weights that a child's network shares with its giver's; return their share of all."""
    shared = survivors(giver, child)
    given = parts_of(giving)
    taken = whole = 0
    for (node, name), tensor in parts_of(taking).items():
        theirs = _by_giver(node, shared)
        source = None if theirs is None else given.get((theirs, name))
        whole += tensor.numel()
        if source is not None and source.shape == tensor.shape:
            tensor.copy_(source)
            taken += tensor.numel()
    return taken / whole


def parts_of(network: Any) -> Mapping[Part, Tensor]:
    """Return a network's parts; see `Network`. One that names none has its tensors as they are."""
    if hasattr(network, "parts"):
        parts: Mapping[Part, Tensor] = network.parts()
        return parts
    return {(OUTSIDE, name): tensor for name, tensor in network.state_dict().items()}


def _by_giver(node: Any, shared: Survivors) -> Any:
    if node == OUTSIDE:
        return node
    return shared.names.get(node) if isinstance(node, str) else shared.places.get(node)
