"""Masks of weights, training under one, and recurrent networks with fewer units."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from support.specs import digits_trial
from torch import Tensor

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.measures.synflow import flow, flows
from gp_cells.networks import units
from gp_cells.networks.network import Network
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.stopping.never import Never
from gp_cells.tasks.parity import Parity
from gp_cells.training import pruning
from gp_cells.training.pruning import Sparse
from gp_cells.training.train import NoCheckpoints, Setup, make_network, train

SPACE = Recurrent()
FRAMES = Form("frames", 5, "classes", 3)
SYMBOLS = Form("symbols", 7, "classes", 7)


def parity_trial(**recipe: Any) -> tuple[Setup, Any]:
    """Return a trial of an LSTM of four units on made-up parities, and its splits."""
    task = Parity(sequences=40, held=20, recipe=Recipe(**{"units": 4, "epochs": 2, **recipe}))
    data = task.read()
    setup = Setup(
        genome=parse(SPACE.baselines["lstm"].read_text(), SPACE.language),
        space=SPACE,
        task=task,
        form=data.form,
        learning_rate=0.01,
        seed=3,
        stopper=Never(),
        time_limit_s=600,
        engine="eager",
    )
    return setup, data.splits


def network_of(cell: str, form: Form, **recipe: Any) -> RecurrentNetwork:
    genome = parse(SPACE.baselines[cell].read_text(), SPACE.language)
    network = RecurrentNetwork(genome, form, Recipe(units=6, **recipe), "eager")
    network.initialise(1)
    return network.eval()


def inputs_of(form: Form) -> Tensor:
    drawn = torch.Generator().manual_seed(0)
    if form.inputs == "symbols":
        return torch.randint(form.features, (4, 3), generator=drawn)
    return torch.randn(4, 3, form.features, generator=drawn)


def test_a_mask_keeps_the_highest_of_all_layers_together() -> None:
    scores = {"one": torch.tensor([[5.0, 1.0], [0.0, 4.0]]), "two": torch.tensor([[3.0, 2.0]])}
    mask = pruning.highest(scores, 0.5)
    assert mask["one"].tolist() == [[True, False], [False, True]]
    assert mask["two"].tolist() == [[True, False]]
    assert sum(int(of.sum()) for of in pruning.highest(scores, 0.001).values()) == 1


def test_a_shuffled_mask_keeps_as_many_of_each_layer_and_others() -> None:
    mask = pruning.highest(pruning.magnitudes(network_of("lstm", FRAMES)), 0.2)
    other = pruning.shuffled(mask, seed=1)
    assert {k: int(v.sum()) for k, v in mask.items()} == {k: int(v.sum()) for k, v in other.items()}
    assert any(not torch.equal(mask[name], other[name]) for name in mask)
    again = pruning.shuffled(mask, seed=1)
    assert all(torch.equal(other[name], again[name]) for name in mask)


def test_biases_gains_and_embeddings_are_not_pruned() -> None:
    names = set(pruning.prunable(network_of("gru", SYMBOLS)))
    layer = {f"layers.0.{name}" for name in ("weight_input", "weight_recurrent", "linear")}
    assert names == {*layer, "output.weight"}


def test_what_a_mask_leaves_out_stays_zero_through_training() -> None:
    setup, splits = parity_trial(weight_decay=0.1)
    mask = pruning.highest(pruning.magnitudes(make_network(setup)), 0.3)
    ended = train(dataclasses.replace(setup, sparse=Sparse(mask)), splits, NoCheckpoints())
    for name, kept in mask.items():
        weight = ended.best_weights[name]
        assert not weight[~kept].any()
        assert weight[kept].all()


def test_a_mask_of_everything_changes_no_bit_of_training() -> None:
    setup, splits = parity_trial()
    mask = {
        k: torch.ones_like(v, dtype=torch.bool)
        for k, v in pruning.prunable(make_network(setup)).items()
    }
    whole = train(setup, splits, NoCheckpoints())
    masked = train(dataclasses.replace(setup, sparse=Sparse(mask)), splits, NoCheckpoints())
    assert masked.fitness == whole.fitness
    assert all(torch.equal(masked.best_weights[k], v) for k, v in whole.best_weights.items())


def test_training_begins_with_the_weights_that_are_given() -> None:
    setup, splits = parity_trial(epochs=1)
    first = train(setup, splits, NoCheckpoints())
    again = dataclasses.replace(setup, learning_rate=1e-9, sparse=Sparse({}, first.best_weights))
    ended = train(again, splits, NoCheckpoints())
    assert ended.fitness == pytest.approx(first.fitness, abs=1e-4)


def test_synflow_leaves_no_layer_empty_where_one_round_would() -> None:
    setup, _ = digits_trial("vgg")
    network, sample = make_network(setup), torch.zeros(1, 1, 8, 8)
    mask = pruning.synflow(network, setup.form, sample, 0.01)
    assert pruning.share_of(mask) == pytest.approx(0.01, abs=1e-3)
    assert all(kept.any() for kept in mask.values())


def test_the_flows_of_synflow_are_those_of_its_score() -> None:
    network, sample = network_of("lstm", FRAMES), inputs_of(FRAMES)[:, :1]
    summed = sum(float(of.sum()) for of in flows(network, sample, FRAMES).values())
    assert flow(network, sample, FRAMES) == pytest.approx(math.log(summed), rel=1e-5)


def test_snip_scores_no_weight_that_nothing_reads() -> None:
    setup, splits = parity_trial()
    network: Network = make_network(setup)
    with torch.no_grad():
        network.output.weight[:, 2] = 0.0  # type: ignore[attr-defined]
    scores = pruning.snip(network, setup.form, setup.task.batches(splits["train"], None))
    assert not scores["output.weight"][:, 2].any()
    assert scores["layers.0.weight_recurrent"].any()


@pytest.mark.parametrize("form", [FRAMES, SYMBOLS], ids=["frames", "symbols"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "nascell", "mut1"])
@pytest.mark.parametrize("tied", [False, True])
def test_units_that_nothing_reads_can_go_without_a_trace(cell: str, form: Form, tied: bool) -> None:
    """They go by norm too, and all that is left gives the very outputs of the whole network."""
    network = network_of(cell, form, layers=2, tied=tied and form is SYMBOLS)
    with torch.no_grad():
        for i, of in enumerate(network.cells):
            gone = torch.tensor([1, 4 - i])
            for weight in (of.weight_input, of.weight_recurrent):
                weight[:, [j for j in range(weight.shape[1]) if j % 6 in gone.tolist()]] *= 1e-3
            of.weight_recurrent[gone] = 0.0
            of.linear[:, gone] = 0.0
            reader = network.cells[1].weight_input if i == 0 else network.output.weight.T
            reader[gone] = 0.0
        if network.embedding is not None and not tied:
            network.cells[0].weight_input[[0, 5]] = 0.0
            network.embedding.weight[:, [0, 5]] = 0.0
        if tied and form is SYMBOLS:
            network.cells[0].weight_input[[1, 3]] = 0.0
    kept = units.units_by_norm(network, 4)
    weights = units.weights_of(network, kept)
    recipe = Recipe(units=4, layers=2, tied=tied and form is SYMBOLS)
    genome = parse(SPACE.baselines[cell].read_text(), SPACE.language)
    smaller = RecurrentNetwork(genome, form, recipe, "eager").eval()
    smaller.load_state_dict(weights)
    x = inputs_of(form)
    torch.testing.assert_close(smaller(x, None)[0], network(x, None)[0])


def test_units_by_chance_are_as_many_of_each_layer() -> None:
    network = network_of("lstm", SYMBOLS, layers=2)
    kept = units.units_by_chance(network, 2, seed=5)
    assert [len(of) for of in kept] == [2, 2, 2]
    assert all(of.tolist() == sorted(set(of.tolist())) for of in kept)
