"""A trial's record (trial.h5) read without torch: all of it but the weights."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from gp_cells.config.files import SCHEMA_VERSION, RecordError


def read_trial(path: Path) -> dict[str, Any]:
    """Read a trial without its weights: order, settings, outcome, measures, provenance, curve.

    Raises:
        RecordError: missing, broken, or another schema version.
    """
    with opened_trial(path) as file:
        trial = {
            name: json.loads(file[name][()])
            for name in ("order", "settings", "outcome", "measures", "provenance")
        }
        trial["curve"] = {name: column[()] for name, column in file["curve"].items()}
        return trial


@contextlib.contextmanager
def opened_trial(path: Path) -> Iterator[h5py.File]:
    """Give the HDF5 file of a trial, for reading.

    Raises:
        RecordError: missing, broken, or another schema version.
    """
    try:
        with h5py.File(path, "r") as file:
            found = file.attrs.get("schema_version")
            if found != SCHEMA_VERSION:
                raise RecordError(f"{path} has schema version {found}, expected {SCHEMA_VERSION}")
            yield file
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing") from error
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{path} is broken ({error}); delete it and run again") from error
