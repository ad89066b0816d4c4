"""A config as it is named on the command line: a file, standard input, or the config itself as JSON.

YAML and JSON take the last of two equal keys without a word, so that half of what somebody wrote would not
be run. Here a key that is there twice is refused, with its lines. So is what would crash the process or
keep it busy without end: thousands of brackets in each other, and aliases of aliases of aliases.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError, decode_text, read_text
from gp_cells.config.plan import Plan, read_plan

if TYPE_CHECKING:
    import yaml

STANDARD_INPUT = "-"
DEEPEST = 100  # lists and mappings in each other; a config has seven
MOST_REPEATED = 10_000  # values that aliases stand for, each as often as it is repeated


def plan_of(config: str) -> Plan:
    """Return the plan of a config file, of `-` for standard input, or of a config given as JSON.

    Raises:
        SettingError: it cannot be read, has a key twice, or is refused.
    """
    if config.lstrip().startswith("{"):
        return read_plan(_parsed(config, "config"))
    try:
        if config == STANDARD_INPUT:
            text = decode_text(sys.stdin.buffer.read(), "standard input")
            return read_plan(_parsed(text, "config"))
        return read_plan(_parsed(read_text(Path(config)), config), config)
    except RecordError as error:
        raise SettingError(str(error)) from error


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
        _refuse_endless(text, place)
        tree = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if tree is not None:
            _refuse_twins(tree, place)
        try:
            return json.loads(text)  # first, as Snakemake does: 1e-3 is a text for YAML
        except json.JSONDecodeError:
            return _constructed(text)
    except SettingError:
        raise
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        said = " ".join(str(error).split()) or "too deeply nested"
        raise SettingError(f"{place} cannot be read: {said}") from error


def _constructed(text: str) -> Any:
    """Return what a text in YAML says; what PyYAML itself fails at is a `ValueError`, too."""
    import yaml

    try:
        return yaml.safe_load(text)
    except (LookupError, AttributeError, TypeError) as error:  # as of "!!bool x", "!!timestamp x"
        raise ValueError(f"a value does not fit its tag ({error})") from error


def _refuse_endless(text: str, place: str) -> None:
    """Refuse what is too deep for a parser, or grows without end where its aliases are filled in."""
    import yaml

    known: dict[str, tuple[int, int]] = {}  # of an anchor: how many values, how deep
    open_parts: list[tuple[str | None, int, int]] = []  # anchor, values and depth so far
    written = 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            open_parts.append((event.anchor, 1, 1))
            anchor, values, depth = None, 0, 0
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, values, depth = open_parts.pop()
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in (part[0] for part in open_parts):
                line = event.start_mark.line + 1
                raise SettingError(f"{place}: line {line}: *{event.anchor} stands within itself")
            anchor, (values, depth) = None, known.get(event.anchor, (0, 0))
        elif isinstance(event, yaml.ScalarEvent):
            anchor, values, depth = event.anchor, 1, 0
        else:
            continue
        written += not isinstance(event, yaml.AliasEvent)
        if anchor is not None:
            known[anchor] = values, depth
        if open_parts:
            of, before, deepest = open_parts[-1]
            open_parts[-1] = of, before + values, max(deepest, depth + 1)
            if before + values > written + MOST_REPEATED:
                raise SettingError(
                    f"{place}: its aliases repeat more than {MOST_REPEATED:,} values; write them out"
                )
            if len(open_parts) + depth > DEEPEST:
                raise SettingError(f"{place}: it is nested more than {DEEPEST} deep")


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
