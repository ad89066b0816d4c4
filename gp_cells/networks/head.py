"""What every network has around its cells: dropout, and an output layer with weights drawn."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def drop(values: Tensor, share: float, dice: torch.Generator | None) -> Tensor:
    """Return values with a share of them zeroed, as `dice` decides, and the others made up for it."""
    keep = torch.empty_like(values).bernoulli_(1 - share, generator=dice)
    return values * keep / (1 - share)


def draw_weights(output: nn.Linear, generator: torch.Generator) -> None:
    """Draw an output layer's weights uniformly within 1/sqrt(inputs) of zero, as torch does."""
    bound = output.in_features**-0.5
    for weight in output.parameters():
        nn.init.uniform_(weight, -bound, bound, generator=generator)
