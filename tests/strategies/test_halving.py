"""Successive halving: who goes on, for how long, in which wave."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import pytest
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome
from gp_cells.strategies.halving import Halving

SPACE = Recurrent()


def of_wave(history: Sequence[Outcome], wave: int) -> list[Outcome]:
    return [outcome for outcome in history if outcome.wave == wave]


@pytest.mark.parametrize("lag", [1, 2])
def test_the_best_of_a_rung_go_on_to_the_epochs_of_the_next(lag: int) -> None:
    widths = [width for width in (9, 3, 1) for _ in range(lag)]
    history = played(Halving(), SPACE, widths, lag)
    for wave in range(lag, 3 * lag):
        below = sorted(of_wave(history, wave - lag), key=lambda o: (o.fitness, o.candidate))
        assert [o.start for o in of_wave(history, wave)] == [
            o.candidate for o in below[: widths[wave]]
        ]
        assert {o.epochs for o in of_wave(history, wave)} == {3 ** (wave // lag)}
    assert all(o.start is None and o.recipe == {"epochs": 1} for o in of_wave(history, 0))


def test_by_predictions_those_go_on_who_promise_most_and_the_others_count_as_observed() -> None:
    strategy = Halving(rank="predicted")
    history = played(strategy, SPACE, [4], 1)
    by_loss = sorted(history, key=lambda outcome: outcome.fitness)
    # the worst should become the best, and of the best nothing can be told
    promised = {by_loss[3].candidate: by_loss[0].fitness - 1, by_loss[0].candidate: None}
    told = [
        dataclasses.replace(
            outcome, predicted=promised.get(outcome.candidate, by_loss[3].fitness + 1)
        )
        for outcome in history
    ]
    starts = [proposal.start for proposal in strategy.propose(told, 1, 2, SPACE, 3)]
    assert starts == [by_loss[3].candidate, by_loss[0].candidate]
    observed = [proposal.start for proposal in Halving().propose(told, 1, 2, SPACE, 3)]
    assert observed == [by_loss[0].candidate, by_loss[1].candidate]
    assert (strategy.horizon, Halving().horizon) == (9, 0)


def test_brackets_begin_higher_one_after_another() -> None:
    strategy = Halving(rungs=3, brackets=3)
    assert [strategy.rung(step) for step in range(8)] == [0, 1, 2, 1, 2, 2, 0, 1]
    history = played(strategy, SPACE, [9, 3, 1, 5, 2, 3, 9], 1)
    epochs = [of_wave(history, wave)[0].epochs for wave in range(7)]
    assert epochs == [1, 3, 9, 3, 9, 9, 1]
    fresh = [wave for wave in range(7) if of_wave(history, wave)[0].start is None]
    assert fresh == [0, 3, 5, 6]


def test_who_failed_does_not_go_on_and_his_place_is_filled() -> None:
    history = played(Halving(), SPACE, [3, 3], 1, failing={"w000-01"})
    starts = [outcome.start for outcome in of_wave(history, 1)]
    assert {*starts[:2]} == {"w000-00", "w000-02"}
    assert starts[2] is None
    assert of_wave(history, 1)[2].recipe == {"epochs": 3}


def test_slots_that_grow_from_a_rung_to_the_next_are_refused() -> None:
    said = "halving: rung 1 in wave 1 has 9 slots, the rung below it in wave 0 has 3"
    with pytest.raises(SettingError, match=re.escape(said)):
        Halving().check(planned(3, 9, 1), SPACE)
    Halving().check(planned(9, 3, 1, 9, 3), SPACE)
    Halving().check(planned(9, 9, 3, 3, 1, 1, lag=2), SPACE)


def test_more_brackets_than_rungs_are_refused() -> None:
    with pytest.raises(
        SettingError, match="brackets: expected no more than rungs, which is 3, got 4"
    ):
        Halving(brackets=4)
