from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks.engine import build
from gp_cells.networks.program import compile_program, count_multiply_adds, count_parameters
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.training.loss import summed_loss
from gp_cells.training.optimiser import Optimiser

SPACE = Recurrent()
TIME, BATCH, INPUTS, UNITS = 11, 3, 5, 7


def baseline(name: str) -> Genome:
    return parse(SPACE.baselines[name].read_text(), LANGUAGE)


def sequence() -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, generator=torch.Generator().manual_seed(0))


def blocks(weight: Tensor, order: list[int]) -> Tensor:
    return torch.cat([weight.chunk(len(order))[i] for i in order])


def test_the_lstm_formula_equals_torch_in_outputs_states_and_all_gradients() -> None:
    # The canonical form numbers the gates by first use: forget, input, candidate, output.
    vendor: Any = torch.nn.LSTM(INPUTS, UNITS)
    ours = build(baseline("lstm"), INPUTS, UNITS)
    order = [1, 0, 2, 3]
    with torch.no_grad():
        ours.weight_input.copy_(blocks(vendor.weight_ih_l0, order).t())
        ours.weight_recurrent.copy_(blocks(vendor.weight_hh_l0, order).t())
        ours.gate_bias.copy_(blocks(vendor.bias_ih_l0 + vendor.bias_hh_l0, order))
    x, y = sequence().requires_grad_(), sequence().requires_grad_()
    expected, (h, c) = vendor(x)
    outputs, state = ours(y)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(state, torch.stack([h[0], c[0]]))
    (expected.square().sum() + c.sum()).backward()
    (outputs.square().sum() + state[1].sum()).backward()
    torch.testing.assert_close(y.grad, x.grad)
    for name, of_vendor in (
        ("weight_input", vendor.weight_ih_l0),
        ("weight_recurrent", vendor.weight_hh_l0),
        ("gate_bias", vendor.bias_ih_l0),
    ):
        expected = blocks(of_vendor.grad, order)
        torch.testing.assert_close(
            getattr(ours, name).grad, expected.t() if expected.dim() > 1 else expected
        )


def test_the_gru_formula_equals_torch_in_outputs_and_all_gradients() -> None:
    # Canonical: gate1 is the update, gate2 the reset gate; bias1 the input's, bias2 the recurrent's.
    vendor: Any = torch.nn.GRU(INPUTS, UNITS)
    ours: Any = build(baseline("gru"), INPUTS, UNITS)
    order = [1, 0, 2]
    in_bias, out_bias = vendor.bias_ih_l0.chunk(3), vendor.bias_hh_l0.chunk(3)
    with torch.no_grad():
        ours.weight_input.copy_(blocks(vendor.weight_ih_l0, order).t())
        ours.weight_recurrent.copy_(blocks(vendor.weight_hh_l0, order).t())
        ours.gate_bias.copy_(torch.cat([in_bias[1] + out_bias[1], in_bias[0] + out_bias[0]]))
        ours.bias.copy_(torch.stack([in_bias[2], out_bias[2]]))
    x, y = sequence().requires_grad_(), sequence().requires_grad_()
    expected, _ = vendor(x)
    outputs, _ = ours(y)
    torch.testing.assert_close(outputs, expected)
    expected.square().sum().backward()
    outputs.square().sum().backward()
    torch.testing.assert_close(y.grad, x.grad)
    torch.testing.assert_close(ours.weight_input.grad, blocks(vendor.weight_ih_l0.grad, order).t())
    torch.testing.assert_close(
        ours.weight_recurrent.grad, blocks(vendor.weight_hh_l0.grad, order).t()
    )
    gate_bias = torch.cat([vendor.bias_ih_l0.grad.chunk(3)[i] for i in (1, 0)])
    torch.testing.assert_close(ours.gate_bias.grad, gate_bias)
    both = torch.stack([vendor.bias_ih_l0.grad.chunk(3)[2], vendor.bias_hh_l0.grad.chunk(3)[2]])
    torch.testing.assert_close(ours.bias.grad, both)


def nascell_step(x: Tensor, m: Tensor, c: Tensor, w: list[Tensor], r: list[Tensor]) -> tuple:
    """One step of TensorFlow Addons' NASCell, written out from its source."""
    u, v = [x @ each.t() for each in w], [m @ each.t() for each in r]
    layer1 = [
        torch.sigmoid(u[0] + v[0]),
        torch.relu(u[1] + v[1]),
        torch.sigmoid(u[2] + v[2]),
        torch.relu(u[3] * v[3]),
        torch.tanh(u[4] + v[4]),
        torch.sigmoid(u[5] + v[5]),
        torch.tanh(u[6] + v[6]),
        torch.sigmoid(u[7] + v[7]),
    ]
    a = torch.tanh(layer1[0] * layer1[1])
    b = torch.tanh(layer1[2] + layer1[3])
    p = torch.tanh(layer1[4] * layer1[5])
    q = torch.sigmoid(layer1[6] + layer1[7])
    c = torch.tanh(a + c) * b
    return torch.tanh(c * torch.tanh(p + q)), c


def test_nascell_equals_an_independently_written_step() -> None:
    ours = build(baseline("nascell"), INPUTS, UNITS)
    # The canonical form numbers l1 before l0, l3 before l2, l7 before l6, and l5 before l4.
    text = str(baseline("nascell").canonical())
    assert "tanh(relu(input1 + recurrent1) * sigmoid(input2 + recurrent2))" in text
    assert "relu(input3 * recurrent3) + sigmoid(input4 + recurrent4)" in text
    assert "sigmoid(sigmoid(input5 + recurrent5) + tanh(input6 + recurrent6))" in text
    assert "tanh(sigmoid(input7 + recurrent7) * tanh(input8 + recurrent8))" in text
    place = [1, 0, 3, 2, 7, 6, 5, 4]  # of l0 … l7 among our projections
    w = [ours.weight_input.t().chunk(8)[i] for i in place]
    r = [ours.weight_recurrent.t().chunk(8)[i] for i in place]
    x = sequence()
    m = c = torch.zeros(BATCH, UNITS)
    expected = []
    for step in x:
        m, c = nascell_step(step, m, c, w, r)
        expected.append(m)
    outputs, state = ours(x)
    torch.testing.assert_close(outputs, torch.stack(expected))
    torch.testing.assert_close(state, torch.stack([m, c]))


def test_a_sequence_in_two_halves_equals_the_whole() -> None:
    cell, x = build(baseline("lstm_peephole"), INPUTS, UNITS), sequence()
    whole, end = cell(x)
    first, between = cell(x[:4])
    second, last = cell(x[4:], between)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(last, end)


@pytest.mark.parametrize("name", sorted(SPACE.baselines))
def test_the_counted_parameters_of_a_baseline_are_those_of_its_module(name: str) -> None:
    genome = baseline(name)
    module = build(genome, INPUTS, UNITS)
    counted = count_parameters(compile_program(genome), INPUTS, UNITS)
    assert counted == sum(weight.numel() for weight in module.parameters())


def test_the_parameters_of_the_published_cells_are_the_published_numbers() -> None:
    inputs, units = 128, 256
    nascell = compile_program(baseline("nascell"))
    lstm = compile_program(baseline("lstm"))
    assert count_parameters(nascell, inputs, units) == 8 * units * (inputs + units)
    assert count_parameters(lstm, inputs, units) == 4 * units * (inputs + units + 1)


def test_the_multiply_adds_of_the_lstm_are_its_products_and_nine_operations_a_unit() -> None:
    # sigmoid × 3, tanh × 2, mul × 3, add × 1; a bias is part of its product.
    expected = 4 * UNITS * (INPUTS + UNITS) + 9 * UNITS
    assert count_multiply_adds(compile_program(baseline("lstm")), INPUTS, UNITS) == expected


def test_a_shared_expression_is_computed_once() -> None:
    program = compile_program(baseline("gru"))
    assert sum(step.operation == "sigmoid" for step in program.steps) == 2


def test_every_sampled_genome_builds_and_trains_one_step_with_finite_gradients() -> None:
    rng, form = np.random.default_rng(11), Form("frames", 88, "keys", 88)
    x = (torch.rand(TIME, BATCH, 88, generator=torch.Generator().manual_seed(1)) < 0.05).float()
    for _ in range(100):
        genome = variation.sample(Recurrent(memory_cells=4), rng)
        network = RecurrentNetwork(genome, form, Recipe(units=UNITS, layers=2))
        network.initialise(5)
        logits, _ = network(x, None)
        summed_loss(form, logits, x, torch.ones(TIME, BATCH)).backward()
        for weight in network.parameters():
            if weight.grad is not None:
                assert torch.isfinite(weight.grad).all(), genome


def test_the_same_seed_gives_the_same_weights() -> None:
    genome, form = baseline("mgu"), Form("symbols", 20, "classes", 20)
    recipe = Recipe(units=UNITS, layers=2, dropout=0.1)
    one, other = (RecurrentNetwork(genome, form, recipe) for _ in range(2))
    one.initialise(3)
    other.initialise(3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("shape", [(0, BATCH, INPUTS), (TIME, BATCH, INPUTS + 1), (TIME, INPUTS)])
def test_an_input_of_the_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected x of shape"):
        build(baseline("lstm"), INPUTS, UNITS)(torch.zeros(shape))


def test_adam_steps_as_the_vendors_does() -> None:
    generator = torch.Generator().manual_seed(2)
    start = [torch.randn(4, 3, generator=generator), torch.randn(5, generator=generator)]
    ours = [torch.nn.Parameter(each.clone()) for each in start]
    vendors = [torch.nn.Parameter(each.clone()) for each in start]
    adam, vendor = Optimiser(ours, 0.01), torch.optim.Adam(vendors, lr=0.01)
    for _ in range(20):
        for one, other in zip(ours, vendors, strict=True):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        adam.step()
        vendor.step()
    assert all(torch.equal(one, other) for one, other in zip(ours, vendors, strict=True))
