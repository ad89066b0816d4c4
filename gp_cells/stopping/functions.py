"""The index of parametric learning curves, and their fit by least squares, without an optimiser.

Each function is a + b·s(x), or b·s(x) alone, of the epoch x from 1: a shape s with one or two parameters of
its own, and up to two in which the curve is linear. The shape's parameters are tried on a grid, which is
then made finer around the best; a and b follow in closed form. So a fit is a few products of small
matrices, has no start to choose and cannot fail to converge. A function is a line in `FUNCTIONS`.

The names are those of A4NN's index (Channing, Patel, Olaya et al. 2023,
https://doi.org/10.1145/3605573.3605604), LCDB (Mohr, Viering, Loog and van Rijn 2022) and Domhan,
Springenberg and Hutter 2015. All fall and all rise: they describe losses as well as accuracies.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = Callable[..., Array]  # of the epochs and the shape's own parameters

REFINEMENTS = 3  # of the grid
FINER = 7  # values of each parameter in a refined grid


@dataclass(frozen=True)
class Function:
    """A parametric curve: `formula` with y, x, a, b and the shape's parameters c and d.

    `grids` are the values of each parameter of `shape` that are tried first, in their order. Without
    `has_asymptote` there is no a; with `of_logarithms` the formula is that of ln y.
    """

    formula: str
    shape: Shape
    grids: tuple[tuple[float, ...], ...] = ()
    has_asymptote: bool = True
    of_logarithms: bool = False

    @property
    def parameters(self) -> int:
        """How many parameters it has."""
        return len(self.grids) + 1 + self.has_asymptote


@dataclass(frozen=True)
class Fitted:
    """A function with its parameters; `error` is the root of the mean squared error."""

    function: Function
    own: tuple[float, ...]
    a: float
    b: float
    error: float

    def at(self, epochs: Sequence[float] | Array) -> Array:
        """Return the curve at some epochs."""
        with np.errstate(all="ignore"):
            values = self.a + self.b * self.function.shape(
                np.asarray(epochs, dtype=float), *self.own
            )
            curve: Array = np.exp(values) if self.function.of_logarithms else values
        return curve


def _range(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return values between two ends, each the same times the one before."""
    return tuple(np.geomspace(low, high, count).tolist())


RATES, POWERS = _range(0.01, 4.0, 24), _range(0.05, 4.0, 24)
SCALES, EXPONENTS = _range(0.01, 4.0, 14), _range(0.2, 4.0, 12)

FUNCTIONS: Mapping[str, Function] = {
    "exp3": Function("y = a + b e^(-c x)", lambda x, c: np.exp(-c * x), (RATES,)),
    "penguin": Function("y = a - b^(c - x)", lambda x, c: (1 + c) ** -x, (RATES,)),
    "expd3": Function("y = a - (a - b) e^(-c x)", lambda x, c: 1 - np.exp(-c * x), (RATES,)),
    "exp2": Function("y = b e^(-c x)", lambda x, c: np.exp(-c * x), (RATES,), has_asymptote=False),
    "exp4": Function(
        "y = a + b e^(-c x^d)", lambda x, c, d: np.exp(-c * x**d), (SCALES, EXPONENTS)
    ),
    "expp3": Function(
        "y = a + b e^((x + c)^-d)", lambda x, c, d: np.exp((x + c) ** -d), (SCALES, EXPONENTS)
    ),
    "pow2": Function("y = b x^-c", lambda x, c: x**-c, (POWERS,), has_asymptote=False),
    "pow3": Function("y = a + b x^-c", lambda x, c: x**-c, (POWERS,)),
    "pow4": Function(
        "y = a + b (x + c)^-d",
        lambda x, c, d: (x + c) ** -d,
        (_range(0.05, 50.0, 14), EXPONENTS),
    ),
    "log2": Function("y = a + b ln x", lambda x: np.log(x)),
    "ilog2": Function("y = a + b / ln (x + 1)", lambda x: 1 / np.log1p(x)),
    "logpow3": Function(
        "y = a + b / (1 + (x/c)^d)",
        lambda x, c, d: 1 / (1 + (x / c) ** d),
        (_range(0.5, 100.0, 14), EXPONENTS),
    ),
    "vap3": Function(
        "ln y = a + b (1/x + c ln x)",
        lambda x, c: 1 / x + c * np.log(x),
        ((0.0, *(-v for v in _range(0.001, 1.0, 12)), *_range(0.001, 1.0, 12)),),
        of_logarithms=True,
    ),
    "mmf4": Function(
        "y = a + b c / (c + x^d)",
        lambda x, c, d: c / (c + x**d),
        (_range(0.1, 1000.0, 14), EXPONENTS),
    ),
    "hill3": Function(
        "y = b x^d / (c^d + x^d)",
        lambda x, c, d: x**d / (c**d + x**d),
        (_range(0.1, 100.0, 14), EXPONENTS),
        has_asymptote=False,
    ),
    "wbl4": Function(
        "y = a + b e^(-(x/c)^d)",
        lambda x, c, d: np.exp(-((x / c) ** d)),
        (_range(0.25, 100.0, 14), EXPONENTS),
    ),
    "lin2": Function("y = a + b x", lambda x: x),
}


def fit(name: str, values: Sequence[float] | Array) -> Fitted | None:
    """Return the function that is nearest to the values of the epochs 1, 2, ….

    None where there are fewer values than parameters, one is not finite, or, of a function of logarithms,
    not positive.
    """
    function = FUNCTIONS[name]
    curve = np.asarray(values, dtype=float)
    if len(curve) < function.parameters or not np.isfinite(curve).all():
        return None
    if function.of_logarithms:
        if curve.min() <= 0:
            return None
        curve = np.log(curve)
    grid, shapes = _on_grid(name, len(curve))
    best = _nearest(function, grid, shapes, curve)
    axes = [np.asarray(axis) for axis in function.grids]
    for _ in range(REFINEMENTS if axes else 0):
        axes = [_around(axis, own) for axis, own in zip(axes, best.own, strict=True)]
        finer = np.array(list(itertools.product(*axes)))
        best = _nearest(function, finer, _shapes(function, finer, len(curve)), curve)
    return best


def _around(axis: Array, value: float) -> Array:
    """Return values from the neighbour before one of an axis to the one after it."""
    ordered = np.sort(axis)
    at = int(np.abs(ordered - value).argmin())
    low, high = ordered[max(at - 1, 0)], ordered[min(at + 1, len(ordered) - 1)]
    return np.unique(np.append(np.linspace(low, high, FINER), value))


@lru_cache(maxsize=512)
def _on_grid(name: str, epochs: int) -> tuple[Array, Array]:
    """Return a function's first grid (points, parameters), and its shapes there (points, epochs)."""
    function = FUNCTIONS[name]
    grid = np.array(list(itertools.product(*function.grids)))
    return grid, _shapes(function, grid, epochs)


def _shapes(function: Function, grid: Array, epochs: int) -> Array:
    x = np.arange(1.0, epochs + 1)
    with np.errstate(all="ignore"):
        shapes: Array = np.broadcast_to(
            function.shape(x, *(column[:, None] for column in grid.T)), (len(grid), epochs)
        )
    return shapes


def _nearest(function: Function, grid: Array, shapes: Array, curve: Array) -> Fitted:
    """Return the best of the points of a grid, with the linear parameters that are best there."""
    with np.errstate(all="ignore"):
        centre = shapes.mean(axis=1) if function.has_asymptote else np.zeros(len(shapes))
        middle = float(curve.mean()) if function.has_asymptote else 0.0
        inner, outer = shapes - centre[:, None], curve - middle
        squares = (inner**2).sum(axis=1)
        b = np.where(squares > 0, (inner @ outer) / np.where(squares > 0, squares, 1), 0.0)
        errors = ((outer - b[:, None] * inner) ** 2).mean(axis=1)
    errors = np.where(np.isfinite(errors), errors, np.inf)
    at = int(errors.argmin())
    if not np.isfinite(errors[at]):
        return Fitted(function, tuple(grid[at].tolist()), middle, 0.0, float(curve.std()))
    a = middle - float(b[at] * centre[at]) if function.has_asymptote else 0.0
    return Fitted(function, tuple(grid[at].tolist()), a, float(b[at]), float(errors[at] ** 0.5))
