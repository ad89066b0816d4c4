"""What an exported file does with raw values is what `prepare` did with them, for every kind of data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gp_cells.config.recipe import Form, Recipe
from gp_cells.exchange.export import write_python
from gp_cells.exchange.export.check import load_module
from gp_cells.genomes.genome import parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.tasks.reading import encode
from gp_cells.tasks.task import Reading

DICE = np.random.default_rng(7)
SCALE: dict[str, Any] = {"mean": (1e9, -0.1), "deviation": (3.0, 0.7)}
CELLS, BLOCKS = Recurrent(), Convolutional()
LETTERS = np.array(list("abba"), object)
READINGS: dict[str, tuple[Form, Reading, np.ndarray]] = {
    "frames": (
        Form("frames", 2, "classes", 2),
        Reading("frames", "classes", "last step", ("a", "b"), sequence="who", **SCALE),
        1e9 + DICE.normal(0, 3, (7, 2)),
    ),
    "steps of one feature in columns": (
        Form("frames", 1, "numbers", 2),
        Reading(
            "frames",
            "numbers",
            "last step",
            tuple(f"x{i}" for i in range(40)),
            mean=(5.0,),
            deviation=(2.0,),
            target=("size",),
            target_mean=(1.0, 2.0),
            target_deviation=(3.0, 4.0),
        ),
        DICE.integers(0, 9, (40, 1)),
    ),
    "frames as they are": (
        Form("frames", 3, "keys", 4),
        Reading("frames", "keys", "each step"),
        DICE.integers(0, 2, (7, 3)).astype(np.float32),
    ),
    "letters": (
        Form("symbols", 2, "classes", 2),
        Reading("symbols", "classes", "last step", symbols=("a", "b"), classes=("no", "yes")),
        LETTERS,
    ),
    "letters of which some have no number": (
        Form("symbols", 2, "classes", 2),
        Reading("symbols", "classes", "each step", symbols=(None, "b"), classes=("other", "b")),
        LETTERS,
    ),
    "whole numbers": (
        Form("symbols", 3, "classes", 2),
        Reading("symbols", "classes", "last step", ("n",), "who", symbols=(None, "7", "10")),
        np.array([7, 10, 10]),
    ),
    "bytes": (
        Form("images", 2, "classes", 2, 8, 8),
        Reading(
            "images",
            "classes",
            "image",
            mean=(99.1, 7.3),
            deviation=(3.3, 9.1),
            scale_type="float32",
        ),
        DICE.integers(0, 256, (2, 8, 8)).astype(np.uint8),
    ),
    "pixels": (
        Form("images", 1, "classes", 2, 8, 8),
        Reading("images", "classes", "image", ("p",), mean=(0.4,), deviation=(0.3,)),
        DICE.random((1, 8, 8)),
    ),
}


@pytest.fixture
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The module of a network with random weights, for a reading."""
    form, reading, _ = READINGS[request.param]
    space: Any = BLOCKS if form.inputs == "images" else CELLS
    genome = parse(space.baselines["vgg" if space is BLOCKS else "gru"].read_text(), space.language)
    recipe = Recipe(units=4, layers=1, batch_size=2)
    network = space.network(genome, form, recipe, "eager", "cpu", "float32")
    network.initialise(3)
    write_python(network.eval(), form, "made up", tmp_path, reading)
    rules = ["--isolated", "--select", "E,F,I,B,UP", "--ignore", "E501", str(tmp_path)]
    subprocess.run([Path(sys.executable).with_name("ruff"), "check", "-q", *rules], check=True)
    return load_module(tmp_path / "network.py")


@pytest.mark.parametrize(("exported", "kind"), [(k, k) for k in READINGS], indirect=["exported"])
def test_raw_values_become_the_very_bits_that_prepare_makes_of_them(
    exported: Any, kind: str
) -> None:
    form, reading, raw = READINGS[kind]
    encoded = exported.encode(raw.tolist()).numpy()
    expected = np.expand_dims(encode(reading, raw), form.batch_axis)
    assert encoded.dtype == expected.dtype
    np.testing.assert_array_equal(encoded, expected)
    if form.inputs == "symbols":
        assert exported.predict(raw.tolist())[0] in exported.CLASSES
    else:
        assert exported.predict(raw) == exported.predict(raw.tolist())
    if form.features == 1 and form.inputs != "symbols":
        assert exported.predict(raw.ravel().tolist()) == exported.predict(raw.tolist())


@pytest.mark.parametrize(
    ("exported", "raw", "said"),
    [
        ("frames", [[1.0, 2.0, 3.0]], r"shape \(time, 2\) expected, got \(1, 3\)"),
        ("frames", [[[1.0, 2.0]]], r"got \(1, 1, 2\)"),
        ("frames", [], r"got \(0,\)"),
        ("frames", [[1.0, float("nan")]], "missing or infinite"),
        ("steps of one feature in columns", [1.0] * 39, r"\(40, 1\) expected, got \(39, 1\)"),
        ("letters", "abc", "the symbol 'c' was never seen"),
        ("letters", "", "at least one symbol expected"),
        ("whole numbers", "77", "a list of symbols expected, got a text"),
        ("whole numbers", [7, 8], "the symbol '8' was never seen"),
        ("bytes", [[[1.0] * 9] * 8] * 2, r"shape \(2, 8, 8\) expected, got \(2, 8, 9\)"),
        ("pixels", [float("inf")] * 64, "missing or infinite"),
    ],
    indirect=["exported"],
)
def test_values_that_are_not_as_those_of_training_are_refused(
    exported: Any, raw: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        exported.predict(raw)
