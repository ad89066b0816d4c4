"""A minimisation: what it trains, what it keeps by its test, where it ends, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest
from scipy import stats
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import parse
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.minimise import Minimise
from gp_cells.strategies.not_worse import p_of_worse
from gp_cells.strategies.strategy import baseline_operator, proposals_of
from gp_cells.workflow.steps import finalists

SPACE = Recurrent()
TEXT = "h' = tanh(gate1) + sigmoid(gate2)"
Loss = Callable[[str], float]


def searched(
    strategy: Minimise, loss: Loss, widths: Sequence[int], spread: float = 0.1
) -> list[Outcome]:
    """Return a search of known losses, which vary over seeds by a known spread."""
    history: list[Outcome] = []
    strategy.check(planned(*widths), SPACE)
    for wave, slots in enumerate(widths):
        seen = list(history)
        for slot, of in enumerate(proposals_of(strategy, seen, wave, slots, SPACE, 1)):
            text = str(of.genome)
            seeds = widths[0] if wave == 0 else strategy.seeds
            shift = spread * (2 * of.repeat / (seeds - 1) - 1)
            history.append(outcome(of, wave, slot, loss(text) + shift))
    return history


def outcome(of: Proposal, wave: int, slot: int, loss: float) -> Outcome:
    return Outcome(
        candidate=f"w{wave:03d}-{slot:02d}",
        wave=wave,
        genome=str(of.genome),
        architecture_id=of.genome.architecture_id,
        status="diverged" if math.isinf(loss) else "ok",
        fitness=loss,
        operator=of.operator,
        parents=of.parents,
        note=of.note,
    )


def last_cell(strategy: Minimise, history: Sequence[Outcome]) -> str:
    return str(strategy.steps(history, SPACE)[-1].genome)


def needs(*words: str) -> Loss:
    """Return a loss that is 1 for each word that a genome lacks."""
    return lambda text: float(sum(word not in text for word in words))


def test_the_given_cell_is_trained_with_a_seed_a_slot() -> None:
    first = Minimise(("lstm",)).propose([], 0, 5, SPACE, 1)
    assert [of.repeat for of in first] == [0, 1, 2, 3, 4]
    assert {of.operator for of in first} == {baseline_operator("lstm")}
    assert len({of.genome.architecture_id for of in first}) == 1


def test_each_smaller_cell_is_trained_with_as_many_seeds_and_says_what_it_lacks() -> None:
    history = searched(Minimise((TEXT,), seeds=3), needs(), [4, 13])
    second = [of for of in history if of.wave == 1]
    assert len(second) == 12  # of 13 slots: four cells, three seeds each
    gone = [of.note["deleted"] for of in second[::3]]
    assert sorted(gone) == ["sigmoid", "sigmoid(gate1)", "tanh", "tanh(gate2)"]
    assert {of.parents for of in second} == {("w000-00",)}
    assert {of.operator for of in second} == {"delete"}


def test_what_is_not_needed_goes_and_what_is_needed_stays() -> None:
    strategy = Minimise(("lstm",), seeds=20)
    history = searched(strategy, needs("tanh", "c'"), [40, *[260] * 8])
    cell = last_cell(strategy, history)
    assert cell.count("tanh") == 1 and "c'" in cell and "sigmoid" not in cell
    assert strategy.propose(history, 9, 260, SPACE, 1) == []


def test_nothing_goes_where_everything_is_needed() -> None:
    strategy = Minimise((TEXT,), seeds=5)
    history = searched(strategy, needs("tanh", "sigmoid", "gate2"), [6, 20, 20])
    assert last_cell(strategy, history) == str(parse(TEXT, SPACE.language).canonical())
    assert max(of.wave for of in history) == 1


def test_few_seeds_pass_nothing_that_many_would() -> None:
    """What cannot be told from worse is not kept: no difference, three seeds and a spread pass nothing."""
    few, many = Minimise((TEXT,), seeds=3), Minimise((TEXT,), seeds=40)
    assert all(of.is_worse for of in few.steps(searched(few, needs(), [3, 12]), SPACE)[0].verdicts)
    history = searched(many, needs(), [60, 160])
    assert not any(of.is_worse for of in many.steps(history, SPACE)[0].verdicts)


def test_a_cell_is_held_against_the_given_one_so_that_small_losses_do_not_add_up() -> None:
    """Each deletion costs half of the margin; the second is worse, though by half from the one before."""
    strategy = Minimise(("h' = tanh(gate1) + (tanh(gate2) + tanh(gate3))",), seeds=40)
    spread = 0.1
    deviation = 0.06  # of equal steps from −0.1 to 0.1, about
    history = searched(
        strategy, lambda text: deviation / 2 * (3 - text.count("gate")), [60, 400, 400, 400], spread
    )
    assert last_cell(strategy, history).count("gate") == 2


def test_a_failed_training_is_worse_and_one_of_the_given_cell_ends_the_search() -> None:
    strategy = Minimise((TEXT,), seeds=5)
    first = strategy.propose([], 0, 5, SPACE, 1)
    good = [outcome(of, 0, i, 1.0 + i / 10) for i, of in enumerate(first)]
    second = strategy.propose(good, 1, 20, SPACE, 1)
    failed = [outcome(of, 1, i, math.inf if i % 5 == 2 else -9.0) for i, of in enumerate(second)]
    assert all(of.is_worse for of in strategy.steps([*good, *failed], SPACE)[0].verdicts)
    bad = [dataclasses.replace(good[0], fitness=math.inf), *good[1:]]
    assert strategy.propose(bad, 1, 20, SPACE, 1) == []


def test_too_few_slots_for_a_step_are_spread_over_waves() -> None:
    strategy = Minimise((TEXT,), seeds=3)
    history = searched(strategy, needs("tanh", "sigmoid", "gate2"), [4, 6, 6, 6])
    whole = searched(strategy, needs("tanh", "sigmoid", "gate2"), [4, 12, 12, 12])
    assert [of.genome for of in history] == [of.genome for of in whole]


def test_the_finalists_are_the_smallest_and_the_given_cell() -> None:
    strategy = Minimise((TEXT,), seeds=20)
    history = searched(strategy, needs("tanh"), [40, 80, 80, 80])
    chosen = finalists(history, 3, strategy.finalists(history, SPACE))
    assert [of.genome for of in chosen[:2]] == ["h' = tanh(gate1)", history[0].genome]
    assert chosen[2].genome not in {of.genome for of in chosen[:2]}


def test_the_test_is_that_of_scipy() -> None:
    losses, given = [1.0, 1.3, 1.1, 0.9], [0.8, 1.2, 1.0, 1.1, 0.7]
    shifted = [loss - 0.25 for loss in losses]
    known = stats.ttest_ind(shifted, given, equal_var=False, alternative="less").pvalue
    assert p_of_worse(losses, given, 0.25) == pytest.approx(float(known))
    assert p_of_worse([1.0, 1.0], [1.0, 1.0], 0.1) == 0.0
    assert p_of_worse([1.0, 1.0], [1.0, 1.0], 0.0) == 1.0
    assert p_of_worse([1.0, math.inf], [1.0, 2.0], 9.0) == 1.0


@pytest.mark.parametrize(
    ("strategy", "search", "said"),
    [
        (Minimise(("h' = gate1",)), planned(20, 10), "no sub-formula of the cell can go"),
        (Minimise(("lstm",)), planned(2, 10), "first wave of at least 3 slots"),
        (Minimise(("lstm",)), planned(20, 9), "waves of at least 10"),
        (Minimise(("lstm",)), planned(20), "then waves"),
        (Minimise(("lstm",)), planned(20, 20, lag=2), "lag 1; got"),
        (Minimise(("lstn",)), planned(20, 20), "minimise.cells: it is neither formulas nor"),
        (
            Minimise(("lstm",)),
            dataclasses.replace(planned(20, 20), genes={"dropout": {"low": 0, "high": 1}}),
            "leave out search.genes",
        ),
    ],
)
def test_what_cannot_be_minimised_is_refused(strategy: Minimise, search: object, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        strategy.check(search, SPACE)  # type: ignore[arg-type]
