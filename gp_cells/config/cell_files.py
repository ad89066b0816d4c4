"""`.cell` files that a strategy's setting `cells` names: the plan has their texts in place of their names.

So what a search begins with is known before it runs and stands in its settings, whole; a file that changes
is another setting, and a run is made again from its settings where the files are no more. The first line of
a file can say where a cell was found. The plan reads this, so it imports neither torch nor deap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError, read_text

TRANSFER = "transfer"  # the operator of a cell that was found elsewhere
CELL = ".cell"  # what the name of a file ends in
FOUND = re.compile(r"# found on (\S+): ")
LONGEST_SOURCE = 300  # characters that are kept of a first line


def with_texts(settings: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a strategy's settings with the texts of the `.cell` files, or folders/ of them, that it names.

    Raises:
        SettingError: a file or folder is missing, empty or cannot be read; `place` says whose it is.
    """
    named = settings.get("cells")
    if not isinstance(named, list | tuple) or not all(isinstance(item, str) for item in named):
        return dict(settings)  # none, or what the plug-in refuses itself
    try:
        texts = [text for item in named for text in _texts(item)]
    except RecordError as error:
        raise SettingError(
            f"{place}.cells: {error}; a relative path is from where snakemake runs"
        ) from error
    return {**settings, "cells": texts}


def _texts(item: str) -> Iterator[str]:
    """Yield the texts of a file or folder, or what is neither as it is: a name, or formulas."""
    if item.endswith("/"):
        files = sorted(Path(item).glob(f"*{CELL}"))
        if not files:
            raise RecordError(f"{item} is no folder with {CELL} files")
    elif item.endswith(CELL) and "\n" not in item:
        files = [Path(item)]
    else:
        yield item
        return
    for file in files:
        yield read_text(file).rstrip() + "\n"


def heading(task: str, source: str) -> str:
    """Return the first line of a cell that was found on a task; see `found_on`."""
    return f"# found on {task}: {source}"


def found_on(text: str) -> str | None:
    """Return the task that a cell was found on, by its first line; None if that does not say."""
    found = FOUND.match(text)
    return found.group(1) if found else None


def source_of(text: str) -> str:
    """Return what the first line of a cell says of its source; empty if it is no comment."""
    first = text.partition("\n")[0]
    return first.removeprefix("#").strip()[:LONGEST_SOURCE] if first.startswith("#") else ""
