"""An ensemble of small networks that come out the same on any machine and with any number of threads.

Values and weights are rounded to a grid of 2⁻¹² and cut at 2⁸ before each product of matrices: products,
and sums of up to 2¹³ of them, are then exact in float64, so that the order in which BLAS forms them does
not matter. All else (Adam, Kingma and Ba 2015, https://arxiv.org/abs/1412.6980) is products, quotients and
square roots, element by element.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gp_cells.strategies.gaussian_process import Array

GRID = 2.0**12  # steps in 1
LARGEST = 2.0**8  # of what is on the grid
RATE, MOMENTUM, SPREAD = 0.01, 0.9, 0.999  # Adam's


@dataclass(frozen=True)
class Ensemble:
    """Networks of two hidden layers, by their weights, (members, inputs, outputs); the last input is 1."""

    layers: tuple[Array, ...]

    def predict(self, inputs: Array) -> Array:
        """Return what each member says of some inputs, (inputs, features): (members, inputs)."""
        return _forward(self.layers, inputs)[-1][..., 0]


def train(
    inputs: Array, targets: Array, members: int, width: int, steps: int, rng: np.random.Generator
) -> Ensemble:
    """Return an ensemble that has learned targets, (n,), of inputs, (n, features), from drawn weights.

    Each step has all of them; the loss is the mean absolute error.
    """
    sizes = (inputs.shape[1], width, width, 1)
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        bound = np.sqrt(6.0 / fan_in)
        drawn = rng.uniform(-bound, bound, size=(members, fan_in + 1, fan_out))
        drawn[:, -1] = 0
        layers.append(drawn)
    first, second = [0 * layer for layer in layers], [0 * layer for layer in layers]
    decay_first = decay_second = 1.0
    for _ in range(steps):
        values = _forward(tuple(layers), inputs)
        slopes = _slopes(layers, values, np.sign(values[-1][..., 0] - targets) / len(targets))
        decay_first, decay_second = decay_first * MOMENTUM, decay_second * SPREAD
        for i, slope in enumerate(slopes):
            first[i] = MOMENTUM * first[i] + (1 - MOMENTUM) * slope
            second[i] = SPREAD * second[i] + (1 - SPREAD) * (slope * slope)
            spread = np.sqrt(second[i] / (1 - decay_second)) + 1e-8
            layers[i] = layers[i] - RATE * (first[i] / (1 - decay_first)) / spread
    return Ensemble(tuple(layers))


def _on_grid(values: Array) -> Array:
    return np.clip(np.rint(values * GRID) / GRID, -LARGEST, LARGEST)


def _forward(layers: tuple[Array, ...], inputs: Array) -> list[Array]:
    """Return the inputs of each layer, with ones for the biases, and last the outputs."""
    values = [np.broadcast_to(inputs, (len(layers[0]), *inputs.shape))]
    for i, layer in enumerate(layers):
        values[-1] = np.concatenate(
            [_on_grid(values[-1]), np.ones((*values[-1].shape[:-1], 1))], axis=-1
        )
        output = values[-1] @ _on_grid(layer)
        values.append(np.maximum(output, 0) if i < len(layers) - 1 else output)
    return values


def _slopes(layers: list[Array], values: list[Array], error: Array) -> list[Array]:
    """Return the slope of the loss by each weight, given that by the outputs, (members, n)."""
    slopes: list[Array] = []
    scale = float(len(error[0]))  # slopes of a mean are small, and the grid is not
    upstream = error[..., None] * scale
    for i in reversed(range(len(layers))):
        upstream = _on_grid(upstream)
        slopes.append(values[i].swapaxes(-1, -2) @ upstream / scale)
        if i:
            upstream = (upstream @ _on_grid(layers[i]).swapaxes(-1, -2))[..., :-1]
            upstream = upstream * (values[i][..., :-1] > 0)
    return slopes[::-1]
