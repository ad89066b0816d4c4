"""A table of the user's own numbers, from a CSV file to a network that grew on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gp_cells
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.tasks.task import DataError

FILE = "flowers.csv"
KINDS = ("bell", "crocus", "daisy")


def config(**training: Any) -> dict[str, Any]:
    """Return a small search by NEAT for what tells three kinds of flowers apart."""
    settings = {
        **{"file": FILE, "inputs": "numbers", "input": ["petal_*", "height"]},
        **{"targets": "classes", "target": ["kind"], "recipe": {"epochs": 30}},
    }
    search = {"waves": 2, "slots": 2, "lag": 1, "finalists": 1}
    machinery = {"device": "cpu", "engine": "eager", "precision": "float32", "threads": 1}
    return {
        "benchmark": "tiny",
        "seeds": [1],
        "space": {"name": "feedforward", "settings": {"inputs": 3, "outputs": 3}},
        "tasks": {"mine": {"name": "own_data", "settings": settings}},
        "strategies": {"neat": {"name": "neat", "search": search}},
        "finalists": {"learning_rate_factors": [10.0], "seeds": [101]},
        "measures": [],
        "stopping": {"name": "never"},
        "training": {**machinery, "time_limit_s": 60, **training},
    }


@pytest.fixture(autouse=True)
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the file, written where the test runs: 120 flowers whose kinds are apart."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    made = ["petal_length,petal_width,kind,height"]
    for i in range(120):
        kind = i % 3
        length, width, height = rng.normal([5 + 3 * kind, 2 - kind, 30], 0.3)
        made.append(f"{length:.3f},{width:.3f},{KINDS[kind]},{height:.2f}")
    (tmp_path / FILE).write_text("\n".join(made))
    return made


def test_a_network_grows_on_the_columns_of_a_file_and_tells_its_classes_apart() -> None:
    results = gp_cells.run(config())
    trials = results.table("trials").to_pylist()
    assert [row["status"] for row in trials] == ["ok"] * 5
    [tested] = results.table("test").to_pylist()
    assert tested["test_error"] < 0.1  # of a guess two thirds
    genomes = {row["genome"] for row in results.table("architectures").to_pylist()}
    assert all(name in genome for genome in genomes for name in ("y1 =", "y2 =", "y3 ="))


@pytest.mark.parametrize(
    ("number", "line", "said"),
    [
        (3, "4.1,tall,bell,30.0", "petal_width"),
        (3, "4.1,,bell,30.0", "petal_width"),
        (3, "4.1,2.0,bell", "row 3 has 3 columns, expected 4"),
        (0, "petal_length,petal_width,kind,weight", "there is no 'height'"),
    ],
)
def test_a_column_that_is_no_numbers_is_refused_in_one_line(
    lines: list[str], number: int, line: str, said: str
) -> None:
    Path(FILE).write_text("\n".join([*lines[:number], line, *lines[number + 1 :]]))
    with pytest.raises(DataError) as refusal:
        gp_cells.run(config())
    [told] = str(refusal.value).splitlines()
    assert FILE in told and said in told
    assert not list(Path("results").rglob("fitness.json"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inputs": 4, "outputs": 3}, "inputs: the task has 3 numbers in a row, got 4"),
        ({"inputs": 3}, "outputs: the task needs 3, got 1"),
    ],
)
def test_a_space_of_other_columns_or_classes_is_refused_before_any_training(
    settings: dict[str, int], said: str
) -> None:
    other = config()
    other["space"]["settings"] = settings
    with pytest.raises((SettingError, RecordError), match=said):
        gp_cells.run(other)
    assert not list(Path("results").rglob("fitness.json"))


@pytest.mark.parametrize(
    ("name", "value"), [("device", "cuda"), ("precision", "bfloat16"), ("engine", "compiled")]
)
def test_what_cannot_run_networks_of_nodes_is_refused_at_the_door(name: str, value: str) -> None:
    said = f"training.{name}: the space feedforward has no {name} '{value}'; choose one of"
    with pytest.raises(SettingError, match=said):
        gp_cells.run(config(**{name: value}))
    assert not Path("results").exists()
