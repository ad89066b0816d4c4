"""CNN cells against networks written by hand, and what training them must keep."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from resnet import ResNet
from torch import nn
from torch.nn import functional

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.networks.convolutional import BatchNorm, ConvolutionalNetwork, PointConvolution
from gp_cells.spaces.convolutional import Convolutional

SPACE = Convolutional()
FORM = Form("images", 3, "classes", 10, 16, 16)
RECIPE = Recipe(units=8, layers=2, batch_size=4)
IMAGES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
GENERATOR = torch.Generator().manual_seed(2)
LABELS = torch.tensor([1, 0, 7, 3])
SOAK = Path(__file__).parents[2] / "benchmarks/soak.py"


@pytest.fixture(autouse=True)
def threads_of_a_trial() -> Iterator[None]:
    """One thread, as a trial has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(
    name: str = "resnet_basic", recipe: Recipe = RECIPE, precision: str = "float32"
) -> ConvolutionalNetwork:
    genome = parse(SPACE.baselines[name].read_text(), SPACE.language)
    network = SPACE.network(genome, FORM, recipe, "eager", "cpu", precision)
    network.initialise(5)
    return network


def give_weights(
    network: ConvolutionalNetwork, hand: ResNet
) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Copy the weights of a genome's network into one by hand; return the pairs of weights.

    Both have their convolutions, norms and shortcuts in the order of running, but that a block by
    hand names its shortcut last and the genome's formulas may run it first.
    """
    key = lambda w: tuple(w.shape)  # noqa: E731
    pairs = []
    mine = [m for m in network.modules() if isinstance(m, nn.Conv2d | BatchNorm | nn.Linear)]
    theirs = [m for m in hand.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    assert len(mine) == len(theirs)
    for module in mine:
        match = next(t for t in theirs if key(t.weight) == key(module.weight))
        theirs.remove(match)
        for name, weight in module.named_parameters():
            getattr(match, name).data.copy_(weight.data)
            pairs.append((weight, getattr(match, name)))
    return pairs


def test_the_basic_residual_block_equals_one_written_by_hand_in_outputs_and_gradients() -> None:
    network, hand = make(), ResNet(3, 8, 2, 10)
    pairs = give_weights(network, hand)
    for one in (network, hand):
        one.double().train()
    mine, theirs = network(IMAGES.double())[0], hand(IMAGES.double())
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)
    for predicted in (mine, theirs):
        functional.cross_entropy(predicted, LABELS).backward()
    for weight, other in pairs:
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-7, atol=1e-9)


def test_after_its_first_batch_a_norm_remembers_that_batch() -> None:
    network = make("nasnet_a").train()
    with torch.no_grad():
        trained = network(IMAGES)[0]
        network.eval()
        torch.testing.assert_close(network(IMAGES)[0], trained, rtol=0.2, atol=0.2)


def test_after_many_batches_a_norm_remembers_as_torchs_does() -> None:
    ours, torchs = BatchNorm(3), nn.BatchNorm2d(3)
    for _ in range(60):
        batch = 2 + torch.randn(8, 3, 4, 4, generator=GENERATOR)
        torch.testing.assert_close(ours(batch), torchs(batch))
    torch.testing.assert_close(ours.mean, torchs.running_mean, rtol=0.01, atol=0.01)
    torch.testing.assert_close(ours.variance, torchs.running_var, rtol=0.01, atol=0.01)


def test_a_norm_that_is_loaded_goes_on_where_it_was() -> None:
    batches = torch.randn(5, 8, 3, 4, 4, generator=GENERATOR)
    whole, first, second = BatchNorm(3), BatchNorm(3), BatchNorm(3)
    for batch in batches:
        whole(batch)
    for batch in batches[:2]:
        first(batch)
    second.load_state_dict(first.state_dict())
    for batch in batches[2:]:
        second(batch)
    assert torch.equal(whole.mean, second.mean) and torch.equal(whole.variance, second.variance)


def test_with_avx2_alone_training_keeps_its_bits_and_its_memory() -> None:
    as_there = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    strict = {"MALLOC_CHECK_": "3"}  # the C library ends a process whose heap is damaged
    command = [sys.executable, str(SOAK), "--steps", "30", "--blocks", "resnet_basic"]

    done = subprocess.run(
        command, env=os.environ | as_there | strict, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_point_convolution_with_strides_is_torchs() -> None:
    ours = PointConvolution(8, 12, (1, 1), (2, 2), bias=True)
    torchs = nn.Conv2d(8, 12, 1, 2)
    torchs.load_state_dict(ours.state_dict())
    maps = torch.randn(4, 8, 15, 16, generator=GENERATOR)
    torch.testing.assert_close(ours(maps), torchs(maps))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(SPACE.baselines))
def test_a_step_of_training_gives_the_same_bits_again(name: str, precision: str) -> None:
    def step() -> list[torch.Tensor]:
        network = make(name, Recipe(units=4, dropout=0.3), precision)
        network.train()
        predicted, state = network(IMAGES, None, torch.Generator().manual_seed(2))
        assert state == ()
        functional.cross_entropy(predicted, LABELS).backward()
        return [weight.grad for weight in network.parameters() if weight.grad is not None]

    for one, other in zip(step(), step(), strict=True):
        assert torch.equal(one, other)


def test_a_norm_has_a_memory_that_is_part_of_the_weights() -> None:
    network, other = make(), make()
    network.train()
    network(IMAGES)
    other.load_state_dict(network.state_dict())
    for one in (network, other):
        one.eval()
    assert torch.equal(network(IMAGES)[0], other(IMAGES)[0])


def test_a_batch_of_one_number_a_channel_is_normed_by_what_is_remembered() -> None:
    norm = BatchNorm(3)
    one = torch.tensor([1.0, -2.0, 3.0]).reshape(1, 3, 1, 1)
    assert torch.equal(norm.train()(one), norm.eval()(one))
    assert norm.variance.isfinite().all()


@pytest.mark.parametrize("engine", ["compiled", "fast"])
def test_cnn_cells_have_no_other_engine_than_torchs_operations(engine: str) -> None:
    genome = parse(SPACE.baselines["vgg"].read_text(), SPACE.language)
    with pytest.raises(SettingError, match="engine eager, not"):
        SPACE.network(genome, FORM, RECIPE, engine, "cpu", "float32")
