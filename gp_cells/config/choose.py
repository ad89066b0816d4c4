"""Pick a plug-in by its name and fill in its settings.

A family (tasks, spaces, strategies, stopping rules) is a dict from name to frozen dataclass. The
fields of the dataclass are the plug-in's settings, and nothing else configures it. Third-party
plug-ins come in through the entry points `gp_cells.tasks`, `gp_cells.spaces` and so on, and are
imported only if their name is asked for.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

T = TypeVar("T")


class SettingError(ValueError):
    """A name or setting that cannot be used; its one line says what came and what is allowed."""


def choose(
    family: str, members: Mapping[str, type[T]], name: str, settings: Mapping[str, Any]
) -> T:
    """Return the plug-in `name` of a family with its settings filled in.

    Raises:
        SettingError: no such plug-in, no such setting, or a value of the wrong type.
    """
    if name in members:
        return configure(members[name], settings, name)
    outside = {point.name: point for point in entry_points(group=f"gp_cells.{family}")}
    if name in outside:
        return configure(outside[name].load(), settings, name)
    allowed = ", ".join(sorted({*members, *outside}))
    raise SettingError(f"{family}: there is no {name!r}; choose one of {allowed}")


def configure(plug_in: type[T], settings: Mapping[str, Any], place: str) -> T:
    """Make a frozen dataclass from plain settings, checking every name and type.

    Raises:
        SettingError: no such setting, or a value of the wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(plug_in)}  # type: ignore[arg-type]
    kinds = typing.get_type_hints(plug_in)
    unknown = sorted(set(settings) - set(fields))
    if unknown:
        has = ", ".join(fields) or "none"
        raise SettingError(f"{place} has no setting {unknown[0]!r}; its settings are: {has}")
    values: dict[str, Any] = {}
    for name, value in settings.items():
        kind = kinds[name]
        if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
            default: Any = fields[name].default
            given = {**dataclasses.asdict(default), **value}
            values[name] = configure(typing.cast(type, kind), given, f"{place}.{name}")
        else:
            values[name] = convert(value, kind, f"{place}.{name}")
    missing = [
        name
        for name, field in fields.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise SettingError(f"{place} needs the setting {missing[0]!r}")
    return plug_in(**values)


def convert(value: Any, kind: Any, place: str) -> Any:
    """Return `value` as `kind` if nothing is lost (int to float, list to tuple).

    Raises:
        SettingError: the value is of another type.
    """
    origin = typing.get_origin(kind)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = typing.get_args(kind)[0]
        return tuple(convert(item, inner, f"{place}[{i}]") for i, item in enumerate(value))
    if origin is typing.Literal:
        if value in typing.get_args(kind):
            return value
        allowed = ", ".join(map(str, typing.get_args(kind)))
        raise SettingError(f"{place}: there is no {value!r}; choose one of {allowed}")
    if origin in (typing.Union, types.UnionType) and value is None:
        return None
    if origin in (typing.Union, types.UnionType):
        return convert(value, typing.get_args(kind)[0], place)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is kind:
        return value
    expected = getattr(kind, "__name__", str(kind))
    raise SettingError(f"{place}: expected {expected}, got {value!r}")


def check_range(place: str, value: float, lowest: float, highest: float = float("inf")) -> None:
    """Refuse a number outside [lowest, highest].

    Raises:
        SettingError: the number is outside.
    """
    if not lowest <= value <= highest or value == float("inf"):
        top = "" if highest == float("inf") else f" and at most {highest:g}"
        raise SettingError(f"{place}: expected at least {lowest:g}{top}, got {value:g}")


def schema_of(plug_in: type) -> dict[str, Any]:
    """Return the JSON Schema of a plug-in's settings; one that has a default may be left out."""
    kinds = typing.get_type_hints(plug_in)
    required = [
        field.name
        for field in dataclasses.fields(plug_in)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            field.name: _schema_of_type(kinds[field.name]) for field in dataclasses.fields(plug_in)
        },
        "required": required,
    }


def _schema_of_type(kind: Any) -> dict[str, Any]:
    plain = {int: "integer", float: "number", str: "string", bool: "boolean"}
    if kind in plain:
        return {"type": plain[kind]}
    if dataclasses.is_dataclass(kind):
        return {**schema_of(typing.cast(type, kind)), "required": []}
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": _schema_of_type(typing.get_args(kind)[0])}
    if typing.get_origin(kind) is typing.Literal:
        return {"enum": list(typing.get_args(kind))}
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return {"anyOf": [_schema_of_type(typing.get_args(kind)[0]), {"type": "null"}]}
    raise TypeError(f"a setting of type {kind} has no JSON Schema")
