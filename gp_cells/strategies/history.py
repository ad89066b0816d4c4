"""The history of a run as a file: gzipped JSON lines, equal bytes for equal outcomes."""

from __future__ import annotations

import gzip
import io
import json
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError, storable, written_beside
from gp_cells.config.typed_json import decode, encode
from gp_cells.strategies.strategy import Outcome


def write_history(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes as gzipped JSON lines, without a time stamp, so that equal means equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as file:
        for outcome in outcomes:
            row = encode(outcome)
            row["fitness"] = None if outcome.failed else outcome.fitness
            file.write(json.dumps(storable(row), sort_keys=True).encode() + b"\n")
    with written_beside(path) as partial:
        partial.write_bytes(buffer.getvalue())


def read_history(path: Path) -> list[Outcome]:
    """Read a history file.

    Raises:
        RecordError: missing or broken, or a line is no outcome.
    """
    try:
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RecordError(f"{path} cannot be read ({error}); delete it and run again") from error
    return [_outcome(row, f"{path}: line {i + 1}") for i, row in enumerate(rows)]


def _outcome(row: Any, what: str) -> Outcome:
    if isinstance(row, dict) and row.get("fitness", 0) is None:
        row = {**row, "fitness": math.inf}
    return decode(Outcome, row, what)


def or_infinite(loss: float | None) -> float:
    """Return a loss, infinity where there is none because the trial failed."""
    return math.inf if loss is None else loss
