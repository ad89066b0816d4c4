"""A config as it is named on the command line: a file, standard input, or the config itself as JSON.

YAML and JSON take the last of two equal keys without a word, so that half of what somebody wrote would not
be run. Here a key that is there twice is refused, with its lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError, read_text
from gp_cells.config.plan import Plan, read_plan

if TYPE_CHECKING:
    import yaml

STANDARD_INPUT = "-"


def plan_of(config: str) -> Plan:
    """Return the plan of a config file, of `-` for standard input, or of a config given as JSON.

    Raises:
        SettingError: it cannot be read, has a key twice, or is refused.
    """
    if config.lstrip().startswith("{"):
        return read_plan(_parsed(config, "config"))
    if config == STANDARD_INPUT:
        return read_plan(_parsed(sys.stdin.read(), "config"))
    try:
        text = read_text(Path(config))
    except RecordError as error:
        raise SettingError(str(error)) from error
    return read_plan(_parsed(text, config), config)


def refuse_twins_in(files: Iterable[str | Path]) -> None:
    """Refuse config files in which a key is there twice; Snakemake, which read them, took the last.

    Raises:
        SettingError: the first such key, with its lines.
    """
    for path in map(Path, files):
        try:
            text = read_text(path)
        except RecordError as error:
            raise SettingError(str(error)) from error
        _parsed(text, str(path))


def _parsed(text: str, place: str) -> Any:
    """Return what a text in YAML or JSON says."""
    import yaml

    try:
        tree = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if tree is not None:
            _refuse_twins(tree, place)
        try:
            return json.loads(text)  # first, as Snakemake does: 1e-3 is a text for YAML
        except json.JSONDecodeError:
            return yaml.safe_load(text)
    except SettingError:
        raise
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split()) or "too deeply nested"
        raise SettingError(f"{place} cannot be read: {said}") from error


def _refuse_twins(tree: yaml.Node, place: str) -> None:
    import yaml

    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # a part that is named by an anchor may be in many places
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                waiting.append(value)
                line = key.start_mark.line + 1
                name = (key.tag, str(key.value))
                if key.tag.rpartition(":")[2] in ("bool", "float", "int", "null"):
                    name = (key.tag, str(yaml.safe_load(key.value)))  # yes is true
                if name in lines:
                    raise SettingError(
                        f"{place}: the key {key.value!r} is on line {lines[name]} and again on line "
                        f"{line}; keep one of them"
                    )
                lines[name] = line
