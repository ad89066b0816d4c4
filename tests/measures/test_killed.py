"""A process that is killed while it measures: the training is not done again, nor is it lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py

from gp_cells.config.files import read_json, write_json
from gp_cells.training.attempts import AttemptsFile
from gp_cells.workflow.steps import breed, write_protocol

# Trains as `gp-cells train` does, with a measure that takes the process with it.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from gp_cells.measures import MEASURES, Column
from gp_cells.training import trial

class Deadly:
    columns = (Column("deadly", "", "nothing"),)

    def measure(self, subject):
        os.kill(os.getpid(), signal.SIGKILL)

trial.measures_of = lambda protocol: {"synflow": MEASURES["synflow"](), "deadly": Deadly()}
trial.run_trial(*map(Path, sys.argv[1:]))
"""


def test_a_measure_that_kills_its_process_is_left_out_and_the_training_is_kept(
    settings: Path, chorales: Path, tmp_path: Path
) -> None:
    breed(settings, None, tmp_path / "000")
    write_protocol(settings, tmp_path / "protocol.json")
    genome, fitness, trial = (
        tmp_path / "000" / "00" / name for name in ("genome.json", "fitness.json", "trial.h5")
    )
    given = (tmp_path / "protocol.json", genome, chorales, fitness, trial)
    command = [sys.executable, "-c", PROGRAM, *map(str, given)]
    codes = [subprocess.run(command, capture_output=True).returncode for _ in range(3)]

    assert codes == [-9, -9, 0]
    assert read_json(fitness)["status"] == "ok"
    with h5py.File(trial) as file:
        measures = json.loads(file["measures"][()])
        assert json.loads(file["provenance"][()])["resumed"] > 0
        assert len(file["curve/epoch"]) == len(read_json(fitness)["curve"])
    assert set(measures["values"]) == {"synflow"}
    assert measures["failures"] == {
        "deadly": "RuntimeError: the process was killed 2 times while it measured this"
    }
    assert sorted(path.name for path in genome.parent.iterdir()) == [
        "fitness.json",
        "genome.json",
        "trial.h5",
    ]


def test_only_the_measure_that_a_process_died_in_counts(tmp_path: Path) -> None:
    path = tmp_path / "measuring.json"
    first = AttemptsFile(path, "this trial")
    assert [first.begin(name) for name in ("one", "two")] == [0, 0]
    second = AttemptsFile(path, "this trial")
    assert [second.begin(name) for name in ("one", "two")] == [0, 1]
    third = AttemptsFile(path, "this trial")
    assert [third.begin(name) for name in ("one", "two", "three")] == [0, 2, 0]
    third.remove()
    assert not path.exists()


def test_attempts_of_another_trial_or_a_torn_file_are_not_heeded(tmp_path: Path) -> None:
    path = tmp_path / "measuring.json"
    AttemptsFile(path, "this trial").begin("one")
    assert AttemptsFile(path, "another trial").begin("one") == 0
    write_json(path, {})
    path.write_text(path.read_text()[:1])
    assert AttemptsFile(path, "this trial").begin("one") == 0
