"""Every key of a config and every setting of every plug-in as Markdown, from what the code says of them."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.config.choose import About, about, number_text, range_text
from gp_cells.config.recipe import Recipe
from gp_cells.config.schema import Schema, default_of, summary

TITLES = {
    "task": "Tasks",
    "space": "Search spaces",
    "strategy": "Strategies",
    "measure": "Measures",
}
WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}
JSON_WORDS = {"integer": "whole number", "number": "number", "string": "text", "object": "keys"}
ENDS = ("minimum", "exclusiveMinimum", "maximum")

OPENING = """\
# Every key and setting

Made from the code by `gp-cells settings-reference`; do not edit it by hand. What is left out of a config
takes its default, and what has none is required. A range has both ends in it.
"""


def settings_reference(families: Mapping[str, Mapping[str, type]]) -> str:
    """Return the reference as Markdown, given each family's plug-ins by the key that names them."""
    base = json.loads((Path(__file__).parent / "config.base.json").read_text(encoding="utf-8"))
    parts = [
        OPENING,
        "## Keys of a config\n",
        _table(("key", "type", "range", "meaning"), _keys(base)),
    ]
    parts += ["## recipe\n", f"{summary(Recipe)}\n", _settings_table(Recipe)]
    for key, members in families.items():
        parts.append(f"## {TITLES.get(key, key.capitalize())}\n")
        for name, plug_in in sorted(members.items()):
            parts += [f"### {name}\n", f"{summary(plug_in)}\n"]
            parts.append(
                _settings_table(plug_in) if dataclasses.fields(plug_in) else "No settings.\n"
            )
    return "\n".join(parts).rstrip("\n")


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _keys(base: Schema) -> Iterator[Sequence[str]]:
    """Yield a row for each key of a config, those inside others after them."""
    for place, schema in _walk(base, base, ""):
        one = schema.get("items", schema)
        kind = JSON_WORDS.get(one.get("type"), "text")
        if isinstance(schema.get("type"), list):
            kind = f"{kind}, or a list of {kind}s"
        elif "enum" in schema:
            kind = " or ".join(schema["enum"])
        elif one is not schema:
            kind = f"list of {one['$ref'].rpartition('/')[2] if '$ref' in one else kind}s"
        elif place.endswith(".recipe"):
            kind = "[recipe](#recipe)"
        yield f"`{place}`", kind, _ends_words(*map(one.get, ENDS)), schema["description"]


def _walk(base: Schema, schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    inner = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        inner["LABEL"] = schema["additionalProperties"]
    for key, value in inner.items():
        here = f"{place}.{key}".lstrip(".")
        if "$ref" in value:
            value = {**base["$defs"][value["$ref"].rpartition("/")[2]], **value}
        if key != "LABEL":
            yield here, value
        yield from _walk(base, value, here)


def _settings_table(plug_in: Any) -> str:
    return _table(
        ("setting", "type", "default", "unit", "range", "meaning"), _settings_rows(plug_in)
    )


def _settings_rows(plug_in: Any) -> Iterator[Sequence[str]]:
    kinds = typing.get_type_hints(plug_in)
    for field in dataclasses.fields(plug_in):
        said = about(field)
        yield (
            f"`{field.name}`",
            _kind_words(kinds[field.name]),
            _default_words(default_of(field)),
            said.unit,
            _range_words(said),
            said.description.replace("|", "\\|"),
        )


def _kind_words(kind: Any) -> str:
    if kind in WORDS:
        return WORDS[kind]
    if kind is Recipe:
        return "[recipe](#recipe)"
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return f"list of {_kind_words(inner[0])}s"
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(str, inner))
    return getattr(kind, "__name__", str(kind))


def _default_words(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "required"
    if isinstance(default, Recipe):
        common, own = dataclasses.asdict(Recipe()), dataclasses.asdict(default)
        changed = {name: value for name, value in own.items() if value != common[name]}
        return f"`{json.dumps(changed)}`" if changed else "as in the recipe"
    return f"`{json.dumps(default)}`"


def _range_words(said: About) -> str:
    words = _ends_words(said.low, said.above, said.high)
    if said.choices:
        words = f"of {', '.join(said.choices)}"
    if said.min_items and said.max_items == said.min_items:
        words = f"{said.min_items}, each {words}"
    elif said.min_items:
        words = f"at least {said.min_items} {words}".rstrip()
    return words


def _ends_words(low: float | None, above: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{number_text(low)} to {number_text(high)}"
    return range_text(low, above, high)
