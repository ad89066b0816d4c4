"""What a recipe does to images and targets in training: moved, mirrored, smoothed, and scaled weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.specs import digits_trial, killed_again_and_again
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe, misfit
from gp_cells.tasks import Batch
from gp_cells.training.augment import augmented
from gp_cells.training.loss import smoothed_loss, summed_loss
from gp_cells.training.train import NoCheckpoints, make_network, train
from gp_cells.training.trial import set_up_torch


def images(count: int = 100) -> Batch:
    """Return a batch of images whose every pixel says where it was."""
    pixels = np.arange(2 * 5 * 6, dtype=np.float32).reshape(1, 2, 5, 6).repeat(count, 0)
    return Batch(pixels, np.zeros(count, np.int64), np.ones(count, np.float32), continues=False)


def changed(**recipe: Any) -> np.ndarray:
    return augmented(images(), Recipe(**recipe), seed=1, epoch=2, number=3).inputs


def test_every_image_is_one_of_the_allowed_moves_and_all_of_them_occur() -> None:
    [before, *_] = images().inputs
    edges = np.pad(before, ((0, 0), (1, 1), (1, 1)), mode="edge")
    moves = {
        edges[:, down : down + 5, right : right + 6].tobytes()
        for down in range(3)
        for right in range(3)
    }
    assert {image.tobytes() for image in changed(shift=1)} == moves


def test_an_image_is_mirrored_about_half_the_time() -> None:
    [before, *_] = images().inputs
    mirrored = [np.array_equal(image, before[:, :, ::-1]) for image in changed(flip=True)]
    kept = [np.array_equal(image, before) for image in changed(flip=True)]
    assert 30 < sum(mirrored) < 70
    assert sum(mirrored) + sum(kept) == 100


def test_chance_is_the_trials_epochs_and_batchs_alone() -> None:
    recipe = Recipe(shift=2, flip=True)
    first = augmented(images(), recipe, seed=1, epoch=2, number=3).inputs
    assert np.array_equal(first, augmented(images(), recipe, seed=1, epoch=2, number=3).inputs)
    for other in ({"seed": 2}, {"epoch": 3}, {"number": 4}):
        chance = {"seed": 1, "epoch": 2, "number": 3} | other
        assert not np.array_equal(first, augmented(images(), recipe, **chance).inputs)


def test_a_smoothed_loss_is_torchs() -> None:
    predicted = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    targets = torch.arange(12).reshape(3, 4) % 5
    counted = torch.ones(3, 4)
    counted[0, 1] = 0
    summed = summed_loss(Form("frames", 2, "classes", 5), predicted, targets, counted)
    kept = counted.flatten() > 0
    wanted = functional.cross_entropy(
        predicted.flatten(0, 1)[kept],
        targets.flatten()[kept],
        label_smoothing=0.3,
        reduction="sum",
    )
    torch.testing.assert_close(smoothed_loss(summed, predicted, counted, 0.3), wanted)


def test_a_trial_with_every_change_killed_between_any_two_batches_ends_with_the_same_bits(
    tmp_path: Path,
) -> None:
    set_up_torch(1)
    every = {"optimiser": "rmsprop", "initial_scale": 0.5, "label_smoothing": 0.1}
    setup, splits = digits_trial("resnet_basic", epochs=2, shift=1, flip=True, **every)
    whole = train(setup, splits, NoCheckpoints())
    killed = killed_again_and_again(setup, splits, tmp_path)
    assert killed.resumed >= 3
    assert killed.epochs[-1].valid_loss == whole.epochs[-1].valid_loss
    plain, _ = digits_trial("resnet_basic", epochs=2)
    assert train(plain, splits, NoCheckpoints()).fitness != whole.fitness


def test_an_initial_scale_is_a_factor_of_all_weights_but_vectors() -> None:
    setup, _ = digits_trial("resnet_basic", epochs=1)
    recipe = dataclasses.replace(setup.task.recipe, initial_scale=0.5)
    task = dataclasses.replace(setup.task, recipe=recipe)  # type: ignore[type-var]
    pairs = zip(
        make_network(setup).parameters(),
        make_network(dataclasses.replace(setup, task=task)).parameters(),
        strict=True,
    )
    for whole, scaled in pairs:
        torch.testing.assert_close(scaled, whole * (0.5 if whole.ndim > 1 else 1.0))


@pytest.mark.parametrize(
    ("recipe", "inputs", "targets", "said"),
    [
        (Recipe(shift=1), "frames", "classes", "recipe.shift: only images"),
        (Recipe(flip=True), "symbols", None, "recipe.flip: only images"),
        (Recipe(label_smoothing=0.1), "frames", "keys", "recipe.label_smoothing: only classes"),
        (Recipe(label_smoothing=0.1), "frames", None, ""),
        (Recipe(shift=1, flip=True, label_smoothing=0.1), "images", "classes", ""),
    ],
)
def test_what_a_task_does_not_have_is_no_part_of_its_recipe(
    recipe: Recipe, inputs: Any, targets: Any, said: str
) -> None:
    assert misfit(recipe, inputs, targets).startswith(said)
    assert bool(misfit(recipe, inputs, targets)) == bool(said)
