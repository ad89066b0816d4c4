"""Generated tables as CSV, Parquet, HDF5 and NPZ, for the task `own_data`.

Tables of odd and ordinary columns, the bytes of some of them harmed, with roles that may or may not fit.
Each file has to be read, and then be prepared and read again by its `reading.json`, or be refused in one
line by a `DataError` or a `SettingError`.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from fuzz_harm import harm
from hypothesis import strategies as st

from gp_cells.config.choose import SettingError, configure
from gp_cells.tasks import DataError
from gp_cells.tasks.own_data import OwnData
from gp_cells.tasks.prepared import load, prepare
from gp_cells.tasks.reading import read_examples, read_reading

SUFFIXES = (".csv", ".parquet", ".h5", ".npz")
NAMES = ("a", "c3", "größe", "Unnamed: 0", "", "x*", 'q"', "n,\n")
DAYS = ("2024-01-31", "2024-02-01", "2024-02-01T10:00", "2024-02-01T10:00Z", "31/01/2024")
CLOCKS = ("9:05", "10:00", "23:59:59.5", "2:00 PM", "12:00 AM", "24:00")
WORDS = (
    "",
    "train",
    "valid",
    "test",
    "NA",
    "nan",
    "-",
    "1",
    "01",
    "1.0",
    "0.5",
    "1e999",
    "inf",
    "ä\0",
)
EXTREMES = (0.1, -0.0, 1e308, -1e308, 5e-324, 1e17, float("nan"), float("inf"), 1.7e12)
STEPS = {"sequence": "who", "time": "at"}
WAYS: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("frames", ("c1", "c2"), STEPS),
    ("frames", ("c*",), STEPS),
    ("frames", ("c1", "c2"), {}),
    ("symbols", ("text",), {}),
    ("symbols", ("person",), {"sequence": "who"}),
    ("images", ("c1", "c2"), {"height": 1, "width": 2}),
    ("frames", ("array",), {}),
    ("images", ("image",), {}),
)


def columns(rows: int) -> st.SearchStrategy[np.ndarray]:
    """Return a strategy for columns, (rows, …), of which many can be read and some cannot."""

    def draws(values: st.SearchStrategy[Any], kind: Any) -> st.SearchStrategy[np.ndarray]:
        return st.lists(values, min_size=rows, max_size=rows).map(
            lambda drawn: np.array(drawn, kind)
        )

    def noise(number: int) -> np.ndarray:
        return np.random.default_rng(number).normal(3, 2, rows)

    def arrays(number: int, shape: tuple[int, ...], kind: str) -> np.ndarray:
        return np.random.default_rng(number).normal(100, 50, (rows, *shape)).astype(kind)

    cycles = st.integers(1, 6).map(lambda period: np.arange(rows) % period)
    spans = st.integers(1, 6).map(lambda length: np.arange(rows) // length)
    kinds = st.sampled_from(("u1", "i8", "f2", "f4", "f8", "u8", "?", "c8", "M8[s]", "S3", "U2"))
    shapes = st.sampled_from(((2,), (3, 2), (2, 9), (1, 4, 4), (2, 0), (2, 2, 2, 2)))
    return st.one_of(
        st.integers(0, 99).map(noise),
        cycles,
        spans,
        spans.map(lambda column: column.astype("f8")),
        spans.map(lambda column: np.array([f"{i:03}" for i in column], object)),
        cycles.map(lambda column: np.array(["train", "valid", "test"] * 2, object)[column]),
        st.sampled_from(EXTREMES).map(lambda value: np.full(rows, value)),
        st.integers(-(2**63), 2**64 - 1 - rows).map(
            lambda low: np.array([low + i for i in range(rows)], object).astype(str).astype(object)
        ),
        draws(st.sampled_from(EXTREMES), "f8"),
        draws(st.sampled_from(DAYS), object),
        draws(st.sampled_from(CLOCKS), object),
        draws(st.sampled_from(WORDS), object),
        draws(st.text("ab01, \"';é\n", max_size=4), object),
        draws(st.booleans(), "?"),
        draws(st.integers(-3, 3), "i2"),
        st.builds(arrays, st.integers(0, 9), shapes, kinds),
    )


def ordinary(rows: int) -> dict[str, np.ndarray]:
    """Return columns that can be read in their roles: sequences of three rows, or a row an example."""
    generator = np.random.default_rng(rows)
    spans, numbers = np.arange(rows) // 3, generator.normal(3, 2, (2, rows)).round(3)
    splits = np.array(["train", "valid", "test"], object)
    return {
        "c1": numbers[0],
        "c2": numbers[1],
        "text": np.array([f"{i:b}a" for i in generator.integers(64, 4096, rows)], object),
        "who": spans + 1,
        "at": np.arange(rows)[::-1] % 3,
        "kind": spans // 3 % 2,
        "size": spans * 0.5,
        "part": splits[spans % 3],
        "person": np.array([f"p{i}" for i in spans % 7], object),
        "array": generator.normal(size=(rows, 5, 2)),
        "image": generator.integers(0, 256, (rows, 3, 4), np.uint8),
    }


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, bytes, dict[str, Any]]:
    """Return a suffix, a file's content and the settings it is read by.

    At most two columns are odd and one setting, so that most of what has to be read is.
    """
    suffix = draw(st.sampled_from(SUFFIXES))
    rows = draw(st.sampled_from((36, 36, 60, 12, 1, 0)))
    table = ordinary(rows)
    if suffix in (".csv", ".parquet"):
        del table["array"], table["image"]
    for name in draw(st.lists(st.sampled_from((*table, *NAMES)), max_size=2)):
        table[name] = draw(columns(rows))
    content = harm(draw, write(draw, table, suffix))
    inputs = draw(st.sampled_from([way for way in WAYS if {*way[1]} <= {*table}]))
    targets = draw(st.sampled_from((("classes", ["kind"]), ("numbers", ["size"]))))
    chosen = {"inputs": inputs[0], "input": list(inputs[1]), **inputs[2]}
    chosen |= {"targets": targets[0], "target": targets[1]}
    for role, name in (("split", "part"), ("group", "person")):
        if draw(st.booleans()):
            chosen[role] = name
    for role in draw(
        st.lists(st.sampled_from(("input", "target", "sequence", "time", "group")), max_size=1)
    ):
        name = draw(st.sampled_from((*table, "*", "c*", "gone")))
        chosen[role] = [name] if role in ("input", "target") else name
    return suffix, content, chosen


def write(draw: st.DrawFn, table: dict[str, np.ndarray], suffix: str) -> bytes:
    """Return columns as a file of a format."""
    file = io.BytesIO()
    flat = {n: list(c) if c.ndim > 1 or c.dtype.kind == "S" else c for n, c in table.items()}
    if suffix == ".csv":
        sign = draw(st.sampled_from((",", ",", ",", ";", "\t")))
        code = draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")))
        text = pd.DataFrame(flat).to_csv(index=draw(st.booleans()), sep=sign)
        return text.encode(code, "replace")
    if suffix == ".parquet":
        try:
            pd.DataFrame(flat).to_parquet(file)
        except (ValueError, TypeError, NotImplementedError, OSError):  # what Arrow cannot hold
            return b"PAR1"
    elif suffix == ".npz":
        arrays = {n: c.astype(str) if c.dtype == object else c for n, c in table.items()}
        named: dict[str, Any] = {n.replace("\n", ""): c for n, c in arrays.items() if n != "file"}
        (np.savez_compressed if draw(st.booleans()) else np.savez)(file, **named)
    else:
        write_hdf5(draw, table, file)
    return file.getvalue()


def write_hdf5(draw: st.DrawFn, table: dict[str, np.ndarray], file: io.BytesIO) -> None:
    """Write columns into an HDF5 file, some of them behind links."""
    with h5py.File(file, "w") as store:
        for i, (name, column) in enumerate(table.items()):
            if not name:
                continue
            texts = column.dtype.kind in "OU"
            kept = column.astype("i8") if column.dtype.kind == "M" else column
            plain = [str(t).replace("\0", "") for t in column.ravel()] if texts else kept
            way = draw(st.sampled_from(("plain", "plain", "soft", "broken", "ring", "virtual")))
            if way == "soft":
                store[f"under/{i}"] = plain
                store[name] = h5py.SoftLink(f"/under/{i}")
            elif way == "broken":
                store[name] = h5py.ExternalLink("gone.h5", "/x")
            elif way == "ring":
                store[name] = h5py.SoftLink("/")
            elif way == "virtual" and not texts and kept.size:
                layout = h5py.VirtualLayout(kept.shape, kept.dtype)
                layout[:] = h5py.VirtualSource("gone.h5", "x", kept.shape)
                store.create_virtual_dataset(name, layout)
            else:
                store[name] = plain


def read_or_refuse(case: tuple[str, bytes, dict[str, Any]], folder: Path) -> str:
    """Return "read", or the reason that a file was refused for, less names and numbers.

    Whatever else is raised, or found to be wrong by an assertion, is a fault.
    """
    suffix, content, chosen = case
    path = folder / f"file{suffix}"
    path.write_bytes(content)
    warnings.simplefilter("error", RuntimeWarning)
    try:
        task = configure(OwnData, {"file": str(path), **chosen}, "own_data")
        prepare(task, "own_data", folder / "data")
    except (DataError, SettingError) as error:
        said = str(error)
        assert "\n" not in said and "\r" not in said, said
        assert said.startswith((f"{path}: ", "own_data")), said
        assert [file.name for file in folder.iterdir()] == [path.name]
        return re.sub(r"'.*?'|\d+|\(.*", "…", said.removeprefix(f"{path}: "))[:60]
    assert path.read_bytes() == content
    splits = load(folder / "data", "search")
    reading = read_reading(folder / "data")
    assert reading is not None
    names, inputs = read_examples(reading, path)
    assert len(names) == len(set(names)) == len(inputs)
    assert len(inputs) >= sum(len(split["targets"]) for split in splits.values())
    for array in inputs:
        assert array.dtype == (np.int64 if reading.inputs == "symbols" else np.float32)
    return "read"
