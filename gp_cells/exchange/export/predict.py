"""What a trial's own network says of the rows of a new file, as CSV."""

from __future__ import annotations

import csv
import dataclasses
import gc
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TextIO

import numpy as np
import torch

from gp_cells.config.choose import SettingError
from gp_cells.config.files import written_beside
from gp_cells.config.recipe import Form
from gp_cells.exchange.export.reader import output_names, trained_unknown
from gp_cells.exchange.export.trained import Trained, find_trained, kept_reading
from gp_cells.networks.network import Network
from gp_cells.tasks.columns import SUFFIXES
from gp_cells.tasks.reading import in_units, read_examples
from gp_cells.tasks.task import DataError, Reading
from gp_cells.training.record import read_weights
from gp_cells.training.train import make_network
from gp_cells.training.trial import set_up_torch, setup_of


def predict(results: Path, name: str, file: Path, to: Path | None) -> None:
    """Write what a trial predicts for each example of a file, to a file or else standard output.

    Raises:
        RecordError: there is no such trial, its record is broken, or it failed and has no weights.
        DataError: the file is missing or broken or not as the one trained on, or how that was read
            is not known.
        SettingError: the file to write is there already.
    """
    if to is not None and to.exists():
        raise SettingError(f"{to} is there already; name another file with --to")
    trained = find_trained(results, name)
    reading, form = kept_reading(trained), trained.record.protocol.data.form
    if form.targets == "keys":
        raise DataError(
            f"{name} predicts keys, which are for the predict() of `gp-cells export` alone"
        )
    if file.suffix not in SUFFIXES:
        raise DataError(f"{file}: expected a file {', '.join(SUFFIXES)}")
    names, inputs = read_examples(reading, file)
    check_examples(reading, form, names, inputs, file)
    set_up_torch(trained.record.protocol.training.threads)
    gc.unfreeze()  # else DuckDB, which a trial never imports, tells of leaks when the process ends
    outputs = run(own_network(trained), form, inputs)
    if to is None:
        write(sys.stdout, form, reading, names, outputs)
        return
    with written_beside(to) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        write(stream, form, reading, names, outputs)


def own_network(trained: Trained) -> Network:
    """Return a trial's network as it was trained, its best weights; on a CPU where there is no GPU."""
    setup = setup_of(trained.record.protocol, trained.record.spec)
    if not torch.cuda.is_available():
        setup = dataclasses.replace(setup, device="cpu")
    network = make_network(setup)
    network.load_state_dict(read_weights(trained.record.file))
    return network.eval()


def check_examples(
    reading: Reading, form: Form, names: Sequence[str], inputs: Sequence[np.ndarray], file: Path
) -> None:
    """Refuse examples that a network would take without having been trained on such.

    Raises:
        DataError: an image has another size, or a symbol is none that training saw.
    """
    unknown = reading.symbols.index(None) if None in reading.symbols else None
    for name, example in zip(names, inputs, strict=True):
        if form.inputs == "images" and example.shape[1:] != (form.height, form.width):
            raise DataError(
                f"{file}: {name}: an image of {example.shape[1:]} pixels, expected "
                f"{(form.height, form.width)}"
            )
        if form.inputs != "symbols" or unknown is None or trained_unknown(reading) is not None:
            continue
        odd = np.flatnonzero(example == unknown)
        if len(odd):
            raise DataError(
                f"{file}: {name}: symbol {odd[0] + 1} of {len(example)} was never seen in training; "
                f"known are {_listed([symbol for symbol in reading.symbols if symbol is not None])}"
            )


def _listed(symbols: Sequence[str], most: int = 20) -> str:
    more = f" and {len(symbols) - most} more" if len(symbols) > most else ""
    return ", ".join(map(repr, symbols[:most])) + more


def run(network: Network, form: Form, inputs: Sequence[np.ndarray], size: int = 64) -> np.ndarray:
    """Return the outputs, float64 (examples, outputs), of images or rows, or of the last step of sequences.

    Those of one shape go through the network together, `size` at a time, so that none is padded.
    """
    device = next(iter(network.parameters())).device
    outputs = np.empty((len(inputs), form.outputs))
    with torch.no_grad():
        for chosen in _batches(inputs, size):
            batch = np.stack([inputs[i] for i in chosen], form.batch_axis)
            predictions, _ = network(torch.from_numpy(batch).to(device), None, None)
            last = predictions[-1] if form.has_steps else predictions
            outputs[chosen] = last.double().cpu().numpy()
    return outputs


def _batches(inputs: Sequence[np.ndarray], size: int) -> Iterator[list[int]]:
    order = sorted(range(len(inputs)), key=lambda i: inputs[i].shape)
    for _, group in groupby(order, key=lambda i: inputs[i].shape):
        places = list(group)
        for first in range(0, len(places), size):
            yield places[first : first + size]


def write(
    stream: TextIO, form: Form, reading: Reading, names: Sequence[str], outputs: np.ndarray
) -> None:
    """Write a line for each example: its name, and its class with all probabilities, or its numbers."""
    called, lines = output_names(form, reading), csv.writer(stream, lineterminator="\n")
    given = [name.partition(" ")[2] for name in names]  # "row 3" and "sequence a" without the word
    identity = reading.sequence or "row"
    if form.targets == "numbers":
        lines.writerow([identity, *called])
        numbers = in_units(reading, outputs) + 0.0  # which takes the sign of a zero
        lines.writerows([name, *row] for name, row in zip(given, numbers.tolist(), strict=True))
        return
    predicted = reading.target[0] if reading.target else "class"
    lines.writerow([identity, predicted, *(f"probability_{name}" for name in called)])
    for name, best, row in zip(given, outputs.argmax(1), softmax(outputs).tolist(), strict=True):
        lines.writerow([name, called[best], *(f"{share:.9g}" for share in row)])


def softmax(outputs: np.ndarray) -> np.ndarray:
    """Return the probabilities of classes, (examples, classes), of their logits."""
    powers = np.exp(outputs - outputs.max(1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(1, keepdims=True)
    return shares
