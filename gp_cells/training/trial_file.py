"""Reading `trial.h5`, the full record of a trial; without torch, so that tables are made without it.

In the file the protocol is called `settings` and the trial spec `order`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gp_cells.config.files import SCHEMA_VERSION, RecordError
from gp_cells.config.records import StoppedAt, TrialProtocol, TrialSpec
from gp_cells.config.surface import Surface
from gp_cells.config.typed_json import decode

UNREADABLE = (
    OSError,
    RuntimeError,
    KeyError,
    TypeError,
    ValueError,
)  # what h5py raises of a bad file


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """How a trial ended; `fitness` is its best validation loss, None if it failed.

    `inherited` is the share of its weights that it began with of another genome's trial; `judged` are as in
    its fitness record.
    """

    status: str
    reason: str
    fitness: float | None
    best_epoch: int | None
    inherited: float | None = None
    judged: tuple[float, ...] = ()
    stopped: StoppedAt | None = None
    surface: Surface | None = None


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """A trial without its weights.

    `measures` and `provenance` are as the process that trained wrote them; `curve` has the columns of
    `training.train.Epoch`, each (epochs,).
    """

    file: Path
    spec: TrialSpec
    protocol: TrialProtocol
    outcome: TrialOutcome
    measures: Mapping[str, Any]
    provenance: Mapping[str, Any]
    curve: Mapping[str, np.ndarray]


def read_trial(path: Path) -> TrialRecord:
    """Read a trial without its weights.

    Raises:
        RecordError: missing, broken, or another schema version.
    """
    with opened_trial(path) as file:
        names = ("order", "settings", "outcome", "measures", "provenance")
        parts = {name: _json_of(file, name, path) for name in names}
        with refused(path):
            curve = {name: column[()] for name, column in file["curve"].items()}
    return TrialRecord(
        file=path,
        spec=decode(TrialSpec, parts["order"], f"{path}: order"),
        protocol=decode(TrialProtocol, parts["settings"], f"{path}: settings"),
        outcome=decode(TrialOutcome, parts["outcome"], f"{path}: outcome"),
        measures=parts["measures"],
        provenance=parts["provenance"],
        curve=curve,
    )


def _json_of(file: h5py.File, name: str, path: Path) -> Any:
    with refused(path):
        return json.loads(file[name][()])


@contextlib.contextmanager
def opened_trial(path: Path) -> Iterator[h5py.File]:
    """Open a trial's file, which has to be of this schema version.

    Raises:
        RecordError: missing, no HDF5 file, or another schema version.
    """
    with refused(path):
        file = h5py.File(path, "r")
    with file:
        with refused(path):
            found = file.attrs.get("schema_version")
        if found != SCHEMA_VERSION:
            raise RecordError(f"{path} has schema version {found}, expected {SCHEMA_VERSION}")
        yield file


@contextlib.contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what reading a bad file raises into one line. Only reading belongs into the block.

    Raises:
        RecordError: the file is missing or broken.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise RecordError(f"{path} is missing") from error
    except UNREADABLE as error:
        raise RecordError(f"{path} is broken ({error}); delete it and run again") from error
