"""Times as numbers whose order is theirs: numbers, dates and times of ISO 8601, times of a clock.

A text is never sorted as a text: 25/01/2024 comes after 01/02/2024 by its letters, and t10 before t9.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import numpy as np

from gp_cells.config.refusal import shown
from gp_cells.tasks.task import DataError

READ = (
    "numbers, dates and times as 2024-01-31 or 2024-01-31T14:05:09 (ISO 8601), or times of a clock as "
    "14:05 or 2:05 PM"
)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
DATE = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?"
    r"(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,18}))?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?"
)
CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?\s*([AaPp]\.?[Mm]\.?)?")


def order_of(name: str, column: np.ndarray) -> np.ndarray:
    """Return numbers, int64 (rows,), that are equal and in order as the times of a column are.

    Raises:
        DataError: an entry is no time, or of another kind than the first.
    """
    if column.ndim > 1:
        raise DataError(f"{name} has an array in each row, expected one time")
    if column.dtype.kind != "O":
        return np.unique(column, return_inverse=True)[1].astype(np.int64)
    kinds: dict[str, int] = {}
    read: dict[str, tuple[str, Decimal | int]] = {}
    for row, text in enumerate(column.tolist(), start=1):
        if text not in read:
            read[text] = _read(name, text, row)
        kinds.setdefault(read[text][0], row)
        if len(kinds) > 1:
            (one, first), (other, second) = kinds.items()
            raise DataError(
                f"{name} is {column[first - 1]!r} in row {first} and {text!r} in row {second}: {one} and "
                f"{other}, expected one kind of time"
            )
    places = {time: i for i, time in enumerate(sorted({time for _, time in read.values()}))}
    return np.array([places[read[text][1]] for text in column.tolist()], np.int64)


def _read(name: str, text: str, row: int) -> tuple[str, Decimal | int]:
    """Return what kind of time a text is, and the time as a number.

    Raises:
        DataError: it is none.
    """
    stripped = text.strip()
    try:
        if NUMBER.fullmatch(stripped):
            return "a number", Decimal(stripped)
        if date := DATE.fullmatch(stripped):
            return _read_date(date)
        if clock := CLOCK.fullmatch(stripped):
            return _read_clock(clock)
    except ValueError:
        pass  # a thirteenth month, a minute 60
    raise DataError(f"{name} is {shown(text)} in row {row}, expected {READ}")


def _read_date(found: re.Match[str]) -> tuple[str, Decimal | int]:
    """Return a date, with its time if it has one, in 1e-18 s; where there is a zone, those of UTC."""
    year, month, day, hour, minute, second, part, zone = found.groups()
    moment = datetime.datetime(
        int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
    )
    seconds = (moment - datetime.datetime(1, 1, 1)) // datetime.timedelta(seconds=1)
    if zone is None:
        return "a date without a zone", _fine(seconds, part)
    if zone != "Z":
        ahead = int(zone[1:3]) * 3600 + int(zone[3:].strip(":") or 0) * 60
        seconds -= -ahead if zone[0] == "-" else ahead
    return "a date with a zone", _fine(seconds, part)


def _read_clock(found: re.Match[str]) -> tuple[str, Decimal | int]:
    """Return the time of a clock in 1e-18 s since midnight."""
    hour_told, minute, second, part, half = found.groups()
    hour = int(hour_told)
    if half and not 1 <= hour <= 12:
        raise ValueError("a half of the day has the hours 1 to 12")
    if half:
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    told = datetime.time(hour, int(minute), int(second or 0))  # refuses hour 24 and minute 60
    seconds = told.hour * 3600 + told.minute * 60 + told.second
    return "a time of 12 hours" if half else "a time of 24 hours", _fine(seconds, part)


def _fine(seconds: int, part: str | None) -> int:
    """Return seconds and the digits after their point in 1e-18 s, which is exact."""
    return seconds * 10**18 + int((part or "").ljust(18, "0"))
