"""What the entries of a column are: numbers, names or symbols.

Whatever tells things apart is a text: sequences, groups, splits and classes. So 1, 01 and 001 are three,
and an id of twenty digits keeps them all. A number of a Parquet, HDF5 or NPZ file is the text that it is
written as; a double that is whole, as ids become where one was missing once, is written as a whole number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from gp_cells.config.refusal import shown
from gp_cells.tasks.task import DataError

WHOLE = re.compile(r"0|-?[1-9]\d*")  # in canonical form
WHOLE_TOO = re.compile(r"[+-]?\d{1,400}(\.0*)?")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
NO_VALUE = frozenset({"", "nan", "NaN", "NaT", "<NA>", "#N/A"})
NO_NUMBER = NO_VALUE | {"NA", "N/A", "NULL", "null", "None", "none", "n/a", "-nan", "-NaN", "#NA"}
TRUTHS = {"true": True, "false": False}
INT64 = np.iinfo(np.int64)
EXACT = 2**53  # float64 has every whole number up to it


def as_numbers(name: str, column: np.ndarray) -> np.ndarray:
    """Return a column as finite numbers; texts are read as such.

    Raises:
        DataError: there is something else, or what float64 cannot tell apart; it says in which row.
    """
    if column.dtype.kind in "mM":
        raise DataError(f"{name} is {column.flat[0]} in row 1, expected a number")
    numbers = _read_numbers(name, column) if column.dtype.kind == "O" else column
    _refuse_merged(name, numbers)
    return numbers


def _refuse_merged(name: str, numbers: np.ndarray) -> None:
    """Refuse whole numbers that differ and are one in float64, in which numbers are standardised.

    Raises:
        DataError: there are two such; it says in which rows.
    """
    if numbers.dtype.kind not in "iu" or not numbers.size:
        return
    if numbers.min() >= -EXACT and numbers.max() <= EXACT:
        return
    known, first = np.unique(numbers, return_index=True)
    merged = np.flatnonzero(np.diff(known.astype(np.float64)) == 0)
    if len(merged):
        width = numbers[0].size
        one, other = (
            f"{known[i]} in row {first[i] // width + 1}" for i in merged[0] + np.arange(2)
        )
        raise DataError(
            f"{name} is {one} and {other}, which are one number in float64; write what is above the "
            "smallest, or in a larger unit"
        )


def _read_numbers(name: str, column: np.ndarray) -> np.ndarray:
    """Return texts as the finite numbers that they are; `as_numbers` says what is refused."""
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
            raise DataError(
                f"{name} is {shown(column.flat[i])} in row {row}, expected a number{hint}"
            )
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
    _refuse_rounded(name, column)
    return [str(int(entry)) if entry == int(entry) else str(entry) for entry in column]


def _refuse_rounded(name: str, column: np.ndarray) -> None:
    """Refuse floating-point numbers so large that whole numbers beside them are rounded to them.

    Raises:
        DataError: there is one; it says in which row.
    """
    large = np.argwhere(np.abs(column) >= 2.0 ** min(np.finfo(column.dtype).nmant + 1, 63))
    if len(large):
        where = tuple(large[0])
        raise DataError(
            f"{name} is {column[where]} in row {where[0] + 1}, too large for {column.dtype} to keep "
            "its digits; write it as a text or a whole number"
        )


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
    if np.result_type(*(column.dtype for column in read)).kind not in "iu":
        read = [_as_texts(column) for column in read]  # no type of whole numbers has all of them
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
    _refuse_rounded(name, column)
    odd = np.argwhere(column != np.floor(column))
    if len(odd):
        where = tuple(int(i) for i in odd[0])
        raise DataError(
            f"{name} is {column[where]} in row {where[0] + 1}, expected a text or a whole number"
        )
    return column.astype(np.int64)


def _as_texts(column: np.ndarray) -> np.ndarray:
    """Return texts as they are, whole numbers as they are written."""
    if column.dtype.kind == "O":
        return column
    return np.array([str(entry) for entry in column.ravel().tolist()], object).reshape(column.shape)


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
    numbers = map(Decimal, names)
    return next((i for i, n in enumerate(numbers) if n != n.to_integral_value()), None)
