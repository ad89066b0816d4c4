from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from gp_cells.strategies.gaussian_process import (
    Array,
    Kernel,
    amplitude,
    cholesky,
    expected_improvement,
    likeliest,
    process_of,
)

RNG = np.random.default_rng(1)
SEEN, OTHERS = RNG.normal(size=(30, 4)), RNG.normal(size=(20, 4))
TARGETS = np.sin(SEEN.sum(axis=1))
KERNEL = Kernel((1.0,), 3.0, 0.01)


def squared(first: Array, second: Array) -> list[Array]:
    return [((first[:, None] - second) ** 2).sum(axis=-1)]


def noisy(kernel: Kernel, places: Array) -> Array:
    return kernel(squared(places, places)) + kernel.noise * np.eye(len(places))


def test_what_is_expected_and_how_surely_is_the_textbooks() -> None:
    process = process_of(KERNEL, squared(SEEN, SEEN))
    view = process.look(squared(SEEN, OTHERS))
    between, inverse = KERNEL(squared(SEEN, OTHERS)), np.linalg.inv(noisy(KERNEL, SEEN))
    given = process.given(TARGETS)
    assert view.means(given) == pytest.approx(between.T @ inverse @ TARGETS)
    assert view.variances == pytest.approx(1 - np.diag(between.T @ inverse @ between))
    assert amplitude(given) == pytest.approx(TARGETS @ inverse @ TARGETS / len(TARGETS))


def test_to_believe_in_a_place_is_to_have_seen_there_what_was_expected() -> None:
    process = process_of(KERNEL, squared(SEEN, SEEN))
    view = process.look(squared(SEEN, OTHERS))
    given = process.given(TARGETS)
    expected = view.means(given)
    for place in (3, 7):
        view.believe(place, squared(OTHERS[[place]], OTHERS))
    more = np.vstack([SEEN, OTHERS[[3, 7]]])
    again = process_of(KERNEL, squared(more, more))
    seen_again = again.look(squared(more, OTHERS))
    told = np.concatenate([TARGETS, expected[[3, 7]]])
    assert seen_again.variances == pytest.approx(view.variances)
    assert seen_again.means(again.given(told)) == pytest.approx(view.means(given))


def test_the_likeliest_kernel_is_that_of_the_density_of_the_targets() -> None:
    kernels = [Kernel((1.0,), scale, noise) for scale in (0.3, 3.0, 30.0) for noise in (1e-3, 0.1)]

    def likelihood(kernel: Kernel) -> float:
        gram = noisy(kernel, SEEN)
        best = TARGETS @ np.linalg.solve(gram, TARGETS) / len(TARGETS)
        return float(-len(TARGETS) / 2 * np.log(best) - np.linalg.slogdet(gram)[1] / 2)

    found = likeliest(kernels, squared(SEEN, SEEN), TARGETS)
    assert found == max(kernels, key=likelihood)


def test_a_factor_times_itself_is_the_matrix() -> None:
    gram = noisy(KERNEL, SEEN)
    factor = np.tril(cholesky(gram))
    assert factor @ factor.T == pytest.approx(gram)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (-1.0, 0.1), (3.0, 0.5), (40.0, 1.0)])
def test_expected_improvement_is_the_integral_over_what_is_better(
    mean: float, deviation: float
) -> None:
    better = np.linspace(-12, 0, 200_001)
    integral = np.trapezoid(-better * norm.pdf(better, mean, deviation), better)
    assert expected_improvement(0.0, mean, deviation) == pytest.approx(integral, abs=1e-6)
