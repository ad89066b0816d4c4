"""Recurrent cells as graphs: what a search may write of them, and that they are built as written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gp_cells import build, parse
from gp_cells.config.choose import SettingError, choose
from gp_cells.genomes import variation
from gp_cells.genomes.genome import GenomeError
from gp_cells.genomes.genome import parse as parse_in
from gp_cells.networks.program import compile_program
from gp_cells.spaces import SPACES
from gp_cells.spaces.recurrent_graph import LANGUAGE, MEANS, UNTYPED, RecurrentGraph
from gp_cells.spaces.steps import explodes

EVERY = RecurrentGraph(
    tuple(function.name for function in (*UNTYPED, *MEANS)),
    ("gate", "input", "recurrent", "bias", "scale"),
    values=12,
)


@pytest.mark.parametrize("seed", range(20))
def test_what_a_search_draws_reads_back_and_is_within_its_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = EVERY if seed % 2 else RecurrentGraph()
    genome = variation.sample(space, rng)
    for _ in range(5):
        genome, _ = variation.mutate(space, genome, rng)
    crossed = variation.cross(space, genome, variation.sample(space, rng), rng) or genome
    assert space.admits(crossed)
    assert parse_in(str(crossed), LANGUAGE).architecture_id == crossed.architecture_id
    assert crossed.canonical().canonical() == crossed.canonical()


def test_a_value_that_is_read_twice_is_computed_once() -> None:
    genome = parse("a = tanh(gate1)\nh' = a * a + h", "recurrent_graph")
    assert str(genome.canonical()) == "v1 = tanh(gate1)\nh' = h + v1 * v1"
    program = compile_program(genome)
    assert program.states == ("h",)
    assert [step.operation for step in program.steps].count("tanh") == 1


def test_a_sum_in_another_order_is_the_same_architecture() -> None:
    one, other = (
        parse(f"h' = ({text}) / 3", "recurrent_graph")
        for text in ("h + tanh(gate1) + gate2", "gate1 + (tanh(gate2) + h)")
    )
    assert one.architecture_id == other.architecture_id


def test_a_mean_is_what_it_says() -> None:
    cell: Any = build(parse("h' = (input1 + recurrent1 + h) / 3", "recurrent_graph"), 4, 3)
    x = torch.randn(1, 2, 4)
    state = torch.randn(1, 2, 3)
    expected = (x[0] @ cell.weight_input + state[0] @ cell.weight_recurrent + state[0]) / 3
    outputs, last = cell(x, state)
    torch.testing.assert_close(outputs[0], expected)
    torch.testing.assert_close(last[0], expected)


@pytest.mark.parametrize("text", ["h / 1", "h / 17", "h / x", "h / 2.0", "1 / h"])
def test_only_a_division_by_a_small_whole_number_can_be_written(text: str) -> None:
    with pytest.raises(GenomeError, match=r"the infix operators are \+ - \*, and / by 2 to 16"):
        parse(f"h' = gate1 + {text}", "recurrent_graph")


def test_a_product_of_the_output_with_itself_explodes_through_a_name_too() -> None:
    assert explodes(parse("a = h + gate1\nh' = a * a", "recurrent_graph"))
    assert not explodes(parse("a = h + gate1\nh' = a * tanh(a)", "recurrent_graph"))


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(SettingError, match=r"recurrent_graph.functions: got 'sinus'; choose from"):
        choose("spaces", SPACES, "recurrent_graph", {"functions": ["sinus"]})
    with pytest.raises(SettingError, match=r"recurrent_graph.values"):
        choose("spaces", SPACES, "recurrent_graph", {"values": 25})
