"""What a trial's own network makes of a piece's beginning, step after step, and the files that hold it.

The piece is one of the validation split: no network was trained on it, though the epoch whose weights are
kept was chosen by the loss on all of them; the test split has one reader, which is not here. At each step
the network reads all that was before anew, so any network will do, whatever it carries over.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.files import written_beside
from gp_cells.config.plan import data_name
from gp_cells.config.recipe import Form
from gp_cells.exchange.export.predict import own_network, softmax
from gp_cells.exchange.export.trained import Trained, find_trained, kept_reading
from gp_cells.exchange.music import midi, roll
from gp_cells.exchange.music.piece import Piece
from gp_cells.networks.network import Network
from gp_cells.plugins import task_of
from gp_cells.tasks.music import Music
from gp_cells.tasks.prepared import load
from gp_cells.tasks.task import Arrays, Reading
from gp_cells.training.trial import set_up_torch

WRITERS: Mapping[str, Callable[[Piece], bytes]] = {
    ".mid": midi.write,
    ".svg": roll.draw,
    ".txt": roll.print_out,
}
MOST_STEPS, TEMPERATURES = 10_000, (0.01, 100.0)


@dataclass(frozen=True)
class Continuation:
    """What is wanted: `steps` after the first `prime` of a piece of the validation split, from 1.

    They are drawn by the network's probabilities, sharper below a temperature of 1.
    """

    piece: int
    prime: int
    steps: int
    temperature: float
    seed: int


def compose(results: Path, name: str, wanted: Continuation, files: Sequence[Path]) -> list[str]:
    """Let a trial's network go on with a piece, and write what comes of it to each file.

    Returns a line on what was composed, and one on each file.

    Raises:
        RecordError: there is no such trial, its record is broken, or it failed and has no weights.
        DataError: its data are gone or others, or a MIDI file is asked for and music21 is not installed.
        SettingError: its task is no music, there is no such piece or it is shorter than `prime`, a number
            is out of range, or a file cannot be written.
    """
    check_range("--steps", wanted.steps, 1, MOST_STEPS)
    check_range("--temperature", wanted.temperature, *TEMPERATURES)
    check_files(files)
    trained = find_trained(results, name)
    task = task_of(trained.record.protocol)
    if not isinstance(task, Music):
        raise SettingError(f"{name}: the task {trained.record.protocol.task.name} is no music")
    piece = gone_on(trained, task, wanted)
    for file, content in {file: WRITERS[file.suffix](piece) for file in files}.items():
        with written_beside(file) as partial:
            partial.write_bytes(content)
    return [piece.title, *map(str, files)]


def gone_on(trained: Trained, task: Music, wanted: Continuation) -> Piece:
    """Return the piece that a trial's network makes of a piece's beginning, beside that as it was written.

    Raises:
        DataError: its data are gone or others.
        SettingError: there is no such piece, or it is shorter than what is to be given.
    """
    protocol, row = trained.record.protocol, trained.row
    reading = kept_reading(trained)
    data = trained.results / "data" / data_name(protocol.benchmark, protocol.task_label)
    pieces = list(pieces_of(task, load(data, "search", protocol.data.hash)["valid"]))
    check_range("--piece", wanted.piece, 1, len(pieces))
    start, written = pieces[wanted.piece - 1]
    check_range("--prime", wanted.prime, 0, len(written))
    set_up_torch(protocol.training.threads)
    gc.unfreeze()  # else DuckDB, which a trial never imports, tells of leaks when the process ends
    given = written[: wanted.prime]
    network, form = own_network(trained), protocol.data.form
    added = draw_steps(network, form, reading, [start, *given], wanted)
    return Piece(
        title=f"{row['run']}/{row['candidate']}: {wanted.steps} steps after the first {wanted.prime} of "
        f"piece {wanted.piece} of the {len(pieces)} of the validation split; seed {wanted.seed}, "
        f"temperature {wanted.temperature:g}",
        given=task.length(given, reading),
        played=tuple(task.notes(np.concatenate([given, added]), reading)),
        written=tuple(task.notes(written[: wanted.prime + wanted.steps], reading)),
    )


def check_files(files: Sequence[Path]) -> None:
    """Refuse files that could not be written in the end.

    Raises:
        SettingError: one has another suffix, is there already, or lies where nothing can be written.
    """
    for file in files:
        if file.suffix not in WRITERS:
            raise SettingError(f"{file}: expected a file {', '.join(WRITERS)}")
        if file.exists():
            raise SettingError(f"{file} is there already; name another file with --to")
        folder = next(folder for folder in file.absolute().parents if folder.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise SettingError(f"{file} cannot be written: {folder} is no folder to write to")


def pieces_of(task: Music, split: Arrays) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each piece of a split: the input before its first step, and its steps, (time, …)."""
    for batch in task.batches(split, None):
        for column in range(batch.counted.shape[1]):
            counts = batch.counted[:, column] > 0
            yield batch.inputs[0, column], batch.targets[counts, column]


def draw_steps(
    network: Network,
    form: Form,
    reading: Reading,
    heard: Sequence[np.ndarray],
    wanted: Continuation,
) -> np.ndarray:
    """Return the steps, (steps, …), that a network draws one after the other to follow inputs `heard`."""
    draw = seeds.generator(seed=wanted.seed, purpose="compose")
    device = next(iter(network.parameters())).device
    inputs = list(heard)
    with torch.no_grad():
        for _ in range(wanted.steps):
            before = torch.from_numpy(np.stack(inputs)[:, None]).to(device)
            predicted, _ = network(before, None, None)
            logits = predicted[-1, 0].double().cpu().numpy() / wanted.temperature
            inputs.append(draw_step(form, reading, logits, draw))
    return np.stack(inputs[len(heard) :])


def draw_step(
    form: Form, reading: Reading, logits: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Return a step drawn by its logits, (outputs,): a class that training has, or each key by itself."""
    if form.targets == "keys":
        return (draw.random(len(logits)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    known = np.array([symbol is not None for symbol in reading.symbols])
    shares = softmax(np.where(known, logits, -np.inf)[None])[0]
    return np.array(draw.choice(len(shares), p=shares), np.int64)
