"""The plane as a network sees it: kept with the trial of every network of two numbers, and drawn."""

from __future__ import annotations

import base64
import re
import zlib

import numpy as np
import pytest

from gp_cells.config.files import canonical_json
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.surface import SIDE
from gp_cells.config.typed_json import encode
from gp_cells.genomes.genome import parse
from gp_cells.report.surface import draw_surface
from gp_cells.spaces.feedforward import Feedforward
from gp_cells.stopping.never import Never
from gp_cells.tasks.xor import Xor
from gp_cells.training.surface import surface_of
from gp_cells.training.train import NoCheckpoints, Setup, train

SPACE = Feedforward()
POINTS = Form("numbers", 2, "classes", 2)


def test_a_trial_leaves_the_surface_of_its_best_weights() -> None:
    task = Xor(recipe=Recipe(batch_size=50, epochs=40, learning_rate=0.1))
    data = task.read()
    setup = Setup(
        genome=parse("a = x1 * x2\ny1 = a + bias", SPACE.language),
        space=SPACE,
        task=task,
        form=data.form,
        learning_rate=0.1,
        seed=1,
        stopper=Never(),
        time_limit_s=60,
        engine="eager",
    )
    finished = train(setup, {k: data.splits[k] for k in ("train", "valid")}, NoCheckpoints())
    assert finished.surface is not None and finished.fitness is not None
    shares = np.array(finished.surface.shares)
    assert shares.shape == (SIDE, SIDE)
    corners = shares[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners > 0.9).tolist() == [True, False, False, True]
    placed = list(finished.surface.placed())
    inside = [(x > 0.5) == (y > 0.5) for x, y, _ in placed if min(abs(x - 0.5), abs(y - 0.5)) > 0.1]
    told = [bool(n) for x, y, n in placed if min(abs(x - 0.5), abs(y - 0.5)) > 0.1]
    assert len(placed) == 200 and inside == told


@pytest.mark.parametrize(
    "form", [Form("numbers", 3, "classes", 2), Form("numbers", 2, "numbers", 1)]
)
def test_other_forms_have_no_surface(form: Form) -> None:
    space = Feedforward(inputs=form.features)
    network = space.network(
        parse("y1 = x1 + x2", space.language), form, Recipe(), "eager", "cpu", "float32"
    )
    train_split: dict[str, np.ndarray] = {
        "numbers": np.zeros((4, form.features), np.float32),
        "targets": np.zeros(4, np.int64),
    }
    assert surface_of(network, form, train_split, "cpu") is None


def test_a_surface_is_drawn_with_the_first_line_at_the_bottom() -> None:
    network = SPACE.network(
        parse("y1 = x2", SPACE.language), POINTS, Recipe(), "eager", "cpu", "float32"
    )
    network.weight.data.fill_(50.0)
    points = np.array([[-1, -1], [1, 1]], np.float32)
    surface = surface_of(network, POINTS, {"numbers": points, "targets": np.array([0, 1])}, "cpu")
    svg = draw_surface(canonical_json(encode(surface)))
    assert svg is not None and svg.count("<circle") == 2
    found = re.search(r"base64,([^\"]+)", svg)
    assert found is not None
    png = base64.b64decode(found[1])
    assert png.startswith(b"\x89PNG")
    start = png.index(b"IDAT")
    size = int.from_bytes(png[start - 4 : start], "big")
    lines = np.frombuffer(zlib.decompress(png[start + 4 : start + 4 + size]), np.uint8)
    red, _, blue = lines.reshape(SIDE, -1)[:, 1:4].T.astype(int)
    assert (blue > red)[: SIDE // 2].all() and (red > blue)[SIDE // 2 :].all()


def test_nothing_is_drawn_of_what_has_no_surface() -> None:
    assert draw_surface(None) is None
