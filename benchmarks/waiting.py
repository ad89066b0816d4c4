"""Measure how long workers of a Slurm cluster wait: python benchmarks/waiting.py FOLDER [--pace X]

Two searches of equal size, one after the other, each by `snakemake --profile slurm`: a generational one
(lag 1) and a lagged one (lag 4). Candidates sleep instead of training (`stand_in/gp-cells`), 20 to
100 s × pace each, the same in both. The cluster should have 8 cores, nothing else to do, and
accounting, which tells when each job was submitted, started and ended.

Then both searches run here, asleep for no time at all, and every deterministic file has to come out
the same. FOLDER/measured.json keeps what happened when; benchmarks/schedule.py is checked against it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from workflow import ROOT, STAND_IN, run

from gp_cells.config.plan import Run, read_plan

WORKERS = 8
LAGS = {"generational": 1, "lagged": 4}
DETERMINISTIC = ("genome.json", "fitness.json", "lineage.json", "history.jsonl.gz")


def config(waves: int) -> dict[str, Any]:
    """Return the quickstart with two searches that differ in their lag alone."""
    read = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    sizes = {"waves": waves, "slots": WORKERS, "finalists": 1}
    read["benchmark"] = "waiting"
    read["strategies"] = {
        label: {"name": "gp", "search": {**sizes, "lag": lag}} for label, lag in LAGS.items()
    }
    return read


def job_times(folder: Path, one: Run) -> list[dict[str, float]]:
    """Return each candidate's times in seconds since 1970, in the order of the plan.

    Its job was submitted and started, it began and ended to sleep, and its job ended.
    """
    lines = subprocess.run(
        ["sacct", "-XPn", "-S", "now-1days", "-o", "JobID,Submit,Start,End"],
        env={**os.environ, "SLURM_TIME_FORMAT": "%s"},
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.splitlines()
    slurm = {job: times for job, *times in (line.split("|") for line in lines)}
    rows = []
    for wave in range(one.waves):
        for place in one.wave(wave):
            slept = json.loads((folder / place / "trial.h5").read_text(encoding="utf-8"))
            submitted, started, ended = (float(time) for time in slurm[slept["job"]])
            row = {"submitted": submitted, "started": started, "ended": ended}
            rows.append(row | {"began": slept["began"], "slept": slept["ended"]})
    return rows


def scoring_times(folder: Path, one: Run) -> list[float]:
    """Return when each wave's score began, in seconds since 1970: its log stays as it was opened."""
    logs = folder / "results/logs/score" / one.name
    return [(logs / f"{wave:03d}.log").stat().st_mtime for wave in range(one.waves)]


def differing(one: Path, other: Path) -> list[str]:
    """Return the deterministic files of two folders that are not the same."""
    found = {
        str(path.relative_to(folder))
        for folder in (one, other)
        for path in (folder / "results/runs").rglob("*")
        if path.name in DETERMINISTIC
    }
    return [name for name in sorted(found) if _bytes(one / name) != _bytes(other / name)]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def search(folder: Path, chosen: dict[str, Any], one: Run, profile: str, pace: float) -> None:
    """Run one search of a config in a folder, up to its last history."""
    last = one.history_after(one.waves - 1)
    run(folder, chosen, *last, profile=profile, first_in_path=STAND_IN, STAND_IN_PACE=str(pace))


def measure(folder: Path, waves: int, pace: float) -> None:
    """Run both searches on the cluster and again here, and write what was measured."""
    chosen = config(waves)
    searches = read_plan(chosen).runs.values()
    measured: dict[str, Any] = {"pace": pace, "workers": WORKERS, "searches": {}}
    for one in searches:
        search(folder / "cluster", chosen, one, "slurm", pace)
        measured["searches"][one.strategy] = {
            **{"lag": one.lag, "waves": one.waves, "slots": one.widths[0]},
            "jobs": job_times(folder / "cluster", one),
            "scoring": scoring_times(folder / "cluster", one),
        }
    (folder / "measured.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")
    for one in searches:
        search(folder / "here", chosen, one, "local", 0.0)
    changed = differing(folder / "cluster", folder / "here")
    print(f"deterministic files that differ between the cluster and here: {changed or 'none'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--waves", type=int, default=10)
    parser.add_argument("--pace", type=float, default=1.0)
    options = parser.parse_args()
    measure(options.folder, options.waves, options.pace)
