"""Reproduce rows of the tables, and say whether they come out the same.

A trial is specified again from what the tables hold of it and trained in a working directory of its
own, `results/reruns/`. Nothing else of the results is written to: what is stored survives a
different outcome, a failure and a kill, and a search under way sees nothing of it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gp_cells.config import seeds
from gp_cells.config.checkout import checkout, find_profile, shown
from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.files import RecordError, read_json, write_json
from gp_cells.config.plan import Run, config_of, grouped, read_plan, trial_folder
from gp_cells.config.records import RunConfig, RunSettings, TrialSpec, TrialStart, settings_in
from gp_cells.config.typed_json import write_record
from gp_cells.plugins import counts_of
from gp_cells.tables.names import ADDED_LATER
from gp_cells.tables.parquet import read_tables
from gp_cells.tables.query import find_trial
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.tabulate import curve_rows, hardware_row, trial_row

FOLDER = "reruns"  # of the results: the working directory in which rows are reproduced

# What two validation losses of one epoch may be apart, as a share of the first, and still count as
# the same training rounded otherwise; docs/guides/reproduce.md says how far rounding was seen to go.
TOLERANCE = 0.01

CODE = ("gp_cells", "git_commit", "git_dirty", "torch", "python")
MACHINE = ("engine", "compiler", "device", "threads", "cpu", "cpu_capability", "gpu")

Row = dict[str, Any]


# --- which rows -----------------------------------------------------------------------------------


def chosen_trials(
    results: Path, trial: str | None, all_of_them: bool, count: int | None, seed: int
) -> list[Row]:
    """Return the rows of `trials` that are asked for: one by its name, all, or `count` drawn from all.

    Raises:
        SettingError: one and all are asked for, or neither, or a sample of one.
        RecordError: there is no such trial.
    """
    if all_of_them == (trial is not None) or (count and not all_of_them):
        raise SettingError("name one trial, or give --all, with --sample N for N of them")
    return [find_trial(results, trial)] if trial else sample_trials(results, count, seed)


def sample_trials(results: Path, count: int | None, seed: int) -> list[Row]:
    """Return `count` rows of `trials`, drawn without repetition, or all of them.

    Raises:
        SettingError: the sample is empty.
        RecordError: there are no trials.
    """
    if count is not None:
        check_range("--sample", count, 1)
    rows = sorted(read_tables(results, "trials").to_pylist(), key=label)
    if not rows:
        raise RecordError(f"{results}/tables has no trials; run a benchmark to its end first")
    if count is None or count >= len(rows):
        return rows
    generator = seeds.generator(seed=seed, purpose="rerun")
    return [rows[i] for i in sorted(generator.choice(len(rows), count, replace=False))]


def label(row: Mapping[str, Any]) -> str:
    """Return what a trial is called: its run and candidate."""
    return f"{row['run']}/{row['candidate']}"


# --- reproducing them -----------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredRow:
    """A trial as the tables have it: its own row and the rows that belong to it."""

    row: Row
    settings: RunSettings
    architecture: Row
    curve: Sequence[Row]
    machine: Row
    start: TrialStart | None = None
    keeps: bool | None = None

    @property
    def place(self) -> str:
        """Its folder, the same in the results and where it is reproduced."""
        return trial_folder(self.row["run"], self.row["candidate"])

    @property
    def spec(self) -> TrialSpec:
        """What `gp-cells step train` is to do."""
        named = ("run", "candidate", "architecture_id", "learning_rate", "seed", "finalist")
        of_finalist, changed = self.row["finalist"] is not None, self.row["recipe"]
        genome = self.architecture["genome"]
        sizes: Mapping[str, Any] = counts_of(self.settings, genome, of_finalist)
        return TrialSpec(
            **{name: self.row[name] for name in named},
            recipe=json.loads(changed)
            if changed
            else self.settings.finalists.recipe
            if of_finalist
            else None,
            genome=genome,
            **sizes,
            start=self.start,
            keeps=self.keeps,
            learned=json.loads(self.row["learned"]) if self.row["learned"] else None,
            control=self.row["control"],
        )


def gather(results: Path, rows: Sequence[Row]) -> list[StoredRow]:
    """Return what the tables hold of some trials."""
    runs = sorted({row["run"] for row in rows})
    tables = {
        name: read_tables(results, name, runs).to_pylist()
        for name in ("runs", "architectures", "hardware")
    }
    settings = {row["run"]: settings_in(row) for row in tables["runs"]}
    architectures = {(row["run"], row["architecture_id"]): row for row in tables["architectures"]}
    machines = {row["hardware_id"]: row for row in tables["hardware"]}
    curves: dict[str, list[Row]] = {row["trial_id"]: [] for row in rows}
    for row in read_tables(results, "curves", runs).to_pylist():
        if row["trial_id"] in curves:
            curves[row["trial_id"]].append(row)
    return [
        StoredRow(
            row=row,
            settings=settings[row["run"]],
            architecture=architectures[row["run"], row["architecture_id"]],
            curve=sorted(curves[row["trial_id"]], key=lambda point: point["epoch"]),
            machine=machines[row["hardware_id"]],
        )
        for row in rows
    ]


def configs(trials: Sequence[StoredRow]) -> Iterator[tuple[Row, list[StoredRow]]]:
    """Yield as few configs as hold the runs of all trials, each with its trials."""
    runs: list[RunConfig] = []
    for trial in trials:
        if trial.settings.config not in runs:
            runs.append(trial.settings.config)
    for group in grouped(runs):
        yield config_of(group), [trial for trial in trials if trial.settings.config in group]


def lay_out(
    results: Path, config: Row, trials: Sequence[StoredRow], profile: str, file: Path | None = None
) -> list[str]:
    """Write what some trials are reproduced from, and return the command that does it.

    Outcomes of an earlier time are removed, checkpoints are not: a trial that was killed goes on.
    The results' own data are read and never prepared again, even if their source has changed. Where they
    are gone, `file` is what the task's setting of that name stands for, else it is sought from here.

    Raises:
        SettingError: this code no longer takes the settings of a run, or its file is not there.
    """
    workflow, folder = checkout("rerun") / "rules/rerun.smk", results / FOLDER
    rules = {"train"}
    plan = read_plan(config)
    missing = [
        trial for trial in trials if not _has_data(results, plan.runs[trial.row["run"]], trial)
    ]
    if missing:
        rules.add("prepare")
        config = with_files(config, missing, file)
    name = "-".join([config["benchmark"], trials[0].row["trial_id"][:8]])
    config_file = folder / f"{name}.json"
    write_json(config_file, config)
    _link(
        results / "tables", folder / "results" / "tables"
    )  # the job's cost is predicted from them
    for trial in trials:
        run = trial.row["run"]
        place, protocol = folder / trial.place, folder / plan.runs[run].folder / "protocol.json"
        write_record(place / "genome.json", trial.spec)
        write_record(protocol, trial.settings.protocol)
        for outcome in ("fitness.json", "trial.h5"):
            (place / outcome).unlink(missing_ok=True)
        data = Path("data") / plan.runs[run].data
        _link(results / data, folder / "results" / data)
    return [
        *("snakemake", "--profile", find_profile(profile, "rerun")),
        *("--quiet", "host", "progress", "reason", "rules"),
        *(
            "--snakefile",
            shown(workflow),
            "--directory",
            shown(folder),
        ),
        *("--configfile", shown(config_file)),
        *("--allowed-rules", *sorted(rules)),
        *("--force", *(f"{trial.place}/fitness.json" for trial in trials)),
    ]


def _has_data(results: Path, run: Run, trial: StoredRow) -> bool:
    """Return whether a trial's data are there; others that an earlier time prepared are removed."""
    data = Path("data") / run.data
    if (results / data / "search.npz").exists():
        return True
    prepared = results / FOLDER / "results" / data
    with contextlib.suppress(RecordError, KeyError, TypeError):
        if read_json(prepared / "data.json")["hash"] == trial.settings.data.hash:
            return (prepared / "search.npz").exists()
    if prepared.is_symlink():
        prepared.unlink()
    shutil.rmtree(prepared, ignore_errors=True)
    return False


def with_files(config: Row, trials: Sequence[StoredRow], file: Path | None) -> Row:
    """Return a config in which the tasks of some trials name their files by absolute paths.

    Raises:
        SettingError: a file is not there, or one is given for two tasks.
    """
    wanted = {trial.settings.task_label: trial.settings.data.hash for trial in trials}
    tasks: Row = dict(config["tasks"])
    own = [label for label in wanted if "file" in tasks[label].get("settings", {})]
    if file is not None and len(own) != 1:
        raise SettingError(
            f"--file is for one task that has a file of its own; these trials have {len(own)}"
        )
    for label in own:
        settings = tasks[label]["settings"]
        path = Path(os.path.abspath(file or settings["file"]))
        if not path.is_file():
            raise SettingError(
                f"the data of task {label} are gone, and {settings['file']!r}, from which they were "
                f"prepared, is not at {path}; start in the folder that has it or name it with --file "
                f"(wanted are data of hash {wanted[label]})"
            )
        tasks[label] = {**tasks[label], "settings": {**settings, "file": str(path)}}
    return {**config, "tasks": tasks}


def _link(source: Path, link: Path) -> None:
    """Link to a folder of the results where rows are reproduced, if there is any."""
    if source.is_dir() and not os.path.lexists(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())


def make(command: Sequence[str]) -> None:
    """Print a command and run it, its output on standard error; what it left says whether it failed."""
    print(shlex.join(command), flush=True)
    subprocess.run(command, stdout=sys.stderr, check=False)


# --- whether they came out the same ---------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """How one trial was reproduced: a word, where and how far apart, what was made otherwise."""

    trial: str
    word: str  # identical, within tolerance, different, or not made
    reason: str
    otherwise: Sequence[str] = ()

    @property
    def is_good(self) -> bool:
        """Whether the trial came out as it is stored."""
        return self.word in ("identical", "within tolerance")

    def __str__(self) -> str:
        """Return the verdict as a line, and one more for what was made otherwise."""
        line = f"{self.trial}: {self.word}; {self.reason}"
        if self.otherwise:
            return f"{line}\n    made otherwise: {'; '.join(self.otherwise)}"
        if self.word in ("identical", "not made"):
            return line
        return f"{line}\n    nothing on record was made otherwise"


def judge(results: Path, stored: StoredRow) -> Verdict:
    """Compare a trial with the one that was reproduced."""
    path = results / FOLDER / stored.place / "trial.h5"
    name = label(stored.row)
    try:
        trial = read_trial(path)
    except RecordError as error:
        return Verdict(name, "not made", f"{error}; Snakemake says why")
    made = trial_row(trial, stored.settings, set())
    curve = curve_rows(trial, made)
    then = {**stored.machine, **stored.row}
    now = {**hardware_row(trial, stored.settings), **made}
    word, reason = compare_curves(stored.row["status"], stored.curve, made["status"], curve)
    return Verdict(name, word, reason, list(made_otherwise(then, now)))


def compare_curves(
    status: str, curve: Sequence[Row], new_status: str, new: Sequence[Row]
) -> tuple[str, str]:
    """Return the word for two trials of one spec, and the reason for it.

    They are identical if status and curve are, bit for bit, and within tolerance if the status is
    the same and no two validation losses of an epoch are further apart than `TOLERANCE`.
    """
    if status != new_status:
        return "different", f"it ended {status} then, {new_status} now{_parting(curve, new)}"
    if len(curve) != len(new):
        return "different", f"{len(curve)} epochs then, {len(new)} now{_parting(curve, new)}"
    parting = _parting(curve, new)
    if not parting:
        return "identical", f"{status}, {len(curve)} epochs"
    apart = [_apart(a["valid_loss"], b["valid_loss"]) for a, b in zip(curve, new, strict=True)]
    largest = max(range(len(apart)), key=lambda i: apart[i])
    reason = (
        f"{_losses(curve, new, largest, 'valid_loss')}, at most {apart[largest]:.2g} apart"
        f" (tolerance {TOLERANCE:g}){parting}"
    )
    return ("within tolerance" if apart[largest] <= TOLERANCE else "different"), reason


def made_otherwise(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of code and machine was not the same, as the two records have it."""
    for name in (*CODE, *MACHINE):
        is_recorded = name not in ADDED_LATER["trials"] or then[name] is not None
        if then[name] != now[name] and is_recorded:
            yield f"{name} {then[name]} then, {now[name]} now"
    if then["git_dirty"] and now["git_dirty"]:
        yield "code that is in no commit, both times"


def _parting(curve: Sequence[Row], new: Sequence[Row]) -> str:
    """Return where two curves part, "" if they do not as far as both go."""
    for i in range(min(len(curve), len(new))):
        for column in ("train_loss", "valid_loss"):
            if not _is_same(curve[i][column], new[i][column]):
                return f"; the curves part in {_losses(curve, new, i, column)}"
    return ""


def _losses(curve: Sequence[Row], new: Sequence[Row], i: int, column: str) -> str:
    word = {"train_loss": "training loss", "valid_loss": "validation loss"}[column]
    return f"epoch {i + 1}: {word} {curve[i][column]!r} then, {new[i][column]!r} now"


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _apart(one: float, other: float) -> float:
    """Return how far two losses are apart as a share of the first; infinite if one is not finite."""
    if _is_same(one, other):
        return 0.0
    apart = abs(one - other) / abs(one) if one else math.inf
    return apart if math.isfinite(apart) else math.inf


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return how many trials came out how."""
    counts = dict.fromkeys(("identical", "within tolerance", "different", "not made"), 0)
    for verdict in verdicts:
        counts[verdict.word] += 1
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f"{len(verdicts)} trials reproduced: {said}"
