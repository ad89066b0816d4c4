"""Whether stored files are those that a plan asks for, by their content alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gp_cells.config.empty_slot import read_empty_slot
from gp_cells.config.files import canonical_json, read_json
from gp_cells.config.plan import Plan, Run
from gp_cells.config.records import (
    FitnessRecord,
    RunSettings,
    TrialProtocol,
    TrialSpec,
    read_data,
)
from gp_cells.config.typed_json import encode, read_record
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.steps import settings_of


def settings_in_plan(run: Run) -> RunSettings:
    """Return the settings that a run's config and its data give; data that are gone, as its protocol says.

    Raises:
        RecordError: the description of the data, or the protocol, is missing or broken.
        SettingError: a plug-in or one of its settings does not exist, or refuses its value.
    """
    data = Path("results/data", run.data, "data.json")
    if data.exists():
        return settings_of(run.config, read_data(data))
    protocol = read_record(TrialProtocol, Path(run.folder, "protocol.json"))
    return settings_of(run.config, protocol.data)


def misfit_of(trial: Path, protocol: TrialProtocol) -> str:
    """Return what in a trial's folder is not as its genome and a protocol ask for; "" if all is.

    Raises:
        RecordError: a file is missing or broken.
    """
    empty, made = (read_empty_slot(trial / file) for file in ("genome.json", "fitness.json"))
    if empty is not None or made is not None:
        return "" if empty == made else "its fitness.json is of another genome.json"
    record = read_trial(trial / "trial.h5")
    fitness = read_record(FitnessRecord, trial / "fitness.json")
    if difference(record.spec, read_record(TrialSpec, trial / "genome.json")):
        return "its record is of another genome.json"
    if key := difference(record.protocol, protocol):
        return f"its protocol has another {key}"
    if (fitness.status, fitness.fitness) != (record.outcome.status, record.outcome.fitness):
        return "fitness.json and trial.h5 tell two outcomes"
    return ""


def misfit_of_benchmark(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Yield each run's settings.json, and the comparison of all, that is not what the plan asks for.

    Raises:
        RecordError: a file that it needs is missing or broken.
        SettingError: a plug-in or one of its settings does not exist, or refuses its value.
    """
    for run in plan.runs.values():
        file = Path(run.folder, "settings.json")
        if file.exists():
            stored = read_record(RunSettings, file)
            # what data.json counts beside their hash judges nothing, and old ones lack it
            key = difference(dataclasses.replace(stored, counts=None), settings_in_plan(run))
            if key:
                yield file, f"it has another {key}"
    comparison = Path("results/report", plan.benchmark, "comparison.json")
    if comparison.exists():
        compared = {row["run"] for task in read_json(comparison)["tasks"] for row in task["rows"]}
        if compared != set(plan.runs):
            yield comparison, "it is of other runs"


def difference(one: Any, other: Any) -> str:
    """Return the first field that two records have different values in; "" if none."""
    first, second = encode(one), encode(other)
    for key in sorted(first.keys() | second.keys()):
        if canonical_json(first.get(key)) != canonical_json(second.get(key)):
            return key
    return ""
