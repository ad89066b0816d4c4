"""From new rows of a file to what a network takes, exactly as `prepare` did it with the rows it had.

`prepare` keeps a task's `Reading` in `reading.json`, beside `data.json`: mean, deviation, symbols, classes
and columns of the training split. The door for whatever uses a trained network:

    reading = read_reading(folder)                # None if the task cannot say it
    names, inputs = read_examples(reading, Path("new.csv"))
    # each (time, features) float32 frames, (time,) int64 symbols, (channels, height, width) float32, or
    # (features,) float32 numbers
    # … the network; by `reading.counted` the output of the last step is the one that counts
    reading.classes[i]                            # the name of class i, or
    in_units(reading, outputs)                    # numbers in the unit of the file
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.config.choose import SettingError, configure
from gp_cells.config.files import write_json
from gp_cells.tasks import rows
from gp_cells.tasks.columns import one_line, read_columns
from gp_cells.tasks.examples import standardise
from gp_cells.tasks.task import DataError, Reading
from gp_cells.tasks.times import order_of
from gp_cells.tasks.values import as_names, as_numbers, as_symbols

NAME = "reading.json"
SCHEMA = 1  # of reading.json


def write_reading(folder: Path, reading: Reading | None) -> None:
    """Write reading.json into a folder; its `reading` is null where there is none."""
    plain = None if reading is None else dataclasses.asdict(reading)
    write_json(folder / NAME, {"schema": SCHEMA, "reading": plain})


def read_reading(folder: Path) -> Reading | None:
    """Return what reading.json says, None for a task that cannot say how new examples are read.

    Raises:
        DataError: the file is missing, broken or of another version of gp-cells.
    """
    path = folder / NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; prepare the data again") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); prepare the data again") from error
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA or "reading" not in facts:
        raise DataError(f"{path}: not a {NAME} of schema {SCHEMA}; prepare the data again")
    return None if facts["reading"] is None else reading_of(facts["reading"], str(path))


def reading_of(facts: Any, place: str) -> Reading:
    """Return a reading of what JSON has of it, every field checked.

    Raises:
        DataError: a field is missing, unknown or of another type.
    """
    if not isinstance(facts, dict):
        raise DataError(f"{place}: expected a reading, got {type(facts).__name__}")
    symbols = facts.get("symbols", [])
    try:  # null stands for the symbols that are not known, which no other setting may be
        if not isinstance(symbols, list) or symbols.count(None) > 1:
            raise SettingError(f"{place}: symbols: expected a list with null at most once")
        known = ["" if symbol is None else symbol for symbol in symbols]
        reading = configure(Reading, {**facts, "symbols": known}, place)
    except SettingError as error:
        raise DataError(one_line(error)) from error
    return dataclasses.replace(reading, symbols=tuple(symbols))


def read_examples(reading: Reading, path: Path) -> tuple[list[str], list[np.ndarray]]:
    """Return the name of each example of a file, and what a network takes of it.

    The file has the columns of the input, and `sequence` and `time` if those are set; whatever else
    it has is not read. Its format may be another than that of the file trained on.

    Raises:
        DataError: the file is missing or broken, or not as the one trained on.
    """
    others = [name for name in (reading.sequence, reading.time) if name]
    symbols = reading.columns if reading.inputs == "symbols" else ()
    if not reading.columns:
        raise DataError(
            f"{path}: the task reads no file, so there is no telling how to read this one"
        )
    table = read_columns(path, (), [*reading.columns, *others], [*others, *symbols])
    try:
        members, inputs = arrange(reading, table.columns)
        return list(members), [encode(reading, each) for each in inputs]
    except DataError as error:
        raise DataError(f"{path}: {one_line(error)}") from error


def arrange(
    reading: Reading, columns: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Return the rows of each example by its name, and its input as the columns have it.

    An input is (time, features) numbers, (time,) texts or whole numbers, (channels, height, width), or
    (features,) numbers.

    Raises:
        DataError: the columns do not hold such.
    """
    wanted, texts = reading.columns, reading.inputs == "symbols"
    if texts:
        cut = not reading.sequence and len(wanted) == 1
        read = as_symbols([(name, columns[name]) for name in wanted], cut)
    else:
        read = [as_numbers(name, columns[name]) for name in wanted]
    entries = rows.join(dict(zip(wanted, read, strict=True)), wanted)
    if reading.sequence:
        times = order_of(reading.time, columns[reading.time]) if reading.time else None
        members = rows.cut_sequences(as_names(reading.sequence, columns[reading.sequence]), times)
    else:
        members = {f"row {i + 1}": np.array([i]) for i in range(len(entries))}
    inputs: Sequence[np.ndarray]
    if reading.inputs == "images":
        inputs = list(rows.as_images(entries, reading.height, reading.width))
    elif reading.inputs == "numbers":
        inputs = list(rows.as_rows(entries))
    else:
        if not reading.sequence and not texts:
            rows.check_axes(entries, reading.features)
        steps = [entries[chosen] for chosen in members.values()] if reading.sequence else entries
        inputs = [rows.as_sequence(each, texts) for each in steps]
    rows.check_lengths(inputs, list(members))
    return members, list(inputs)


def encode(reading: Reading, raw: np.ndarray) -> np.ndarray:
    """Return one example as a network takes it: standardised float32, or int64 symbols.

    Raises:
        DataError: it has another number of features, or a symbol that no number stands for.
    """
    if reading.inputs == "symbols":
        numbers = {symbol: i for i, symbol in enumerate(reading.symbols)}
        told = [numbers.get(str(symbol), numbers.get(None)) for symbol in raw.tolist()]
        if None in told:
            raise DataError(f"the symbol {raw.tolist()[told.index(None)]!r} is not known")
        return np.array(told, np.int64)
    axis = 0 if reading.inputs == "images" else -1
    if reading.mean and raw.shape[axis] != len(reading.mean):
        raise DataError(
            f"an example of shape {raw.shape}, expected {len(reading.mean)} features or channels"
        )
    if not reading.mean:
        return raw.astype(np.float32)
    mean, deviation = np.array([reading.mean, reading.deviation], reading.scale_type)
    if reading.inputs == "images":
        mean, deviation = mean[:, None, None], deviation[:, None, None]
    return standardise(raw, mean, deviation)


def in_units(reading: Reading, outputs: np.ndarray) -> np.ndarray:
    """Return outputs (…, outputs) of a network that tells numbers in the unit of its targets, float64."""
    return np.asarray(outputs, np.float64) * reading.target_deviation + reading.target_mean
