"""Reproduce trials: those from fresh weights at once, those that started from others each from its start.

A start is the state that is kept in the results, else the whole chain before is trained again, one by one.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from gp_cells.config.checkout import checkout
from gp_cells.config.files import RecordError, hash_bytes
from gp_cells.config.plan import STATE, trial_folder
from gp_cells.config.records import FitnessRecord, TrialStart
from gp_cells.config.typed_json import read_record
from gp_cells.tables.parquet import read_tables
from gp_cells.workflow.rerun import (
    FOLDER,
    Row,
    StoredRow,
    Verdict,
    configs,
    gather,
    judge,
    lay_out,
    make,
)


def rerun(
    results: Path, rows: Sequence[Row], profile: str, file: Path | None = None
) -> list[Verdict]:
    """Reproduce some trials and print the verdict on each.

    Raises:
        SettingError: this code no longer takes the settings of one of the runs, there is no checkout, or
            data are gone and so is the file that they were prepared from.
    """
    checkout("rerun")
    groups = [
        (lay_out(results, config, trials, profile, file), trials)
        for config, trials in configs(gather(results, [r for r in rows if r["start"] is None]))
    ]
    verdicts = []
    for command, trials in groups:
        make(command)
        for trial in trials:
            verdicts.append(judge(results, trial))
            print(verdicts[-1], flush=True)
    for row in rows:
        if row["start"] is not None:
            verdicts.append(rerun_chain(results, row, profile, file))
            print(verdicts[-1], flush=True)
    return verdicts


def rerun_chain(results: Path, row: Row, profile: str, file: Path | None) -> Verdict:
    """Reproduce a trial that has a start, and say from what.

    Raises:
        SettingError: as of `rerun`.
    """
    chain = gather(results, list(rows_before(results, row)))
    begun = _with_kept_state(results, chain)
    state, last = begun[0].row["start_state"], chain[-1]
    for trial in begun:
        start = TrialStart(
            candidate=trial.row["start"],
            state=state,
            epochs=trial.row["total_epochs"] - trial.row["epochs"],
        )
        going_on = dataclasses.replace(
            trial, keeps=True, start=start if trial.row["start"] else None
        )
        for config, trials in configs([going_on]):
            make(lay_out(results, config, trials, profile, file))
        try:
            made = read_record(FitnessRecord, results / FOLDER / trial.place / "fitness.json")
        except RecordError:
            break
        state = made.state or ""
    verdict = judge(results, last)
    before = len(begun) - 1
    how = f"with the {before} before it made again" if before else "from the state that is kept"
    return dataclasses.replace(verdict, reason=f"{verdict.reason}, {how}")


def rows_before(results: Path, row: Row) -> Iterator[Row]:
    """Yield the rows of `trials` that a trial rests on, from the one that had no start, and its own."""
    known = read_tables(results, "trials", [row["run"]]).to_pylist()
    trials = {other["candidate"]: other for other in known}
    chain = [row]
    while chain[0]["start"] is not None:
        chain.insert(0, trials[chain[0]["start"]])
    yield from chain


def _with_kept_state(results: Path, chain: Sequence[StoredRow]) -> Sequence[StoredRow]:
    """Return what has to be trained: the last alone if the state it started from is kept, else all."""
    row = chain[-1].row
    place = Path(trial_folder(row["run"], row["start"])) / STATE
    kept = results / place.relative_to("results")
    if not kept.is_file() or hash_bytes(kept.read_bytes()) != row["start_state"]:
        return chain
    copy = results / FOLDER / place
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, copy)
    return chain[-1:]
