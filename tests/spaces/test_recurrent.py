from __future__ import annotations

import pytest

from gp_cells.config.choose import SettingError, choose
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.spaces import SPACES
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.spaces.steps import explodes, has_redundant_sum

SPACE = Recurrent()
FRAMES, TEXT = Form("frames", 88, "keys", 88), Form("symbols", 88, "classes", 88)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c' = c * c + gate1\nh' = tanh(c)", True),
        ("h' = gate1 * gate2", True),
        ("c' = gate1 * c\nh' = relu(c')", True),
        ("h' = tanh(gate1) * gate2", False),
        ("c' = gate1 * gate2 + c\nh' = tanh(c')", False),
        ("c' = c + tanh(gate1)\nh' = sigmoid(gate2) * tanh(c')", False),
    ],
)
def test_a_state_that_feeds_on_its_own_product_explodes(text: str, expected: bool) -> None:
    assert explodes(parse(text, LANGUAGE)) is expected


@pytest.mark.parametrize("name", sorted(SPACE.baselines))
def test_no_hand_designed_cell_explodes(name: str) -> None:
    genome = parse(SPACE.baselines[name].read_text(), LANGUAGE)
    assert not explodes(genome)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h' = tanh(gate1 + gate2)", True),
        ("h' = tanh(gate1 - (h + gate2))", True),
        ("h' = tanh(1 - gate1 + input1)", True),
        ("h' = tanh(input1 + recurrent1 + bias1 + bias2)", True),
        ("h' = tanh(gate1 + gate2) * sigmoid(gate2)", False),  # three of two, not two of one
        ("h' = tanh(gate1 + h * gate2)", False),
        ("h' = tanh(input1 + recurrent1 + bias1)", False),
        ("h' = tanh(gate1) + tanh(gate2)", False),
    ],
)
def test_a_sum_of_projections_that_one_could_stand_for_is_not_searched(
    text: str, expected: bool
) -> None:
    genome = parse(text, LANGUAGE).canonical()
    assert has_redundant_sum(genome) is expected
    assert SPACE.admits(genome) is not expected
    assert Recurrent(redundant=True).admits(genome)


@pytest.mark.parametrize("name", sorted(SPACE.baselines))
def test_no_hand_designed_cell_has_a_redundant_sum(name: str) -> None:
    assert not has_redundant_sum(parse(SPACE.baselines[name].read_text(), LANGUAGE).canonical())


def test_every_baseline_names_its_source() -> None:
    for path in SPACE.baselines.values():
        assert "https://" in path.read_text(), path.name


def test_all_published_baselines_are_there_and_are_different_cells() -> None:
    names = (
        "gru janet lstm lstm_coupled lstm_forget_bias lstm_peephole mgu min_gru min_lstm mut1 nascell"
        " tanh_rnn ugrnn"
    )
    assert sorted(SPACE.baselines) == names.split()
    ids = {parse(p.read_text(), LANGUAGE).architecture_id for p in SPACE.baselines.values()}
    assert len(ids) == len(SPACE.baselines)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"functions": ["add", "softmax"]}, "recurrent.functions: got 'softmax'; choose from add"),
        ({"functions": []}, "recurrent.functions: got an empty list"),
        ({"functions": ["tanh"]}, "at least one of add, mul, sub must be there"),
        ({"memory_cells": 5}, "recurrent.memory_cells: expected at least 1 and at most 4, got 5"),
        ({"memory_cells": "two"}, "recurrent.memory_cells: expected int, got 'two'"),
        ({"depth": 3}, "recurrent has no setting 'depth'; its settings are: functions"),
    ],
)
def test_a_bad_setting_is_refused_with_what_is_allowed(settings: dict, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        choose("spaces", SPACES, "recurrent", settings)


def test_an_unknown_space_is_refused_with_those_there_are() -> None:
    said = "there is no .recurent.; choose one of convolutional, decoder, feedforward, modular, recurrent"
    with pytest.raises(SettingError, match=said):
        choose("spaces", SPACES, "recurent", {})


def test_a_layer_is_counted_from_its_formulas() -> None:
    genome = parse("h' = tanh(gate1) * sigmoid(gate2)", LANGUAGE)
    counts = SPACE.count(genome, FRAMES, Recipe(units=10))
    assert counts["parameters"] == 2 * (88 * 10 + 10 * 10 + 10)
    assert counts["multiply_adds"] == 2 * (88 * 10 + 10 * 10) + 3 * 10
    assert counts["nodes"] == 5


def test_symbols_come_in_as_wide_as_a_layer() -> None:
    genome = parse("h' = tanh(gate1)", LANGUAGE)
    assert SPACE.count(genome, TEXT, Recipe(units=10))["parameters"] == 10 * 10 + 10 * 10 + 10


@pytest.mark.parametrize("form", [FRAMES, TEXT], ids=["frames", "symbols"])
@pytest.mark.parametrize("recipe", [Recipe(units=7), Recipe(units=7, layers=3, tied=True)], ids=str)
@pytest.mark.parametrize("name", ["lstm", "mut1", "nascell"])
def test_a_network_has_as_many_parameters_as_were_counted(
    form: Form, recipe: Recipe, name: str
) -> None:
    genome = parse(SPACE.baselines[name].read_text(), LANGUAGE)
    network = SPACE.network(genome, form, recipe, "eager", "cpu", "float32")
    built = sum(weight.numel() for weight in network.parameters())
    assert SPACE.count(genome, form, recipe)["network_parameters"] == built
