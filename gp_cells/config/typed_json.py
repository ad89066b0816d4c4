"""JSON to frozen dataclasses and back: every field checked, and the same bytes again.

A number keeps the form that it came in (600 stays 600 where a float may stand), so that what was
read is written as the same bytes. A field whose default is None or (), and a setting that came later than
the records that have none of it, are left out of the file where they have their default.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from gp_cells.config.choose import about
from gp_cells.config.files import RecordError, read_json, write_json
from gp_cells.config.refusal import shown

T = TypeVar("T")

Reader = Callable[[Any], Any]

NOT_FINITE = ("nan", "inf", "-inf")  # as `canonical_json` writes them


# --- reading --------------------------------------------------------------------------------------


def decode(kind: type[T], value: Any, what: str) -> T:
    """Return the record that a JSON value spells; `what` names it in an error.

    Raises:
        RecordError: a field is missing, unknown or of another type.
    """
    try:
        record: T = _reader(kind)(value)
    except _Misfit as misfit:
        raise RecordError(f"{what}: {misfit}") from None
    return record


def read_record(kind: type[T], path: Path) -> T:
    """Read a record from its JSON file.

    Raises:
        RecordError: the file is missing, broken, or has a field that is missing, unknown or of
            another type.
    """
    return _read(_reader(kind), path)


def read_records(kind: type[T], path: Path) -> list[T]:
    """Read a JSON file that is a list of records.

    Raises:
        RecordError: as of `read_record`.
    """
    return list(_read(_tuple_reader(_reader(kind)), path))


def _read(reader: Reader, path: Path) -> Any:
    value = read_json(path)
    try:
        return reader(value)
    except _Misfit as misfit:
        raise RecordError(f"{path}: {misfit}; delete it and run again") from None


class _Misfit(Exception):
    """A value that is not what its place in a record wants; the place grows on the way out."""

    def __init__(self, problem: str):
        super().__init__(problem)
        self.problem = problem
        self.place: list[str] = []

    def __str__(self) -> str:
        return f"{'.'.join(self.place)}: {self.problem}" if self.place else self.problem


def _expected(what: str, value: Any) -> _Misfit:
    return _Misfit(f"expected {what}, got {shown(value)}")


def _reader(kind: Any) -> Reader:
    """Return what reads a value of a type."""
    return _made_reader(kind)


@cache
def _made_reader(kind: Any) -> Reader:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda value: value
    if dataclasses.is_dataclass(kind):
        return _record_reader(typing.cast(type, kind))
    if origin is tuple:
        return _tuple_reader(_reader(inner[0]))
    if origin is Mapping:
        return _mapping_reader(_reader(inner[1]))
    if origin is typing.Literal:
        return _literal_reader(inner)
    if origin in (typing.Union, types.UnionType):
        return _union_reader(*inner)
    return READERS[kind]


def _record_reader(kind: type) -> Reader:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields}
    needed = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _expected("a mapping", value)
        values = {}
        for name, item in value.items():
            reader = readers.get(name)
            if reader is None:
                raise _Misfit(f"there is no field {name!r}; its fields are {', '.join(readers)}")
            try:
                values[name] = reader(item)
            except _Misfit as misfit:
                misfit.place.insert(0, name)
                raise
        for name in needed:
            if name not in values:
                raise _Misfit(f"{name!r} is missing")
        return kind(**values)

    return read


def _tuple_reader(reader: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise _expected("a list", value)
        items = []
        for i, item in enumerate(value):
            try:
                items.append(reader(item))
            except _Misfit as misfit:
                misfit.place.insert(0, str(i))
                raise
        return tuple(items)

    return read


def _mapping_reader(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _expected("a mapping", value)
        items = {}
        for name, item in value.items():
            try:
                items[name] = reader(item)
            except _Misfit as misfit:
                misfit.place.insert(0, str(name))
                raise
        return items

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value not in allowed:
            raise _expected(f"one of {', '.join(map(str, allowed))}", value)
        return value

    return read


def _union_reader(first: Any, second: Any) -> Reader:
    """Return what reads a value that may be None, or one of a kind or a list of that kind."""
    one, several = _reader(first), None if second is types.NoneType else _reader(second)

    def read(value: Any) -> Any:
        if several is None:
            return None if value is None else one(value)
        return several(value) if isinstance(value, (list, tuple)) else one(value)

    return read


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():  # JSON has one kind of number: 3.0 is 3
        return int(value)
    raise _expected("a whole number", value)


def _real(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    if type(value) is str and value in NOT_FINITE:
        return float(value)
    raise _expected("a number", value)


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise _expected("text", value)


def _truth(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise _expected("true or false", value)


READERS: Mapping[Any, Reader] = {int: _whole, float: _real, str: _text, bool: _truth}


# --- writing --------------------------------------------------------------------------------------


def encode(record: Any) -> dict[str, Any]:
    """Return a record as the value that its JSON file spells."""
    kind: Any = type(record)
    fields = {name: (getattr(record, name), default) for name, default in _defaults(kind)}
    left_out = _left_out(kind)
    return {
        name: plain(value)
        for name, (value, default) in fields.items()
        if name not in left_out or value != default
    }


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in dataclasses.fields(kind))


@cache
def _left_out(kind: Any) -> frozenset[str]:
    """Return the fields that are left out of a file where they have their default."""
    fields = dataclasses.fields(kind)
    return frozenset(of.name for of in fields if of.default in (None, ()) or about(of).later)


def plain(value: Any) -> Any:
    """Return a value as JSON would give it back: lists for tuples, mappings for records."""
    if dataclasses.is_dataclass(value):
        return encode(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def write_record(path: Path, record: Any) -> None:
    """Write a record as canonical JSON."""
    write_json(path, encode(record))


def write_records(path: Path, records: Any) -> None:
    """Write some records as a list in canonical JSON."""
    write_json(path, [encode(record) for record in records])
