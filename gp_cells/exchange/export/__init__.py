"""A trial's network for use without this package: Python, safetensors and ONNX.

The Python file is written from the network itself: a recurrent cell from its program, a network of CNN
cells from its list of layers, a decoder from the steps of its block. What is written is run, and held
against the trial's own network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save

from gp_cells.config.choose import SettingError
from gp_cells.config.files import canonical_json, written_beside
from gp_cells.config.recipe import Form
from gp_cells.exchange.export import convolutional, decoder, onnx, reader, recurrent
from gp_cells.exchange.export.check import compare, load_module, make_inputs
from gp_cells.exchange.export.trained import Trained, find_trained, kept_reading
from gp_cells.networks.convolutional import ConvolutionalNetwork
from gp_cells.networks.decoder import DecoderNetwork
from gp_cells.networks.network import Network
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.tables.query import find_trial
from gp_cells.tasks.task import DataError, Reading
from gp_cells.training.record import read_weights
from gp_cells.training.train import Setup, make_network
from gp_cells.training.trial import setup_of

WRITERS: Mapping[type[Any], Any] = {
    RecurrentNetwork: recurrent,
    ConvolutionalNetwork: convolutional,
    DecoderNetwork: decoder,
}


READ = "`predict(rows)`, at the end of this file, takes raw values and says what they are."

FILES = ("network.py", "weights.safetensors", "network.onnx")


def export(results: Path, name: str, folder: Path | None) -> list[str]:
    """Write the network of a trial of the tables as network.py, weights.safetensors and network.onnx.

    Returns a line on each file. Without a folder it is `RUN-CANDIDATE`, in the working directory.
    Where it is not known how the trial's data were read, a line says why, and the files do without.

    Raises:
        RecordError: there is no such trial, its record is broken, or it failed and has no weights.
        SettingError: networks of its space cannot be written, or a file is there already.
    """
    row = find_trial(results, name, "run", "candidate")
    to = folder or Path(f"{row['run']}-{row['candidate']}")
    if there := [to / file for file in FILES if (to / file).exists()]:
        raise SettingError(f"{there[0]} is there already; name another folder with --to")
    trained = find_trained(results, name)
    try:
        reading, notes = kept_reading(trained), []
    except DataError as error:
        reading, notes = None, [f"{to / 'network.py'} has no predict(): {error}"]
    return [*write(*eager_network(trained), to, reading), *notes]


def write_network(results: Path, name: str, folder: Path) -> None:
    """Write the network of a trial of the tables as network.py and weights.safetensors.

    Raises:
        RecordError: there is no such trial, its record is broken, or it failed and has no weights.
        SettingError: networks of its space cannot be written.
    """
    write_python(*eager_network(find_trained(results, name)), folder)


def eager_network(trained: Trained) -> tuple[Network, Form, str]:
    """Return a trial's network in float32, its form, and where it comes from."""
    record = trained.record
    setup = setup_of(record.protocol, record.spec)
    setup = dataclasses.replace(setup, engine="eager", device="cpu", precision="float32")
    network = make_network(setup).eval()
    network.load_state_dict(read_weights(record.file))
    return network, setup.form, about(trained.row, setup, record.protocol.task.name)


def about(row: Mapping[str, Any], setup: Setup, task: str) -> str:
    """Return where a network comes from, for the docstring of its file."""
    unknown = f"unknown ({row['git_unknown'] or 'not recorded'})"
    commit = f"commit {row['git_commit'] or unknown}" + (
        ", changed since" if row["git_dirty"] else ""
    )
    lines = [
        *(f"    {line}" for line in str(setup.genome.canonical()).splitlines()),
        "",
        f"architecture_id  {row['architecture_id']}",
        f"trial            {row['run']}/{row['candidate']}, trial_id {row['trial_id']}",
        f"fitness          {row['fitness']:.6g} {setup.task.unit} on the validation split of {task}",
        f"trained by       gp-cells {row['gp_cells']}, {commit}, torch {row['torch']}",
    ]
    if row["precision"] != "float32":
        lines.append(f"precision        trained in {row['precision']}, written in float32")
    return "\n".join(lines)


def write(
    network: Network, form: Form, text: str, folder: Path, reading: Reading | None = None
) -> list[str]:
    """Write a network's files, hold what they give against the network, and return a line on each.

    With a reading they say how raw values are read.

    Raises:
        SettingError: nothing here can write networks of that kind.
    """
    lines = write_python(network, form, text, folder, reading)
    graph = folder / "network.onnx"
    if not onnx.is_there():
        return [*lines, f"{graph}: not written, that needs pip install 'gp-cells[export]'"]
    module = load_module(folder / "network.py")
    with written_beside(graph) as partial:
        example = make_inputs(network, form, time=5, batch=2)
        onnx.write(module, module.load(), example, metadata(reading), partial)
        other = make_inputs(network, form, time=11, batch=4)
        apart = compare(network, lambda *inputs: onnx.run(partial, inputs), other)
    return [*lines, f"{graph}: outputs at most {apart:.1g} from the trial's, by onnxruntime"]


def write_python(
    network: Network, form: Form, text: str, folder: Path, reading: Reading | None = None
) -> list[str]:
    """Write network.py and weights.safetensors, hold them against the network, and return their lines.

    With a reading, network.py has `predict` at its end.

    Raises:
        SettingError: nothing here can write networks of that kind.
    """
    if type(network) not in WRITERS:
        raise SettingError(f"no network of {type(network).__module__} can be exported")
    writer = WRITERS[type(network)]
    python, stored = folder / "network.py", folder / "weights.safetensors"
    weights = {name: weight.contiguous() for name, weight in writer.weights(network).items()}
    source = writer.source(network, form, text if reading is None else f"{text}\n\n{READ}")
    if reading is not None:
        source = f"{source}\n\n{reader.source(form, reading)}"
    with written_beside(python) as partial:
        partial.write_text(source, encoding="utf-8")
    with written_beside(stored) as partial:
        partial.write_bytes(save(weights, metadata(reading) or None))
    exported = load_module(python).load()
    apart = compare(network, exported, make_inputs(network, form, time=7, batch=3))
    return [
        f"{python}: outputs at most {apart:.1g} from the trial's",
        f"{stored}: {sum(weight.numel() for weight in weights.values()):,} numbers",
    ]


def metadata(reading: Reading | None) -> dict[str, str]:
    """Return what safetensors and ONNX are given of a reading: its JSON, as reading.json has it."""
    return {} if reading is None else {"reading": canonical_json(dataclasses.asdict(reading))}
