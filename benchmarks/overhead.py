"""Measure what a benchmark costs besides training: python benchmarks/overhead.py [--epochs N]

Two measurements, each in a temporary folder:
1. The quickstart's config, smaller and with so many epochs that a candidate takes 20 s or more, run as
   a user would: the share of core time (wall time × cores) that was training, and the time from
   process start to the end of the first training step.
2. The same workflow with a stand-in for `gp-cells` that only touches its outputs: the CPU time of
   Snakemake itself, a candidate. The cost of starting Snakemake, measured by a second run that finds
   nothing to do, is reported apart.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from gp_cells.config.plan import read_plan
from gp_cells.tables.parquet import read_tables

ROOT = Path(__file__).parent.parent
STAND_IN = """#!/usr/bin/env bash
# Makes the files that a command of gp-cells would make, and does nothing else.
command=$1; shift
[ "$command" != step ] || { command=$1; shift; }
declare -A at
while (($#)); do at[$1]=${2-}; shift $(($# > 1 ? 2 : 1)); done
case $command in
    watch | check) ;;
    prepare) touch "${at[--folder]}"/{data.json,reading.json,search.npz,test.npz} ;;
    breed) touch "${at[--wave]}/lineage.json"
        for slot in "${at[--wave]}"/*/; do touch "$slot/genome.json"; done ;;
    replicate) for slot in "${at[--folder]}"/*/; do touch "$slot/genome.json"; done ;;
    train) echo "${at[--fitness]}" > "${at[--fitness]}"; touch "${at[--trial]}" ;;
    tabulate) for part in "${at[--results]}"/tables/*/run="$(basename "${at[--run-folder]}")"/
        do touch "$part/part.parquet"; done ;;
    settings) touch "${at[--settings]}" "${at[--protocol]}" ;;
    *) touch "${at[--to]}" ;;
esac
"""


def config(epochs: int | None) -> dict[str, Any]:
    """Return the quickstart with two waves a strategy and short comparison, or whole."""
    read = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    if epochs is not None:
        read["benchmark"] = "overhead"
        read["tasks"]["bach_chorales"]["settings"]["recipe"]["epochs"] = epochs
        for name in ("gp", "random"):
            read["strategies"][name]["search"]["waves"] = 2
        read["strategies"]["baselines"]["settings"]["cells"] = ["lstm", "gru"]
        read["strategies"]["baselines"]["search"] |= {"slots": 2, "finalists": 2}
        read["finalists"] = {"learning_rate_factors": [1.0], "seeds": [101]}
    return read


def run(folder: Path, chosen: dict[str, Any], path: str) -> tuple[float, float]:
    """Run Snakemake on a config; return its wall and CPU seconds, all jobs included."""
    (folder / "config.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--profile", str(ROOT / "profiles/local"), "--configfile", "config.yaml"),
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, encoding="utf-8"
    )
    if done.returncode != 0:
        raise SystemExit(f"snakemake failed:\n{done.stderr[-3000:]}")
    wall_s, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall_s, cpu_s


def measure_share(epochs: int) -> None:
    """Print the share of core time that was training."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        wall_s, _ = run(Path(name), config(epochs), path)
        trials = read_tables(Path(name) / "results", "trials").to_pylist()
    cores = os.cpu_count() or 1
    trained_s = [trial["wall_s"] for trial in trials]
    first = [trial["first_step_s"] for trial in trials if trial["first_step_s"] is not None]
    print(f"trials                           {len(trials)}")
    print(f"training a trial, median         {statistics.median(trained_s):.1f} s")
    print(f"wall time × cores                {wall_s:.0f} s × {cores}")
    print(f"share of core time in training   {sum(trained_s) / (wall_s * cores):.1%}")
    print(
        f"process start to first step      {statistics.median(first):.2f} s median, {max(first):.2f} s most"
    )


def measure_workflow() -> None:
    """Print Snakemake's own cost a candidate."""
    whole = config(None)
    candidates = len(read_plan(whole).candidates())
    with tempfile.TemporaryDirectory() as name:
        stand_in = Path(name) / "bin/gp-cells"
        stand_in.parent.mkdir()
        stand_in.write_text(STAND_IN, encoding="utf-8")
        stand_in.chmod(0o755)
        path = f"{stand_in.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        wall_s, cpu_s = run(Path(name), whole, path)
        again_wall_s, again_cpu_s = run(Path(name), whole, path)
    print(f"candidates in the quickstart     {candidates}")
    print(f"whole workflow, nothing trained  {wall_s:.1f} s wall, {cpu_s:.1f} s CPU")
    print(f"started again, nothing to do     {again_wall_s:.1f} s wall, {again_cpu_s:.1f} s CPU")
    each = (cpu_s - again_cpu_s) / candidates
    print(f"Snakemake's cost a candidate     {each:.3f} s CPU, without its start")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=120, help="of a trial in the first part")
    options = parser.parse_args()
    measure_workflow()
    measure_share(options.epochs)
