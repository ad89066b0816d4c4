"""Files of one's own as tasks: how a test configures one, and the line that it is refused with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gp_cells.config.choose import configure
from gp_cells.tasks import DataError
from gp_cells.tasks.own_data import OwnData
from gp_cells.tasks.task import Data, Reading

FRAMES: dict[str, Any] = {"inputs": "frames", "targets": "classes", "target": ["kind"]}


def own(path: Path | str, **settings: Any) -> OwnData:
    """Return a task on a file, its settings as a config gives them."""
    return configure(OwnData, {"file": str(path), **settings}, "own_data")


def refused(path: Path | str, **settings: Any) -> str:
    """Return the one line that a file is refused with, less its path."""
    with pytest.raises(DataError) as refusal:
        own(path, **settings).read()
    line = str(refusal.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def counts(data: Data) -> int:
    """Return how many examples there are in all splits."""
    return sum(len(data.splits[split]["targets"]) for split in data.splits)


def reading_of(data: Data) -> Reading:
    """Return how a file was read, which own data always says."""
    assert data.reading is not None
    return data.reading
