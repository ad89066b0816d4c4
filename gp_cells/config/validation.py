"""Refuse a config that does not fit the schema, in one line.

The schema is `config.schema.json`, which `gp-cells schema` writes from the plug-ins' own fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gp_cells.config.choose import SettingError, range_text
from gp_cells.config.refusal import shown

if TYPE_CHECKING:
    import jsonschema

FAMILIES = {
    "task": "tasks",
    "space": "spaces",
    "strategy": "strategies",
    "stopping": "stopping",
    "measure": "measures",
}


def check_config(config: Mapping[str, Any], place: str) -> None:
    """Refuse a config that does not fit the schema.

    Raises:
        SettingError: one line with the place in the config, what came and what is allowed.
    """
    file = Path(__file__).parent / "config.schema.json"
    import jsonschema  # lazily: the steps of a run read plans and check nothing

    schema = json.loads(file.read_text(encoding="utf-8"))
    _admit_outside_plug_ins(schema)
    for where, value in _numbers(config):
        if not math.isfinite(value):
            raise SettingError(f"{place}: {where}: expected a finite number, got {value}")
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(config)
    )
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "top level"
        raise SettingError(f"{place}: {where}: {_said(error)}")


def _numbers(value: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Yield every float of a config with its place."""
    if isinstance(value, float):
        yield where, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{where}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _numbers(item, f"{where}.{i}")


def _said(error: jsonschema.ValidationError) -> str:
    """Return one line on a schema error that names what is allowed."""
    if error.validator == "additionalProperties":
        allowed = ", ".join(error.schema.get("properties", {}))
        extra = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f"there is no {shown(extra[0])} here; allowed: {allowed or 'nothing'}"
    if error.validator == "enum":
        allowed = ", ".join(map(str, error.validator_value))
        return f"there is no {shown(error.instance)}; choose one of {allowed}"
    if error.validator == "type":
        return f"expected {error.validator_value}, got {shown(error.instance)}"
    if error.validator in ("minimum", "exclusiveMinimum", "maximum"):
        ends = (error.schema.get(end) for end in ("minimum", "exclusiveMinimum", "maximum"))
        return f"expected {range_text(*ends)}, got {shown(error.instance)}"
    if error.validator == "pattern":
        return (
            "expected a name of at most 60 lower-case letters, digits and _ that begins with a letter, "
            f"got {shown(error.instance)}"
        )
    return " ".join(error.message.replace(repr(error.instance), shown(error.instance)).split())


def _admit_outside_plug_ins(schema: dict[str, Any]) -> None:
    """Let names of third-party plug-ins pass; their settings are checked when they are chosen."""
    for definition, family in FAMILIES.items():
        names = schema["$defs"][definition]["properties"]["name"]["enum"]
        names += [point.name for point in entry_points(group=f"gp_cells.{family}")]
