"""Points in a plane of two classes, made from a seed: what the three toys of Ha 2016 share.

Backprop NEAT (https://github.com/hardmaru/backprop-neat-js, dataset.js, after TensorFlow's playground)
draws 200 points to train on and 200 to test; here there are as many for validation too, each split from a
stream of its own. Coordinates are as drawn, about −6 to 6: they are not standardised.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gp_cells.config import seeds
from gp_cells.tasks.examples import score_guesses
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import Arrays, Data, Form, Reading, Recipe, SplitName

UNIT = "nats per row"
RECIPE = Recipe(batch_size=50, epochs=20, learning_rate=0.02)

Points = tuple[np.ndarray, np.ndarray]  # float64 (points, 2), and their classes (points,)
Draw = Callable[[np.random.Generator, int], Points]


def make_points(task: str, seed: int, points: int, draw: Draw) -> Data:
    """Return so many points in each split."""
    splits: dict[SplitName, Arrays] = {}
    for split in SPLITS:
        rng = seeds.generator(seed=seed, task=task, purpose="data", split=split)
        numbers, classes = draw(rng, points)
        splits[split] = {
            "numbers": numbers.astype(np.float32),
            "targets": classes.astype(np.int64),
        }
    form = Form("numbers", 2, "classes", 2)
    reading = Reading("numbers", "classes", "row", classes=("0", "1"))
    return Data(form, splits, score_guesses(splits, form), reading)


def around(radii: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return points, (points, 2), by their distance from the middle and angle from the second axis."""
    return np.stack([radii * np.sin(angles), radii * np.cos(angles)], 1)
