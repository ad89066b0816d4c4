"""Regularised evolution, mostly on NAS-Bench-201, where every child differs in one operation."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.gp import GP
from gp_cells.tabular.truth import nas_bench_201, play

SPACE = nas_bench_201.NASBench201()
AGING = Aging(population=5, sample=2)


def outcome(number: int, fitness: float) -> Outcome:
    """An outcome with a genome of its own, one a wave."""
    genome = variation.sample(SPACE, generator(number=number))
    status = "diverged" if math.isinf(fitness) else "ok"
    name = f"w{number:03d}-00"
    return Outcome(
        candidate=name,
        wave=number,
        genome=str(genome),
        architecture_id=genome.architecture_id,
        status=status,
        fitness=fitness,
    )


def test_the_oldest_dies_however_good() -> None:
    history = [outcome(i, fitness=float(i)) for i in range(9)]
    assert [o.candidate for o in AGING.living(history)] == [f"w{i:03d}-00" for i in range(4, 9)]


def test_a_candidate_that_failed_never_joins_and_makes_nobody_die() -> None:
    history = [outcome(i, math.inf if i in (5, 7) else 1.0) for i in range(9)]
    assert [o.wave for o in AGING.living(history)] == [2, 3, 4, 6, 8]


def test_genomes_are_random_until_the_population_has_trained() -> None:
    history = [outcome(i, math.inf if i == 0 else 1.0) for i in range(6)]
    for known, operator in ((5, "sample"), (6, "replace")):
        [child] = AGING.propose(history[:known], known, 1, SPACE, 1)
        assert child.operator == operator


def test_a_sample_of_all_has_the_best_as_parent() -> None:
    history = [outcome(i, fitness) for i, fitness in enumerate((0.1, 5.0, 2.0, 4.0, 3.0, 6.0))]
    every = Aging(population=5, sample=200)
    parents = {child.parents for child in every.propose(history, 6, 20, SPACE, 1)}
    assert parents == {("w002-00",)}  # the better one of wave 0 is dead


def test_a_sample_of_one_has_any_as_parent() -> None:
    history = [outcome(i, float(i)) for i in range(5)]
    any_of_them = Aging(population=5, sample=1)
    parents = {child.parents[0] for child in any_of_them.propose(history, 5, 60, SPACE, 1)}
    assert parents == {o.candidate for o in history}


def test_a_child_is_its_parent_but_for_one_operation() -> None:
    history = play(AGING, SPACE, nas_bench_201.table, [1] * 10, 1, 1)
    cells = {o.candidate: nas_bench_201.cell_of(parse(o.genome, SPACE.language)) for o in history}
    changed = set()
    for child in AGING.propose(history, 10, 60, SPACE, 1):
        old, new = cells[child.parents[0]], nas_bench_201.cell_of(child.genome)
        assert old is not None
        assert new is not None
        [edge] = [i for i in range(6) if old[i] != new[i]]
        changed.add(edge)
    assert changed == set(range(6))


def test_a_plan_that_ends_before_the_first_child_is_refused() -> None:
    said = "aging.population: 20 random genomes come before the first child, and 2 waves of 10"
    with pytest.raises(SettingError, match=re.escape(said)):
        Aging().check(planned(10, 10), SPACE)
    Aging().check(planned(11, 10), SPACE)


@pytest.mark.parametrize("strategy", [dataclasses.replace(AGING, inherit=True), GP(inherit=True)])
def test_children_that_inherit_start_from_their_first_parent(strategy: Aging | GP) -> None:
    history = played(strategy, Recurrent(), [6] * 6)
    children = [outcome for outcome in history if outcome.parents]
    assert children
    assert all(child.start == child.parents[0] for child in children)
    assert not [outcome for outcome in history if outcome.start and not outcome.parents]
    plain = dataclasses.replace(strategy, inherit=False)
    assert plain.reach == 0 and strategy.reach > 100
    assert not [outcome for outcome in played(plain, Recurrent(), [6] * 6) if outcome.start]
