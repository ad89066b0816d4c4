"""Named columns of a file of the user's own: CSV, Parquet, HDF5 or NPZ.

Every column has one entry a row. In a table an entry is a number, a text or a time; a dataset of HDF5 or
an array of NPZ has its rows along its first axis, and an entry may be an array itself. Nothing is
unpickled. Rows are counted from 1, a header not.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.tasks.task import DataError


def read_columns(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the columns whose names are wanted, in that order; `x*` wants all that begin with x.

    Raises:
        DataError: the file is missing or broken, has no such column, or its columns have other than
            one entry a row, none at all, or what is neither number nor text nor time.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        columns = _READERS[path.suffix](path, wanted)
    except DataError:
        raise
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{path}: not a sound {path.suffix} file ({said})") from error
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in rows.items())
        raise DataError(f"{path}: columns of one length are expected, these have rows: {told}")
    if not any(rows.values()):
        raise DataError(f"{path}: there are no rows")
    return columns


def select(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the names that are wanted, in that order.

    Raises:
        DataError: there is no such name.
    """
    found: list[str] = []
    for pattern in wanted:
        matching = [name for name in names if name == pattern] or [
            name for name in names if pattern.endswith("*") and name.startswith(pattern[:-1])
        ]
        if not matching:
            raise DataError(f"{path}: there is no {pattern!r}; there are {', '.join(names)}")
        found += [name for name in matching if name not in found]
    return found


def _read_csv(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    from pyarrow import csv

    return _from_table(path, csv.read_csv(path), wanted)


def _read_parquet(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = select(path, file.schema_arrow.names, wanted)
        return _from_table(path, file.read(columns=names), names)


def _from_table(path: Path, table: Any, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return columns of an Arrow table."""
    columns = {}
    for name in select(path, table.column_names, wanted):
        if table.column_names.count(name) > 1:
            raise DataError(f"{path}: there are several columns {name!r}")
        column = table.column(name)
        if column.null_count:
            row = column.is_null().to_numpy().argmax() + 1
            raise DataError(f"{path}: {name} has no value in row {row}")
        columns[name] = _plain(path, name, column.to_numpy())
    return columns


def _read_hdf5(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(path, "r") as file:
        datasets: dict[str, Any] = {}

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                datasets[name] = item

        file.visititems(note)
        names = select(path, list(datasets), wanted)
        return {name: _plain(path, name, datasets[name][()]) for name in names}


def _read_npz(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        names = select(path, arrays.files, wanted)
        return {name: _plain(path, name, arrays[name]) for name in names}


def _plain(path: Path, name: str, column: Any) -> np.ndarray:
    """Return a column of numbers or times, or of texts as objects that are all str."""
    column = np.asarray(column)
    if column.ndim == 0:
        raise DataError(f"{path}: {name} is a single value, expected one a row")
    if column.dtype.kind in "OSU":
        texts = [entry.decode() if isinstance(entry, bytes) else entry for entry in column.flat]
        other = next((entry for entry in texts if not isinstance(entry, str)), None)
        if other is None:
            return np.array(texts, object).reshape(column.shape)
        raise DataError(
            f"{path}: {name} holds {type(other).__name__}s, expected a number or a text in each row"
        )
    if column.dtype.kind not in "biufmM":
        raise DataError(f"{path}: {name} holds {column.dtype}, expected numbers or texts")
    return column


_READERS: Mapping[str, Callable[[Path, Sequence[str]], dict[str, np.ndarray]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".npz": _read_npz,
}
SUFFIXES = tuple(_READERS)
