"""Exported networks, run and held against those they were written from."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.tiny import TINY
from torch import nn

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_json, write_json
from gp_cells.config.plan import read_plan
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.records import RunSettings
from gp_cells.config.typed_json import encode, read_record
from gp_cells.exchange.export import onnx, write
from gp_cells.exchange.export.check import compare, load_module, make_inputs
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks.convolutional import BatchNorm
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.decoder import Decoder
from gp_cells.spaces.maps import FUNCTIONS as BLOCK_FUNCTIONS
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.spaces.recurrent_graph import RecurrentGraph
from gp_cells.spaces.steps import FUNCTIONS, LEAVES
from gp_cells.tables.parquet import write_rows
from gp_cells.training.record import read_weights
from gp_cells.training.train import make_network
from gp_cells.training.trial import setup_of
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.tabulate import trial_row

ROOT = Path(__file__).parents[3]
FRAMES = Form("frames", 5, "keys", 4)
SYMBOLS = Form("symbols", 7, "classes", 7)
IMAGES = Form("images", 2, "classes", 10, 9, 7)
RECIPE = Recipe(units=6, layers=2, batch_size=2)
CELLS, BLOCKS = Recurrent(), Convolutional()
DECODERS, DECODER_RECIPE = (
    Decoder(heads=2, most_parameters=0),
    Recipe(units=8, layers=2, batch_size=2),
)
EVERYTHING = Recurrent(tuple(f.name for f in FUNCTIONS), tuple(LEAVES), memory_cells=4)


def baseline(space: Any, name: str) -> Genome:
    return parse(space.baselines[name].read_text(), space.language)


def make(space: Any, genome: Genome, form: Form, recipe: Recipe = RECIPE) -> Any:
    """Return a network with random weights, norms that have seen something included."""
    network = space.network(genome, form, recipe, "eager", "cpu", "float32")
    network.initialise(3)
    dice = torch.Generator().manual_seed(4)
    for norm in network.modules():
        if isinstance(norm, BatchNorm):
            norm.mean.normal_(generator=dice)
            norm.variance.uniform_(0.5, 2, generator=dice)
    return network.eval()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let torch have one thread, as a trial has: two sum in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as if the extra `export` were not installed; tracing takes many seconds."""
    monkeypatch.setattr(onnx, "is_there", lambda: False)


def apart(network: Any, form: Form, folder: Path) -> float:
    """Write a network, and return how far the written one's outputs are from its own."""
    write(network, form, "made up", folder)
    exported = load_module(folder / "network.py").load()
    return compare(network, exported, make_inputs(network, form, time=9, batch=4))


# --- Python ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("form", [FRAMES, SYMBOLS], ids=["frames", "symbols"])
@pytest.mark.parametrize("name", CELLS.baselines)
def test_every_recurrent_baseline_gives_the_same_bits(
    name: str, form: Form, tmp_path: Path
) -> None:
    assert apart(make(CELLS, baseline(CELLS, name), form), form, tmp_path) == 0


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("seed", range(30))
def test_a_random_cell_of_all_words_gives_the_same_bits(seed: int, tmp_path: Path) -> None:
    genome = variation.sample(EVERYTHING, np.random.default_rng(seed))
    assert apart(make(EVERYTHING, genome, FRAMES), FRAMES, tmp_path) == 0


@pytest.mark.usefixtures("without_onnx")
def test_a_graph_with_means_and_leaky_relus_gives_the_same_bits(tmp_path: Path) -> None:
    space = RecurrentGraph()
    text = "a = leaky_relu(gate1)\nb = a + linear1(a)\nh' = (h + a * b + b) / 3"
    genome = parse(text, space.language)
    assert apart(make(space, genome, FRAMES), FRAMES, tmp_path) == 0


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize(
    "text",
    [
        "h' = bias1",
        "c' = h\nh' = c + bias1 * scale1",
        "c' = d\nd' = c\nh' = tanh(gate1) - (c - (d - gate2))",
        "c' = tanh(gate1)\nd' = tanh(gate1)\nh' = c' * (d' * gate2) * linear1(linear2(c + d))",
        "h' = 1 - (1 - (h + 1) * (bias1 - 1))",
        "h' = linear1(bias1) + tanh(input1)",
        "h' = recurrent1 + recurrent2 + gate1 + input1",
    ],
)
def test_a_cell_that_is_odd_gives_the_same_bits(text: str, tmp_path: Path) -> None:
    genome = parse(text, CELLS.language)
    assert apart(make(CELLS, genome, FRAMES), FRAMES, tmp_path) == 0


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("name", BLOCKS.baselines)
def test_every_block_gives_the_same_predictions(name: str, tmp_path: Path) -> None:
    assert apart(make(BLOCKS, baseline(BLOCKS, name), IMAGES), IMAGES, tmp_path) < 1e-6


@pytest.mark.usefixtures("without_onnx")
def test_layers_that_nothing_reads_are_left_out_with_their_weights(tmp_path: Path) -> None:
    genome = parse("normal = skip\nreduction = sep3(skip)", BLOCKS.language)
    network = make(BLOCKS, genome, IMAGES)
    assert apart(network, IMAGES, tmp_path) < 1e-6
    exported = load_module(tmp_path / "network.py").load()
    fewer, all_of_them = (sum(1 for _ in n.parameters()) for n in (exported, network))
    assert fewer < all_of_them


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("seed", range(15))
def test_a_random_network_of_cnn_cells_gives_the_same_predictions(
    seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    space = Convolutional(tuple(function.name for function in BLOCK_FUNCTIONS), reductions=1)
    genome = variation.sample(space, rng)
    for _ in range(seed):
        genome, _operator = variation.mutate(space, genome, rng)
    assert apart(make(space, genome, IMAGES), IMAGES, tmp_path) < 1e-6


@pytest.mark.usefixtures("without_onnx")
def test_a_tied_network_is_written_with_one_weight_for_embedding_and_output(
    tmp_path: Path,
) -> None:
    network = make(CELLS, baseline(CELLS, "gru"), SYMBOLS, dataclasses.replace(RECIPE, tied=True))
    assert apart(network, SYMBOLS, tmp_path) == 0
    exported = load_module(tmp_path / "network.py").load()
    assert sum(w.numel() for w in exported.parameters()) == sum(
        w.numel() for w in network.parameters()
    )


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize(
    ("space", "name", "form"), [(CELLS, "gru", FRAMES), (BLOCKS, "resnet_basic", IMAGES)]
)
def test_an_exported_network_drops_out_in_training_alone(
    space: Any, name: str, form: Form, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(RECIPE, dropout=0.5)
    network = make(space, baseline(space, name), form, recipe)
    assert apart(network, form, tmp_path) < 1e-6
    exported = load_module(tmp_path / "network.py").load().train()
    inputs = make_inputs(network, form, time=9, batch=4)
    with pytest.raises(RuntimeError):
        compare(network, exported, inputs)


@pytest.mark.usefixtures("without_onnx")
def test_the_formulas_of_an_lstm_can_be_read_in_its_file(tmp_path: Path) -> None:
    write(make(CELLS, baseline(CELLS, "lstm"), FRAMES), FRAMES, "made up", tmp_path)
    text = (tmp_path / "network.py").read_text()
    assert "c_new = c * sigmoid(gate1) + sigmoid(gate2) * tanh(gate3)" in text
    assert "h_new = sigmoid(gate4) * tanh(c_new)" in text


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize(("space", "form"), [(CELLS, FRAMES), (CELLS, SYMBOLS), (BLOCKS, IMAGES)])
def test_a_file_has_nothing_that_ruff_minds(space: Any, form: Form, tmp_path: Path) -> None:
    for name in space.baselines:
        write(make(space, baseline(space, name), form), form, "made up", tmp_path / name)
    config = ["--isolated", "--config", "line-length = 100", str(tmp_path)]
    rules = ["--select", "E,F,I,B,UP", "--ignore", "E501"]
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", *rules, *config], check=True)


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize(
    ("space", "name", "form"), [(CELLS, "lstm", FRAMES), (BLOCKS, "vgg", IMAGES)]
)
def test_a_file_needs_only_torch(space: Any, name: str, form: Form, tmp_path: Path) -> None:
    network = make(space, baseline(space, name), form)
    write(network, form, "made up", tmp_path)
    inputs = make_inputs(network, form, time=3, batch=2)
    torch.save(inputs, tmp_path / "inputs.pt")
    program = """
import sys
for name in ("gp_cells", "safetensors", "deap", "h5py", "pyarrow", "duckdb", "onnx"):
    sys.modules[name] = None  # importing it fails
sys.path.insert(0, sys.argv[1])
import network, torch
inputs = torch.load(sys.argv[1] + "/inputs.pt")
torch.save(network.load()(*inputs), sys.argv[1] + "/outputs.pt")
"""
    command = [sys.executable, "-I", "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, cwd=tmp_path)
    outputs = torch.load(tmp_path / "outputs.pt")
    assert compare(network, lambda *_: outputs, inputs) < 1e-6
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse((tmp_path / "network.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"json", "pathlib", "torch", "torch.nn"}


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("form", [FRAMES, SYMBOLS], ids=["frames", "symbols"])
@pytest.mark.parametrize("name", DECODERS.baselines)
def test_every_decoder_block_gives_the_same_predictions(
    name: str, form: Form, tmp_path: Path
) -> None:
    network = make(DECODERS, baseline(DECODERS, name), form, DECODER_RECIPE)
    assert apart(network, form, tmp_path) < 1e-6  # a scan is written step after step


@pytest.mark.usefixtures("without_onnx")
@pytest.mark.parametrize("seed", range(30))
def test_a_random_decoder_block_of_all_words_gives_the_same_predictions(
    seed: int, tmp_path: Path
) -> None:
    space = dataclasses.replace(DECODERS, start=(), words=tuple(DECODERS.language.spelt))
    genome = variation.sample(space, np.random.default_rng(seed))
    assert apart(make(space, genome, FRAMES, DECODER_RECIPE), FRAMES, tmp_path) < 1e-4


@pytest.mark.usefixtures("without_onnx")
def test_a_decoder_block_with_what_no_published_one_has_gives_the_same(tmp_path: Path) -> None:
    text = (
        "f = fade(each(x)) + rise(each(x)) + slope\nh = split(x)\n"
        "mixer = x + attend(guard(weigh(dot(h, h * each(x)), f)), unit(h))\n"
        "mlp = gru(x) + mut1(shift(x)) + attend(softmax(tilt(dot(h, h), alibi)), h)"
    ).replace("mlp = gru", "h = split(x)\nmlp = gru")
    genome = parse(text, DECODERS.language)
    tied = dataclasses.replace(DECODER_RECIPE, tied=True, dropout=0.5)
    assert apart(make(DECODERS, genome, SYMBOLS, tied), SYMBOLS, tmp_path) < 1e-6


# --- ONNX -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "name", "form"),
    [
        (CELLS, "tanh_rnn", FRAMES),
        (CELLS, "lstm_peephole", SYMBOLS),
        (CELLS, "mut1", FRAMES),
        (CELLS, "nascell", FRAMES),
        (BLOCKS, "se_resnet", IMAGES),
        (BLOCKS, "mobilenet_v2", IMAGES),
        (DECODERS, "min_gru", SYMBOLS),
        (DECODERS, "fox", FRAMES),
    ],
)
def test_a_graph_gives_the_same_at_lengths_and_batches_that_it_was_not_traced_with(
    space: Any, name: str, form: Form, tmp_path: Path
) -> None:
    recipe = DECODER_RECIPE if space is DECODERS else RECIPE
    network = make(space, baseline(space, name), form, recipe)
    write(network, form, "made up", tmp_path)
    for time, batch in ((1, 1), (40, 3)):
        inputs = make_inputs(network, form, time, batch)
        graph = tmp_path / "network.onnx"
        assert b".py" not in graph.read_bytes()  # no line and no folder of this machine
        assert compare(network, lambda *given: onnx.run(graph, given), inputs) < 1e-5  # noqa: B023


@pytest.mark.usefixtures("without_onnx")
def test_without_the_extra_the_rest_is_written_and_the_extra_named(tmp_path: Path) -> None:
    lines = write(make(CELLS, baseline(CELLS, "gru"), FRAMES), FRAMES, "made up", tmp_path)
    assert "network.onnx: not written" in lines[-1] and "gp-cells[export]" in lines[-1]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "network.py",
        "weights.safetensors",
    ]


# --- a trial of the tables ------------------------------------------------------------------------

RUN = "tiny-bach-gp-s1"
STATUS = {"00": "ok", "01": "diverged"}


@pytest.fixture(scope="module")
def results(chorales: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a trial that was really trained, and one that failed at once."""
    results = tmp_path_factory.mktemp("exported")
    shutil.copytree(chorales, results / "data/tiny-bach")
    run = results / "runs" / RUN
    config = json.dumps(encode(read_plan(TINY).runs[RUN].config))
    settings, protocol = str(run / "settings.json"), str(run / "protocol.json")
    made_of = ["--run-config", config, "--data", str(chorales / "data.json")]
    where = ["--settings", settings, "--protocol", protocol]
    assert main(["step", "settings", *made_of, *where]) == 0
    wave = run / "waves/000"
    assert main(["step", "breed", "--settings", settings, "--wave", str(wave)]) == 0
    genome = wave / "01/genome.json"
    write_json(genome, {**read_json(genome), "learning_rate": 1e9})
    rows = []
    for slot, status in STATUS.items():
        files = [f"--{n}={wave / slot / f}" for n, f in FILES.items()]
        data = ("--data", str(chorales))
        assert main(["step", "train", "--protocol", protocol, *data, *files]) == 0
        trial = read_trial(wave / slot / "trial.h5")
        assert trial.outcome.status == status
        rows.append(trial_row(trial, read_record(RunSettings, run / "settings.json"), set()))
    write_rows(results, "trials", RUN, rows)
    return results


FILES = {"genome": "genome.json", "fitness": "fitness.json", "trial": "trial.h5"}


def export(results: Path, trial: str, to: Path) -> int:
    return main(["export", trial, "--results", str(results), "--to", str(to)])


@pytest.mark.usefixtures("without_onnx")
def test_a_trained_trial_is_exported_with_its_best_weights_and_says_where_it_is_from(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = results / f"runs/{RUN}/waves/000/00/trial.h5"
    trial = read_trial(record)
    assert export(results, f"{RUN}/w000-00", tmp_path / "to") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [
        str(tmp_path / "to" / name)
        for name in ("network.py", "weights.safetensors", "network.onnx")
    ]
    before = (tmp_path / "to/network.py").read_bytes()
    assert export(results, f"{RUN}/w000-00", tmp_path / "to") == 2
    assert "network.py is there already; name another folder" in capsys.readouterr().err
    assert (tmp_path / "to/network.py").read_bytes() == before
    setup = setup_of(trial.protocol, trial.spec)
    assert setup.engine == "compiled"
    network = make_network(setup).eval()
    network.load_state_dict(read_weights(record))
    module = load_module(tmp_path / "to/network.py")
    inputs = make_inputs(network, setup.form, time=20, batch=3)
    assert compare(network, module.load(), inputs) < 1e-6
    frames = torch.randint(2, (20, 1, 88)).float()
    expected = network(frames, None, None)[0][-1, 0].sigmoid().tolist()
    assert module.predict(frames[:, 0].tolist()) == pytest.approx(expected, abs=1e-5)

    told = module.__doc__ or ""
    fitness = f"{trial.outcome.fitness:.6g} nats per frame"
    commit = trial.provenance["git"]["commit"]
    for words in (f"{RUN}/w000-00", trial.spec.architecture_id, fitness, f"commit {commit}"):
        assert words in told
    assert re.sub(r"\s", "", trial.spec.genome) in re.sub(r"\s", "", told)


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (f"{RUN}/w009-00", "0 trials in"),
        (f"{RUN}/w000-01", "no network to export: it ended diverged"),
    ],
)
def test_what_has_no_network_is_refused_in_one_line_and_nothing_is_written(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trial: str, words: str
) -> None:
    assert export(results, trial, tmp_path / "to") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "to").exists()


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no network of torch"):
        write(cast(Any, nn.Linear(1, 1)), FRAMES, "made up", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_gives_something_else_is_noticed() -> None:
    one, other = (make(CELLS, baseline(CELLS, name), FRAMES) for name in ("lstm", "lstm_coupled"))
    inputs = make_inputs(one, FRAMES, time=5, batch=2)

    def exported(*given: torch.Tensor) -> list[torch.Tensor]:
        predictions, state = other(given[0], tuple(given[1]))
        return [predictions, torch.stack(state)]

    with pytest.raises(RuntimeError, match=r"outputs are .* from the trial's"):
        compare(one, exported, inputs)
