"""Refuse a config that does not fit the schema, in one line.

The schema is `config.schema.json`, which `gp-cells schema` writes from the plug-ins' own fields, for
editors too. It may be older than the code: so the names of plug-ins come from the dicts themselves, read
but not imported, and before a plug-in's setting is refused the code is asked.
"""

from __future__ import annotations

import ast
import difflib
import functools
import json
import math
import subprocess
import sys
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
    for where, value in _numbers(config):
        if not math.isfinite(value):
            raise SettingError(f"{place}: {where}: expected a finite number, got {value}")
    error = _misfit(config, file.read_text(encoding="utf-8"), place)
    if error is not None and "settings" in error.absolute_path:
        error = _misfit(config, _schema_of_the_code(), place)
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "top level"
        raise SettingError(f"{place}: {where}: {_said(error)}")


def _misfit(
    config: Mapping[str, Any], schema: str, place: str
) -> jsonschema.ValidationError | None:
    """Return what of a config fits a schema least, None if all fits."""
    import jsonschema  # lazily: the steps of a run read plans and check nothing

    rules = json.loads(schema)
    named = set(_names(config))
    for definition, family in FAMILIES.items():
        found = _plug_ins(family, named, place)
        rules["$defs"][definition]["properties"]["name"]["enum"] = sorted(found)
    return jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(rules).iter_errors(config)
    )


@functools.cache
def _schema_of_the_code() -> str:
    """Return the schema as it would be written now; by a process, since plug-ins import a great deal."""
    command = [sys.executable, "-m", "gp_cells", "schema"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


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
        near = difflib.get_close_matches(str(extra[0]), error.schema.get("properties", {}), n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        return f"there is no {shown(extra[0])} here; allowed: {allowed or 'nothing'}{meant}"
    if error.validator == "enum":
        allowed = ", ".join(map(str, error.validator_value))
        return f"there is no {shown(error.instance)}; choose one of {allowed}"
    if error.validator == "type" and error.validator_value == "array":
        if isinstance(error.instance, (str, int, float)):
            return f"expected a list, e.g. [{error.instance}], got {shown(error.instance)}"
        return f"expected a list, got {shown(error.instance)}"
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


def _names(value: Any) -> Iterator[str]:
    """Yield everything in a config that is called a name."""
    inner = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        yield value["name"]
    for item in inner if isinstance(value, (Mapping, list)) else ():
        yield from _names(item)


def _plug_ins(family: str, named: set[str], place: str) -> dict[str, str]:
    """Return the plug-ins of a family, here and from outside, each with what it comes from.

    The settings of one from outside are checked when it is chosen.

    Raises:
        SettingError: one that the config names is there twice.
    """
    found = dict.fromkeys(_names_in_code(family), "gp-cells")
    for point in entry_points(group=f"gp_cells.{family}"):
        package = point.dist.name if point.dist else point.value
        if found.setdefault(point.name, package) != package and point.name in named:
            raise SettingError(
                f"{place}: {point.name} is in {family} of {found[point.name]} and of {package}; give one "
                f"of them another name, or uninstall its package"
            )
    return found


def _names_in_code(family: str) -> list[str]:
    """Return the names in a family's dict, as its package writes them."""
    file = Path(__file__).parents[1] / family / "__init__.py"
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Dict):
            return [ast.literal_eval(key) for key in statement.value.keys if key is not None]
    raise AssertionError(f"{file} has no dict of plug-ins")
