"""From a file of one's own to a prediction for a new row, here and in a process that has torch alone."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from support.tiny import TINY

from gp_cells.cli import main
from gp_cells.config.files import content_hash, read_json, write_json
from gp_cells.config.plan import read_plan
from gp_cells.config.records import RunSettings
from gp_cells.config.typed_json import encode, read_record
from gp_cells.exchange.export import onnx
from gp_cells.exchange.export.check import load_module
from gp_cells.exchange.export.trained import find_trained
from gp_cells.tables.parquet import write_rows
from gp_cells.tasks.reading import read_reading, reading_of
from gp_cells.tasks.sources import SPLITS
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.tabulate import trial_row

COUNT, STEPS = 90, 6
KINDS = np.array(["warm", "cold", "01"])
FILES = {"genome": "genome.json", "fitness": "fitness.json", "trial": "trial.h5"}
SPLIT = [SPLITS[i // 3 % 3] for i in range(COUNT)]
TRIAL = "w000-00"


def long_table() -> pd.DataFrame:
    """Sequences of two features with large offsets, a row a step; the features tell kind and size."""
    dice = np.random.default_rng(0)
    which = np.repeat(np.arange(COUNT), STEPS)
    level = dice.normal(0, 1, COUNT)[which]
    kind = which % 3
    return pd.DataFrame(
        {
            "who": [f"0{i}" for i in which],
            "at": np.tile(np.arange(STEPS), COUNT),
            "heat": 1e6 + 200 * (kind - 1) + dice.normal(0, 10, len(which)),
            "weight": 1e-3 * level + 1e-5 * dice.normal(0, 1, len(which)),
            "kind": KINDS[kind],
            "size": 5e4 + 300 * level,
            "depth": -7 + 0.1 * (kind - 1),
            "part": np.array(SPLIT)[which],
        }
    )


def text_table() -> pd.DataFrame:
    """A text a row, whose letters tell its kind."""
    dice = np.random.default_rng(1)
    letters = ["ab,", "cdé", "ab1"]
    texts = [
        "".join(dice.choice(list(letters[i % 3]), 7)) + letters[i % 3][-1] for i in range(COUNT)
    ]
    return pd.DataFrame({"text": texts, "kind": KINDS[np.arange(COUNT) % 3], "part": SPLIT})


def pixel_table() -> pd.DataFrame:
    """Images of 6 × 5 pixels in columns, one of whose halves is bright."""
    dice = np.random.default_rng(2)
    images = dice.integers(0, 60, (COUNT, 6, 5))
    for i, image in enumerate(images):
        (image[:3], image[3:], image[:, :2])[i % 3][:] += 150
    table = pd.DataFrame(images.reshape(COUNT, 30), columns=[f"p{i}" for i in range(30)])
    return table.assign(kind=KINDS[np.arange(COUNT) % 3], part=SPLIT)


CLASSES = {"targets": "classes", "target": ["kind"], "split": "part"}
FRAMES = {"inputs": "frames", "input": ["heat", "weight"], "sequence": "who", "time": "at"}
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "frames": (long_table, {**FRAMES, **CLASSES}, {}),
    "numbers": (
        long_table,
        {**FRAMES, "targets": "numbers", "target": ["size", "depth"], "split": "part"},
        {},
    ),
    "symbols": (text_table, {"inputs": "symbols", "input": ["text"], **CLASSES}, {}),
    "images": (
        pixel_table,
        {"inputs": "images", "input": ["p*"], "height": 6, "width": 5, **CLASSES},
        {
            "space": {"name": "convolutional"},
            "training": {**TINY["training"], "engine": "eager"},
            "cells": ["resnet_basic"],
        },
    ),
}


def train(folder: Path, table: pd.DataFrame, settings: dict[str, Any], **other: Any) -> Path:
    """Prepare a table's data, train one trial on them as the rules do, and return the results."""
    table.to_csv(folder / "all.csv", index=False)
    recipe = {"units": 12, "epochs": 12, "learning_rate": 0.02, "batch_size": 10}
    task = {
        "name": "own_data",
        "settings": {**settings, "file": str(folder / "all.csv"), "recipe": recipe},
    }
    strategy = {
        "name": "baselines",
        "settings": {"cells": other.pop("cells", ["gru"])},
        "search": {"waves": 1, "slots": 1, "lag": 1, "finalists": 1},
    }
    config = {**TINY, "tasks": {"mine": task}, "strategies": {"base": strategy}, **other}
    [(name, run)] = read_plan(config).runs.items()
    data, place = folder / f"results/data/{run.data}", folder / f"results/runs/{name}"
    assert main(["step", "prepare", "--task", json.dumps(task), "--folder", str(data)]) == 0
    made_of = ["--run-config", json.dumps(encode(run.config)), "--data", str(data / "data.json")]
    settings_file, protocol = str(place / "settings.json"), str(place / "protocol.json")
    where = ["--settings", settings_file, "--protocol", protocol]
    assert main(["step", "settings", *made_of, *where]) == 0
    wave = place / "waves/000"
    assert main(["step", "breed", "--settings", settings_file, "--wave", str(wave)]) == 0
    files = [f"--{key}={wave / '00' / file}" for key, file in FILES.items()]
    assert main(["step", "train", "--protocol", protocol, "--data", str(data), *files]) == 0
    trial = read_trial(wave / "00/trial.h5")
    row = trial_row(trial, read_record(RunSettings, place / "settings.json"), set())
    write_rows(folder / "results", "trials", name, [row])
    return folder / "results"


@dataclasses.dataclass(frozen=True)
class Case:
    """A trial that was trained, and rows that it was not trained on."""

    kind: str
    results: Path
    valid: pd.DataFrame

    @property
    def name(self) -> str:
        """The trial's name."""
        return f"{next((self.results / 'runs').iterdir()).name}/{TRIAL}"

    @property
    def data(self) -> Path:
        """The folder of its prepared data."""
        return next((self.results / "data").iterdir())

    def export(self, to: Path) -> int:
        """Export it, and return the exit status."""
        return main(["export", self.name, "--results", str(self.results), "--to", str(to)])

    def predict(self, file: Path, *more: str) -> int:
        """Predict a file's rows, and return the exit status."""
        return main(["predict", self.name, str(file), "--results", str(self.results), *more])

    def examples(self) -> dict[str, Any]:
        """Return the raw values of each example, as JSON has them."""
        if self.kind == "symbols":
            return {str(i + 1): text for i, text in enumerate(self.valid["text"])}
        if self.kind == "images":
            pixels = self.valid[[f"p{i}" for i in range(30)]].to_numpy()
            return {str(i + 1): row.tolist() for i, row in enumerate(pixels)}
        groups = self.valid.groupby("who", sort=False)
        return {
            str(who): rows.sort_values("at")[["heat", "weight"]].to_numpy().tolist()
            for who, rows in groups
        }

    def truth(self, column: str) -> list[Any]:
        """Return the target of each example."""
        once = self.valid if "who" not in self.valid else self.valid.drop_duplicates("who")
        return once[column].tolist()


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A trial of each kind of data."""
    make, settings, other = CASES[request.param]
    table = make()
    results = train(tmp_path_factory.mktemp(request.param), table, settings, **other)
    valid = table[table["part"] == "valid"].sample(frac=1, random_state=0)
    return Case(request.param, results, valid.reset_index(drop=True))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A trial on sequences of numbers, of three classes."""
    make, settings, _ = CASES["frames"]
    table = make()
    results = train(tmp_path_factory.mktemp("only"), table, settings)
    return Case("frames", results, table[table["part"] == "valid"])


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as if the extra `export` were not installed; tracing takes many seconds."""
    monkeypatch.setattr(onnx, "is_there", lambda: False)


def save(table: pd.DataFrame, path: Path) -> Path:
    """Write the columns that a new file has: no target and no split."""
    table.drop(columns=["kind", "size", "depth", "part"], errors="ignore").to_csv(path, index=False)
    return path


ALONE = """
import json, sys
for name in ("gp_cells", "safetensors", "deap", "h5py", "pyarrow", "duckdb", "onnx", "numpy"):
    sys.modules[name] = None  # importing it fails
sys.path.insert(0, sys.argv[1])
import network
print(json.dumps({name: network.predict(rows) for name, rows in json.load(sys.stdin).items()}))
"""


def predict_alone(folder: Path, examples: dict[str, Any]) -> dict[str, Any]:
    """Return what an exported file predicts where there is nothing but torch."""
    command = [sys.executable, "-I", "-W", "ignore", "-c", ALONE, str(folder)]
    given = json.dumps(examples)
    done = subprocess.run(
        command, check=True, cwd=folder, input=given, capture_output=True, text=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def valid_loss(case: Case, predicted: list[dict[str, str]]) -> float:
    """Return the loss of predictions for the validation split, in the task's unit."""
    if case.kind != "numbers":
        told = zip(predicted, case.truth("kind"), strict=True)
        return float(np.mean([-np.log(float(line[f"probability_{kind}"])) for line, kind in told]))
    reading = read_reading(case.data)
    assert reading is not None
    squares = []
    for name, deviation in zip(reading.target, reading.target_deviation, strict=True):
        told = zip(predicted, case.truth(name), strict=True)
        squares += [((float(line[name]) - value) / deviation) ** 2 for line, value in told]
    return float(np.mean(squares))


@pytest.mark.usefixtures("without_onnx")
def test_a_new_row_is_predicted_the_same_with_torch_alone_by_the_command_and_in_validation(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert case.export(tmp_path / "to") == 0
    assert "no predict()" not in capsys.readouterr().out
    alone = predict_alone(tmp_path / "to", case.examples())
    assert case.predict(save(case.valid, tmp_path / "new.csv")) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [next(iter(line.values())) for line in lines] == list(alone)
    for line, told in zip(lines, alone.values(), strict=True):
        if case.kind == "numbers":
            assert list(line) == ["who", "size", "depth"]
            given = {name: float(line[name]) for name in ("size", "depth")}
            assert given == pytest.approx(told, rel=1e-5)
        else:
            best, shares = told
            assert line["kind"] == best
            assert list(shares) == sorted(KINDS)
            given = {kind: float(line[f"probability_{kind}"]) for kind in KINDS}
            assert given == pytest.approx(shares, abs=1e-5)
            assert sum(shares.values()) == pytest.approx(1)
    fitness = find_trained(case.results, case.name).row["fitness"]
    assert valid_loss(case, lines) == pytest.approx(fitness, rel=1e-5, abs=1e-6)
    if case.kind == "numbers":
        assert fitness < 0.2
        sizes = [float(line["size"]) for line in lines]
        assert np.corrcoef(sizes, case.truth("size"))[0, 1] > 0.9
    else:
        right = [line["kind"] == kind for line, kind in zip(lines, case.truth("kind"), strict=True)]
        assert np.mean(right) > 0.9


@pytest.mark.usefixtures("without_onnx")
def test_the_reading_is_in_the_safetensors_and_the_file_has_nothing_that_ruff_minds(
    case: Case, tmp_path: Path
) -> None:
    assert case.export(tmp_path) == 0
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        stored = json.loads(file.metadata()["reading"])
    assert reading_of(stored, "it") == read_reading(case.data)
    rules = ["--isolated", "--select", "E,F,I,B,UP", "--ignore", "E501", str(tmp_path)]
    subprocess.run([Path(sys.executable).with_name("ruff"), "check", *rules], check=True)


@pytest.mark.slow
def test_the_reading_is_in_the_graph(frames: Case, tmp_path: Path) -> None:
    import onnxruntime

    assert frames.export(tmp_path) == 0
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    stored = json.loads(session.get_modelmeta().custom_metadata_map["reading"])
    assert reading_of(stored, "it") == read_reading(frames.data)


def test_predictions_are_written_to_a_file_that_is_not_there_yet(
    frames: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, to = save(frames.valid, tmp_path / "new.csv"), tmp_path / "to.csv"
    assert frames.predict(new) == 0
    printed = capsys.readouterr().out
    assert frames.predict(new, "--to", str(to)) == 0
    assert (to.read_text(), capsys.readouterr().out) == (printed, "")
    assert frames.predict(new, "--to", str(new)) == 2
    assert "is there already; name another file" in capsys.readouterr().err


def test_predictions_may_be_cut_by_head(frames: Case, tmp_path: Path) -> None:
    long = pd.concat([frames.valid.assign(who=frames.valid["who"] + f"-{i}") for i in range(60)])
    new = save(long, tmp_path / "new.csv")
    words = [sys.executable, "-m", "gp_cells", "predict", frames.name, str(new)]
    command = [*words, "--results", str(frames.results)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"who,kind,probability_")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, 141)


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (lambda t: t.drop(columns="heat"), "new.csv", "there is no 'heat'; "),
        (lambda t: t.assign(heat="hot"), "new.csv", "heat is 'hot' in row 1, expected a number"),
        (lambda t: t, "new.txt", "expected a file .csv, "),
        (lambda t: t, "new.npz", "not a sound .npz file"),
        (None, "new.csv", "there is no such file"),
    ],
)
def test_a_file_that_is_not_as_the_one_trained_on_is_refused_in_one_line(
    frames: Case,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    name: str,
    said: str,
) -> None:
    if change is not None:
        save(change(frames.valid), tmp_path / name)
    assert frames.predict(tmp_path / name) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith(f"gp-cells predict: {tmp_path / name}: {said}")


@pytest.mark.usefixtures("without_onnx")
def test_a_symbol_that_training_never_saw_is_refused_by_the_command_and_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, settings, _ = CASES["symbols"]
    case = Case("symbols", train(tmp_path, make(), settings), make())
    save(pd.DataFrame({"text": ["ab", "aZ"]}), tmp_path / "new.csv")
    capsys.readouterr()
    assert case.predict(tmp_path / "new.csv") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "new.csv: row 2: symbol 2 of 2 was never seen in training; known are " in line
    assert case.export(tmp_path / "to") == 0
    network = load_module(tmp_path / "to/network.py")
    with pytest.raises(ValueError, match="the symbol 'Z' was never seen in training"):
        network.predict("aZ")
    assert network.predict(["a", "b"]) == network.predict("ab")


@pytest.mark.usefixtures("without_onnx")
def test_data_of_before_the_reading_was_kept_have_to_be_prepared_again(
    frames: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, kept = save(frames.valid, tmp_path / "new.csv"), frames.data / "reading.json"
    kept.rename(tmp_path / "reading.json")
    try:
        assert frames.predict(new) == 2
        [line] = capsys.readouterr().err.splitlines()
        wanted = f"--force results/data/{frames.data.name}/reading.json"
        for words in ("reading.json is not there; prepare the data of tiny again", wanted):
            assert words in line
        assert frames.export(tmp_path / "to") == 0
        assert f"network.py has no predict(): {kept} is not there" in capsys.readouterr().out
    finally:
        (tmp_path / "reading.json").rename(kept)
    module = load_module(tmp_path / "to/network.py")
    assert not hasattr(module, "predict")
    outputs, _ = module.load()(torch.zeros(3, 2, 2))
    assert outputs.shape == (3, 2, 3)


def test_data_that_became_others_are_not_read_by(
    frames: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, facts = save(frames.valid, tmp_path / "new.csv"), read_json(frames.data / "data.json")
    others: dict[str, Any] = {"splits": {}, "hash": content_hash({})}
    write_json(frames.data / "data.json", {**facts, **others})
    try:
        assert frames.predict(new) == 2
    finally:
        write_json(frames.data / "data.json", facts)
    assert "holds other data than the trial was trained on" in capsys.readouterr().err
