"""New rows are read as prepared ones were: what `reading.json` keeps is enough, for every kind of data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from support.own_files import FRAMES, own, reading_of

from gp_cells.tasks import TASKS, DataError
from gp_cells.tasks.examples import kept_scale, pack_sequences, standardise_frames
from gp_cells.tasks.prepared import load, prepare
from gp_cells.tasks.reading import encode, in_units, read_examples, read_reading, write_reading
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import Reading


def kept_reading(folder: Path) -> Reading:
    """Return the reading of a folder that has one."""
    reading = read_reading(folder)
    assert reading is not None
    return reading


NUMBERS: dict[str, Any] = {"targets": "numbers", "target": ["size"]}
COUNT = 36


def parts(table):
    """Return which rows of a table are for validation."""
    return (table["part"] == "valid").to_numpy()


def long_table():
    """Sequences of two features and six to eight steps, a row a step, mixed."""
    dice = np.random.default_rng(0)
    lengths = dice.integers(6, 9, COUNT)
    who = np.repeat([f"0{i}" for i in range(COUNT)], lengths)
    rows = len(who)
    table = pd.DataFrame(
        {
            "who": who,
            "at": np.concatenate([np.arange(length) for length in lengths]),
            "heat": dice.normal(20, 3, rows),
            "stamp": 1_700_000_000_000 + 20 * np.arange(rows),
            "code": dice.choice(["up", "down", "on", "off"], rows),
            "number": dice.choice([7, 9, 70, 100, 700], rows),
            "kind": np.repeat(np.where(np.arange(COUNT) % 2, "warm", "cold"), lengths),
            "size": np.repeat(dice.normal(9, 4, COUNT), lengths),
            "part": np.repeat([SPLITS[i // 2 % 3] for i in range(COUNT)], lengths),
        }
    )
    return table.sample(frac=1, random_state=0).reset_index(drop=True)


def wide_table():
    """Examples of a text and six columns each, a row an example."""
    dice = np.random.default_rng(1)
    table = pd.DataFrame(dice.integers(0, 256, (COUNT, 6)), columns=[f"p{i}" for i in range(6)])
    return table.assign(
        text=["".join(dice.choice(list("abcä10"), 3 + i % 4)) for i in range(COUNT)],
        kind=np.arange(COUNT) % 2 + 10,
        size=dice.normal(-3, 5, COUNT),
        part=[SPLITS[i // 2 % 3] for i in range(COUNT)],
    )


LONG = {"sequence": "who", "time": "at"}
TABLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "frames": (long_table, {**LONG, "inputs": "frames", "input": ["heat", "stamp"]}),
    "symbols": (long_table, {**LONG, "inputs": "symbols", "input": ["code"]}),
    "whole numbers": (long_table, {**LONG, "inputs": "symbols", "input": ["number"]}),
    "texts": (wide_table, {"inputs": "symbols", "input": ["text"]}),
    "columns": (wide_table, {"inputs": "frames", "input": ["p*"]}),
    "pixels": (wide_table, {"inputs": "images", "input": ["p*"], "height": 2, "width": 3}),
}
ARRAYS: dict[str, tuple[dict[str, Any], tuple[int, ...], Any]] = {
    "frames": ({"inputs": "frames"}, (5, 2), "float64"),
    "wide frames": ({"inputs": "frames", "features": 9}, (3, 9), "float32"),
    "symbols": ({"inputs": "symbols"}, (7,), "int64"),
    "bytes": ({"inputs": "images"}, (3, 4, 5), "uint8"),
    "images": ({"inputs": "images"}, (4, 5), "float64"),
}


def save(columns, path):
    if path.suffix == ".csv":
        pd.DataFrame(columns).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(columns).to_parquet(path)
    elif path.suffix == ".npz":
        told = {name: np.asarray(column) for name, column in columns.items()}
        arrays: dict[str, Any] = {
            n: c.astype(str) if c.dtype == object else c for n, c in told.items()
        }
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, column in columns.items():
                plain = np.asarray(column)
                file[name] = plain.tolist() if plain.dtype.kind in "OU" else plain


def prepared_inputs(task, folder):
    """Return what a network sees of each example of the prepared validation split."""
    prepare(task, "own_data", folder)
    seen = []
    for batch in task.batches(load(folder, "search")["valid"], None):
        if task.inputs == "images":
            seen += list(batch.inputs)
        else:
            ends = batch.counted.argmax(axis=0) + 1
            seen += [batch.inputs[:end, i] for i, end in enumerate(ends)]
    return seen


def same_inputs(prepared, read):
    """Say whether two lists hold the same arrays to the bit, in any order."""
    assert {array.dtype for array in prepared} == {array.dtype for array in read}
    one, other = (sorted((a.shape, a.tobytes()) for a in arrays) for arrays in (prepared, read))
    return one == other


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".h5"])
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("target", [{"targets": "classes", "target": ["kind"]}, NUMBERS])
def test_rows_of_a_table_are_read_again_as_they_were_prepared(tmp_path, suffix, kind, target):
    make, settings = TABLES[kind]
    table, path = make(), tmp_path / f"all{suffix}"
    save(table, path)
    prepared = prepared_inputs(own(path, **settings, **target, split="part"), tmp_path / "data")
    new = table[parts(table)].drop(columns=["kind", "size", "part"])
    save(new, tmp_path / f"new{suffix}")
    reading = kept_reading(tmp_path / "data")
    names, read = read_examples(reading, tmp_path / f"new{suffix}")
    assert len(names) == len(set(names)) == COUNT // 3
    assert same_inputs(prepared, read)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_are_read_again_as_they_were_prepared(tmp_path, suffix, kind):
    settings, shape, dtype = ARRAYS[kind]
    x = (np.random.default_rng(0).normal(100, 20, (COUNT, *shape))).astype(dtype)
    part = np.array([SPLITS[i // 2 % 3] for i in range(COUNT)])
    save({"x": x, "kind": np.arange(COUNT) % 2, "part": part}, tmp_path / f"all{suffix}")
    task = own(tmp_path / f"all{suffix}", **{**FRAMES, **settings}, input=["x"], split="part")
    prepared = prepared_inputs(task, tmp_path / "data")
    save({"x": x[part == "valid"]}, tmp_path / f"new{suffix}")
    _, read = read_examples(kept_reading(tmp_path / "data"), tmp_path / f"new{suffix}")
    assert same_inputs(prepared, read)


def test_a_file_may_be_read_in_another_format_than_was_trained_on(tmp_path):
    make, settings = TABLES["frames"]
    save(make(), tmp_path / "all.csv")
    save(pd.read_csv(tmp_path / "all.csv", dtype={"who": str}), tmp_path / "all.parquet")
    prepare(own(tmp_path / "all.csv", **{**FRAMES, **settings}, split="part"), "own_data", tmp_path)
    reading = kept_reading(tmp_path)
    one, other = (read_examples(reading, tmp_path / f"all{s}") for s in (".csv", ".parquet"))
    assert one[0] == other[0]
    assert same_inputs(one[1], other[1])


def test_what_outputs_mean_is_kept(tmp_path):
    table = wide_table()
    save(table, tmp_path / "a.csv")
    settings = {"inputs": "frames", "input": ["p*"], "split": "part"}
    classes = own(tmp_path / "a.csv", **settings, targets="classes", target=["kind"])
    prepare(classes, "own_data", tmp_path / "classes")
    reading = kept_reading(tmp_path / "classes")
    assert (reading.classes, reading.target) == (("10", "11"), ("kind",))
    assert reading.columns == tuple(f"p{i}" for i in range(6))
    assert reading.counted == "last step"
    task = own(tmp_path / "a.csv", **settings, **NUMBERS)
    prepare(task, "own_data", tmp_path / "numbers")
    told = load(tmp_path / "numbers", "search")["valid"]["targets"]
    np.testing.assert_allclose(
        in_units(kept_reading(tmp_path / "numbers"), told)[:, 0],
        table[parts(table)]["size"],
        rtol=1e-5,
    )


def test_a_symbol_that_training_never_saw_is_the_unknown_one(tmp_path):
    make, settings = TABLES["texts"]
    save(make(), tmp_path / "a.csv")
    prepare(own(tmp_path / "a.csv", **{**FRAMES, **settings}), "own_data", tmp_path)
    save({"text": ["a€a"]}, tmp_path / "new.csv")
    _, (read,) = read_examples(kept_reading(tmp_path), tmp_path / "new.csv")
    assert read[1] == 0
    assert read[0] == read[2] > 0


def test_what_a_star_left_out_is_not_asked_of_new_rows(tmp_path):
    table = wide_table().drop(columns=["text", "part", "size"])
    table.to_csv(tmp_path / "a.csv")
    prepare(own(tmp_path / "a.csv", **FRAMES, input=["*"]), "own_data", tmp_path)
    assert kept_reading(tmp_path).columns == tuple(f"p{i}" for i in range(6))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="heat"), "there is no 'heat'; there are "),
        (lambda t: t.assign(heat="hot"), "heat is 'hot' in row 1, expected a number"),
        (lambda t: t.assign(at="t0"), "at is 't0' in row 1, expected numbers, dates"),
        (lambda t: t.assign(who=""), "who has no value in row 1"),
    ],
)
def test_new_rows_that_cannot_be_read_are_refused_with_the_place(tmp_path, change, said):
    make, settings = TABLES["frames"]
    save(make(), tmp_path / "a.csv")
    prepare(own(tmp_path / "a.csv", **{**FRAMES, **settings}), "own_data", tmp_path)
    save(change(make()), tmp_path / "new.csv")
    with pytest.raises(DataError) as refusal:
        read_examples(kept_reading(tmp_path), tmp_path / "new.csv")
    assert str(refusal.value).startswith(f"{tmp_path / 'new.csv'}: {said}")


def test_another_number_of_features_is_refused(tmp_path):
    settings, shape, _ = ARRAYS["frames"]
    x = np.random.default_rng(0).normal(size=(COUNT, *shape))
    save({"x": x, "kind": np.arange(COUNT) % 2}, tmp_path / "a.npz")
    prepare(own(tmp_path / "a.npz", **{**FRAMES, **settings}, input=["x"]), "own_data", tmp_path)
    save({"x": x[:, :, :1]}, tmp_path / "new.npz")
    with pytest.raises(DataError, match=r"shape \(5, 1\), expected 2 features or channels"):
        read_examples(kept_reading(tmp_path), tmp_path / "new.npz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: [], "not a reading.json of schema 1"),
        (lambda facts: {**facts, "schema": 9}, "not a reading.json of schema 1"),
        (lambda facts: {**facts, "reading": []}, "expected a reading, got list"),
        (lambda facts: {**facts, "reading": {"inputs": "frames"}}, "needs the setting 'targets'"),
        (
            lambda facts: {**facts, "reading": {**facts["reading"], "mean": "1"}},
            "mean: expected tuple",
        ),
    ],
)
def test_a_broken_reading_is_refused_in_a_line(tmp_path, change, said):
    make, settings = TABLES["texts"]
    save(make(), tmp_path / "a.csv")
    prepare(own(tmp_path / "a.csv", **{**FRAMES, **settings}), "own_data", tmp_path)
    path = tmp_path / "reading.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(DataError) as refusal:
        read_reading(tmp_path)
    assert str(refusal.value).startswith(str(path))
    assert said in str(refusal.value)


def test_a_reading_is_written_and_read_the_same(tmp_path):
    make, settings = TABLES["symbols"]
    save(make(), tmp_path / "a.csv")
    reading = reading_of(own(tmp_path / "a.csv", **{**FRAMES, **settings}).read())
    write_reading(tmp_path, reading)
    assert read_reading(tmp_path) == reading
    assert all(dataclasses.asdict(reading)[key] for key in ("symbols", "classes", "columns"))
    write_reading(tmp_path, None)
    assert read_reading(tmp_path) is None


# --- the tasks that read packages ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "japanese_vowels", "peptides", "smartwatch"])
def test_what_a_task_keeps_fits_its_form(name):
    data = TASKS[name]().read()
    form, reading = data.form, reading_of(data)
    assert (reading.inputs, reading.targets) == (form.inputs, form.targets)
    assert len(reading.symbols if form.inputs == "symbols" else reading.mean) == form.features
    assert len(set(reading.classes)) == form.outputs


def test_images_of_a_task_are_encoded_as_they_are_batched():
    task = TASKS["digits"]()
    data = task.read()
    split = data.splits["valid"]
    batch = next(iter(task.batches(split, None)))
    for image, seen in zip(split["images"], batch.inputs, strict=False):
        np.testing.assert_array_equal(encode(reading_of(data), image), seen)


def test_frames_of_a_task_are_encoded_as_they_are_prepared():
    frames = np.random.default_rng(0).normal(3, 2, (50, 4))
    splits = {split: pack_sequences([frames], np.array([0])) for split in SPLITS}
    scale = standardise_frames(splits, np.float32)
    reading = Reading("frames", "classes", "last step", **kept_scale(scale))
    np.testing.assert_array_equal(encode(reading, frames), splits["test"]["steps"])


def test_a_letter_that_is_no_amino_acid_is_refused():
    reading = reading_of(TASKS["peptides"]().read())
    assert encode(reading, np.array(list("ACY"), object)).tolist() == [0, 1, 19]
    with pytest.raises(DataError, match="the symbol 'B' is not known"):
        encode(reading, np.array(list("AB"), object))


def test_a_task_that_reads_a_package_reads_no_file(tmp_path):
    reading = Reading("frames", "keys", "each step")
    with pytest.raises(DataError, match="no telling how to read this one"):
        read_examples(reading, tmp_path / "a.csv")
