"""A trial of the tables as it was trained: its record, and how the data it was trained on are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gp_cells.config.files import RecordError
from gp_cells.config.plan import data_name, trial_folder
from gp_cells.config.records import ENDED_WELL, TrialProtocol
from gp_cells.tables.query import find_trial
from gp_cells.tasks.prepared import read_facts
from gp_cells.tasks.reading import NAME, read_reading
from gp_cells.tasks.task import DataError, Reading
from gp_cells.training.trial_file import TrialRecord, read_trial


@dataclass(frozen=True)
class Trained:
    """A trial that has a network: its row of the tables, its record, and the results it is in."""

    results: Path
    row: Mapping[str, Any]
    record: TrialRecord


def find_trained(results: Path, name: str) -> Trained:
    """Return a trial by its name.

    Raises:
        RecordError: there is no such trial, its record is broken, it failed and has no weights, or it is a
            supernet.
    """
    row = find_trial(results, name)
    place = Path(trial_folder(row["run"], row["candidate"])).relative_to("results")
    record = read_trial(results / place / "trial.h5")
    if row["fitness"] is None:
        ended = f"it ended {row['status']}"
        why = "it is a supernet, no network" if row["status"] in ENDED_WELL else ended
        raise RecordError(f"{name} has no network to export: {why}")
    return Trained(results, row, record)


def kept_reading(trained: Trained) -> Reading:
    """Return how the rows were read that a trial was trained on.

    Raises:
        DataError: it was not kept, the data are gone or have become others, or the task cannot say it.
    """
    protocol = trained.record.protocol
    name = data_name(protocol.benchmark, protocol.task_label)
    folder = trained.results / "data" / name
    if not (folder / NAME).is_file():
        raise DataError(f"{folder / NAME} is not there; {_again(protocol, name)}")
    if read_facts(folder)["hash"] != protocol.data.hash:
        raise DataError(
            f"{folder} holds other data than the trial was trained on, or of another preparation; with "
            f"the data of then, {_again(protocol, name)}"
        )
    reading = read_reading(folder)
    if reading is None:
        raise DataError(f"the task {protocol.task.name} does not say how new rows are read")
    return reading


def _again(protocol: TrialProtocol, name: str) -> str:
    """Return what prepares a trial's data again, and no more."""
    return (
        f"prepare the data of {protocol.benchmark} again, with its config: snakemake --profile "
        f"profiles/local --configfile CONFIG --force results/data/{name}/{NAME}"
    )
