"""Measure what a candidate costs on Slurm besides its training: python benchmarks/submissions.py

One search, its candidates a stand-in that sleeps for no time, in each way of submitting them that
profiles/README.md names, on a throw-away cluster of 8 cores (`tests/support/cluster.py`; it needs root).

CPU seconds are those of all processes of the cluster and of the Snakemake that submits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import yaml
from workflow import ROOT, STAND_IN

from gp_cells.config.plan import read_plan

sys.path.append(str(ROOT / "tests"))
from support.cluster import Cluster, wait_until

WAVES, SLOTS = 2, 8
SLURM = ("--profile", str(ROOT / "profiles/slurm"))
WAYS = {
    "one job a candidate": SLURM,
    "one array a wave": (*SLURM, "--slurm-array-jobs", "train"),
    "one job for all": ("--profile", str(ROOT / "profiles/local"), "--cores", "2"),
}
SBATCH = ("sbatch", "--wait", "--cpus-per-task=2", "--mem=8000", "--wrap")


def config() -> dict[str, Any]:
    """Return the quickstart with one small random search."""
    read = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    search = {"waves": WAVES, "slots": SLOTS, "lag": 1, "finalists": 1}
    read["benchmark"] = "submissions"
    read["strategies"] = {"random": {"name": "random", "search": search}}
    return read


def command(way: str) -> list[str]:
    """Return the command line of a way, up to the search's last history."""
    [run] = read_plan(config()).runs.values()
    [target] = run.history_after(WAVES - 1)
    files = ("--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml")
    snakemake = ["snakemake", target, *files, *WAYS[way]]
    return snakemake if WAYS[way][:2] == SLURM else [*SBATCH, " ".join(snakemake)]


def cpu_s(cluster: Cluster) -> float:
    """Return the CPU time of all that ran on the cluster so far."""
    every = [psutil.Process(cluster.first), *cluster.processes()]
    return sum(sum(process.cpu_times()[:4]) for process in every)


def measure(cluster: Cluster, folder: Path, way: str) -> None:
    """Run the search in one way and print its row."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config()), encoding="utf-8")
    path = f"{STAND_IN}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    before, jobs, began = cpu_s(cluster), number_of_jobs(cluster), time.monotonic()
    with (folder / "said.txt").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            cluster.inside(*command(way), folder=folder),
            env={**os.environ, "PATH": path, "STAND_IN_PACE": "0"},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    if status != 0:
        raise SystemExit(
            f"{way} failed:\n{(folder / 'said.txt').read_text(encoding='utf-8')[-3000:]}"
        )
    wait_until(lambda: not cluster.call("squeue", "--noheader"), "no job was left")
    spent = cpu_s(cluster) - before + usage.ru_utime + usage.ru_stime
    made = number_of_jobs(cluster) - jobs
    print(f"{way:28} {made:>6} {spent / (WAVES * SLOTS):>18.2f} {wall_s:>8.0f}", flush=True)


def number_of_jobs(cluster: Cluster) -> int:
    """Return how many jobs there have been."""
    said = cluster.call("squeue", "--states=all", "--noheader", "--array", "--format=%i")
    return len(said.split())


if __name__ == "__main__":
    print(f"{'':28} {'jobs':>6} {'CPU s a candidate':>18} {'wall s':>8}")
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(Path(name) / "cluster")
        try:
            for number, way in enumerate(WAYS):
                measure(cluster, Path(name) / str(number), way)
        finally:
            cluster.stop()
