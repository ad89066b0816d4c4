"""Pick a plug-in by its name and fill in its settings.

A family (tasks, spaces, strategies, stopping rules) is a dict from name to frozen dataclass. The
fields of the dataclass are the plug-in's settings, and nothing else configures it. Each field says
what it means and what it may be, once:

    @dataclass(frozen=True)
    class Patience:
        epochs: int = setting(10, "epochs without a better loss that end a trial", low=1)

The JSON Schema of configs (`schema.py`), the check of every value and `config/SETTINGS.md` are made
from that. Third-party plug-ins come in through the entry points `gp_cells.tasks`, `gp_cells.spaces`
and so on, and are imported only if their name is asked for; plain fields work too, without a
description or range.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

from gp_cells.config.refusal import Refusal, shown

T = TypeVar("T")


REQUIRED: Any = dataclasses.MISSING  # the default of a setting that has none


class SettingError(Refusal):
    """A name or setting that cannot be used; its one line says what came and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a field says of its setting, beside its type and default.

    Of a list, `low`, `above`, `high` and `choices` concern each item. A setting that came `later` than
    records that are to keep their bytes is written only where it is other than its default.
    """

    description: str = ""
    unit: str = ""
    low: float | None = None  # the lowest value
    above: float | None = None  # every value is larger
    high: float | None = None  # the highest value
    choices: tuple[str, ...] = ()
    min_items: int = 0
    max_items: int | None = None
    later: bool = False


def setting(
    default: Any,
    description: str,
    *,
    unit: str = "",
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    min_items: int = 0,
    max_items: int | None = None,
    later: bool = False,
) -> Any:
    """Return the field of a setting: its default or `REQUIRED`, what it means and what it may be.

    A range has both ends in it, but for `above`. Of a list, range and choices concern each item.
    """
    said = About(
        description=description,
        unit=unit,
        low=low,
        above=above,
        high=high,
        choices=tuple(choices),
        min_items=min_items,
        max_items=max_items,
        later=later,
    )
    return dataclasses.field(default=default, metadata={"about": said})


def about(field: dataclasses.Field[Any]) -> About:
    """Return what a field says of its setting: nothing if it is a plain one."""
    return field.metadata.get("about", About())


def choose(
    family: str, members: Mapping[str, type[T]], name: str, settings: Mapping[str, Any]
) -> T:
    """Return the plug-in `name` of a family with its settings filled in.

    Raises:
        SettingError: no such plug-in, no such setting, or a value of the wrong type or range.
    """
    if name in members:
        return configure(members[name], settings, name)
    outside = {point.name: point for point in entry_points(group=f"gp_cells.{family}")}
    if name in outside:
        return configure(outside[name].load(), settings, name)
    allowed = ", ".join(sorted({*members, *outside}))
    raise SettingError(f"{family}: there is no {name!r}; choose one of {allowed}")


def configure(plug_in: type[T], settings: Mapping[str, Any], place: str) -> T:
    """Make a frozen dataclass from plain settings, checking every name, type and range.

    Raises:
        SettingError: no such setting, or a value of the wrong type or outside its range.
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
            check_setting(values[name], about(fields[name]), f"{place}.{name}")
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
        raise SettingError(f"{place}: there is no {shown(value)}; choose one of {allowed}")
    if origin in (typing.Union, types.UnionType) and value is None:
        return None
    if origin in (typing.Union, types.UnionType):
        return convert(value, typing.get_args(kind)[0], place)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is kind:
        return value
    expected = getattr(kind, "__name__", str(kind))
    raise SettingError(f"{place}: expected {expected}, got {shown(value)}")


def check_settings(plug_in: Any, place: str) -> None:
    """Refuse a plug-in with a setting outside its range; for its `__post_init__`.

    `configure` checks what comes from a config; this holds what is made in Python to the same.

    Raises:
        SettingError: a setting is outside; the line begins with `place` and its name.
    """
    for field in dataclasses.fields(plug_in):
        check_setting(getattr(plug_in, field.name), about(field), f"{place}.{field.name}")


def check_setting(value: Any, limits: About, place: str) -> None:
    """Refuse a value, or the items of a list, outside what its field says.

    Raises:
        SettingError: the value is outside.
    """
    choices = f"choose from {', '.join(limits.choices)}" if limits.choices else ""
    several = isinstance(value, (list, tuple))
    if several and not limits.min_items <= len(value) <= (limits.max_items or math.inf):
        came = f"{len(value)} items" if value else "an empty list"
        raise SettingError(f"{place}: got {came}; {choices or _expected_items(limits)}")
    for i, item in enumerate(value if several else [value]):
        if limits.choices and item not in limits.choices:
            raise SettingError(f"{place}: got {shown(item)}; {choices}")
        if isinstance(item, (int, float)):
            _check_limits(f"{place}[{i}]" if several else place, item, limits)


def _expected_items(limits: About) -> str:
    if limits.max_items is None:
        return f"expected at least {limits.min_items}"
    if limits.max_items == limits.min_items:
        return f"expected {limits.min_items}"
    return f"expected {limits.min_items} to {limits.max_items}"


def _check_limits(place: str, value: float, limits: About) -> None:
    low, above, high = limits.low, limits.above, limits.high
    if low is None and above is None and high is None:
        return
    inside = (
        (low is None or value >= low)
        and (above is None or value > above)
        and (high is None or value <= high)
    )
    if not inside or math.isinf(value):
        raise SettingError(f"{place}: expected {range_text(low, above, high)}, got {value:g}")


def range_text(low: float | None, above: float | None, high: float | None) -> str:
    """Return a range in words: "at least 0 and at most 1"."""
    ends = (("at least", low), ("more than", above), ("at most", high))
    return " and ".join(f"{word} {number_text(end)}" for word, end in ends if end is not None)


def number_text(number: float) -> str:
    """Return a number as one writes it: 1, 0.001, 2147483647."""
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def check_range(place: str, value: float, lowest: float, highest: float | None = None) -> None:
    """Refuse a number outside [lowest, highest] that is no setting of a plug-in.

    Raises:
        SettingError: the number is outside.
    """
    _check_limits(place, value, About(low=lowest, high=highest))
