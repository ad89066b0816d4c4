"""What networks share beside their cells: dropout, an output layer's weights, a look at the inside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


def drop(values: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Return values with a share of them zeroed, drawn from `generator`, the others scaled up for it."""
    keep = torch.empty_like(values).bernoulli_(1 - share, generator=generator)
    return values * keep / (1 - share)


def draw_weights(output: nn.Linear, generator: torch.Generator) -> None:
    """Draw an output layer's weights uniformly within 1/sqrt(inputs) of zero, as torch does."""
    bound = output.in_features**-0.5
    for weight in output.parameters():
        nn.init.uniform_(weight, -bound, bound, generator=generator)


@contextlib.contextmanager
def outputs_of(modules: Iterable[nn.Module]) -> Iterator[list[Any]]:
    """Give a list that gets what each of some modules gives, whenever one runs inside the block."""
    given: list[Any] = []
    hooks = [
        module.register_forward_hook(lambda _, __, output: given.append(output))
        for module in modules
    ]
    try:
        yield given
    finally:
        for hook in hooks:
            hook.remove()
