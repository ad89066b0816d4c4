"""Named columns of a file of the user's own: CSV, Parquet, HDF5 or NPZ.

Every column has one entry a row. In a table an entry is a number, a text or a time; a dataset of HDF5 or
an array of NPZ has its rows along its first axis, and an entry may be an array itself. Nothing is
unpickled. Rows are counted from 1, a header not. CSV is UTF-8, with or without a byte order mark,
whatever the locale, and its columns are parted by commas.

A name that ends with `*` stands for all that begin alike, but not for what a program wrote to number the
rows: a column without a name, and pandas' index.
"""

from __future__ import annotations

import contextlib
import csv
import difflib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.config.files import RecordError, read_text
from gp_cells.tasks.hdf5 import read_hdf5
from gp_cells.tasks.task import DataError

INDEX = re.compile(
    r"\s*|Unnamed: \d+(\.\d+)*(_level_\d+)?|__index_level_\d+__|__null_dask_index__|"
    r"index|level_\d+|row\.?names|\.\.\.1"  # pandas' reset_index; R's
)
LISTED = 20  # names that a message lists in full
BLOCK = 1 << 24  # bytes of CSV that pyarrow takes at once, and the longest line that it can read
BROKEN = (OSError, RuntimeError, ValueError, LookupError, EOFError, MemoryError)
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError)


@dataclass(frozen=True)
class Table:
    """Columns by name, and the names that a pattern fits but leaves out as bookkeeping."""

    columns: dict[str, np.ndarray]
    left_out: tuple[str, ...] = ()


def read_columns(
    path: Path, wanted: Sequence[str], names: Sequence[str] = (), texts: Sequence[str] = ()
) -> Table:
    """Return the columns that are wanted, in that order, and those of some names.

    Of what is wanted, `x*` means all that begin with x; a name means itself alone.
    Entries of CSV in the columns of `texts`, names and patterns too, are taken as they are written;
    in the others pyarrow finds out what they are.

    Raises:
        DataError: the file is missing or broken, has no such column, or its columns have other than
            one entry a row, none at all, a missing or infinite one, or what is neither number nor
            text nor time.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        table = _READERS[path.suffix](path, [*wanted, *names], texts)
        for name in names:
            if name not in table.columns:
                raise DataError(f"there is no {name!r}; a name with * is for the input alone")
        columns = {name: _plain(name, column) for name, column in table.columns.items()}
    except RecordError as error:
        raise DataError(str(error)) from error
    except DataError as error:
        raise DataError(f"{path}: {one_line(error)}") from error
    except (*BROKEN, *BROKEN_ZIP, csv.Error) as error:
        said = one_line(error) or type(error).__name__
        raise DataError(f"{path}: not a sound {path.suffix} file ({said})") from error
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        told = one_line(", ".join(f"{name} {count}" for name, count in rows.items()))
        raise DataError(f"{path}: columns of one length are expected, these have rows: {told}")
    if not any(rows.values()):
        raise DataError(f"{path}: there are no rows")
    return Table(columns, table.left_out)


def select(
    names: Sequence[str], wanted: Sequence[str], index: Iterable[str] = ()
) -> tuple[list[str], tuple[str, ...]]:
    """Return the names that are wanted, in that order, and those that a pattern leaves out.

    A pattern leaves out what looks like a number of the rows, and the names of an `index`.

    Raises:
        DataError: there is no such name.
    """
    found: dict[str, None] = {}
    left_out: dict[str, None] = {}
    known, beside = set(names), set(index)
    for pattern in wanted:
        if pattern in known:
            found[pattern] = None
            continue
        matching = fitting(names, [pattern])
        if not matching:
            raise DataError(f"there is no {pattern!r}; {_say_names(names, pattern)}")
        for name in matching:
            (left_out if INDEX.fullmatch(name) or name in beside else found)[name] = None
    return list(found), tuple(name for name in left_out if name not in found)


def fitting(names: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Return the names that are wanted, by themselves or by a pattern, each once, in that order."""
    names = list(names)
    found: dict[str, None] = {}
    for pattern in wanted:
        if pattern in names:
            found[pattern] = None
        elif pattern.endswith("*"):
            found |= {name: None for name in names if name.startswith(pattern[:-1])}
    return list(found)


def one_line(said: object) -> str:
    """Return a message without line breaks, whatever names and values are in it."""
    return " ".join(str(said).split())


def _say_names(names: Sequence[str], sought: str) -> str:
    """Return which names there are: all of them, or how many and the nearest."""
    if not names:
        return "there are no names in it"
    if len(names) <= LISTED:
        return f"there are {', '.join(names)}"
    near = difflib.get_close_matches(sought.rstrip("*"), names[:20_000], 5, 0.5) or names[:5]
    return f"of {len(names):,} names the nearest are {', '.join(near)}"


def _read_csv(path: Path, wanted: Sequence[str], texts: Sequence[str]) -> Table:
    import pyarrow
    from pyarrow import csv as arrow_csv

    text = read_text(path)
    lines = csv.reader(io.StringIO(text, newline=""))
    names = next((line for line in lines if line), [])
    try:
        chosen, left_out = select(names, wanted)
    except DataError as error:
        raise DataError(f"{error}{_other_separator(names)}") from error
    kept = set(texts) and set(select(names, texts)[0])
    convert = arrow_csv.ConvertOptions(
        column_types={name: pyarrow.string() for name in chosen if name in kept},
        include_columns=_once(names, chosen),
    )
    content = text.encode()
    table = _read_lines(content, convert)
    _refuse_open_quote(content, table.num_rows)
    return Table(_from_table(table, chosen), left_out)


def _read_lines(content: bytes, convert: Any) -> Any:
    """Return the Arrow table of a CSV file's content.

    Raises:
        DataError: a line has too many entries or too few.
    """
    import pyarrow
    from pyarrow import csv as arrow_csv

    odd: list[Any] = []

    def note(row: Any) -> str:
        odd.append(row)
        return "error"

    def read(threads: bool) -> Any:
        return arrow_csv.read_csv(
            pyarrow.BufferReader(content),
            read_options=arrow_csv.ReadOptions(block_size=BLOCK, use_threads=threads),
            parse_options=arrow_csv.ParseOptions(
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            convert_options=convert,
        )

    try:
        return read(threads=True)
    except pyarrow.ArrowInvalid:
        if not odd:
            raise
    odd.clear()
    with contextlib.suppress(pyarrow.ArrowInvalid):
        read(threads=False)  # which alone counts the rows
    line = odd[0]
    raise DataError(
        f"row {line.number - 1} has {line.actual_columns} columns, expected {line.expected_columns}: "
        f"{line.text[:80]}"
    )


def _other_separator(names: Sequence[str]) -> str:
    """Return what to say if a header of one name looks parted by something else than commas."""
    if len(names) == 1:
        for sign, told in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in names[0]:
                return f": its columns are parted by {told}, expected commas"
    return ""


def _refuse_open_quote(content: bytes, rows: int) -> None:
    """Refuse text in which a quotation mark swallows the lines after it.

    Raises:
        DataError: it has more lines than rows, and an odd number of quotation marks.
    """
    lines = sum(1 for line in content.splitlines() if line.strip())
    if content.count(b'"') % 2 and rows + 1 < lines:
        raise DataError("a quotation mark is opened and never closed")


def _once(names: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """Return the names chosen, each of which a table has once.

    Raises:
        DataError: there is one that it has several times.
    """
    for name in chosen:
        if names.count(name) > 1:
            raise DataError(f"there are several columns {name!r}")
    return list(chosen)


def _read_parquet(path: Path, wanted: Sequence[str], texts: Sequence[str]) -> Table:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        chosen, left_out = select(schema.names, wanted, _pandas_index(schema.metadata or {}))
        table = file.read(columns=_once(schema.names, chosen))
        return Table(_from_table(table, chosen), left_out)


def _pandas_index(metadata: Mapping[bytes, bytes]) -> list[str]:
    """Return the columns that pandas says are its index."""
    try:
        columns = json.loads(metadata.get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, LookupError, TypeError):
        return []
    return [name for name in columns if isinstance(name, str)] if isinstance(columns, list) else []


def _from_table(table: Any, chosen: Sequence[str]) -> dict[str, np.ndarray]:
    """Return columns of an Arrow table; decimals and clock times become texts."""
    from pyarrow import ArrowException, large_binary, string, types

    columns = {}
    for name in chosen:
        column = table.column(name)
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.null_count:
            row = column.is_null().to_numpy().argmax() + 1
            raise DataError(f"{name} has no value in row {row}")
        if types.is_decimal(column.type) or types.is_time(column.type):
            column = column.cast(string())
        if types.is_string(column.type) or types.is_large_string(column.type):
            column = column.cast(large_binary())  # decoded, and if need be refused, like HDF5's
        try:
            columns[name] = column.to_numpy()
        except ArrowException as error:  # not all of them are a ValueError
            raise ValueError(f"{name}: {error}") from error
    return columns


def _read_hdf5(path: Path, wanted: Sequence[str], texts: Sequence[str]) -> Table:
    columns, left_out = read_hdf5(path, wanted, select)
    return Table(columns, left_out)


def _read_npz(path: Path, wanted: Sequence[str], texts: Sequence[str]) -> Table:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no zip")
    with np.load(path, allow_pickle=False) as arrays:
        chosen, left_out = select(arrays.files, wanted)
        return Table({name: arrays[name] for name in _once(arrays.files, chosen)}, left_out)


def _plain(name: str, column: Any) -> np.ndarray:
    """Return a column of numbers or times, or of texts as objects that are all str.

    Raises:
        DataError: it is no column, an entry is missing or infinite, or something else.
    """
    column = np.asarray(column)
    if column.ndim == 0:
        raise DataError(f"{name} is a single value, expected one a row")
    if column.dtype.kind in "OSU":
        texts = [_decode(name, entry) for entry in column.ravel().tolist()]
        other = next((entry for entry in texts if not isinstance(entry, str)), None)
        if other is None:
            return np.array(texts, object).reshape(column.shape)
        raise DataError(
            f"{name} holds {type(other).__name__}s, expected a number or a text in each row"
        )
    if column.dtype.kind not in "biufmM":
        raise DataError(f"{name} holds {column.dtype}, expected numbers or texts")
    refuse_missing(name, column)
    return column


def _decode(name: str, entry: Any) -> Any:
    """Return bytes as the text that they are, anything else as it is."""
    if not isinstance(entry, bytes):
        return entry
    try:
        return entry.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} has a text that is not UTF-8: {entry[:40]!r}") from error


def refuse_missing(name: str, column: np.ndarray) -> None:
    """Refuse a column with a number or a time that is missing or infinite.

    Raises:
        DataError: there is one; it says in which row.
    """
    if column.dtype.kind not in "fmM":
        return
    wrong = ~np.isfinite(column)
    if wrong.any():
        row, *place = (int(i) for i in np.argwhere(wrong)[0])
        inside = f" at {tuple(place)}" if place else ""
        expected = "finite numbers" if column.dtype.kind == "f" else "times"
        value = column[(row, *place)]
        raise DataError(f"{name} is {value} in row {row + 1}{inside}, expected {expected}")


_READERS: Mapping[str, Callable[[Path, Sequence[str], Sequence[str]], Table]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
    ".npz": _read_npz,
}
SUFFIXES = tuple(_READERS)
