"""Masks: which weights of a network are kept, by a score of each, and how a network is trained under one.

Scores are those of "Pruning Neural Networks at Initialization: Why Are We Missing the Mark?" (Frankle et
al. 2021, https://arxiv.org/abs/2009.08576): SNIP and SynFlow of the first weights, the magnitude of trained
ones, and chance. A mask keeps the highest of all layers together. Its control is `shuffled`: as many are
kept in each layer, but which ones is drawn anew, so that what is left is the choice of how many a layer.

Only weights of more than one axis are pruned, as matrices and kernels; biases, gains and what symbols are
looked up in are not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gp_cells.config import seeds
from gp_cells.config.recipe import Form
from gp_cells.measures.synflow import flows
from gp_cells.networks.network import Network
from gp_cells.tasks import Batch
from gp_cells.training.loss import summed_loss

ROUNDS = 100  # of SynFlow, which empties a layer in one (Tanaka et al. 2020)
VECTORS = ("bias", "scale")  # the last words of names whose every row is a vector of its own
LOOKED_UP = "embedding.weight"

Scores = Mapping[str, Tensor]
Mask = Mapping[str, Tensor]  # bool, by a weight's name: what is kept


@dataclass(frozen=True)
class Sparse:
    """How a network is trained under a mask: from its own weights, or from some that are given."""

    mask: Mask
    weights: Mapping[str, Tensor] | None = None

    @torch.no_grad()
    def begin(self, network: Network) -> None:
        """Give a network its first weights, those that the mask leaves out being zero."""
        if self.weights is not None:
            network.load_state_dict(self.weights)
        apply(self.mask, network)

    def hold(self, network: Network) -> None:
        """Keep what is zero where it is: it has no gradient, and so no step."""
        for name, weight in network.named_parameters():
            if name in self.mask and weight.grad is not None:
                weight.grad.mul_(self.mask[name])


def prunable(network: Network) -> dict[str, Tensor]:
    """Return the weights that a mask is of, by name."""
    return {
        name: weight.detach()
        for name, weight in network.named_parameters()
        if weight.ndim > 1 and name.rpartition(".")[2] not in VECTORS and name != LOOKED_UP
    }


@torch.no_grad()
def apply(mask: Mask, network: Network) -> None:
    """Set what a mask leaves out of a network to zero."""
    for name, weight in network.named_parameters():
        if name in mask:
            weight.mul_(mask[name])


def highest(scores: Scores, share: float) -> dict[str, Tensor]:
    """Return the mask that keeps a share of all weights, at least one, those of the highest scores."""
    every = torch.cat([score.flatten() for score in scores.values()])
    kept = torch.zeros(len(every), dtype=torch.bool)
    count = max(1, round(share * len(every)))
    kept[torch.argsort(every, descending=True, stable=True)[:count]] = True
    parts = kept.split([score.numel() for score in scores.values()])
    return {
        name: part.reshape(score.shape)
        for (name, score), part in zip(scores.items(), parts, strict=True)
    }


def magnitudes(network: Network) -> dict[str, Tensor]:
    """Return how large each weight is."""
    return {name: weight.abs() for name, weight in prunable(network).items()}


def chances(network: Network, seed: int) -> dict[str, Tensor]:
    """Return a score of each weight by chance."""
    rng = seeds.generator(seed=seed, purpose="prune")
    return {
        name: torch.from_numpy(rng.random(tuple(weight.shape)))
        for name, weight in prunable(network).items()
    }


def shuffled(mask: Mask, seed: int) -> dict[str, Tensor]:
    """Return a mask that keeps as many weights of each layer, drawn by chance."""
    rng = seeds.generator(seed=seed, purpose="shuffle")
    return {
        name: kept.flatten()[torch.from_numpy(rng.permutation(kept.numel()))].reshape(kept.shape)
        for name, kept in mask.items()
    }


def snip(network: Network, form: Form, batches: Iterable[Batch]) -> dict[str, Tensor]:
    """Return |w ∂L/∂w| of the loss over some batches: Lee et al. 2019 (https://arxiv.org/abs/1810.02340)."""
    network = copy.deepcopy(network).eval()
    state: Any = None
    for batch in batches:
        inputs, targets, counted = (
            torch.from_numpy(of) for of in (batch.inputs, batch.targets, batch.counted)
        )
        predicted, state = network(inputs, state if batch.continues else None, None)
        summed_loss(form, predicted, targets, counted).backward()
        state = tuple(layer.detach() for layer in state)
    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    return {
        name: torch.zeros_like(weight) if (of := gradients[name]) is None else (weight * of).abs()
        for name, weight in prunable(network).items()
    }


def synflow(network: Network, form: Form, sample: Tensor, share: float) -> dict[str, Tensor]:
    """Return the mask that SynFlow keeps a share by, in `ROUNDS` rounds: Tanaka et al. 2020
    (https://arxiv.org/abs/2006.05467).

    `sample` is a sequence or image, whose shape alone counts.
    """
    network = copy.deepcopy(network)
    mask: dict[str, Tensor] = {}
    for number in range(1, ROUNDS + 1):
        found, scores = flows(network, sample, form), {}
        for name, weight in prunable(network).items():
            score = found.get(name, torch.zeros_like(weight)).double()
            # what is gone stays behind what has no flow
            scores[name] = score.masked_fill(~mask[name], -1.0) if mask else score
        mask = highest(scores, share ** (number / ROUNDS))
        apply(mask, network)
    return mask


def share_of(mask: Mask) -> float:
    """Return which share of the weights a mask keeps."""
    return sum(int(kept.sum()) for kept in mask.values()) / sum(
        kept.numel() for kept in mask.values()
    )
