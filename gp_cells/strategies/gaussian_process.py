"""A Gaussian process whose numbers are the same on any machine and with any number of threads.

Rasmussen and Williams 2006, http://gaussianprocess.org/gpml: sections 2.2 (prediction, algorithm 2.1), 4.2
(the rational quadratic kernel) and 5.4 (marginal likelihood). In float64, by products, differences,
quotients and square roots of whole arrays, element by element in one fixed order, which IEEE 754 rounds
alike everywhere: no BLAS, whose sums depend on its threads and processor, and no exponential of an array.
The few logarithms and exponentials are Python's `math`, rounded to 9 digits before they choose anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST_VARIANCE = 1e-9  # of a prediction, in amplitudes: rounding must not make it negative


@dataclass(frozen=True)
class Kernel:
    """A rational quadratic of a weighted sum of squared distances, by level, and noise in amplitudes.

    `scale` is in units of that sum.
    """

    weights: tuple[float, ...]
    scale: float
    noise: float

    def __call__(self, squared: Sequence[Array]) -> Array:
        """Return the covariances of what is so far apart: 1 / (1 + d² / scale)."""
        return 1.0 / (1.0 + weighted(self.weights, squared) / self.scale)


def weighted(weights: Sequence[float], squared: Sequence[Array]) -> Array:
    """Return the weighted sum of squared distances, level by level."""
    summed = np.zeros_like(squared[0])
    for weight, of_level in zip(weights, squared, strict=True):
        if weight:
            summed += weight * of_level
    return summed


@dataclass(frozen=True)
class Process:
    """A process of mean 0, seen with noise at some places, whatever came out there.

    `factor`, (n, n), is that of the covariance of what was seen.
    """

    kernel: Kernel
    factor: Array

    def look(self, squared: Sequence[Array]) -> View:
        """Return other places as it sees them, at squared distances (n, places) from what it has seen."""
        through = forward(self.factor, self.kernel(squared))
        return View(self, through, _left_of(through))

    def given(self, targets: Array) -> Array:
        """Return targets, (n,), or several of them, (n, …), as seen through the factor."""
        return forward(self.factor, targets)


@dataclass
class View:
    """Places as a process sees them: covariances with what was seen, through the factor, (n, places), and
    variances in amplitudes, (places,)."""

    process: Process
    through: Array
    variances: Array

    def means(self, given: Array) -> Array:
        """Return what is expected of each place, of targets as seen through the factor."""
        return in_order(self.through[: len(given)] * given[:, None])

    def believe(self, place: int, squared: Sequence[Array]) -> None:
        """Take what is expected of a place for seen, at squared distances (1, places) from the others.

        What is expected of the others stays as it is: the kriging believer of Ginsbourger, Le Riche and
        Carraro 2010 (https://doi.org/10.1007/978-3-642-10701-6_6).
        """
        kernel = self.process.kernel
        known = in_order(self.through * self.through[:, [place]])
        row = (kernel(squared)[0] - known) / math.sqrt(self.variances[place] + kernel.noise)
        self.through = np.vstack([self.through, row])
        self.variances = np.maximum(self.variances - row * row, LEAST_VARIANCE)


def _left_of(through: Array) -> Array:
    return np.maximum(1 - in_order(through * through), LEAST_VARIANCE)


def process_of(kernel: Kernel, squared: Sequence[Array]) -> Process:
    """Return the process with a kernel that has seen places at squared distances (n, n)."""
    return Process(kernel, cholesky(kernel(squared) + kernel.noise * np.eye(len(squared[0]))))


def amplitude(given: Array) -> float:
    """Return the variance that makes targets likeliest, as seen through the factor."""
    return max(float(in_order(given * given)) / len(given), LEAST_VARIANCE)


def likeliest(kernels: Sequence[Kernel], squared: Sequence[Array], targets: Array) -> Kernel:
    """Return the kernel that makes targets likeliest, each with its best amplitude; the first of equals."""
    size = len(targets)
    grams = [kernel(squared) + kernel.noise * np.eye(size) for kernel in kernels]
    factors = cholesky(np.stack(grams, axis=-1))  # (n, n, kernels)
    given = forward(factors, np.repeat(targets[:, None], len(kernels), axis=1))
    amplitudes = np.maximum(in_order(given * given) / size, LEAST_VARIANCE)

    def badness(which: int) -> tuple[float, int]:
        pivots = (math.log(factors[k, k, which]) for k in range(size))
        return (round(size / 2 * math.log(amplitudes[which]) + sum(pivots), 9), which)

    return kernels[min(map(badness, range(len(kernels))))[1]]


def expected_improvement(best: float, mean: float, deviation: float) -> float:
    """Return by how much a normal variate is expected to be below the best, to 9 digits.

    Mockus 1975; Jones, Schonlau and Welch 1998, https://doi.org/10.1023/A:1008306431147.
    """
    better = (best - mean) / deviation
    density = math.exp(-better * better / 2) / math.sqrt(2 * math.pi)
    chance = math.erfc(-better / math.sqrt(2)) / 2
    return float(f"{deviation * (better * chance + density):.8e}")


def cholesky(gram: Array) -> Array:
    """Return the lower factors of positive definite matrices, (n, n, …), column by column."""
    left = gram.copy()
    for k in range(len(left)):
        left[k, k] = np.sqrt(left[k, k])
        left[k + 1 :, k] /= left[k, k]
        column = left[k + 1 :, k]
        left[k + 1 :, k + 1 :] -= column[:, None] * column[None]
    return left


def forward(factor: Array, values: Array) -> Array:
    """Return x of factor · x = values, row by row: (n, n) with (n, …), or each (n, n, …) with its own."""
    solved = values.copy()
    spread = (..., *[None] * (values.ndim - factor.ndim + 1))
    for k in range(len(factor)):
        solved[k] /= factor[k, k]
        solved[k + 1 :] -= factor[k + 1 :, k][spread] * solved[k]
    return solved


def in_order(values: Array) -> Array:
    """Return the sum over the first axis, one row after the other."""
    summed: Array = np.add.accumulate(values)[-1]
    return summed
