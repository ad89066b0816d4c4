"""Every check of its family on a plug-in that a config could name: `gp-cells vet`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.records import PlugIn
from gp_cells.plugins import FAMILIES, plug_in
from gp_cells.testing.networks import (
    check_measure,
    check_network,
    check_network_chance,
    check_stopping_rule,
    check_task,
    drawn_network,
)
from gp_cells.testing.plug_ins import check_settings_return, check_source
from gp_cells.testing.strategies import STRATEGY_CHECKS, WIDTHS

TRIED_ON = {"images": "digits", "numbers": "spirals"}  # by what is read; other spaces:
FOR_SEQUENCES = "japanese_vowels"

Checks = Iterator[tuple[str, Callable[[], None]]]


def vet(
    family: str, name: str, settings: Mapping[str, Any], space: str, widths: Sequence[int] = WIDTHS
) -> tuple[list[str], bool]:
    """Return a line for each check of a plug-in, and whether all held.

    A strategy proposes waves of `widths` slots in `space`, whose networks a measure looks at.

    Raises:
        SettingError: there is no such plug-in or space, or a setting is refused.
        DataError: the task's data cannot be read.
    """
    if family not in FAMILIES:
        raise SettingError(f"there is no family {family!r}; choose one of {', '.join(FAMILIES)}")
    member = plug_in(family, PlugIn(name=name, settings=settings))
    lines, is_good = [], True
    for sentence, check in _checks(family, member, plug_in("space", PlugIn(name=space)), widths):
        try:
            check()
            lines.append(f"ok      {sentence}")
        except AssertionError as error:
            lines.append(f"FAILED  {sentence}\n        {error}")
            is_good = False
    return lines, is_good


def _checks(family: str, member: Any, space: Any, widths: Sequence[int]) -> Checks:
    """Yield each check of a family with its sentence."""
    for check in (check_settings_return, check_source):
        yield _bound(check, member)
    if family == "strategy":
        for of_strategy in STRATEGY_CHECKS:
            yield _bound(of_strategy, member, space, widths)
    elif family == "stopping":
        yield _bound(check_stopping_rule, member)
    elif family == "task":
        yield _bound(check_task, member, member.read())
    else:
        of = member if family == "space" else space
        task = plug_in("task", PlugIn(name=TRIED_ON.get(of.reads[0], FOR_SEQUENCES)))
        data = task.read()
        if family == "space":
            yield _bound(check_network, member, task, data)
            yield _bound(check_network_chance, member, task, data)
        else:
            yield _bound(check_measure, member, drawn_network(space, task, data)[1], task, data)


def _bound(check: Callable[..., None], *given: Any) -> tuple[str, Callable[[], None]]:
    return (inspect.getdoc(check) or "").partition("\n")[0], lambda: check(*given)
