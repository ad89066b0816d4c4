"""The JSON Schema of configs, made from what the fields of the plug-ins say.

An editor that knows JSON Schema completes and checks a config by it; `gp_cells.config.validation`
reads it before every benchmark. What is not of a plug-in stands in `config.base.json`.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.choose import About, about
from gp_cells.config.genes import GENES
from gp_cells.config.recipe import Recipe

Schema = dict[str, Any]

TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}


def config_schema(families: Mapping[str, Mapping[str, type]]) -> Schema:
    """Return the JSON Schema of a config, given each family's plug-ins by the key that names them."""
    schema = json.loads((Path(__file__).parent / "config.base.json").read_text(encoding="utf-8"))
    for definition, members in families.items():
        entry = schema["$defs"][definition]
        names = sorted(members)
        entry["properties"]["name"] |= {
            "enum": names,
            "enumDescriptions": [summary(members[name]) for name in names],
        }
        entry["allOf"] = [_settings_if_named(name, members[name]) for name in names]
    search = schema["$defs"]["strategy"]["properties"]["search"]["properties"]
    search["genes"]["propertyNames"] = {"enum": [*GENES]}
    recipe = schema["properties"]["finalists"]["properties"]["recipe"]
    recipe |= {**settings_schema(Recipe, with_defaults=False), **recipe}
    return schema


def _settings_if_named(name: str, plug_in: type) -> Schema:
    settings = settings_schema(plug_in)
    needed = {"required": ["settings"]} if settings["required"] else {}
    return {
        "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
        "then": {"properties": {"settings": settings}, **needed},
    }


def summary(plug_in: type) -> str:
    """Return the first paragraph of a plug-in's docstring as one line."""
    return " ".join((plug_in.__doc__ or "").partition("\n\n")[0].split())


def settings_schema(plug_in: Any, with_defaults: bool = True) -> Schema:
    """Return the JSON Schema of a plug-in's settings; one that has a default may be left out.

    `plug_in` is its class, or one of it, whose values are then the defaults.
    """
    made = not isinstance(plug_in, type)
    kinds = typing.get_type_hints(type(plug_in) if made else plug_in)
    properties, required = {}, []
    for field in dataclasses.fields(plug_in):
        default = getattr(plug_in, field.name) if made else default_of(field)
        schema = _field_schema(kinds[field.name], about(field), default)
        if default is dataclasses.MISSING:
            required.append(field.name)
        elif with_defaults and "properties" not in schema:
            schema["default"] = list(default) if isinstance(default, tuple) else default
        properties[field.name] = schema
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Return the default of a field, `dataclasses.MISSING` if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _field_schema(kind: Any, said: About, default: Any) -> Schema:
    unit = f" [{said.unit}]" if said.unit else ""
    description = {"description": f"{said.description}{unit}"} if said.description else {}
    if dataclasses.is_dataclass(kind):
        inner = kind if default is dataclasses.MISSING else default
        return {**description, **settings_schema(inner)}
    return {**description, **_type_schema(kind, said)}


def _type_schema(kind: Any, said: About) -> Schema:
    if kind in TYPES:
        ends = {"minimum": said.low, "exclusiveMinimum": said.above, "maximum": said.high}
        choices = {"enum": list(said.choices)} if said.choices else {}
        limits = {word: end for word, end in ends.items() if end is not None}
        return {"type": TYPES[kind], **limits, **choices}
    if typing.get_origin(kind) is tuple:
        items = _type_schema(typing.get_args(kind)[0], said)
        ends = {"minItems": said.min_items or None, "maxItems": said.max_items}
        counts = {word: end for word, end in ends.items() if end is not None}
        return {"type": "array", **counts, "items": items}
    if typing.get_origin(kind) is typing.Literal:
        return {"enum": list(typing.get_args(kind))}
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return {"anyOf": [_type_schema(typing.get_args(kind)[0], said), {"type": "null"}]}
    raise TypeError(f"a setting of type {kind} has no JSON Schema")
