import pytest
from support.hand_made import records

from gp_cells.compare.anytime import anytime


def curve(found, budget, strategy="gp"):
    (one,) = (c for c in found["curves"] if c["budget"] == budget and c["strategy"] == strategy)
    return one


def test_the_best_so_far_is_a_mean_over_seeds_at_each_candidate():
    found = anytime(records({("gp", 1): [3.0, 1.0, 2.0], ("gp", 2): [5.0, 4.0, 2.0]}))

    by_candidate = curve(found, "evaluations")
    assert by_candidate["x"] == [1, 2, 3]
    assert by_candidate["mean"] == [4.0, 2.5, 1.5]
    assert by_candidate["n"] == 2


def test_two_seeds_have_no_band_and_three_have():
    two = anytime(records({("gp", s): [3.0, s] for s in (1, 2)}))
    three = anytime(records({("gp", s): [3.0, s] for s in (1, 2, 3)}))

    assert "low" not in curve(two, "evaluations")
    bands = curve(three, "evaluations")
    assert bands["low"][0] == bands["high"][0] == 3.0
    assert 1.0 <= bands["low"][1] < 2.0 < bands["high"][1] <= 3.0


def test_a_curve_begins_where_every_seed_has_had_a_success():
    found = anytime(records({("gp", 1): [None, 1.0, 2.0], ("gp", 2): [5.0, 4.0, 2.0]}))

    by_candidate = curve(found, "evaluations")
    assert by_candidate["x"] == [2, 3]
    assert by_candidate["mean"] == [2.5, 1.5]


def test_there_is_no_curve_of_a_strategy_one_of_whose_searches_never_succeeded():
    found = anytime(records({("gp", 1): [None, None], ("gp", 2): [5.0, 4.0]}))

    assert found["curves"] == []


def test_failed_trials_cost_their_whole_process_and_an_epoch_at_least():
    of = records({("gp", 1): [3.0, None, 1.0]})
    of.tables["trials"][1].update({"epochs": 0, "cpu_s": 0.0, "process_cpu_s": 60.0})
    found = anytime(of)

    assert curve(found, "epochs")["x"] == [2, 3, 4, 5]
    assert curve(found, "epochs")["mean"] == [3.0, 3.0, 3.0, 1.0]
    assert curve(found, "cpu_s")["x"][-1] == pytest.approx(1.5 + 60 + 1.5)


def test_no_moment_lies_behind_the_end_of_a_run():
    of = records({("gp", 1): [3.0, 2.0, 1.0]})
    for trial, seconds in zip(of.tables["trials"], (1.0, 1.2, 1.3), strict=True):
        trial["cpu_s"] = seconds

    by_seconds = curve(anytime(of), "cpu_s")

    assert by_seconds["x"][-1] == pytest.approx(3.5)
    assert by_seconds["mean"][-1] == 1.0


def test_the_best_known_is_the_lowest_of_all_runs_designed_cells_among_them():
    found = anytime(records({("gp", 1): [3.0, 2.0], ("baselines", 1): [1.0, 4.0]}))

    assert found["best_known"] == {"loss": 1.0, "run": "baselines-s1", "candidate": "w000-00"}
    assert {c["strategy"] for c in found["curves"]} == {"gp"}
