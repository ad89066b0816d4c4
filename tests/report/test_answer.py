from typing import Any, ClassVar

import pytest

from gp_cells.compare.summary import _range
from gp_cells.report.answer import _signed, answer
from gp_cells.report.evidence import gather
from gp_cells.report.page import _loss, _written

ONE_SEARCH = {
    "rows": [{"strategy": "gp", "n": 1}],
    "designed": {"name": "lstm"},
    "pairs": [],
    "warnings": [],
}


class Told:
    """Evidence of two finalists with the given test losses by seed."""

    task, unit = "bach_chorales", "nats per frame"
    tables: ClassVar[dict[str, Any]] = {}

    def __init__(self, evolved, designed, runs=1, errors=(None, None), references=None):
        self.losses = {"evolved": evolved, "designed": designed}
        self.evolved = [
            {
                "name": None,
                "side": "evolved",
                "run": "r",
                "strategy": "gp",
                "failed": 0,
                "valid_mean": 1.0,
                "test_error": errors[0],
            }
        ]
        self.designed = [
            {"name": "lstm", "side": "designed", "valid_mean": 1.0, "test_mean": None}
            | {"test_error": errors[1]}
        ]
        self.references = references or {}
        self.searching = {"gp": [f"r{i}" for i in range(runs)]}
        self.rows = [{**row, "strategy": "gp"} for row in self.evolved]

    def replicates(self, row):
        losses = self.losses[row["side"]]
        return [{"seed": i, "loss": loss} for i, loss in enumerate(losses)]

    def loss(self, trial, split):
        return trial["loss"]


def evidence(*losses: Any, **more: Any) -> Any:
    """Return such evidence, which has no more than an answer reads."""
    return Told(*losses, **more)


@pytest.mark.parametrize(
    ("evolved", "designed", "said"),
    [
        ([1.0, 1.1], [2.0, 2.1], "beats the best hand-designed one, lstm, by 1.000"),
        ([2.0, 2.1], [1.0, 1.1], "stays 1.000 nats per frame behind"),
        ([1.0, 2.1], [1.1, 2.0], "within seed noise, under 0.001 nats per frame apart"),
        (
            [1.0],
            [2.0],
            "a lower loss than the best hand-designed one, lstm, by 1.000 nats per frame",
        ),
        (
            [2.0],
            [1.0],
            "a higher loss than the best hand-designed one, lstm, by 1.000 nats per frame",
        ),
        ([None, 1.0], [2.0, None], "share no seed"),
    ],
)
def test_the_headline_says_who_is_better_and_by_how_much(evolved, designed, said):
    assert said in answer(evidence(evolved, designed), ONE_SEARCH, ()).headline


def test_one_seed_beats_nobody():
    headline = answer(evidence([1.0], [2.0]), ONE_SEARCH, ()).headline

    assert "beats" not in headline
    assert "(one seed)" in headline


@pytest.mark.parametrize(
    ("evolved", "designed", "said"),
    [
        ([1.0], [2.0], "its loss is lower, by 1.000 nats per frame (one seed)"),
        ([2.0, 2.1], [1.0, 1.1], "its loss is higher, by 1.000 nats per frame (two seeds)"),
        ([1.0, 2.1], [1.1, 2.0], "their losses are within seed noise, under 0.001"),
        ([1.0, 2.0], [1.0, 2.0], "their losses are equal"),
    ],
)
def test_errors_of_classes_come_before_losses(evolved, designed, said):
    told = evidence(evolved, designed, errors=(0.352, 0.296))

    headline = answer(told, ONE_SEARCH, ()).headline
    assert (
        "(gp) has 35.2 % errors on the test split, the best hand-designed one, lstm, 29.6 %; "
        in (headline)
    )
    assert said in headline and "beats" not in headline


def test_a_headline_where_nothing_was_learned_compares_nothing():
    guards = [{"guard": "nothing_learned", "said": "nothing was learned"}]

    headline = answer(evidence([1.0, 1.1], [2.0, 2.1]), ONE_SEARCH, guards).headline
    assert headline == "On Bach chorales, no cell is better than guessing."


def test_untrained_designed_cells_are_no_measure_of_the_cells_found():
    told = evidence([0.1, 0.1], [0.6, 0.6], references={"class_means": 0.4, "frequency": 0.9})

    assert answer(told, ONE_SEARCH, ()).headline == (
        "On Bach chorales, no hand-designed cell that could be compared is better than guessing "
        "(class means), so nothing says how good the cells found are."
    )


def test_two_seeds_are_called_too_few():
    caution = answer(evidence([1.0, 1.1], [2.0, 2.1]), ONE_SEARCH, ()).caution

    assert "n = 2" in caution
    assert "too few to rule out chance" in caution


@pytest.mark.parametrize(
    ("evolved", "said"),
    [
        ([1.0, 1.0, 1.0], "better with all three"),
        ([3.0, 1.0, 1.0], "better with two of them"),
        ([3.0, 3.0, 3.0], "worse with all three"),
    ],
)
def test_seeds_that_agree_are_counted(evolved, said):
    assert (
        f"the found cell is {said}"
        in answer(evidence(evolved, [2.0, 2.0, 2.0]), ONE_SEARCH, ()).caution
    )


def test_five_seeds_are_not_called_few():
    said = answer(evidence([1.0] * 5, [2.0] * 5), ONE_SEARCH, ())

    assert "too few" not in said.caution
    assert "seeds)" not in said.headline


def test_one_search_a_strategy_claims_nothing_about_strategies(made_up):
    results, comparison = made_up

    evidence = gather(results, "made_up", comparison)[0]
    told = answer(evidence, comparison["tasks"][0]["strategies"], ())
    assert "Each search ran once" in told.caution


def test_equal_cells_are_not_called_worse():
    told = answer(evidence([1.0, 2.0], [1.0, 2.0]), ONE_SEARCH, ())

    assert "do equally well" in told.headline
    assert "both cells have the same loss with both" in told.caution


def test_strategies_that_were_run_more_than_once_are_not_said_to_have_run_once():
    told = evidence([1.0, 1.1], [2.0, 2.1], runs=2)
    told.searching["random"] = ["r9"]

    assert "Each search ran once" not in answer(told, ONE_SEARCH, ()).caution


# --- repeated searches ----------------------------------------------------------------------------


def searched(low, high, p_holm=0.4, warnings=(), errors=(None, None)):
    """Return what a comparison says of two strategies, the better one so far behind `gru`."""
    mean = (low + high) / 2
    behind = {"mean": mean, "low": low, "high": high}
    rows = [
        {
            "strategy": "gp",
            "n": 6,
            "valid_mean": 1.0,
            "behind_designed": behind,
            "error": errors[0],
        },
        {"strategy": "random", "n": 6, "valid_mean": 2.0, "behind_designed": behind, "error": 0.9},
    ]
    pair = {"left": "gp", "right": "random", "difference": 9.0, "p_holm": p_holm}
    pair["rank_biserial"] = -0.9  # the mean is of one outlier
    return {
        **{"rows": rows, "pairs": [pair], "warnings": list(warnings)},
        "designed": {"name": "gru", "test_mean": 1.0, "seeds": 3, "test_error": errors[1]},
    }


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (
            0.01,
            0.03,
            "end with a higher loss than the best hand-designed cell, gru: +0.020 nats per frame [+0.010",
        ),
        (
            -0.03,
            -0.01,
            "end with a lower loss than the best hand-designed cell, gru: −0.020 nats per frame [−0.030",
        ),
        (
            -0.01,
            0.03,
            "end indistinguishable from the best hand-designed cell, gru: +0.010 nats per frame",
        ),
    ],
)
def test_repeated_searches_are_judged_by_the_interval_of_their_mean(low, high, said):
    assert said in answer(evidence([1.0], [1.0]), searched(low, high), ()).headline


def test_errors_come_first_of_repeated_searches_too():
    strategies = searched(-0.01, 0.03, errors=(0.05, 0.04))

    headline = answer(evidence([1.0], [1.0]), strategies, ()).headline
    assert (
        "searches by gp end with 5.0 % errors on the test split, the best hand-designed cell, gru, "
        in (headline)
    )
    assert "with 4.0 %; their losses are indistinguishable: +0.010 nats per frame" in headline


def test_the_strategy_spoken_of_is_the_best_by_validation():
    told = answer(evidence([1.0], [1.0]), searched(0.01, 0.03), ())

    assert "searches by gp" in told.headline
    assert "best of two strategies by validation" in told.caution
    assert "n = 6" in told.caution


def test_strategies_are_told_apart_only_after_correction():
    apart = answer(evidence([1.0], [1.0]), searched(0.01, 0.03, p_holm=0.03), ()).caution
    alike = answer(evidence([1.0], [1.0]), searched(0.01, 0.03, p_holm=0.4), ()).caution

    assert "gp is better than random (corrected p 0.03)" in apart
    assert "No two strategies differ significantly (smallest corrected p 0.4)" in alike


def test_warnings_of_the_comparison_stand_beside_its_answer():
    told = answer(
        evidence([1.0], [1.0]), searched(0.01, 0.03, warnings=["only 4 searches of gp"]), ()
    )

    assert "Only 4 searches of gp." in told.caution


@pytest.mark.parametrize("value", [-0.0, -0.0004, 0.0004])
def test_what_rounds_to_zero_has_no_minus(value: float) -> None:
    row = {"low": value, "high": value}
    assert _range(row) == "[0.000, 0.000]"
    assert _signed(value) == "+0.000"
    assert _loss(value) == "0.000"
    assert _written("z.2f", value) == "0.00"
