"""A few trainings of a task's first candidates, where no earlier trial tells how long they take.

They run as `gp-cells step …` in a folder that is deleted afterwards, each for a few epochs.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from gp_cells.config.plan import data_name
from gp_cells.config.records import RunConfig, RunSettings, TrialSpec
from gp_cells.config.refusal import Refusal
from gp_cells.config.typed_json import encode, read_record
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.cost import Measured, measured_trial
from gp_cells.workflow.tabulate import trial_row

EPOCHS = 2
# What a trial takes beside training where it is a fork of a process that has imported.
WARM_START_S = 0.2


class ProbeFailed(Refusal):
    """A probe did not train; the line is the last that its step said."""


def probe(run: RunConfig) -> list[Measured]:
    """Train the smallest, a middling and the largest of a run's first wave, and return what they took.

    The run's config has all defaults.

    Raises:
        ProbeFailed: a step of it failed.
    """
    with tempfile.TemporaryDirectory(prefix="gp-cells-plan-") as name:
        folder = Path(name)
        data = _data(run, folder)
        settings, protocol = folder / "settings.json", folder / "protocol.json"
        files: list[str | Path] = ["--settings", settings, "--protocol", protocol]
        short = json.dumps(encode(_shortened(run)), sort_keys=True)
        _step("settings", "--run-config", "-", "--data", data / "data.json", *files, stdin=short)
        wave = folder / "000"
        _step("breed", "--settings", settings, "--wave", wave)
        specs = sorted(
            wave.glob("*/genome.json"),
            key=lambda path: read_record(TrialSpec, path).network_multiply_adds,
        )
        chosen = [specs[place] for place in sorted({0, len(specs) // 2, len(specs) - 1})]
        print(
            f"gp-cells plan: no earlier trial tells of {run.task_label}; training {len(chosen)} cells "
            f"for {EPOCHS} epochs",
            file=sys.stderr,
            flush=True,
        )
        trained = [_train(genome, data, settings) for genome in chosen]
        return [trial for trial in trained if trial is not None]


def _shortened(run: RunConfig) -> RunConfig:
    """Return a run's config with fewer epochs."""
    task = run.task
    recipe = dict(task.settings["recipe"])
    recipe["epochs"] = min(EPOCHS, recipe["epochs"])
    settings = {**task.settings, "recipe": recipe}
    return dataclasses.replace(run, task=dataclasses.replace(task, settings=settings))


def _data(run: RunConfig, folder: Path) -> Path:
    """Return where the task is prepared; if it is not, prepare it."""
    data = Path("results/data") / data_name(run.benchmark, run.task_label)
    if (data / "search.npz").exists():
        return data
    task = json.dumps(encode(run.task), sort_keys=True)
    _step("prepare", "--task", "-", "--folder", folder / "data", stdin=task)
    return folder / "data"


def _train(genome: Path, data: Path, settings_file: Path) -> Measured | None:
    """Train one candidate; None if it trained no epoch."""
    trial = genome.with_name("trial.h5")
    _step(
        "train",
        *("--protocol", settings_file.with_name("protocol.json"), "--genome", genome),
        *("--data", data, "--fitness", genome.with_name("fitness.json"), "--trial", trial),
    )
    settings = read_record(RunSettings, settings_file)
    row = trial_row(read_trial(trial), settings, set())
    if not row["epochs"]:
        return None
    trained = measured_trial(row, settings.data, settings.recipe.batch_size)
    return dataclasses.replace(trained, beside_s=(row["compile_s"] or 0.0) + WARM_START_S)


def _step(name: str, *arguments: str | Path, stdin: str = "") -> None:
    command = [sys.executable, "-m", "gp_cells", "step", name, *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ProbeFailed(f"a probe training failed: {said[-1]}")
