"""Images moved and mirrored at random while a network is trained on them.

Chance comes from the trial's seed and the numbers of epoch and batch, so a trial that is killed goes on
with the very images that it would have had.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.recipe import Recipe
from gp_cells.tasks import Batch


def augmented(batch: Batch, recipe: Recipe, *, seed: int, epoch: int, number: int) -> Batch:
    """Return a batch of images as the recipe's `shift` and `flip` change it; any other as it is."""
    if not recipe.shift and not recipe.flip:
        return batch
    rng = seeds.generator(seed=seed, purpose="augment", epoch=epoch, batch=number)
    images = batch.inputs
    count, _, height, width = images.shape
    moved = rng.integers(-recipe.shift, recipe.shift + 1, size=(2, count, 1))
    mirrored = rng.random((count, 1)) < 0.5 if recipe.flip else np.zeros((count, 1), dtype=bool)
    # What comes in from outside is the edge again.
    rows = np.clip(np.arange(height) + moved[0], 0, height - 1)
    columns = np.clip(np.arange(width) + moved[1], 0, width - 1)
    columns = np.where(mirrored, columns[:, ::-1], columns)
    every = np.arange(count)[:, None, None]
    changed = images[
        every, :, rows[:, :, None], columns[:, None, :]
    ]  # (batch, height, width, channels)
    return dataclasses.replace(batch, inputs=np.ascontiguousarray(np.moveaxis(changed, 3, 1)))
