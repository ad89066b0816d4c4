"""Scores before training and what is measured after it, against known answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from support.specs import make_spec, protocol_in
from torch import nn

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.tasks import Batch
from gp_cells.tasks.prepared import load
from gp_cells.training.measures import NOTHING, introspectability, latency, measure
from gp_cells.training.train import NoCheckpoints, train
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.zero_cost import SCORES, _spread, first_samples, synflow

IMAGES = Form("images", 1, "classes", 3, 8, 8)
TEXT = Form("symbols", 7, "classes", 7)
DICE = torch.Generator().manual_seed(4)
PIXELS = torch.randn(20, 1, 8, 8, generator=DICE)
SYMBOLS = torch.randint(7, (9, 20), generator=DICE)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


def make(name: str, form: Form) -> Any:
    space = Convolutional() if form.inputs == "images" else Recurrent()
    genome = parse(space.baselines[name].read_text(), space.language)
    network = space.network(genome, form, Recipe(units=4), "eager", "cpu", "float32")
    network.initialise(3)
    return network


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SCORES)
def test_a_cnn_is_scored_in_every_precision(name: str, precision: str) -> None:
    space = Convolutional()
    genome = parse(space.baselines["resnet_basic"].read_text(), space.language)
    recipe = Recipe(units=4, dropout=0.5)
    network = space.network(genome, IMAGES, recipe, "eager", "cpu", precision)
    network.initialise(3)
    score = SCORES[name](network, first_samples(PIXELS, IMAGES), IMAGES)
    assert (score is None) == (name == "hidden_covariance")
    assert score == SCORES[name](network, first_samples(PIXELS, IMAGES), IMAGES)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("cell", ["gru", "lstm", "resnet_basic", "densenet"])
def test_a_score_is_the_same_again_and_leaves_the_network_as_it_was(name: str, cell: str) -> None:
    form = IMAGES if cell in Convolutional().baselines else TEXT
    inputs = first_samples(PIXELS if form is IMAGES else SYMBOLS, form)
    network = make(cell, form)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    score = SCORES[name](network, inputs, form)
    assert score == SCORES[name](make(cell, form), inputs, form)
    assert (score is None) == (name == "hidden_covariance" and form is IMAGES)
    assert score is None or math.isfinite(score)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


class Linear(nn.Module):
    """A network whose flow is known: the summed product of its positive weights."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.layers = nn.ParameterList(nn.Parameter(torch.tensor([[w]])) for w in weights)

    def embed(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs

    def forward(self, inputs: torch.Tensor, state: None, generator: None) -> tuple:
        for weight in self.layers:
            inputs = inputs * weight
        return inputs.sum((1, 2, 3)), ()


def test_the_flow_through_a_chain_is_its_product_for_each_weight() -> None:
    flow = synflow(Linear([2.0, -3.0, 0.5]), PIXELS, IMAGES)
    assert flow == pytest.approx(math.log(3 * 64 * 2 * 3 * 0.5))  # 64 pixels, three weights


def test_rows_that_differ_in_every_way_are_spread_more_than_rows_that_are_alike() -> None:
    apart = torch.randn(8, 500, generator=DICE)
    alike = apart[:1] + 0.01 * apart
    assert _spread(apart) > _spread(alike)
    orthogonal = torch.kron(torch.eye(4), torch.tensor([[1.0, -1.0]]))
    assert _spread(orthogonal) == pytest.approx(-4.0, abs=1e-3)  # ln 1 + 1 / 1 for each


def test_one_row_or_a_row_of_one_value_has_no_spread() -> None:
    assert math.isnan(_spread(torch.ones(1, 5)))
    assert math.isnan(_spread(torch.ones(3, 5)))


@dataclasses.dataclass
class Prepared:
    """A task whose only batch is given."""

    inputs: torch.Tensor
    targets: np.ndarray

    def batches(self, split: None, shuffle: None) -> Iterator[Batch]:
        counted = np.ones(self.targets.shape, np.float32)
        yield Batch(self.inputs.numpy(), self.targets, counted, continues=False)


class Sorted(nn.Module):
    """Predicts the class whose pixel is brightest; its activations are the pixels."""

    def activations(self, inputs: torch.Tensor, state: None) -> tuple:
        active = inputs.relu()
        return active.flatten(1), (), [active]


def test_classes_that_share_no_activation_are_wholly_introspectable() -> None:
    pixels = torch.eye(3).repeat(4, 1).reshape(12, 3, 1, 1)
    given = Prepared(pixels, np.zeros(12, np.int64))
    assert introspectability(Sorted(), given, IMAGES, None, "cpu") == pytest.approx(1.0)
    shared = Prepared(pixels + 1, np.zeros(12, np.int64))
    # (2, 1, 1) · (1, 2, 1) / 6 is the cosine of each pair
    assert introspectability(Sorted(), shared, IMAGES, None, "cpu") == pytest.approx(1 - 5 / 6)


def test_one_predicted_class_alone_gives_no_number() -> None:
    same = Prepared(torch.eye(3)[:1].repeat(5, 1).reshape(5, 3, 1, 1), np.zeros(5, np.int64))
    assert math.isnan(introspectability(Sorted(), same, IMAGES, None, "cpu"))


def test_keys_have_no_introspectability() -> None:
    keys = Form("frames", 5, "keys", 5)
    assert introspectability(None, None, keys, None, "cpu") is None


def test_a_larger_batch_takes_longer() -> None:
    network = make("resnet_basic", IMAGES)
    assert latency(network, PIXELS, IMAGES, 64) > latency(network, PIXELS, IMAGES, 1) > 0


def test_a_trial_is_measured_and_one_that_failed_is_not(settings, chorales) -> None:
    setup = setup_of(protocol_in(settings), make_spec())
    splits = load(chorales, "search")

    finished = train(setup, splits, NoCheckpoints())
    measures = measure(setup, splits, finished)
    assert set(measures.latency_ms) == {"1", "64"} and set(measures.scores) == set(SCORES)
    assert all(seconds > 0 for seconds in measures.scores_s.values())
    failed = dataclasses.replace(finished, status="diverged")
    assert measure(setup, splits, failed) == NOTHING
