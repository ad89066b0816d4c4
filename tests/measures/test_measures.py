"""Scores before training and what is measured after it, against known answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.specs import make_protocol, make_spec, protocol_in
from support.tiny import TINY
from torch import nn

from gp_cells.config.plan import read_plan
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.measures import DEFAULT, MEASURES, Column, Subject
from gp_cells.measures.covariance import spread
from gp_cells.measures.synflow import flow
from gp_cells.plugins import measures_of
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.tasks import Batch
from gp_cells.tasks.prepared import load
from gp_cells.training.measures import (
    NOTHING,
    Measures,
    measure,
    objectives,
)
from gp_cells.training.train import Finished, NoCheckpoints, Setup, train
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.workflow.steps import write_settings

SCORES = ("synflow", "jacobian_covariance", "hidden_covariance")
IMAGES = Form("images", 1, "classes", 3, 8, 8)
TEXT = Form("symbols", 7, "classes", 7)
GENERATOR = torch.Generator().manual_seed(4)
PIXELS = torch.randn(20, 1, 8, 8, generator=GENERATOR)
SYMBOLS = torch.randint(7, (9, 20), generator=GENERATOR)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


@dataclasses.dataclass
class Prepared:
    """A task whose only batch is given."""

    inputs: torch.Tensor
    targets: np.ndarray | None = None

    def batches(self, split: None, shuffle: None) -> Iterator[Batch]:
        targets = np.zeros(len(self.inputs)) if self.targets is None else self.targets
        counted = np.ones(targets.shape, np.float32)
        yield Batch(self.inputs.numpy(), targets, counted, continues=False)


def measured(name: str, network: Any, task: Any, form: Form) -> Any:
    """Return what the measure that gives a column gives of a network."""
    (measure,) = (m for m in MEASURES.values() if name in {c.name for c in m.columns})
    subject = Subject(
        untrained=network,
        trained=network,
        task=task,
        form=form,
        splits={"train": {}, "valid": {}},
        device="cpu",
    )
    return measure().measure(subject)[name]


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
    score = measured(name, network, Prepared(PIXELS), IMAGES)
    assert (score is None) == (name == "hidden_covariance")
    assert score == measured(name, network, Prepared(PIXELS), IMAGES)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("cell", ["gru", "lstm", "resnet_basic", "densenet"])
def test_a_score_is_the_same_again_and_leaves_the_network_as_it_was(name: str, cell: str) -> None:
    form = IMAGES if cell in Convolutional().baselines else TEXT
    task = Prepared(PIXELS if form is IMAGES else SYMBOLS)
    network = make(cell, form)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    score = measured(name, network, task, form)
    assert score == measured(name, make(cell, form), task, form)
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
    linear: Any = Linear([2.0, -3.0, 0.5])
    assert flow(linear, PIXELS[:1], IMAGES) == pytest.approx(
        math.log(3 * 64 * 2 * 3 * 0.5)
    )  # 64 pixels, three weights


def test_rows_that_differ_in_every_way_are_spread_more_than_rows_that_are_alike() -> None:
    apart = torch.randn(8, 500, generator=GENERATOR)
    alike = apart[:1] + 0.01 * apart
    assert spread(apart) > spread(alike)
    orthogonal = torch.kron(torch.eye(4), torch.tensor([[1.0, -1.0]]))
    assert spread(orthogonal) == pytest.approx(-4.0, abs=1e-3)  # ln 1 + 1 / 1 for each


def test_one_row_or_a_row_of_one_value_has_nospread() -> None:
    assert math.isnan(spread(torch.ones(1, 5)))
    assert math.isnan(spread(torch.ones(3, 5)))


class Sorted(nn.Module):
    """Predicts the class whose pixel is brightest; its activations are the pixels."""

    def activations(self, inputs: torch.Tensor, state: None) -> tuple:
        active = inputs.relu()
        return active.flatten(1), (), [active]


def test_classes_that_share_no_activation_are_wholly_introspectable() -> None:
    pixels = torch.eye(3).repeat(4, 1).reshape(12, 3, 1, 1)
    given = Prepared(pixels, np.zeros(12, np.int64))
    assert measured("introspectability", Sorted(), given, IMAGES) == pytest.approx(1.0)
    shared = Prepared(pixels + 1, np.zeros(12, np.int64))
    # (2, 1, 1) · (1, 2, 1) / 6 is the cosine of each pair
    assert measured("introspectability", Sorted(), shared, IMAGES) == pytest.approx(1 - 5 / 6)


def test_one_predicted_class_alone_gives_no_number() -> None:
    same = Prepared(torch.eye(3)[:1].repeat(5, 1).reshape(5, 3, 1, 1), np.zeros(5, np.int64))
    assert math.isnan(measured("introspectability", Sorted(), same, IMAGES))


def test_keys_have_no_introspectability() -> None:
    keys = Form("frames", 5, "keys", 5)
    assert measured("introspectability", None, Prepared(PIXELS), keys) is None


def test_a_larger_batch_takes_longer() -> None:
    network = make("resnet_basic", IMAGES)
    one, many = (
        measured(f"latency_{size}_ms", network, Prepared(PIXELS), IMAGES) for size in (1, 64)
    )
    assert many > one > 0


@pytest.fixture(scope="module")
def trained(
    chorales: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Setup, Any, Finished]:
    """A trial of the tiny benchmark that ended well."""
    run = next(iter(read_plan(TINY).runs.values()))
    path = tmp_path_factory.mktemp("run") / "settings.json"
    write_settings(run.config, chorales / "data.json", path)
    setup, splits = setup_of(protocol_in(path), make_spec()), load(chorales, "search")
    return setup, splits, train(setup, splits, NoCheckpoints())


Trained = tuple[Setup, Any, Finished]


def test_a_trial_is_measured_and_one_that_failed_is_not(trained: Trained) -> None:
    setup, splits, finished = trained
    found = measure(setup, splits, finished, measures_of(make_protocol()))
    assert set(found.values) == {*SCORES, "latency_1_ms", "latency_64_ms", "introspectability"}
    assert set(found.cpu_s) == set(DEFAULT) and not found.failures
    assert all(seconds > 0 for seconds in found.cpu_s.values())
    failed = dataclasses.replace(finished, status="diverged")
    assert measure(setup, splits, failed, measures_of(make_protocol())) == NOTHING


def test_measures_that_are_not_chosen_are_not_taken(trained: Trained) -> None:
    found = measure(*trained, {"synflow": MEASURES["synflow"]()})
    assert set(found.values) == set(found.cpu_s) == {"synflow"}
    assert measure(*trained, {}) == NOTHING


class Broken:
    """A measure that raises what it is given, or gives what it is given."""

    columns = (Column("broken", "", "nothing"),)

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def measure(self, subject: Subject) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (AttributeError("no such thing\nhere"), "AttributeError: no such thing here"),
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (MemoryError(), "MemoryError:"),
        ({}, "ValueError: expected values for broken; got none"),
        ({"other": 1.0}, "ValueError: expected values for broken; got other"),
        ({"broken": "x"}, "ValueError: could not convert string to float: 'x'"),
    ],
)
def test_a_measure_that_fails_leaves_its_reason_and_the_others_alone(
    trained: Trained, answer: Any, reason: str
) -> None:
    chosen: dict[str, Any] = {"broken": Broken(answer), "synflow": MEASURES["synflow"]()}
    found = measure(*trained, chosen)
    assert found.failures == {"broken": reason}
    assert set(found.values) == {"synflow"} and set(found.cpu_s) == {"broken", "synflow"}


def broken(answer: Any) -> dict[str, Any]:
    """Return one measure that answers so."""
    return {"broken": Broken(answer)}


def test_a_measure_cannot_hide_that_the_process_was_interrupted(trained: Trained) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(*trained, broken(KeyboardInterrupt()))


def test_nan_and_none_are_values_and_no_failures(trained: Trained) -> None:
    found = measure(*trained, broken({"broken": math.nan}))
    assert math.isnan(found.values["broken"] or 0.0) and not found.failures
    assert measure(*trained, broken({"broken": None})).values == {"broken": None}


def test_a_failed_measure_leaves_its_objective_unknown(trained: Trained) -> None:
    finished = trained[2]
    unknown = objectives(Measures({}, {}, {"introspectability": "RuntimeError: no"}), finished)
    assert unknown["entanglement"] is None and unknown["latency_1_ms"] is None
    known = objectives(Measures({"introspectability": 0.75}, {}, {}), finished)
    assert known["entanglement"] == 0.25
