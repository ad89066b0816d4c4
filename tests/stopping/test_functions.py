"""The index of parametric curves: each finds itself again, and none does worse than an optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from gp_cells.stopping.functions import FUNCTIONS, fit

EPOCHS = np.arange(1.0, 41)


def test_the_index_has_at_least_the_published_thirteen() -> None:
    assert len(FUNCTIONS) >= 13
    assert {"pow2", "pow3", "log2", "exp2", "exp3", "exp4", "expp3", "expd3"} <= set(FUNCTIONS)
    assert {"vap3", "mmf4", "wbl4", "ilog2", "penguin"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("a", "b"), [(2.0, 1.5), (90.0, -60.0), (-1.0, 0.02)])
def test_a_function_foresees_the_curve_that_it_is_from_its_first_third(
    name: str, a: float, b: float
) -> None:
    function = FUNCTIONS[name]
    if function.of_logarithms:
        a, b = 0.3, 0.5
    a = a if function.has_asymptote else 0.0
    own = [grid[len(grid) // 2] * 1.03 for grid in function.grids]
    curve = a + b * function.shape(EPOCHS, *own)
    curve = np.exp(curve) if function.of_logarithms else curve
    covered = curve.max() - curve.min()

    fitted = fit(name, curve[:14])

    assert fitted is not None
    assert fitted.error < 0.01 * covered
    assert abs(fitted.at([40])[0] - curve[-1]) < 0.1 * covered


def exponential(x: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a + b * np.exp(-c * x)


def power(x: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a + b * x**-c


@pytest.mark.parametrize(("name", "formula"), [("exp3", exponential), ("pow3", power)])
def test_the_grid_fits_noisy_curves_as_well_as_least_squares_by_scipy(
    name: str, formula: Any
) -> None:
    rng, x = np.random.default_rng(1), EPOCHS[:15]
    for _ in range(20):
        curve = formula(x, rng.uniform(1, 3), rng.uniform(1, 4), rng.uniform(0.2, 1))
        curve += rng.normal(0, 0.02, 15)
        best, _ = curve_fit(formula, x, curve, p0=(1, 1, 0.5), maxfev=10_000)
        theirs = float(np.sqrt(((formula(x, *best) - curve) ** 2).mean()))
        ours = fit(name, curve)
        assert ours is not None and ours.error < 1.01 * theirs


def test_what_cannot_be_fitted_is_none() -> None:
    assert fit("exp3", [3.0, 2.0]) is None
    assert fit("exp3", [3.0, np.nan, 2.0, 1.0, 1.0]) is None
    assert fit("vap3", [3.0, 2.0, -1.0, -2.0, -2.5]) is None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_constant_curve_stays_constant(name: str) -> None:
    fitted = fit(name, [0.7] * 9)
    assert fitted is not None
    if FUNCTIONS[name].has_asymptote:
        assert fitted.at([50])[0] == pytest.approx(0.7)
