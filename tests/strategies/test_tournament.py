"""Tournaments: who meets whom, whose model takes whose place, and what no exchange reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import pytest
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.strategy import newest_wave
from gp_cells.strategies.tournament import Tournament, partner_of

SPACE, SEED = Recurrent(), 3


def judged(history: Sequence[Outcome], losses: dict[int, dict[int, float]]) -> list[Outcome]:
    """Return a wave of which some models have other losses: by trainer, then by tournament set."""
    changed = []
    for slot, outcome in enumerate(history):
        numbers = (outcome.recipe or {})["shard"]["judged"]
        told = tuple(losses.get(slot, {}).get(n, 1.0) for n in numbers)
        changed.append(dataclasses.replace(outcome, judged=told))
    return changed


def after(strategy: Tournament, history: Sequence[Outcome]) -> list[Proposal]:
    return strategy.propose(history, 1, len(newest_wave(history)), SPACE, SEED)


def givers(strategy: Tournament, history: Sequence[Outcome]) -> list[str | None]:
    return [proposal.start for proposal in after(strategy, history)]


def test_every_trainer_has_a_shard_of_its_own_in_every_wave() -> None:
    history = played(Tournament(epochs=2, held=0.25), SPACE, [3, 3])
    for outcome in history:
        recipe: Any = outcome.recipe
        slot = int(outcome.candidate[-2:])
        assert recipe["epochs"] == 2
        shard = {k: recipe["shard"][k] for k in ("number", "of", "held")}
        assert shard == {"number": slot, "of": 3, "held": 0.25}


@pytest.mark.parametrize("slots", [2, 5, 8])
def test_pairs_meet_each_other_and_change_from_wave_to_wave(slots: int) -> None:
    partners = [[partner_of(i, wave, slots, SEED) for i in range(slots)] for wave in range(20)]
    for wave in partners:
        assert [wave[wave[i]] for i in range(slots)] == list(range(slots))
        assert sum(wave[i] == i for i in range(slots)) == slots % 2
    assert slots == 2 or len(set(map(tuple, partners))) > 5


def test_a_model_is_judged_on_its_own_set_and_on_that_of_whom_it_meets() -> None:
    for outcome in played(Tournament(), SPACE, [5, 5]):
        slot = int(outcome.candidate[-2:])
        partner = partner_of(slot, outcome.wave, 5, SEED)
        numbers = (outcome.recipe or {})["shard"]["judged"]
        assert numbers == ([slot] if partner == slot else [slot, partner])


@pytest.mark.parametrize("lag", [1, 3])
def test_of_a_pair_each_keeps_the_model_that_is_better_on_its_own_set(lag: int) -> None:
    history = played(Tournament(), SPACE, [4] * 3 * lag, lag)
    taken = 0
    for wave in range(lag, 3 * lag):
        before = [o for o in history if o.wave == wave - lag]
        now = [o for o in history if o.wave == wave]
        for slot, own in enumerate(before):
            partner = partner_of(slot, wave - lag, 4, SEED)
            other = before[partner]
            theirs = other.judged[1]
            winner = other if theirs < own.judged[0] else own
            assert (now[slot].start, now[slot].architecture_id) == (
                winner.candidate,
                winner.architecture_id,
            )
            assert now[slot].operator == ("adopt" if winner is other else "go_on")
            taken += winner is other
    assert taken


def test_a_pair_may_end_with_each_others_models_or_both_with_one() -> None:
    history = played(Tournament(), SPACE, [2])
    swapped = judged(history, {0: {0: 2.0, 1: 0.5}, 1: {1: 2.0, 0: 0.5}})
    assert givers(Tournament(), swapped) == ["w000-01", "w000-00"]
    one = judged(history, {0: {0: 2.0, 1: 2.0}})
    assert givers(Tournament(), one) == ["w000-01", "w000-01"]


def test_of_equals_a_trainer_keeps_its_own() -> None:
    history = played(Tournament(), SPACE, [4])
    assert givers(Tournament(), judged(history, {})) == [o.candidate for o in history]


def test_by_truncation_rank_i_takes_the_model_of_rank_i_mod_kept() -> None:
    strategy = Tournament(exchange="truncation", kept=2)
    history = played(strategy, SPACE, [6])
    order = [4, 2, 0, 1, 5, 3]  # from the best
    losses = {slot: {slot: float(rank)} for rank, slot in enumerate(order)}
    taken = givers(strategy, judged(history, losses))
    expected = {slot: f"w000-{order[rank % 2]:02d}" for rank, slot in enumerate(order)}
    assert taken == [expected[slot] for slot in range(6)]


def test_the_regularised_form_replaces_the_oldest_by_the_best_of_a_sample() -> None:
    strategy = Tournament(exchange="regularised", sample=4)
    history = played(strategy, SPACE, [4] * 6)
    for wave in range(1, 6):
        before = [o for o in history if o.wave == wave - 1]
        now = [o for o in history if o.wave == wave]
        best = min(before, key=lambda o: o.judged[0])
        oldest = (wave - 1) % 4
        for slot, outcome in enumerate(now):
            giver = best if slot == oldest else before[slot]
            assert outcome.start == giver.candidate


def test_only_a_model_that_was_taken_is_mutated() -> None:
    strategy = Tournament(mutations=("replace",))
    history = played(strategy, SPACE, [2])
    for proposal in after(strategy, judged(history, {0: {0: 2.0, 1: 2.0}})):
        own = proposal.start == "w000-01" and proposal.operator == "go_on"
        same = proposal.genome.architecture_id == history[1].architecture_id
        assert (proposal.operator == "adopt+replace") != own
        assert same == own


@pytest.mark.parametrize("exchange", ["pairs", "truncation", "regularised"])
def test_no_exchange_reads_what_validation_says(exchange: Any) -> None:
    strategy = Tournament(exchange=exchange, mutations=("replace", "insert"))
    history = played(strategy, SPACE, [4, 4])
    others = [
        dataclasses.replace(o, fitness=9 - o.fitness, last_loss=i * 1.0)
        for i, o in enumerate(history)
    ]
    assert strategy.propose(history, 2, 4, SPACE, SEED) == strategy.propose(
        others, 2, 4, SPACE, SEED
    )


@pytest.mark.parametrize("exchange", ["pairs", "truncation", "regularised"])
def test_who_failed_takes_a_model_of_one_who_did_not(exchange: Any) -> None:
    strategy = Tournament(exchange=exchange)
    failing = {"w000-00", "w000-02"} if exchange != "pairs" else {"w000-00"}
    history = played(strategy, SPACE, [4], failing=failing)
    for proposal, outcome in zip(after(strategy, history), history, strict=True):
        assert proposal.start is not None and proposal.start not in failing
        if outcome.candidate in failing:
            assert proposal.operator == "adopt"


def test_where_all_failed_all_begin_anew() -> None:
    failing = {f"w000-{slot:02d}" for slot in range(3)}
    history = played(Tournament(), SPACE, [3], failing=failing)
    assert [p.operator for p in after(Tournament(), history)] == ["sample"] * 3
    assert all(math.isinf(o.fitness) for o in history)


@pytest.mark.parametrize(
    ("strategy", "slots", "said"),
    [
        (Tournament(), (4, 3), "expected waves of one number of slots"),
        (Tournament(exchange="truncation", kept=5), (4, 4), "tournament.kept: expected at most 4"),
        (Tournament(exchange="regularised", sample=5), (4,), "tournament.sample: expected at most"),
    ],
)
def test_a_plan_that_has_too_few_trainers_is_refused(
    strategy: Tournament, slots: tuple[int, ...], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        strategy.check(planned(*slots), SPACE)
