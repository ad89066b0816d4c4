"""Adam, the optimiser of Kingma and Ba 2015 (https://arxiv.org/abs/1412.6980), without torch.optim.

With a weight decay it is AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), but for
vectors, as biases, gains and decay rates are, which lose nothing.

The arithmetic and defaults are those of `torch.optim.Adam` and `AdamW`. Those import torch's compiler
when they are made, which costs each trial nearly a second of CPU; the update itself is five lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gp_cells.config.recipe import Recipe

DECAY = (0.9, 0.999)  # of the mean and of the mean square of the gradients
EPSILON = 1e-8


class Adam:
    """Steps some weights along their gradients; `moments` is all that it remembers, by name."""

    def __init__(
        self, weights: Iterable[nn.Parameter], learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self.weights = list(weights)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.moments = {"steps": torch.zeros((), dtype=torch.int64)}
        for i, weight in enumerate(self.weights):
            self.moments[f"mean/{i}"] = torch.zeros_like(weight)
            self.moments[f"square/{i}"] = torch.zeros_like(weight)

    @property
    def steps(self) -> int:
        """How many steps there have been."""
        return int(self.moments["steps"])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, share: float = 1.0) -> None:
        """Move every weight that has a gradient, by a share of the learning rate."""
        self.moments["steps"] += 1
        steps, rate = self.steps, self.learning_rate * share
        corrections = [1 - decay**steps for decay in DECAY]
        for i, weight in enumerate(self.weights):
            if weight.grad is None:
                continue
            if self.weight_decay and weight.ndim > 1:
                weight.mul_(1 - rate * self.weight_decay)
            mean, square = self.moments[f"mean/{i}"], self.moments[f"square/{i}"]
            mean.lerp_(weight.grad, 1 - DECAY[0])
            square.mul_(DECAY[1]).addcmul_(weight.grad, weight.grad, value=1 - DECAY[1])
            size = (square.sqrt() / math.sqrt(corrections[1])).add_(EPSILON)
            weight.addcdiv_(mean, size, value=-rate / corrections[0])

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from moments that were kept, which stay as they are."""
        for name, value in moments.items():
            self.moments[name] = value.clone().to(self.moments[name].device)


def share_of_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the share of the learning rate that step `step` of `steps`, from 0, is taken with.

    A schedule falls from 1, at the first step after the warm-up, to nothing at the step after the last;
    the cosine is that of Loshchilov and Hutter 2017 (https://arxiv.org/abs/1608.03983), without restarts.
    """
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    if recipe.schedule == "constant":
        return 1.0
    done = (step - recipe.warm_up) / max(1, steps - recipe.warm_up)
    if recipe.schedule == "linear":
        return max(0.0, 1 - done)
    return (1 + math.cos(math.pi * min(1.0, done))) / 2
