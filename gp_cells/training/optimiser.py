"""The optimisers of a recipe, without torch.optim, and the share of the learning rate of each step.

- `adam`: Kingma and Ba 2015 (https://arxiv.org/abs/1412.6980).
- `sgd`: gradient descent with momentum, whose first step is the gradient itself.
- `rmsprop`: Tieleman and Hinton 2012, Coursera lecture 6.5.

Weight decay is decoupled in all of them, as in AdamW (Loshchilov and Hutter 2019,
https://arxiv.org/abs/1711.05101), which torch's own SGD and RMSprop do not have; vectors, as biases, gains
and decay rates are, lose nothing.

The arithmetic and defaults are else those of `torch.optim`, but for a momentum of 0.9. Those import torch's
compiler when they are made, which costs each trial nearly a second of CPU; an update itself is five lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gp_cells.config.recipe import Recipe

DECAY = (0.9, 0.999)  # Adam's, of the mean and of the mean square of the gradients
EPSILON = 1e-8
MOMENTUM = 0.9
SMOOTHING = 0.99  # RMSprop's, of the mean square of the gradients


@dataclass(frozen=True)
class Rule:
    """How a weight moves: what is remembered of its gradients, by name, and the update.

    `move` is called with the weight, its remembered tensors in that order, the step size and the number
    of the step, from 1.
    """

    remembers: tuple[str, ...]
    move: Callable[[nn.Parameter, list[Tensor], float, int], None]


def _adam(weight: nn.Parameter, moments: list[Tensor], rate: float, step: int) -> None:
    (mean, square), gradient = moments, weight.grad
    assert gradient is not None
    corrections = [1 - decay**step for decay in DECAY]
    mean.lerp_(gradient, 1 - DECAY[0])
    square.mul_(DECAY[1]).addcmul_(gradient, gradient, value=1 - DECAY[1])
    size = (square.sqrt() / math.sqrt(corrections[1])).add_(EPSILON)
    weight.addcdiv_(mean, size, value=-rate / corrections[0])


def _sgd(weight: nn.Parameter, moments: list[Tensor], rate: float, step: int) -> None:
    (momentum,), gradient = moments, weight.grad
    assert gradient is not None
    momentum.mul_(MOMENTUM).add_(gradient)
    weight.add_(momentum, alpha=-rate)


def _rmsprop(weight: nn.Parameter, moments: list[Tensor], rate: float, step: int) -> None:
    (square,), gradient = moments, weight.grad
    assert gradient is not None
    square.mul_(SMOOTHING).addcmul_(gradient, gradient, value=1 - SMOOTHING)
    weight.addcdiv_(gradient, square.sqrt().add_(EPSILON), value=-rate)


RULES: Mapping[str, Rule] = {
    "adam": Rule(("mean", "square"), _adam),
    "sgd": Rule(("momentum",), _sgd),
    "rmsprop": Rule(("square",), _rmsprop),
}


class Optimiser:
    """Steps some weights along their gradients; `moments` is all that it remembers, by name."""

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        learning_rate: float,
        weight_decay: float = 0.0,
        rule: str = "adam",
    ) -> None:
        self.weights = list(weights)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.rule = RULES[rule]
        self.moments = {"steps": torch.zeros((), dtype=torch.int64)}
        for i, weight in enumerate(self.weights):
            for name in self.rule.remembers:
                self.moments[f"{name}/{i}"] = torch.zeros_like(weight)

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
        step, rate = self.steps, self.learning_rate * share
        for i, weight in enumerate(self.weights):
            if weight.grad is None:
                continue
            if self.weight_decay and weight.ndim > 1:
                weight.mul_(1 - rate * self.weight_decay)
            moments = [self.moments[f"{name}/{i}"] for name in self.rule.remembers]
            self.rule.move(weight, moments, rate, step)

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
