from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from support.specs import planned

from gp_cells.compare import pareto
from gp_cells.config.choose import SettingError
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, Strategy
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.strategies.random import Random
from gp_cells.strategies.targets import normal_scores, scalarised
from gp_cells.tabular.truth import Row, nas_bench_201, play

SPACE = nas_bench_201.NASBench201()
SMALL = Bayesian(founders=4, parents=3, mutants=8, fresh=8, mutations=("replace",))
SEARCH = """
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies.bananas import Bananas
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.testing.strategies import digest
for strategy in (Bayesian, Bananas):
    print(digest(strategy(founders=4, mutants=8, fresh=32), Recurrent(), [24] * 4))
"""


def outcome(fitness: float, parameters: float | None = 1.0) -> Outcome:
    return Outcome(
        candidate="w000-00",
        wave=0,
        genome="",
        architecture_id="",
        status="diverged" if math.isinf(fitness) else "ok",
        fitness=fitness,
        objectives={"parameters": parameters},
    )


def test_what_is_learned_are_ranks_and_what_failed_is_worst() -> None:
    scores = normal_scores([1.0, math.inf, 0.5, 1.0, math.inf])
    assert scores.tolist() == normal_scores([3.0, 9.0, -1e9, 3.0, 9.0]).tolist()
    assert scores[2] < scores[0] == scores[3] < scores[1] == scores[4]
    assert normal_scores([2.0, 1.0, 3.0]).tolist() == [0.0, -0.967421566, 0.967421566]


def test_several_objectives_are_the_worst_of_their_shares_of_the_way_to_the_reference() -> None:
    history = [outcome(1.0, 30.0), outcome(3.0, 10.0), outcome(math.inf, 0.0), outcome(0.0, None)]
    found = scalarised(history, ("fitness", "parameters"), (5.0, 50.0), (0.5, 0.5))
    assert found == pytest.approx([0.25 + 0.0125, 0.25 + 0.0125, math.inf, math.inf])


def test_it_finds_nearly_the_best_cell_of_15625_with_a_hundred() -> None:
    history = play(Bayesian(mutations=("replace",)), SPACE, nas_bench_201.table, [10] * 10, 1, 1)
    lowest = min(row.fitness for row in nas_bench_201.rows())
    found = 100 * (min(outcome.fitness for outcome in history) - lowest)
    assert found < 0.1  # of random search 0.57 in the mean


@pytest.mark.parametrize("lag", [1, 3])
def test_nothing_is_trained_twice_nor_while_it_is_under_way(lag: int) -> None:
    history = play(SMALL, SPACE, nas_bench_201.table, [6] * 8, lag, 1)
    ids = [outcome.architecture_id for outcome in history[6 * lag :]]
    assert len(set(ids)) == len(ids)


def test_with_several_objectives_a_search_finds_more_of_the_front_than_random_search() -> None:
    reference = (0.1, 350e3)
    both = Bayesian(
        **{**vars(SMALL), "objectives": ("fitness", "parameters"), "reference_point": reference}
    )

    def volume(strategy: Strategy) -> float:
        history = play(strategy, SPACE, nas_bench_201.table, [10] * 6, 1, 1)
        points = [(found.fitness, found.objectives["parameters"] or 0.0) for found in history]
        return pareto.hypervolume(points, reference)

    assert volume(both) > volume(Random())


def test_objectives_and_reference_points_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingError, match="name each objective once"):
        Bayesian(objectives=("fitness", "fitness"), reference_point=(1.0, 1.0))
    with pytest.raises(SettingError, match=r"got 1 number\(s\) for 0 objective\(s\)"):
        Bayesian(reference_point=(1.0,))
    with pytest.raises(SettingError, match="there is no 'size'"):
        Bayesian(objectives=("size",), reference_point=(1.0,)).check(planned(4, 4), Recurrent())
    with pytest.raises(SettingError, match=r"bayesian\.founders: 10 random genomes come before"):
        Bayesian().check(planned(2, 5), Recurrent())


def test_the_number_of_threads_changes_no_proposal() -> None:
    found = set()
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(
            [sys.executable, "-c", SEARCH],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_a_history_whose_losses_are_all_alike_is_gone_on_from() -> None:
    history = play(SMALL, SPACE, lambda _: Row(1.0), [4] * 4, 1, 1)
    assert len({outcome.architecture_id for outcome in history}) == 16
    assert np.all(SMALL.targets(history) == 0)
