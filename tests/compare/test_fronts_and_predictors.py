from typing import cast

import numpy as np
import pytest
from support.benchmark import ROOT
from support.hand_made import records, trial

from gp_cells.compare.fronts import median_surface, size_against_loss
from gp_cells.compare.noise import PLANNED, read_noise, say_noise, seed_against_architecture
from gp_cells.compare.operators import operator_credit
from gp_cells.compare.power import smallest_difference
from gp_cells.compare.predictors import early_epochs, search_as_predictor
from gp_cells.compare.records import Records


def test_the_median_surface_is_what_half_of_the_runs_reach():
    # Three nested fronts: the middle one.
    runs = [[(1.0, 3.0), (3.0, 1.0)], [(2.0, 4.0), (4.0, 2.0)], [(3.0, 5.0), (5.0, 3.0)]]

    assert median_surface(runs, 3) == [[2.0, 4.0], [4.0, 2.0]]


def test_runs_that_trained_nothing_attain_nothing():
    runs = [[(1.0, 3.0)], [(2.0, 4.0)]]

    assert median_surface(runs, 2) == [[1.0, 3.0]]
    assert median_surface(runs, 4) == [[2.0, 4.0]]
    assert median_surface(runs, 5) == []
    assert median_surface([], 3) == []


def test_hypervolumes_are_shares_of_that_of_all_trials_within_one_stated_point():
    of = records({("gp", 1): [2.0], ("gp", 2): [3.0], ("random", 1): [3.0]}, {"unigram": 4.0})
    largest = {"run": "random-s1", "architecture_id": "random-s1-0", "parameters": 30}
    of.tables["architectures"][-1].update(largest)

    found = size_against_loss(of)

    assert found is not None
    assert found["reference_point"] == [4.0, 30]
    assert found["hypervolume"] == (4 - 2) * (30 - 10)
    gp, random = found["rows"]
    assert (gp["n"], gp["shares"], gp["share"]) == (2, [1.0, 0.5], 0.75)
    assert random["shares"] == [0.0]


def test_there_is_no_hypervolume_without_a_trivial_predictor():
    assert size_against_loss(records({("gp", 1): [2.0]})) is None


def test_operators_are_credited_with_children_better_than_all_their_parents():
    edges = [
        {"run": "gp-s1", "child": "w000-02", "parent": "w000-00", "operator": "cross+insert"},
        {"run": "gp-s1", "child": "w000-02", "parent": "w000-01", "operator": "cross+insert"},
        {"run": "gp-s1", "child": "w000-03", "parent": "w000-00", "operator": "insert"},
        {"run": "gp-s1", "child": "w000-04", "parent": "w000-03", "operator": "insert"},
        {"run": "gp-s1", "child": "w000-05", "parent": "w000-01", "operator": "shrink"},
    ]
    of = records({("gp", 1): [3.0, 2.0, 1.0, None, 5.0, 4.0]}, lineage=edges)

    cross, insert, shrink = operator_credit(of)

    assert cross == {
        **{"strategy": "gp", "operator": "cross", "n": 1, "failed": 0, "better": 1.0},
        "median_gain": 1.0,
    }
    # The child of a failed parent is not counted, a failed child is no better.
    assert (insert["n"], insert["failed"], insert["better"]) == (2, 1, 0.5)
    assert (shrink["better"], shrink["median_gain"]) == (0.0, -2.0)


def test_early_epochs_are_correlated_with_the_final_fitness_by_rank():
    of = records({("gp", 1): [1.0, 2.0, 3.0, 4.0, 5.0, None]})
    cast(list[float], of.curves["gp-s1/w000-00"])[0] = 99.0

    first, last = early_epochs(of)

    assert (first["epoch"], first["n"]) == (1, 5)
    assert first["correlation"] == pytest.approx(0.0)
    assert last["correlation"] == pytest.approx(1.0)
    assert first["low"] < 0 < first["high"]


def test_a_search_predicts_finalists_by_the_ranks_of_both():
    of = records({("gp", 1): [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    losses = [10.0, 20.0, 30.0, 40.0, 50.0]
    anew = [
        {"architecture_id": f"gp-s1-{i}", "valid_mean": loss, "failed": 0}
        for i, loss in enumerate(losses)
    ]
    failed = {"architecture_id": "gp-s1-5", "valid_mean": 0.0, "failed": 1}

    found = search_as_predictor(of, [*anew, failed])

    assert (found["correlation"], found["n"]) == (pytest.approx(1.0), 5)


def test_no_rank_correlation_is_given_of_four_architectures():
    first, _ = early_epochs(records({("gp", 1): [1.0, 2.0, 3.0, 4.0]}))

    assert first["n"] == 4
    assert first["correlation"] is None


def replicates(losses):
    rows = [
        trial("gp-s1", f"r{i}-{j}", f"cell-{i}", loss, seed=101 + j, chosen=True, role="replicate")
        for i, of in enumerate(losses)
        for j, loss in enumerate(of)
    ]
    return Records("toy", {"runs": [], "trials": rows}, {})


def test_the_variance_of_seeds_is_told_from_that_of_architectures():
    found = seed_against_architecture(replicates([[1.0, 2.0], [3.0, 4.0], [None, 9.0]]))

    assert found is not None
    assert (found["architectures"], found["left_out"], found["seeds"]) == (2, 1, 2)
    # Means 1.5 and 3.5 of rows, 2 and 3 of columns, and nothing left.
    assert found["architecture_deviation"] == pytest.approx(2**0.5)
    assert found["seed_deviation"] == pytest.approx(0.5**0.5)
    assert found["rest_deviation"] == pytest.approx(0.0, abs=1e-9)
    assert found["share_of_architecture"] == pytest.approx(2 / 2.5)
    assert found["lowest_mean"] == 1.5
    assert (found["told_apart"], found["pairs"]) == (1, 1)  # by 2 with either seed


def test_one_seed_says_nothing_of_variance():
    assert seed_against_architecture(replicates([[1.0], [3.0]])) is None


def test_the_smallest_difference_of_two_cells_is_that_of_paired_seeds():
    generator = np.random.default_rng(1)
    losses = generator.normal(0.0, 0.1, (200, 10))  # all cells are alike
    found = seed_against_architecture(replicates(losses.tolist()))

    assert found is not None
    assert found["rest_deviation"] == pytest.approx(0.1, rel=0.05)
    expected = {str(n): smallest_difference(found["rest_deviation"] * 2**0.5, n) for n in PLANNED}
    assert found["smallest"] == expected
    assert found["told_apart"] / found["pairs"] == pytest.approx(0.05, abs=0.01)


def test_the_noise_floor_of_a_release_is_told_for_validation_and_test():
    rows = read_noise(ROOT / "results/reference", None)

    vowels, tested = (row for row in rows if row["task"] == "japanese_vowels")
    assert (vowels["split"], tested["split"]) == ("valid", "test")
    assert vowels["share_of_architecture"] < 0.2  # its 54 validation sequences tell hardly anything
    head, rule, *lines = say_noise(rows)
    assert len({line.count("|") for line in (head, rule, *lines[: len(rows)])}) == 1
