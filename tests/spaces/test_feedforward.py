"""Networks of nodes as text: what is refused, what is one architecture, and what a search may write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as draw

from gp_cells.config.choose import SettingError, choose
from gp_cells.config.files import read_text
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.genome import GenomeError, parse
from gp_cells.spaces import SPACES
from gp_cells.spaces.feedforward import Feedforward

SPACE = Feedforward()
LANGUAGE = SPACE.language
POINTS = Form("numbers", 2, "classes", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y1 = x1 + n7", "there is no 'n7'"),
        ("y1 = x1 + x3", "there is no 'x3'; known names: x1, x2, bias"),
        ("n1 = tanh(x1 + n1)\ny1 = n1", "'n1' reads itself"),
        ("y1 = x1 + y1", "'y1' reads itself"),
        ("y1 = bias", "no output reads any of x1 to x2"),
        ("n1 = tanh(bias)\ny1 = n1", "no output reads any of x1 to x2"),
        ("n1 = tanh(x1)", "no formula writes the output y1"),
        ("y1 = x1 + x2 + x1", "y1 reads x1 twice"),
        ("y1 = tanh(tanh(x1))", "expected a sum of nodes, got a node without a name"),
        ("y1 = x1 + x1 * x2", "expected a sum of nodes, got a product of nodes"),
        ("y1 = tanh(x1 * x2)", "expected a sum of nodes, got a product of nodes"),
        ("y1 = 2 * x1", "the only number is 1"),
        ("x1 = tanh(x2)\ny1 = x1", "'x1' already means something else"),
    ],
)
def test_a_bad_network_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(GenomeError) as refusal:
        parse(text, LANGUAGE)
    assert said in str(refusal.value) and "\n" not in str(refusal.value)


def test_nodes_that_no_output_comes_from_are_dropped() -> None:
    whole = parse("a = tanh(x1)\nb = sine(x2)\nc = abs(b)\ny1 = a + x2", LANGUAGE)
    assert str(whole.canonical()) == "a = tanh(x1)\ny1 = a + x2"


def test_the_order_of_nodes_and_of_what_they_read_is_no_matter() -> None:
    one = "a = tanh(x1 + x2)\nb = x1 * a\nc = abs(x2)\ny1 = c + b + x1 + bias"
    other = "c = abs(x2)\na = tanh(x2 + x1)\nb = a * x1\ny1 = bias + x1 + b + c"
    first, second = (parse(text, LANGUAGE) for text in (one, other))
    assert first.architecture_id == second.architecture_id
    assert first.canonical() == second.canonical()


def test_the_name_of_a_node_is_part_of_the_architecture() -> None:
    one, other = (parse(f"{n} = tanh(x1)\ny1 = {n}", LANGUAGE) for n in ("a", "b"))
    assert one.architecture_id != other.architecture_id


@given(seed=draw.integers(0, 2**32))
def test_a_sampled_network_reads_back_and_is_admitted(seed: int) -> None:
    space = Feedforward(inputs=3, outputs=2)
    genome = variation.sample(space, generator(seed=seed))
    assert parse(str(genome), space.language) == genome == genome.canonical()
    assert space.admits(genome)


@given(seed=draw.integers(0, 2**32))
def test_mutated_and_crossed_networks_read_back(seed: int) -> None:
    rng = generator(seed=seed)
    first, second = variation.sample(SPACE, rng), variation.sample(SPACE, rng)
    children = [variation.mutate(SPACE, first, rng)[0], variation.cross(SPACE, first, second, rng)]
    for child in filter(None, children):
        assert parse(str(child), LANGUAGE) == child
        assert SPACE.admits(child)


def test_limits_of_a_search_are_kept() -> None:
    small = Feedforward(max_nodes=2, max_connections=8, edits=30, functions=("add", "tanh"))
    for seed in range(20):
        genome = variation.sample(small, generator(seed=seed))
        assert len(genome.formulas) <= 3
        assert "sine" not in str(genome)


@pytest.mark.parametrize("name", SPACE.baselines)
def test_a_design_has_as_many_connections_as_it_says(name: str) -> None:
    text = read_text(SPACE.baselines[name])
    counts = SPACE.count(parse(text, LANGUAGE), POINTS, Recipe())
    said = text.splitlines()[0].split(";")
    assert len(said) == 1 or f" {counts['parameters']} connections." == said[1]


def test_designs_are_for_two_inputs_and_one_output() -> None:
    assert {"logistic_regression", "mlp_16"} <= set(SPACE.baselines)
    assert Feedforward(inputs=3).baselines == {}


@pytest.mark.parametrize(
    ("settings", "form", "said"),
    [
        ({"inputs": 3}, POINTS, "inputs: the task has 2 numbers in a row, got 3"),
        ({"outputs": 3}, POINTS, "outputs: the task needs 1 or 2, got 3"),
        ({}, Form("numbers", 2, "classes", 3), "outputs: the task needs 3, got 1"),
        ({}, Form("numbers", 2, "numbers", 2), "outputs: the task needs 2, got 1"),
        ({"outputs": 2}, POINTS, ""),
        ({}, Form("numbers", 2, "numbers", 1), ""),
    ],
)
def test_data_of_another_form_are_told(settings: dict[str, Any], form: Form, said: str) -> None:
    assert Feedforward(**settings).misfit(form) == said


def test_a_space_that_cannot_sum_is_refused() -> None:
    with pytest.raises(SettingError, match="add must be there"):
        choose("spaces", SPACES, "feedforward", {"functions": ["tanh"]})
