"""The surrogate: what it learns from, how it is judged, and what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.stored_trials import loss

from gp_cells import parse
from gp_cells.config.files import RecordError
from gp_cells.strategies import Proposal
from gp_cells.tabular.features import features
from gp_cells.tabular.stored import Stored, stored_of
from gp_cells.tabular.surrogate import FEWEST, judge, learn
from gp_cells.workflow.cost import Speed

SPEED = Speed(1e-3, 0.0, 300.0, 100)
LSTM = """
c' = sigmoid(gate1) * c + sigmoid(gate2) * tanh(gate3)
h' = sigmoid(gate4) * tanh(c')
"""


@pytest.fixture(scope="module")
def bach(stored: tuple[Path, Any]) -> Stored:
    return stored_of(stored[0], "bach")


def test_a_guess_has_mean_and_spread_and_is_near_the_loss_that_training_would_have(
    bach: Stored,
) -> None:
    surrogate = learn(bach, None, SPEED)
    genome = parse("h' = tanh(gate1 + gate2 * tanh(gate3))")
    assert genome.architecture_id not in bach.genomes
    answer = surrogate(genome)
    assert answer.row.fitness == pytest.approx(loss(Proposal(genome, ""), 1), abs=0.15)
    assert (
        answer.spread is not None
        and answer.spread > 0
        and answer.trials == 0
        and answer.source == "surrogate"
    )
    assert answer.row.objectives["parameters"] == 3 * (88 * 8 + 8 * 8 + 8)


def test_a_surrogate_grown_again_guesses_the_same_bits(bach: Stored) -> None:
    genome = parse(LSTM)
    first, again = (learn(bach, None, SPEED) for _ in range(2))
    assert first(genome) == again(genome)
    assert first.held_out == again.held_out


def test_the_judgement_ranks_by_rule_and_not_by_noise() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(200, 5))
    by_rule = judge(inputs, inputs[:, 0] + 0.1 * rng.normal(size=200))
    by_noise = judge(inputs, rng.normal(size=200))
    assert by_rule.spearman > 0.9 and by_rule.kendall > 0.75 and by_rule.architectures == 200
    assert abs(by_noise.spearman) < 0.25


def test_too_few_architectures_are_refused_with_how_many_there_are(bach: Stored) -> None:
    few = dict(list(bach.trials.items())[:FEWEST])
    genomes = {key: bach.genomes[key] for key in few}
    narrow = dataclasses.replace(bach, finalists_alike=frozenset(), genomes=genomes, trials=few)
    with pytest.raises(RecordError, match=f"needs {FEWEST} architectures that trained"):
        learn(narrow, 12345, SPEED)


def test_features_are_those_of_the_architecture_and_not_of_its_spelling() -> None:
    one = parse("h' = gate1 * c\nc' = tanh(gate2)")
    other = parse("c' = tanh(gate1)\nh' = c * gate7")
    assert features(one, {}) == features(other, {})


def test_features_of_the_lstm_are_those_that_one_counts() -> None:
    found = features(parse(LSTM), {"parameters": 0})
    wanted = {"sigmoid": 3, "tanh": 2, "gate": 4, "distinct gate": 4, "formulas": 2, "depth": 3}
    wanted |= {"mul": 3, "add": 1, "add over mul": 2, "memory before": 1, "mul at the root": 1}
    wanted |= {"kept": 1, "kept unsquashed": 1, "log parameters": 0}
    assert {name: found[name] for name in wanted} == wanted
