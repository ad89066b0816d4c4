"""Each guard against finalists of which the right answer is plain."""

from typing import Any

import pytest
from support.hand_made import finalist, records

from gp_cells.compare.guards import (
    designed_untrained,
    guard,
    has_learned,
    is_edge_of_epochs,
    is_edge_of_rates,
    nothing_learned,
    say_edges,
    say_falling,
    say_unlike_genes,
    say_unlike_starts,
    still_falls,
)

GUESS = ("frequency", 0.700)


def cell(test: float | None, name: str | None = None, valid: float = 0.1) -> dict[str, Any]:
    return {"name": name, "valid_mean": valid, "test_mean": test}


@pytest.mark.parametrize(
    ("row", "learned"),
    [
        (cell(0.60), True),
        (cell(0.695), False),  # under 1 % better
        (cell(0.75), False),  # on test, whatever validation says
        (cell(None), True),  # not tested
        (cell(None, valid=0.75), False),
    ],
)
def test_a_cell_has_learned_what_a_trivial_predictor_does_not_know(row: Any, learned: bool) -> None:
    assert has_learned(row, GUESS) == learned


def test_nothing_was_learned_if_no_cell_is_better_than_a_guess() -> None:
    said = nothing_learned([cell(0.71), cell(0.699, "gru")], GUESS)

    assert "no cell is better than the trivial predictor frequency (0.700) by more than 1 %" in said
    assert nothing_learned([cell(0.71), cell(0.5, "gru")], GUESS) == ""
    assert nothing_learned([cell(0.71)], None) == ""
    assert nothing_learned([], GUESS) == ""


def test_designed_cells_behind_a_guess_are_named_and_counted() -> None:
    said = designed_untrained([cell(0.2), cell(0.8, "gru"), cell(0.3, "lstm")], GUESS)

    assert said.startswith("1 of 2 hand-designed cells are no better than the trivial predictor")
    assert said.endswith(": gru")
    assert designed_untrained([cell(0.9), cell(0.3, "lstm")], GUESS) == ""
    assert (
        designed_untrained([cell(0.9), cell(0.9, "lstm")], GUESS) == ""
    )  # the other guard says it


@pytest.mark.parametrize(
    ("curve", "falls"),
    [
        ([2.0] * 18 + [1.9, 1.8], True),
        ([2.0] * 18 + [1.99, 1.985], False),  # 0.75 %
        ([2.0] * 10 + [1.0] * 10, False),
        ([3.0, 2.0, 1.0], True),
        ([1.0, 2.0, 3.0], False),
        ([1.0], False),
        ([], False),
        ([0.0, 0.0], False),
    ],
)
def test_a_curve_that_falls_in_its_last_tenth_still_falls(curve: list[float], falls: bool) -> None:
    assert still_falls([curve]) == falls


def test_a_finalist_falls_if_its_mean_over_seeds_does() -> None:
    assert still_falls([[1.0, 1.0], [1.0, 0.97]])
    assert not still_falls([[1.0, 1.0], [1.0, 0.99]])


def test_the_lowest_and_the_highest_rate_are_an_edge() -> None:
    tried = [0.1, 0.2, 0.2, 0.3]

    assert [is_edge_of_rates(rate, tried) for rate in (0.1, 0.2, 0.3)] == [True, False, True]
    assert not is_edge_of_rates(0.1, [0.1, 0.1])
    assert not is_edge_of_rates(None, [])


def test_the_last_epoch_is_an_edge_if_it_is_the_best_with_every_seed() -> None:
    last, before = ({"status": "ok", "epochs": 9, "best_epoch": at} for at in (9, 8))

    assert is_edge_of_epochs([last, last])
    assert not is_edge_of_epochs([last, before])
    assert not is_edge_of_epochs([{**last, "status": "stopped_early"}])
    assert not is_edge_of_epochs([])


def test_what_does_not_apply_is_not_said() -> None:
    assert say_falling(0, 9) == say_edges(0, 0, 9) == ""
    assert "the loss of 3 of 9 finalists still fell by over 1 %" in say_falling(3, 9)
    assert "of 9 finalists 2 in their learning rate and 3 in their epochs" in say_edges(2, 3, 9)
    assert say_edges(0, 3, 9).endswith(
        "of 9 finalists 3 in their epochs, the last being the best with every seed"
    )


def test_strategies_that_search_unlike_parts_of_the_training_are_named() -> None:
    rate = {"learning_rate": {"low": 0.1, "high": 1.0}}
    assert say_unlike_genes({"gp": None, "random": None}) == ""
    assert say_unlike_genes({"gp": rate, "random": dict(rate)}) == ""
    said = say_unlike_genes({"gp": rate, "random": None})
    assert "(gp learning_rate; others nothing)" in said
    assert said.endswith("give all of them the same genes")


def test_finalists_that_went_on_from_their_searches_weights_are_not_compared_in_silence() -> None:
    assert say_unlike_starts([], ["gp", "random"]) == say_unlike_starts(["neat"], []) == ""
    said = say_unlike_starts(["neat"], ["baselines", "neat_anew"])
    assert said.startswith("finalists of neat went on from the weights that their searches trained")
    assert "those of baselines, neat_anew from fresh ones" in said


def test_a_resumed_training_that_ended_with_its_best_epoch_is_at_the_edge_of_its_epochs() -> None:
    trial = {"status": "ok", "epochs": 2, "total_epochs": 6, "best_epoch": 6}
    assert is_edge_of_epochs([trial])
    assert not is_edge_of_epochs([{**trial, "best_epoch": 2}])


def test_guards_are_asked_of_a_tasks_records() -> None:
    of = records({("gp", 1): [1.0], ("baselines", 1): [1.0]}, {"unigram": 2.0})
    replicate = {**of.tables["trials"][0], "finalist": 0, "chosen": True, "learning_rate": 0.1}
    replicate |= {"status": "ok", "best_epoch": 2}  # of two, whose losses are 2 and 1
    of = type(of)(of.task, {**of.tables, "trials": [replicate]}, of.curves)
    rows = [finalist("gp", 1, 1.0), finalist("baselines", 1, 5.0, name="lstm")]
    rows = [{**row, "finalist": 0, "learning_rate": 0.1} for row in rows]

    assert [found["guard"] for found in guard(of, rows)] == [
        *("designed_untrained", "still_falling", "at_the_edge"),
    ]
