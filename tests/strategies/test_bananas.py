from __future__ import annotations

import numpy as np
import pytest

from gp_cells.strategies import ensemble
from gp_cells.strategies.bananas import Bananas
from gp_cells.tabular.truth import nas_bench_201, play

RNG = np.random.default_rng(1)
INPUTS = RNG.integers(0, 3, size=(120, 20)).astype(np.float64)
TARGETS = INPUTS @ RNG.normal(size=20) / 4 + INPUTS[:, 0] * INPUTS[:, 1]
TARGETS -= TARGETS.mean()


def test_an_ensemble_learns_what_it_is_shown_and_foretells_what_it_is_not() -> None:
    trained = ensemble.train(INPUTS[:90], TARGETS[:90], 5, 16, 150, np.random.default_rng(2))
    said = trained.predict(INPUTS)
    assert said.shape == (5, 120)
    assert np.abs(said.mean(axis=0) - TARGETS)[:90].mean() < 0.2 * TARGETS.std()
    assert np.corrcoef(said.mean(axis=0)[90:], TARGETS[90:])[0, 1] > 0.8
    assert said[:, 90:].std(axis=0).mean() > said[:, :90].std(axis=0).mean()


def test_slopes_are_those_of_the_loss() -> None:
    layers = list(ensemble.train(INPUTS, TARGETS, 2, 3, 1, np.random.default_rng(2)).layers)

    def loss(layers: list[ensemble.Array]) -> ensemble.Array:
        said = ensemble.Ensemble(tuple(layers)).predict(INPUTS)
        return np.abs(said - TARGETS).mean(axis=1)

    values = ensemble._forward(tuple(layers), INPUTS)
    error = np.sign(values[-1][..., 0] - TARGETS) / len(TARGETS)
    slopes = ensemble._slopes(layers, values, error)
    step = 16 / ensemble.GRID
    for i, layer in enumerate(layers):
        moved = [of.copy() for of in layers]
        moved[i][:, 0, 0] = layer[:, 0, 0] + step
        assert (loss(moved) - loss(layers)) / step == pytest.approx(slopes[i][:, 0, 0], abs=0.1)


def test_products_on_the_grid_are_exact_in_any_order() -> None:
    first, second = (
        ensemble._on_grid(100 * RNG.normal(size=(50, 4000))),
        ensemble._on_grid(RNG.normal(size=(4000, 8))),
    )
    order = RNG.permutation(4000)
    assert np.array_equal(first @ second, first[:, order] @ second[order])


def test_it_finds_nearly_the_best_cell_of_15625_with_a_hundred() -> None:
    history = play(
        Bananas(mutations=("replace",)),
        nas_bench_201.NASBench201(),
        nas_bench_201.table,
        [10] * 10,
        1,
        1,
    )
    lowest = min(row.fitness for row in nas_bench_201.rows())
    assert 100 * (min(outcome.fitness for outcome in history) - lowest) < 0.2
