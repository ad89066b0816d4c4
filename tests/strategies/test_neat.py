"""NEAT: who founds, who breeds, and that a child keeps what its parent is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.config.seeds import generator
from gp_cells.genomes.genome import parse
from gp_cells.genomes.nodes import connections_of, distance, logistic_regression, nodes_of
from gp_cells.spaces.feedforward import Feedforward
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome
from gp_cells.strategies.neat import Breeder, Neat, clustered, drawn

SPACE = Feedforward()


def test_a_space_without_marks_is_refused() -> None:
    with pytest.raises(SettingError, match="choose the space feedforward"):
        Neat().check(planned(4, 4), Recurrent())


def test_founders_are_logistic_regression_and_it_with_a_node() -> None:
    proposals = Neat().propose((), 0, 8, SPACE, 1)
    assert proposals[0].genome == logistic_regression(SPACE.language)
    assert {proposal.operator for proposal in proposals[1:]} == {"branch"}
    assert all(len(proposal.genome.formulas) == 2 for proposal in proposals[1:])
    assert len({proposal.genome.architecture_id for proposal in proposals}) == 8


def test_a_child_goes_on_with_the_weights_of_its_better_parent() -> None:
    history = played(Neat(crossover=1.0), SPACE, [6, 6, 6, 6])
    known = {outcome.candidate: outcome for outcome in history}
    children = [outcome for outcome in history if outcome.wave > 0]
    assert any(len(child.parents) == 2 for child in children)
    for child in children:
        assert child.start == child.parents[0]
        losses = [penalised(known[parent]) for parent in child.parents]
        assert losses == sorted(losses)


def penalised(outcome: Outcome) -> float:
    genome = parse(outcome.genome, SPACE.language)
    return outcome.fitness * (1 + 0.03 * math.sqrt(len(connections_of(nodes_of(genome)))))


def test_an_unchanged_child_is_its_parent_trained_on_and_never_twice() -> None:
    history = played(Neat(new_node=0.1, new_connection=0.1), SPACE, [6] * 6)
    going_on = [outcome for outcome in history if outcome.operator == "train_on"]
    known = {outcome.candidate: outcome for outcome in history}
    assert going_on
    for outcome in going_on:
        assert outcome.genome == known[outcome.parents[0]].genome
    begun = [(outcome.genome, outcome.start) for outcome in history]
    assert len(set(begun)) == len(begun)


def test_failed_networks_have_no_children_and_where_all_failed_founders_come_again() -> None:
    failing = {f"w000-{slot:02d}" for slot in range(4)}
    history = played(Neat(), SPACE, [4, 4], failing=failing)
    assert not any(outcome.parents for outcome in history)
    history = played(Neat(), SPACE, [4, 4, 4], failing={"w000-01", "w001-02"})
    assert not {"w000-01", "w001-02"} & {p for outcome in history for p in outcome.parents}


def test_the_penalty_decides_between_equal_losses() -> None:
    small, large = (
        parse(text, SPACE.language) for text in ("y1 = x1", "a = tanh(x1 + x2)\ny1 = a + x2 + bias")
    )
    history = played(Neat(), SPACE, [2])
    first = dataclasses.replace(history[0], genome=str(large), fitness=0.5)
    second = dataclasses.replace(history[1], genome=str(small), fitness=0.5)
    [best, *_] = Neat()._species([first, second], SPACE)[0]
    assert best.candidate == second.candidate
    assert best.loss == pytest.approx(0.5 * 1.03)


def test_species_are_of_like_structure_and_the_best_ones_come_first() -> None:
    texts = [
        "a = tanh(x1)\ny1 = a + x2 + bias",
        "b = sine(x2)\nc = abs(b)\ny1 = c + x1",
        "a = tanh(x1)\ny1 = a + x2",
        "b = sine(x2)\nc = abs(b + x1)\ny1 = c + x1",
    ]
    pool = [
        Breeder(f"w000-{i:02d}", parse(text, SPACE.language), i / 10)
        for i, text in enumerate(texts)
    ]
    assert [[of.candidate[-1] for of in species] for species in clustered(pool, 2)] == [
        ["0", "2"],
        ["1", "3"],
    ]
    assert len(clustered(pool, 1)) == 1 and len(clustered(pool[:1], 5)) == 1
    assert len(clustered([pool[0], pool[0]], 5)) == 1
    apart = [distance(pool[0].genome, other.genome) for other in pool]
    assert apart[2] < min(apart[1], apart[3])


def test_a_parent_is_drawn_by_the_inverse_of_its_loss() -> None:
    genome = logistic_regression(SPACE.language)
    pool = [Breeder("w000-00", genome, 0.09), Breeder("w000-01", genome, 0.39)]
    counts = np.bincount(
        [int(drawn(pool, generator(draw=i)).candidate[-1]) for i in range(2000)], minlength=2
    )
    assert counts[0] / counts.sum() == pytest.approx(0.8, abs=0.03)


def test_it_grows_and_keeps_to_the_limits_of_the_space() -> None:
    small = Feedforward(max_nodes=3, max_connections=9)
    history = played(Neat(new_node=1.0, new_connection=1.0), small, [6] * 8)
    sizes = [
        len(connections_of(nodes_of(parse(outcome.genome, small.language)))) for outcome in history
    ]
    assert max(sizes) > 5 and max(sizes) <= 9
    assert max(outcome.genome.count("=") for outcome in history) <= 4


def test_growth_gives_a_child_the_same_chances_so_often() -> None:
    def added(growth: int) -> int:
        strategy = Neat(new_node=1.0, new_connection=0.0, crossover=0.0, growth=growth)
        history = played(strategy, SPACE, [3, 3])
        known = {outcome.candidate: outcome.genome.count("=") for outcome in history}
        [nodes] = {
            outcome.genome.count("=") - known[outcome.parents[0]]
            for outcome in history
            if outcome.parents
        }
        return nodes

    assert [added(growth) for growth in (1, 4)] == [1, 4]
