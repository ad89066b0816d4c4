"""A task's splits on disk: written once by the workflow's `prepare` rule, read by `train`.

The test split lies in a file of its own, so that a search cannot open it by accident. The same
task and sources give the same bytes, and every array is checked against its hash when it is read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gp_cells.config.files import content_hash, write_json, written_beside
from gp_cells.config.typed_json import encode, plain
from gp_cells.tasks.card import card_of
from gp_cells.tasks.reading import write_reading
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, SplitName, Task

Which = Literal["search", "test"]
FILES: dict[Which, tuple[SplitName, ...]] = {"search": ("train", "valid"), "test": ("test",)}
SCHEMA = 3  # of data.json


def prepare(task: Task, name: str, folder: Path) -> tuple[str, ...]:
    """Read a task's source and write its splits and what is known of them into a folder.

    `search.npz` holds the arrays of the training and validation splits by names like
    "train/frames", `test.npz` those of the test split, `reading.json` how new examples are read
    (`reading.py`), and `data.json` the facts that `read_facts` returns. Each file is written beside its
    place and moved into it, `data.json` last. Returned are the lines that a user has to see.

    Raises:
        DataError: the task's source is missing, empty or broken, or not what its form says.
    """
    data = task.read()
    sizes = sizes_of(task, name, data)
    settings = {key: value for key, value in plain(task).items() if key != "recipe"}
    counts = card_of(task, data).counts(data.reading.classes if data.reading else ())
    counts = dataclasses.replace(counts, bytes_per_target=data.bytes_per_target)
    splits = {
        split: {key: describe(array) for key, array in arrays.items()}
        for split, arrays in data.splits.items()
    }
    facts = {
        "schema": SCHEMA,
        "task": name,
        "settings": settings,
        "form": dataclasses.asdict(data.form),
        "unit": task.unit,
        **sizes,
        "splits": splits,
        "hash": content_hash(splits),
        "reference_valid": dict(data.reference_valid),
        "counts": encode(counts),
    }
    for which, names in FILES.items():
        arrays = {f"{split}/{key}": a for split in names for key, a in data.splits[split].items()}
        with written_beside(folder / f"{which}.npz") as partial, partial.open("wb") as file:
            np.savez_compressed(file, **{key: arrays[key] for key in sorted(arrays)})  # type: ignore[arg-type]
    write_reading(folder, data.reading)
    write_json(folder / "data.json", facts)
    return data.notes


def load(
    folder: Path, which: Which, data_hash: str | None = None
) -> dict[SplitName, dict[str, np.ndarray]]:
    """Return the splits of `search.npz` (train and valid) or `test.npz` (test), hashes checked.

    Raises:
        DataError: a file is missing, empty, broken, not the one that data.json describes, or the
            data as a whole have another hash than the one expected.
    """
    path, facts = folder / f"{which}.npz", read_facts(folder)
    if data_hash not in (None, facts["hash"]):
        raise DataError(
            f"{folder}: the data have hash {facts['hash']}, the run's settings name {data_hash}; "
            "prepare the data again"
        )
    splits = facts["splits"]
    expected = {f"{split}/{key}" for split in FILES[which] for key in splits[split]}
    arrays = read_arrays(path)
    if set(arrays) != expected:
        raise DataError(
            f"{path}: expected {', '.join(sorted(expected))}, got {', '.join(sorted(arrays))}; "
            "prepare the data again"
        )
    loaded: dict[SplitName, dict[str, np.ndarray]] = {split: {} for split in FILES[which]}
    for split in FILES[which]:
        for key, fact in splits[split].items():
            array = arrays[f"{split}/{key}"]
            if describe(array) != fact:
                raise DataError(
                    f"{path}: {split}/{key} is not the array that data.json describes; "
                    "prepare the data again"
                )
            loaded[split][key] = array
    return loaded


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what `data.json` says of prepared data.

    Its keys: `schema`, `task` (its name), `settings`, `form`, `unit`, `targets` and `passes` (of the
    training and validation splits: what is counted, and the steps or images that go through a
    network, padding too), `steps` (of the longest training batch), `splits` (for each array its
    dtype, shape and hash), `hash` (over all arrays), `reference_valid` (losses of trivial
    predictors, in the task's unit) and, since later, `counts` (see `DataCounts`).

    Raises:
        DataError: the file is missing, empty, broken or from another version of gp-cells.
    """
    path = folder / "data.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; prepare the data first") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); prepare the data again") from error
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise DataError(f"{path}: not a data.json of schema {SCHEMA}; prepare the data again")
    splits = facts.get("splits")
    if not isinstance(splits, dict) or content_hash(splits) != facts.get("hash"):
        raise DataError(f"{path}: its hash does not fit its splits; prepare the data again")
    return facts


def sizes_of(task: Task, name: str, data: Data) -> dict[str, Any]:
    """Return what of the data decides how long an epoch takes and how much a batch keeps.

    Raises:
        DataError: a split is empty, or a batch is not what the data's form says.
    """
    targets, passes, steps = {}, {}, 0
    for split, arrays in data.splits.items():
        targets[split] = passes[split] = 0
        for number, batch in enumerate(task.batches(arrays, None), start=1):
            check_batch(data.form, batch, f"{name}: {split}, batch {number}")
            targets[split] += int(batch.counted.sum())
            passes[split] += batch.counted.size
            if split == "train":
                steps = max(steps, len(batch.counted) if data.form.has_steps else 1)
        if not targets[split]:
            raise DataError(f"{name}: the split {split} is empty")
    searched = FILES["search"]
    return {
        "targets": {split: targets[split] for split in searched},
        "passes": {split: passes[split] for split in searched},
        "steps": steps,
    }


def check_batch(form: Form, batch: Batch, place: str) -> None:
    """Refuse a batch that a network of a form cannot be trained on.

    Raises:
        DataError: inputs or targets have another shape or type, are not finite or out of range.
    """
    shape = batch.counted.shape
    inputs = {
        "images": (*shape, form.features, form.height, form.width),
        "frames": (*shape, form.features),
        "symbols": shape,
        "numbers": (*shape, form.features),
    }[form.inputs]
    targets = shape if form.targets == "classes" else (*shape, form.outputs)
    whole = {"inputs": form.inputs == "symbols", "targets": form.targets == "classes"}
    for what, array, expected, most in (
        ("inputs", batch.inputs, inputs, form.features),
        ("targets", batch.targets, targets, form.outputs),
    ):
        kind = np.dtype(np.int64 if whole[what] else np.float32)
        if array.shape != expected or array.dtype != kind:
            raise DataError(
                f"{place}: {what} are {array.dtype} {array.shape}, expected {kind} {expected}"
            )
        wrong = (array < 0) | (array >= most) if whole[what] else ~np.isfinite(array)
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            allowed = f"0 to {most - 1}" if whole[what] else "a finite number"
            raise DataError(f"{place}: {what} {where} is {array[where]}, expected {allowed}")


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of an .npz file, never unpickling one.

    Raises:
        DataError: the file is missing, empty or broken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for member in archive.namelist():
                with archive.open(member) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
                arrays[member.removesuffix(".npy")] = array
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; prepare the data first") from error
    except (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a sound .npz ({reason}); prepare the data again") from error
    return arrays


def describe(array: np.ndarray) -> dict[str, Any]:
    """Return an array's dtype, shape and BLAKE2b-128 hash (over both and its bytes)."""
    dtype = array.dtype.newbyteorder("<")
    shape = list(array.shape)
    head = f"{dtype.str}{shape}".encode()
    content = np.ascontiguousarray(array, dtype)
    return {"dtype": dtype.str, "shape": shape, "hash": hash_bytes(head, content.data.cast("B"))}


def hash_bytes(*pieces: bytes | memoryview) -> str:
    """Return the BLAKE2b-128 hash of the pieces put together, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
