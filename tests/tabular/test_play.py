"""What strategies reach on known truth, with few seeds; benchmarks/strategies.py has many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from support.bad_strategies import Fault

from gp_cells.compare import pareto
from gp_cells.config.choose import SettingError
from gp_cells.config.records import Search
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.halving import Halving
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.strategies.random import Random
from gp_cells.tabular.truth import Row, nas_bench_201, play

SPACE = nas_bench_201.NASBench201()


@dataclass
class Watching:
    """A strategy that keeps what it was shown."""

    shown: list[list[str]] = field(default_factory=list)

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse nothing."""

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        self.shown.append([outcome.candidate for outcome in history])
        rng = generator(wave=wave, seed=seed)
        return [Proposal(variation.sample(space, rng), "sample") for _ in range(slots)]


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_a_wave_is_shown_what_lies_the_lag_before_it_and_nothing_newer(lag: int) -> None:
    watching = Watching()
    history = play(watching, SPACE, nas_bench_201.table, [3, 4, 1, 3], lag, 1)
    for wave, shown in enumerate(watching.shown):
        assert shown == [o.candidate for o in history if o.wave <= wave - lag]


@pytest.mark.parametrize("fault", ["a slot less", "a text for a genome"])
def test_a_strategy_with_a_fault_is_refused_in_a_line_that_says_where(fault: str) -> None:
    with pytest.raises(SettingError, match=r"^wave 0.*strategy Fault"):
        play(Fault(fault), SPACE, nas_bench_201.table, [3], 1, 1)


def test_a_strategy_that_trains_in_pieces_is_refused_with_what_would_do() -> None:
    with pytest.raises(SettingError, match=r"^w000-00: .* changes the recipe; choose a strategy"):
        play(Halving(), SPACE, nas_bench_201.table, [9, 3, 1], 1, 1)


def test_what_a_table_says_of_the_test_split_stays_with_it() -> None:
    row = Row(0.5, "ok", {"parameters": 7}, test=0.25)
    [outcome] = play(Random(), SPACE, lambda genome: row, [1], 1, 1)
    assert (outcome.fitness, outcome.objectives) == (0.5, {"parameters": 7})
    assert 0.25 not in vars(outcome).values()


def mean_regret(strategy: Aging | Random, slots: int, lag: int) -> float:
    best = min(row.fitness for row in nas_bench_201.rows())
    runs = [
        play(strategy, SPACE, nas_bench_201.table, [slots] * (200 // slots), lag, seed)
        for seed in range(6)
    ]
    return float(np.mean([min(outcome.fitness for outcome in run) - best for run in runs]))


def test_aging_regrets_half_of_what_random_does_on_nas_bench_201_with_a_lag_or_without() -> None:
    aging, regret = Aging(10, 3, ("replace",)), mean_regret(Random(), 10, 1)
    assert mean_regret(aging, 1, 1) < regret / 2
    assert mean_regret(aging, 10, 2) < regret / 2


def test_nsga2_finds_the_front_of_nas_bench_201() -> None:
    reference, second = (0.1, 0.25), "drift_error"
    strategy = NSGA2(("fitness", second), reference, population=20, mutations=("replace",))

    def volume(found: Sequence[Row | Outcome]) -> float:
        values = [(one.fitness, one.objectives[second]) for one in found]
        points = [(fitness, value) for fitness, value in values if value is not None]
        assert len(points) == len(values)
        return pareto.hypervolume(points, reference)

    whole = volume(nas_bench_201.rows())
    for seed in range(2):
        found = volume(play(strategy, SPACE, nas_bench_201.table, [20] * 25, 1, seed))
        assert found > 0.95 * whole
