"""What the entries of a column are: numbers, names or symbols.

Whatever tells things apart is a text: sequences, groups, splits and classes. So 1, 01 and 001 are three,
and an id of twenty digits keeps them all. A number of a Parquet, HDF5 or NPZ file is the text that it is
written as; a double that is whole, as ids become where one was missing once, is written as a whole number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gp_cells.tasks.task import DataError

WHOLE = re.compile(r"0|-?[1-9]\d*")  # in canonical form
WHOLE_TOO = re.compile(r"[+-]?\d{1,400}(\.0*)?")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
NO_VALUE = frozenset({"", "nan", "NaN", "NaT", "<NA>", "#N/A"})
NO_NUMBER = NO_VALUE | {"NA", "N/A", "NULL", "null", "None", "none", "n/a", "-nan", "-NaN", "#NA"}
TRUTHS = {"true": True, "false": False}
INT64 = np.iinfo(np.int64)


def as_numbers(name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as finite numbers; texts are read as such.

    Raises:
        DataError: there is something else; it says what and in which row.
    """
    if column.dtype.kind in "mM":
        raise DataError(f"{name} is {column.flat[0]} in row 1, expected a number")
    if column.dtype.kind != "O":
        return column
    texts = [text.strip() for text in column.ravel().tolist()]
    if all(text.lower() in TRUTHS for text in texts):
        return np.array([TRUTHS[text.lower()] for text in texts]).reshape(column.shape)
    width = column[0].size if column.ndim > 1 else 1
    numbers: list[float] = []
    for i, text in enumerate(texts):
        row = i // width + 1
        if text in NO_NUMBER:
            raise DataError(f"{name} has no value in row {row}")
        number = float(text) if NUMBER.fullmatch(text) else _read_word(text)
        if number is None:
            hint = "; write 1.5, not 1,5" if re.fullmatch(r"[+-]?\d*,\d+", text) else ""
            raise DataError(f"{name} is {column.flat[i]!r} in row {row}, expected a number{hint}")
        if not np.isfinite(number):
            raise DataError(f"{name} is {text} in row {row}, expected finite numbers")
        numbers.append(number)
    if all(map(_is_int64, texts)):
        return np.array(list(map(int, texts)), np.int64).reshape(column.shape)
    return np.array(numbers).reshape(column.shape)


def _read_word(text: str) -> float | None:
    """Return the number that one of the words for infinity stands for."""
    return np.inf if text.lower().lstrip("+-") in ("inf", "infinity") else None


def as_names(name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as texts, objects (rows,) that are all str and not empty.

    Raises:
        DataError: an entry is missing, an array, or a number too large for its type to be exact.
    """
    if column.ndim > 1:
        raise DataError(
            f"{name} has an array of shape {column.shape[1:]} in each row, expected one value"
        )
    kind = column.dtype.kind
    if kind == "O":
        texts = column.tolist()
        _refuse_no_value(name, texts)
    elif kind == "f":
        texts = _write_floats(name, column)
    elif kind == "M":
        texts = _write_dates(column)
    else:
        texts = (
            [str(entry) for entry in column.tolist()]
            if kind != "m"
            else column.astype(str).tolist()
        )
    names = np.empty(len(texts), object)
    names[:] = texts
    return names


def _refuse_no_value(name: str, texts: Sequence[str]) -> None:
    """Refuse texts of which one stands for a missing value; between numbers NA does, too."""
    missing = [i for i, text in enumerate(texts) if text.strip() in NO_NUMBER]
    if not missing:
        return
    told = [text for text in texts if text.strip() not in NO_NUMBER]
    numbers = bool(told) and all(NUMBER.fullmatch(text.strip()) for text in told)
    for i in missing:
        if numbers or texts[i].strip() in NO_VALUE:
            raise DataError(f"{name} has no value in row {i + 1}")


def _write_floats(name: str, column: np.ndarray) -> list[str]:
    """Return floating-point numbers as texts, the whole ones as whole numbers.

    Raises:
        DataError: one is whole and so large that others are rounded to it.
    """
    exact = 2.0 ** (np.finfo(column.dtype).nmant + 1)
    large = np.flatnonzero(np.abs(column) > exact)
    if len(large):
        raise DataError(
            f"{name} is {column[large[0]]} in row {large[0] + 1}, too large for {column.dtype} to keep "
            "its digits; write it as a text or a whole number"
        )
    return [str(int(entry)) if entry == int(entry) else str(entry) for entry in column]


def _write_dates(column: np.ndarray) -> list[str]:
    """Return dates and times of ISO 8601, of no more digits than they need."""
    for unit in ("D", "s", "ms", "us"):
        coarse = column.astype(f"datetime64[{unit}]")
        if (coarse == column).all():
            return [str(entry) for entry in coarse]
    return [str(entry) for entry in column]


def as_symbols(columns: Sequence[tuple[str, np.ndarray]], cut: bool) -> list[np.ndarray]:
    """Return columns as symbols: texts, objects that are str, or whole numbers.

    Where a text is `cut` into its characters, it stays one; else it is a symbol itself, and if all are
    whole numbers in canonical form they are numbers.

    Raises:
        DataError: one is neither, or missing.
    """
    read = [_as_symbols(name, column) for name, column in columns]
    if cut or not all(column.dtype.kind == "O" and column.ndim == 1 for column in read):
        return read
    for (name, _), column in zip(columns, read, strict=True):
        _refuse_no_value(name, column.tolist())
    if not all(_is_int64(text) for column in read for text in column.tolist()):
        return read
    return [column.astype(np.int64) for column in read]


def _as_symbols(name: str, column: np.ndarray) -> np.ndarray:
    if column.dtype.kind in "Oiu":
        return column
    if column.dtype.kind != "f":
        raise DataError(f"{name} holds {column.dtype}, expected texts or whole numbers")
    odd = np.argwhere((column != np.floor(column)) | (np.abs(column) > INT64.max // 2))
    if len(odd):
        where = tuple(int(i) for i in odd[0])
        raise DataError(
            f"{name} is {column[where]} in row {where[0] + 1}, expected a text or a whole number"
        )
    return column.astype(np.int64)


def _is_int64(text: str) -> bool:
    return bool(WHOLE.fullmatch(text)) and len(text) < 20 and INT64.min <= int(text) <= INT64.max


def in_order(names: Iterable[str]) -> list[str]:
    """Return names sorted: as numbers if all are whole ones, else as texts."""
    names = list(names)
    if not all(WHOLE_TOO.fullmatch(name) for name in names):
        return sorted(names)

    def key(name: str) -> tuple[Any, str]:
        return int(name.partition(".")[0]), name

    return sorted(names, key=key)


def are_fractions(names: Sequence[str]) -> int | None:
    """Return the place of the first number with a fraction, if all names are numbers."""
    if not all(NUMBER.fullmatch(name) for name in names):
        return None
    return next((i for i, name in enumerate(names) if not float(name).is_integer()), None)
