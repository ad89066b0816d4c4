"""Evolved against designed cells of equal size, and what a number of seeds could show."""

import math

import numpy as np
import pytest
from scipy import stats
from support.hand_made import finalist

from gp_cells.compare.power import could_show, say_power, seeds_needed, smallest_difference
from gp_cells.compare.records import Row
from gp_cells.compare.sizes import at_equal_size, say_sizes


def cell(name, parameters, test_mean, strategy="gp", **changed):
    """Return a finalist of some size; without a name it is evolved."""
    losses = [test_mean - 0.01, test_mean, test_mean + 0.01]
    row = finalist(strategy, 1, test_mean, name=name)
    return {
        **row,
        "parameters": parameters,
        "test_losses": losses,
        "trial": f"t{parameters}",
        **changed,
    }


def test_each_limit_has_the_best_of_both_kinds_by_validation():
    rows = at_equal_size(
        [  # the best first
            cell("large", 100, 1.0, "baselines"),
            cell(None, 60, 2.0, finalist=0),
            cell("small", 50, 1.5, "baselines"),
            cell(None, 40, 1.2, finalist=1),
        ]
    )

    assert [row["parameters"] for row in rows] == [50, 100]
    assert [row["designed"]["name"] for row in rows] == ["small", "large"]
    assert [row["evolved"]["finalist"] for row in rows] == [1, 0]
    assert [row["difference"] for row in rows] == pytest.approx([-0.3, 1.0])
    assert rows[0]["high"] < 0 < rows[1]["low"]


def test_a_limit_that_changes_neither_cell_is_left_out():
    rows = at_equal_size(
        [
            cell("best", 50, 1.0, "baselines"),
            cell("worse and larger", 80, 2.0, "baselines"),
            cell(None, 40, 1.2),
        ]
    )

    assert [row["parameters"] for row in rows] == [50]


def test_the_last_limit_lets_the_largest_evolved_cell_in():
    rows = at_equal_size([cell(None, 900, 0.5), cell("only", 50, 1.0, "baselines")])

    assert [(row["parameters"], row["evolved"]["parameters"]) for row in rows] == [(900, 900)]


@pytest.mark.parametrize("lacking", [{"failed": 1}, {"test_mean": None}, {"parameters": None}])
def test_a_cell_without_what_is_compared_is_no_candidate(lacking):
    kept, left_out = cell(None, 40, 1.0, finalist=1), cell(None, 40, 0.1)

    [row] = at_equal_size([{**left_out, **lacking}, kept, cell("only", 50, 1.0, "baselines")])

    assert row["evolved"]["test_mean"] == 1.0


def test_without_a_cell_of_both_kinds_nothing_is_compared():
    assert at_equal_size([cell(None, 40, 1.0)]) == []
    assert at_equal_size([cell("only", 50, 1.0, "baselines")]) == []
    assert say_sizes([]) == ""


def test_a_sentence_tells_where_evolved_cells_are_ahead_and_behind():
    rows: list[Row] = [
        {"parameters": 1000, "low": -2.0, "high": -1.0},
        {"parameters": 2000, "low": -1.0, "high": 1.0},
        {"parameters": 3000, "low": 1.0, "high": 2.0},
        {"parameters": 4000, "low": None, "high": None},
    ]

    said = say_sizes(rows)

    assert "ahead at up to 1,000 parameters; behind at up to 3,000 parameters" in said
    assert said.endswith("within the spread of training seeds at 1 of 3 limits")


# --- power ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "expected"), [(5, 1.682), (10, 0.996), (20, 0.660), (34, 0.495)])
def test_the_smallest_difference_is_that_of_tables_of_power(n, expected):
    """Effect sizes of a paired t-test at power 0.8 and 5 %, as G*Power has them."""
    assert smallest_difference(1.0, n) == pytest.approx(expected, abs=0.002)


def test_a_difference_that_could_be_told_is_found_in_four_of_five_cases():
    rng, n = np.random.default_rng(1), 8
    drawn = rng.normal(smallest_difference(2.0, n), 2.0, (20_000, n))

    found = stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05

    assert np.mean(found) == pytest.approx(0.8, abs=0.01)


def test_seeds_needed_are_the_fewest_that_would_tell():
    n = seeds_needed(1.0, 0.4)

    assert n is not None
    assert smallest_difference(1.0, n) <= 0.4 < smallest_difference(1.0, n - 1)
    assert seeds_needed(1.0, -0.4) == n
    assert seeds_needed(1.0, 0.001) is None


@pytest.mark.parametrize("differences", [[], [1.0, 2.0], [1.0, 1.0, 1.0]])
def test_nothing_is_foretold_without_a_spread(differences):
    assert could_show(differences) is None
    assert say_power([{"could_show": could_show(differences)}]) == ""


def test_a_sentence_tells_what_seeds_could_show():
    differences = [0.1, -0.2, 0.3, 0.0, 0.1]
    found = could_show(differences)

    assert found is not None
    assert found["seeds"] == [5, 10, 20]
    assert found["differences"][0] > found["differences"][1] > found["differences"][2]
    assert math.isclose(
        found["differences"][0], smallest_difference(float(np.std(differences, ddof=1)), 5)
    )
    assert f"5 seeds {found['differences'][0]:.3f}, 10 seeds" in say_power([{"could_show": found}])
