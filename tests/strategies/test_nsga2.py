from __future__ import annotations

import math
import re

import pytest
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.tabular.truth import nas_bench_201, play

SPACE = nas_bench_201.NASBench201()
BOTH = NSGA2(("fitness", "parameters"), (1.0, 2e6), population=4)
BY_LOSS = NSGA2(("fitness",), (1.0,), population=4)


def outcome(wave: int, fitness: float, parameters: float | None = 1.0) -> Outcome:
    status = "diverged" if math.isinf(fitness) else "ok"
    return Outcome(
        candidate=f"w{wave:03d}-00",
        wave=wave,
        genome="",
        architecture_id="",
        status=status,
        fitness=fitness,
        objectives={"parameters": parameters},
    )


def waves(living: list[Outcome]) -> list[int]:
    return sorted(outcome.wave for outcome in living)


def test_by_one_objective_the_best_ever_live_on() -> None:
    losses = (5.0, 1.0, 4.0, 2.0, 9.0, 3.0, 8.0)
    assert waves(BY_LOSS.living([outcome(i, loss) for i, loss in enumerate(losses)])) == [
        1,
        2,
        3,
        5,
    ]


def test_what_is_worse_in_loss_and_better_in_size_lives_on() -> None:
    points = [(1.0, 9.0), (9.0, 1.0), (2.0, 10.0), (3.0, 10.0), (4.0, 11.0), (5.0, 5.0)]
    history = [outcome(i, *point) for i, point in enumerate(points)]
    assert waves(BOTH.living(history)) == [0, 1, 2, 5]


def test_a_candidate_that_failed_or_was_not_measured_never_joins() -> None:
    history = [outcome(0, math.inf), outcome(1, 1.0, None), outcome(2, 1.0), outcome(3, math.inf)]
    assert waves(BOTH.living(history)) == [2]
    assert BOTH.point(history[0]) == (math.inf, math.inf)  # in size too


def test_an_objective_that_a_trial_does_not_have_is_an_error_and_no_value() -> None:
    with pytest.raises(KeyError, match="latency"):
        NSGA2(("latency",), (1.0,)).living([outcome(0, 1.0)])


def test_a_wave_is_taken_in_whole_and_survivors_do_not_depend_on_later_ones() -> None:
    history = play(BOTH, SPACE, nas_bench_201.table, [6] * 5, 1, 1)
    living = BOTH.living(history)
    for wave in range(5):
        before = [o for o in history if o.wave <= wave]
        joined = [o for o in history if o.wave > wave]
        assert BOTH.living([*before, *joined]) == living
    assert len(living) == 4


def test_children_come_of_the_living() -> None:
    history = play(BOTH, SPACE, nas_bench_201.table, [6] * 5, 1, 1)
    known = {outcome.candidate for outcome in BOTH.living(history)}
    children = BOTH.propose(history, 5, 20, SPACE, 1)
    assert {parent for child in children for parent in child.parents} <= known
    assert {len(child.parents) for child in children} == {1, 2}


def test_unknown_objectives_are_refused_with_those_there_are() -> None:
    strategy = NSGA2(("fitness", "latency"), (10.0, 1.0), population=4)
    said = (
        "nsga2.objectives: there is no 'latency'; choose from fitness, parameters, multiply_adds, "
        "network_parameters, network_multiply_adds"
    )
    with pytest.raises(SettingError, match=re.escape(said)):
        strategy.check(planned(4, 4), Recurrent())


def test_a_plan_that_ends_before_the_first_child_is_refused() -> None:
    with pytest.raises(SettingError, match="20 random genomes come before the first child"):
        NSGA2(("fitness",), (1.0,)).check(planned(10, 10), SPACE)
