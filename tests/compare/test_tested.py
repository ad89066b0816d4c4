"""Test loss over time: from what was tested after all choices, and from nothing else."""

import pytest
from support.hand_made import finalist, records

from gp_cells.compare.tested import losses_over_time


def found(strategy, seed, number, valid, test, **changed):
    """Return a finalist that was the search's candidate of this number, counted from 1."""
    row = finalist(strategy, seed, test, valid_mean=valid)
    return {**row, "architecture_id": f"{strategy}-s{seed}-{number - 1}", **changed}


SEARCH = {("gp", 1): [5.0, 4.0, 3.0, 6.0]}


def test_the_finalist_with_the_lowest_validation_loss_so_far_has_its_test_loss_shown():
    finalists = [
        found("gp", 1, 3, 1.0, 1.5),
        found("gp", 1, 1, 2.0, 1.2),  # a better test loss, which chooses nothing
        found("gp", 1, 2, 2.5, 0.1),
    ]

    [curve] = losses_over_time(records(SEARCH), finalists)

    assert (curve["strategy"], curve["n"], curve["finalists"]) == ("gp", 1, 3)
    assert (curve["x"], curve["mean"]) == ([1, 3, 4], [1.2, 1.5, 1.5])


def test_a_curve_is_a_mean_from_where_every_search_has_found_a_finalist():
    of = records({("gp", 1): [3.0] * 4, ("gp", 2): [3.0] * 5})
    finalists = [
        found("gp", 1, 1, 2.0, 2.0),
        found("gp", 1, 4, 1.0, 1.0),
        found("gp", 2, 2, 2.0, 4.0),
    ]

    [curve] = losses_over_time(of, finalists)

    assert (curve["x"], curve["mean"]) == ([2, 4], [3.0, 2.5])
    assert curve["searches"] == [
        {"seed": 1, "x": [1, 4, 4], "loss": [2.0, 1.0, 1.0]},
        {"seed": 2, "x": [2, 5], "loss": [4.0, 4.0]},
    ]
    assert "low" not in curve


def test_three_searches_have_a_band():
    of = records({("gp", seed): [3.0] for seed in (1, 2, 3)})
    [curve] = losses_over_time(of, [found("gp", s, 1, 1.0, float(s)) for s in (1, 2, 3)])

    assert curve["mean"] == [pytest.approx(2.0)]
    assert 1.0 <= curve["low"][0] < 2.0 < curve["high"][0] <= 3.0


def test_a_search_whose_finalists_failed_is_left_out_and_not_counted():
    of = records({("gp", 1): [3.0], ("gp", 2): [3.0], ("random", 1): [3.0]})
    finalists = [
        found("gp", 1, 1, 1.0, 1.0),
        found("gp", 2, 1, 1.0, 1.0, failed=1),
        found("random", 1, 1, 1.0, 1.0, test_mean=None),
    ]

    [curve] = losses_over_time(of, finalists)

    assert (curve["strategy"], curve["n"]) == ("gp", 1)


def test_an_architecture_that_was_trained_twice_was_found_where_it_was_best():
    of = records({("gp", 1): [5.0, 4.0, 3.0]})
    for table in ("trials", "candidates"):
        of.tables[table][2]["architecture_id"] = "gp-s1-0"

    [curve] = losses_over_time(of, [found("gp", 1, 1, 1.0, 1.0)])

    assert curve["x"] == [3]
