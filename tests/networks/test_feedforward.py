"""Networks of nodes: what they compute, node by node in numpy, and whose weights a child has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as draw

from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.nodes import branch, connect, nodes_of
from gp_cells.spaces.feedforward import ACTIVATIONS, Feedforward
from gp_cells.training.inherit import inherit

SPACE = Feedforward()
LANGUAGE = SPACE.language
POINTS = Form("numbers", 2, "classes", 2)
FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "add": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "gaussian": lambda z: np.exp(-(z**2) / 2),
    "sine": np.sin,
    "abs": np.abs,
    "square": np.square,
}


def network_of(
    genome: Genome, space: Feedforward = SPACE, form: Form = POINTS, seed: int = 1
) -> Any:
    network = space.network(genome, form, Recipe(), "eager", "cpu", "float32")
    network.initialise(seed)
    return network


def by_hand(genome: Genome, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the outputs of a network, (rows, outputs), one node after the other."""
    values = {f"x{i + 1}": column for i, column in enumerate(rows.T)} | {"bias": np.ones(len(rows))}
    left = iter(weights.ravel())
    for node in nodes_of(genome.canonical()):
        weighted = [values[source] * next(left) for source in node.sources]
        joined = np.prod(weighted, 0) if node.function == "mul" else np.sum(weighted, 0)
        values[node.name] = FUNCTIONS.get(node.function, lambda z: z)(joined)
    return np.stack([values[output] for output in genome.language.kind.outputs], 1)


@settings(deadline=None)
@given(seed=draw.integers(0, 2**32))
def test_a_network_gives_what_its_formulas_say(seed: int) -> None:
    space = Feedforward(inputs=3, outputs=2, edits=20)
    genome = variation.sample(space, generator(seed=seed))
    network = network_of(genome, space, Form("numbers", 3, "numbers", 2)).double()
    rows = generator(rows=seed).normal(size=(7, 3))
    predicted, state = network(torch.from_numpy(rows))
    expected = by_hand(genome, network.weight.detach().numpy(), rows)
    np.testing.assert_allclose(predicted.detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    assert state == ()


def test_all_activations_of_the_space_are_held_against_numpy() -> None:
    assert {*ACTIVATIONS, "add"} == set(FUNCTIONS)


def test_one_output_is_the_logit_of_the_second_of_two_classes() -> None:
    network = network_of(parse("y1 = x1 + bias", LANGUAGE))
    rows = torch.randn(5, 2)
    predicted, _ = network(rows)
    by_weight, bias = network.weight.detach()[:, 0]
    assert torch.equal(predicted[:, 0], torch.zeros(5))
    torch.testing.assert_close(predicted[:, 1], rows[:, 0] * by_weight + bias)


def test_it_begins_with_the_guess_that_heeds_no_input() -> None:
    network = network_of(parse("y1 = x1 + x2 + bias", LANGUAGE))
    network.start_from(torch.tensor([0.5, 2.0]))
    predicted, _ = network(torch.zeros(1, 2))
    assert predicted[0, 1] - predicted[0, 0] == 1.5


def test_the_gradient_is_that_of_finite_differences() -> None:
    genome = parse(
        "a = sine(x1 + x2)\nb = x1 * a * bias\nc = gaussian(a + b)\nd = square(c + x2)\ny1 = b + d",
        LANGUAGE,
    )
    network = network_of(genome).double()
    rows = torch.randn(6, 2, dtype=torch.double)

    def outputs(weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(network, {"weight": weight}, (rows,))[0]

    assert torch.autograd.gradcheck(outputs, network.weight.detach().requires_grad_())


@pytest.mark.parametrize("grow", [branch, connect])
def test_a_child_has_the_weights_of_all_connections_that_stayed(grow: Any) -> None:
    giver = branch(variation.sample(SPACE, generator(seed=4)), ("tanh",), generator(seed=5))
    child = grow(giver, SPACE.functions, generator(seed=6))
    giving, taking = network_of(giver, seed=1), network_of(child, seed=2)
    before = taking.weight.detach().clone()
    share = inherit(giver, giving, child, taking)
    known = dict(zip(giving.numbers, giving.weight.detach()[:, 0].tolist(), strict=True))
    for connection, number in taking.numbers.items():
        expected = known.get(connection, before[number, 0].item())
        assert taking.weight[number, 0].item() == expected
    assert share == len(set(known) & set(taking.numbers)) / len(taking.numbers) < 1
