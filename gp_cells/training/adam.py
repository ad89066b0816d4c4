"""Adam, the optimiser of Kingma and Ba 2015 (https://arxiv.org/abs/1412.6980), without torch.optim.

The arithmetic and defaults are those of `torch.optim.Adam`. That one imports torch's compiler when
it is made, which costs each trial nearly a second of CPU; the update itself is five lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

DECAY = (0.9, 0.999)  # of the mean and of the mean square of the gradients
EPSILON = 1e-8


class Adam:
    """Steps some weights along their gradients; `moments` is all that it remembers, by name."""

    def __init__(self, weights: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.weights = list(weights)
        self.learning_rate = learning_rate
        self.moments = {"steps": torch.zeros((), dtype=torch.int64)}
        for i, weight in enumerate(self.weights):
            self.moments[f"mean/{i}"] = torch.zeros_like(weight)
            self.moments[f"square/{i}"] = torch.zeros_like(weight)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every weight that has a gradient."""
        self.moments["steps"] += 1
        steps = int(self.moments["steps"])
        corrections = [1 - decay**steps for decay in DECAY]
        for i, weight in enumerate(self.weights):
            if weight.grad is None:
                continue
            mean, square = self.moments[f"mean/{i}"], self.moments[f"square/{i}"]
            mean.lerp_(weight.grad, 1 - DECAY[0])
            square.mul_(DECAY[1]).addcmul_(weight.grad, weight.grad, value=1 - DECAY[1])
            size = (square.sqrt() / math.sqrt(corrections[1])).add_(EPSILON)
            weight.addcdiv_(mean, size, value=-self.learning_rate / corrections[0])

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from moments that were kept, which stay as they are."""
        for name, value in moments.items():
            self.moments[name] = value.clone().to(self.moments[name].device)
