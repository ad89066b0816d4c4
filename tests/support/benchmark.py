"""A benchmark in a folder of its own, run by the real Snakemake, and what each invocation did."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import yaml

from gp_cells.config.files import canonical_json, read_json, write_json
from gp_cells.config.plan import Plan, read_plan
from support.tiny import TINY

ROOT = Path(__file__).parents[2]

# Two searches of one task: one that waits for each wave, and one with two waves under way at once.
CONFIG: dict[str, Any] = {
    **TINY,
    "strategies": {
        "gp": {"name": "gp", "search": {"waves": 3, "slots": 4, "lag": 1, "finalists": 1}},
        "steady": {"name": "gp", "search": {"waves": 4, "slots": 2, "lag": 2, "finalists": 1}},
    },
}
GP, STEADY = "results/runs/tiny-bach-gp-s1", "results/runs/tiny-bach-steady-s1"

# The files that the same config gives again, byte by byte.
DETERMINISTIC = (
    *("data.json", "search.npz", "test.npz", "settings.json", "protocol.json", "lineage.json"),
    *("genome.json", "fitness.json", "history.jsonl.gz", "conclusion.json", "test.json"),
)


@dataclasses.dataclass(frozen=True)
class Ran:
    """One invocation of Snakemake: its exit status, all that it said, and the jobs it executed.

    A job is told by its log, e.g. `train/tiny-bach-gp-s1/waves/000/01`: every rule has one, opened
    afresh each time.
    """

    status: int
    said: str
    jobs: frozenset[str]

    @property
    def trained(self) -> set[str]:
        """The trials that were trained, e.g. `tiny-bach-gp-s1/waves/000/01`."""
        return {job.removeprefix("train/") for job in self.jobs if job.startswith("train/")}

    @property
    def rules(self) -> set[str]:
        """The rules that had a job."""
        return {job.partition("/")[0] for job in self.jobs}

    @property
    def planned(self) -> dict[str, int]:
        """How many jobs of each rule a dry run announced."""
        stats = self.said.partition("Job stats:")[2].partition("\n\n")[0]
        return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.M)}


LOCALLY = (
    *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
    *("--profile", str(ROOT / "profiles/local"), "-c2"),
)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A config, the folder that it runs in, and the command that runs it."""

    folder: Path
    config: dict[str, Any] = dataclasses.field(default_factory=lambda: copy.deepcopy(CONFIG))
    command: tuple[str, ...] = LOCALLY

    @property
    def plan(self) -> Plan:
        """What the config asks for."""
        return read_plan(self.config)

    def copied(self, folder: Path) -> Benchmark:
        """Return a copy, Snakemake's memory and the files' times included."""
        subprocess.run(["cp", "-a", str(self.folder), str(folder)], check=True)
        return Benchmark(folder, copy.deepcopy(self.config))

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run Snakemake as a user would, and wait for its end."""
        before = self._logs()
        status = self.start(*arguments, **environment).wait(timeout=600)
        logs = self._logs()
        jobs = {job for job, opened in logs.items() if before.get(job) != opened}
        return Ran(status, said_in(self.folder), frozenset(jobs))

    def finish(self, *arguments: str, **environment: str) -> Ran:
        """Run Snakemake, which has to end well."""
        ran = self.run(*arguments, **environment)
        assert ran.status == 0, ran.said
        return ran

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start Snakemake in a process group of its own."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        command = (*self.command, "--configfile=config.yaml", *arguments)
        return start(self.folder, *command, **environment)

    def run_until_killed(self, trials: int, *arguments: str) -> None:
        """Run Snakemake and all its jobs until so many trials are done, then kill them at once."""
        process = self.start(*arguments)
        while len(list(self.folder.rglob("fitness.json"))) < trials:
            assert process.poll() is None, said_in(self.folder)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def deterministic(self) -> dict[str, bytes]:
        """Return the content of every file that the same config has to give again."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted((self.folder / "results").rglob("*"))
            if path.name in DETERMINISTIC
        }

    def change_outcome(self, place: str, fitness: float) -> None:
        """Write another fitness for a trial, as another machine might have measured it."""
        file = self.folder / place / "fitness.json"
        write_json(file, {**read_json(file), "fitness": fitness})
        with h5py.File(file.with_name("trial.h5"), "a") as trial:
            outcome = json.loads(trial["outcome"][()])
            del trial["outcome"]
            trial.create_dataset("outcome", data=canonical_json({**outcome, "fitness": fitness}))

    def _logs(self) -> dict[str, int]:
        folder = self.folder / "results" / "logs"
        return {
            str(path.relative_to(folder).with_suffix("")): path.stat().st_mtime_ns
            for path in folder.rglob("*.log")
        }


def check_out(folder: Path) -> Path:
    """Make a folder what a fresh checkout is to a user, and return it."""
    for name in ("Snakefile", "rules", "profiles", "slurm", "config", "envs", "gp_cells"):
        if (ROOT / name).is_dir() and not (ROOT / name).is_symlink():
            shutil.copytree(ROOT / name, folder / name, symlinks=True)
        else:
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def start(folder: Path, *command: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a Snakemake in a folder, in a process group of its own; `said_in` tells what it says.

    Its words go to a file, since nobody reads a pipe while it runs.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PATH": path, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def log_in(folder: Path) -> str:
    """Return the lines of Snakemake's own that the last one in a folder wrote to its log."""
    return max((folder / ".snakemake/log").glob("*.snakemake.log")).read_text(errors="replace")


def said_in(folder: Path) -> str:
    """Return what the last Snakemake in a folder said."""
    return (folder / "said.txt").read_text(errors="replace")


def differing(one: dict[str, bytes], other: dict[str, bytes], ends: Iterable[str] = ("",)) -> set:
    """Return the names of the files that differ or that one of both lacks."""
    return {
        name
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name) and name.endswith(tuple(ends))
    }
