"""Local search, mostly on NAS-Bench-201, where a cell has 24 neighbours and the best is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import parse
from gp_cells.strategies import Outcome
from gp_cells.strategies.local_search import LocalSearch, climb_of
from gp_cells.tabular.truth import Row, nas_bench_201, play
from gp_cells.tabular.truth.known import least

SPACE = nas_bench_201.NASBench201()


def searched(
    widths: Sequence[int], lag: int = 1, seed: int = 1, founders: int = 1
) -> list[Outcome]:
    strategy = LocalSearch(founders=founders)
    return play(strategy, SPACE, nas_bench_201.table, widths, lag, seed)


def cell(outcome: Outcome) -> nas_bench_201.Cell:
    found = nas_bench_201.cell_of(parse(outcome.genome, SPACE.language))
    assert found is not None
    return found


def edits(one: Outcome, other: Outcome) -> int:
    return sum(a != b for a, b in zip(cell(one), cell(other), strict=True))


@pytest.mark.parametrize(("widths", "lag"), [([1] * 120, 1), ([10] * 12, 1), ([10] * 12, 3)])
def test_nothing_is_trained_twice(widths: list[int], lag: int) -> None:
    history = searched(widths, lag)
    again = len(history) - len({outcome.architecture_id for outcome in history})
    # With a lag, waves under way at once can reach one cell from two, or draw it twice.
    assert again <= (0 if lag == 1 else 0.05 * len(history))


def test_a_candidate_is_one_edit_from_the_best_of_its_climb_until_none_is_left() -> None:
    history = searched([1] * 150)
    by_name = {outcome.candidate: outcome for outcome in history}
    for i, outcome in enumerate(history):
        climb = [before for before in history[:i] if climb_of(before) == climb_of(outcome)]
        if outcome.parents:
            best = min(climb, key=lambda before: before.fitness)
            assert outcome.parents == (best.candidate,)
            assert edits(outcome, by_name[best.candidate]) == 1
        elif i:
            last = [before for before in history[:i] if climb_of(before) == climb_of(outcome) - 1]
            best = min(last, key=lambda before: before.fitness)
            assert not climb
            assert sum(edits(best, before) == 1 for before in history[:i]) == 24
    assert climb_of(history[-1]) > 1


def test_a_climb_begins_from_the_best_of_its_founders() -> None:
    history = searched([1] * 7, founders=5)
    assert [outcome.operator for outcome in history] == ["sample"] * 5 + ["replace"] * 2
    best = min(history[:5], key=lambda outcome: outcome.fitness)
    assert history[5].parents == (best.candidate,)


def test_a_failed_candidate_is_known_and_never_climbed_from() -> None:
    def failing(genome: object) -> Row:
        row = nas_bench_201.table(genome)  # type: ignore[arg-type]
        return row if row.fitness < 0.1 else Row(math.inf, "diverged")

    history = play(LocalSearch(), SPACE, failing, [4] * 20, 1, 2)
    failed = {outcome.candidate for outcome in history if outcome.failed}
    assert failed
    assert not [outcome for outcome in history if failed & set(outcome.parents)]
    assert len({outcome.architecture_id for outcome in history}) == len(history)


def test_waves_under_way_together_share_out_the_neighbours_of_one_cell() -> None:
    [best] = searched([1])
    shares = [
        {p.genome.architecture_id for p in LocalSearch()._untried(best, (), track, 3, SPACE, 1)}
        for track in range(3)
    ]
    assert sum(map(len, shares)) == len(set.union(*shares)) == 24
    for wave, share in enumerate(shares, start=3):
        asked = LocalSearch().propose([best], wave, 30, SPACE, 1) if wave == 3 else []
        assert {p.genome.architecture_id for p in asked if p.parents} <= share


def test_it_is_far_ahead_of_what_evolution_reaches_on_nas_bench_201() -> None:
    lowest, _ = least("nas_bench_201")
    regrets = []
    for seed in range(1, 9):
        losses = [outcome.fitness for outcome in searched([1] * 100, seed=seed)]
        regrets.append(100 * (min(losses) - lowest))
    assert np.mean(regrets) < 0.1  # aging with 3 of 10 has 0.252 over 200 seeds


def test_a_plan_that_ends_before_the_first_neighbour_is_refused() -> None:
    with pytest.raises(SettingError, match="10 random genomes come before the first child"):
        LocalSearch(founders=10).check(planned(5, 5), SPACE)
