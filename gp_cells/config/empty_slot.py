"""A slot without a candidate: its search's budget was spent, or its strategy had nothing left to try.

It goes the way of a candidate, from file to file, so that the plan stays as it is: `genome.json` and then
`fitness.json` and `trial.h5` say that there is none. Nothing is trained, and no table has a row of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gp_cells.config.files import read_json
from gp_cells.config.typed_json import decode

SPENT = "the search's budget is spent"
NOTHING_LEFT = "the strategy has nothing left to try"


@dataclass(frozen=True, kw_only=True)
class EmptySlot:
    """What a slot's files say in place of a candidate; `empty` is why there is none."""

    run: str
    candidate: str
    empty: str = SPENT


def read_empty_slot(path: Path) -> EmptySlot | None:
    """Return what a genome.json or fitness.json says if its slot is empty, else None.

    Raises:
        RecordError: missing or broken.
    """
    value = read_json(path)
    if not isinstance(value, dict) or "empty" not in value:
        return None
    return decode(EmptySlot, value, str(path))
