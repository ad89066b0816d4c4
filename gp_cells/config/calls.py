"""A call as text in a config: a name with arguments, as `selTournament(tournsize=3)`.

It is what one would write in Python, read by Python's own `ast` and never evaluated. An argument is a
number, a text, true or false in Python's spelling, a list of those, or a call again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.refusal import shown

NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*(:[A-Za-z_]\w*(\.\w+)*)?")  # a name, or module:function


@dataclass(frozen=True)
class Call:
    """A name and its named arguments; one that is a call itself is a `Call`."""

    name: str
    arguments: Mapping[str, Any]


def read_call(text: str, place: str) -> Call:
    """Return the call that a setting's text spells.

    Raises:
        SettingError: it spells none; the line begins with `place`.
    """
    named = NAME.match(text.strip())
    if named is None:
        raise _refused(text, place)
    name, rest = named[0], text.strip()[named.end() :]
    try:
        node = ast.parse(f"f{rest or '()'}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(text, place) from error
    return _call(name, node, text, place)


def _call(name: str, node: ast.expr, text: str, place: str) -> Call:
    if (
        not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
        or node.args
        or any(keyword.arg is None for keyword in node.keywords)
    ):
        raise _refused(text, place)
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    return Call(name, {key: _value(value, text, place) for key, value in given.items()})


def _value(node: ast.expr, text: str, place: str) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node, text, place)
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise _refused(text, place) from error


def _refused(text: str, place: str) -> SettingError:
    return SettingError(
        f"{place}: expected a name, its arguments named, as selTournament(tournsize=3), "
        f"got {shown(text)}"
    )
