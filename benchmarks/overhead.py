"""Measure what a benchmark costs besides training: python benchmarks/overhead.py [SECTION …] [--epochs N]

    start      CPU seconds from a warm start to the end of the first training step, cell compiled before
    runs       Snakemake's own, of 2,730 candidates in 63 runs, nothing trained
    plan       of a dry run of 10,000 candidates
    quickstart the share of all CPU time that is training: the quickstart as shipped, nothing compiled
    again      the same where its cells have been compiled before
    long       the same, smaller, with so many epochs that a trial takes 20 s or more (`--epochs`)
    chorales   minutes of 1,000 candidates of the chorales as in config/reference.yaml, none compiled before

Each prints lines of one table: what was, what is, what is wanted. What was is of commit d95c0d8, on another
machine but for the plan. CPU seconds are user and system, of all processes that were started, warm process
and compilers too; a busy machine counts up to twice as many, which shares bear better.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scale
import yaml
from kills import lay_out
from workflow import ROOT

from gp_cells.config.plan import read_plan
from gp_cells.tables.parquet import read_tables
from gp_cells.warm.launch import THREADS
from gp_cells.warm.request import LINK

ADOPT_ORPHANS = (
    36  # PR_SET_CHILD_SUBREAPER of prctl(2): the warm process outlives Snakemake for a moment
)
MOMENT_S = 0.2
STARTS = 15
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
# A warm process whose commands say what they have taken when their first training step has ended, and go.
TIMED_SERVER = """
import os, sys, time
from gp_cells.training import train
from gp_cells.warm import server
whole = train._Training._train_batch
def first(*arguments):
    whole(*arguments)
    os.write(2, f"{time.process_time()}".encode())
    os._exit(0)
train._Training._train_batch = first
sys.exit(server.main(sys.argv[1], int(sys.argv[2])))
"""


@dataclass(frozen=True)
class Spent:
    """What one run of Snakemake took, in CPU seconds: itself, and with all that it started."""

    own_s: float
    all_s: float
    memory_mb: float


def cpu_s(usage: resource.struct_rusage) -> float:
    """Return user and system seconds."""
    return usage.ru_utime + usage.ru_stime


def own_cpu_s(process: int) -> float:
    """Return the CPU seconds of a process that lives, without its children's."""
    words = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def say(what: str, was: str, now: str, wanted: str) -> None:
    """Print a line of the table."""
    print(f"| {what} | {was} | {now} | {wanted} |", flush=True)


def run(folder: Path, config: dict[str, Any], *arguments: str, stand_in: bool = False) -> Spent:
    """Run Snakemake as a user would, compiled cells kept in a folder, and wait for all that it leaves.

    Raises:
        SystemExit: Snakemake failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    switched = {"GP_CELLS_CACHE": str(folder / "compiled")}
    if stand_in:
        command = folder / "bin/gp-cells"
        command.parent.mkdir()
        command.write_text(STAND_IN, encoding="utf-8")
        command.chmod(0o755)
        places.insert(0, str(command.parent))
        switched[LINK] = "off"
    before, own_s = cpu_s(resource.getrusage(resource.RUSAGE_CHILDREN)), 0.0
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
                *("--profile", str(ROOT / "profiles/local"), "--configfile", "config.yaml"),
                *arguments,
            ],
            cwd=folder,
            env={**os.environ, "PATH": ":".join(places), **switched},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                own_s = max(own_s, own_cpu_s(process.pid))
            time.sleep(MOMENT_S)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    if process.returncode != 0:
        said_text = (folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"snakemake failed:\n{said_text[-3000:]}")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(own_s, cpu_s(usage) - before, usage.ru_maxrss / 1000)


def start(_: argparse.Namespace, folder: Path) -> None:
    """Say what a warm start takes: client, fork, and all up to the end of the first training step."""
    command = [*lay_out(folder), "--fitness", str(folder / "f"), "--trial", str(folder / "t")]
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), LINK: secrets.token_hex(16)}
    arguments = [sys.executable, "-c", TIMED_SERVER, environment[LINK], str(os.getpid())]
    server = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    while f"@{environment[LINK]}" not in Path("/proc/net/unix").read_text(encoding="utf-8"):
        time.sleep(MOMENT_S)

    def once() -> float:
        before = cpu_s(resource.getrusage(resource.RUSAGE_CHILDREN))
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8")
        return cpu_s(resource.getrusage(resource.RUSAGE_CHILDREN)) - before + float(done.stderr)

    once()  # compiles
    before = own_cpu_s(server.pid)
    took = [once() for _ in range(STARTS)]
    forks_s = (own_cpu_s(server.pid) - before) / STARTS
    server.kill()
    server.wait()
    now = f"{statistics.median(took) + forks_s:.3f} (least {min(took) + forks_s:.3f})"
    say("CPU s from a warm start to the first training step", "about 2", now, "≤ 0.15")


def runs(_: argparse.Namespace, folder: Path) -> None:
    """Say what Snakemake itself takes a job of many runs."""
    whole = shipped("reference")
    plan = read_plan(whole)
    spent = run(folder, whole, stand_in=True)
    candidates = len(plan.candidates())
    what = f"Snakemake's CPU s a job, {candidates:,} candidates in {len(plan.runs)} runs"
    say(what, "0.14", f"{spent.own_s / candidates:.3f}", "≤ 0.05")


def plan(_: argparse.Namespace, folder: Path) -> None:
    """Say what a dry run takes."""
    spent = run(folder, scale.config(400, 25), "--dry-run")
    now = f"{spent.all_s:.0f} CPU s, {spent.memory_mb:.0f} MB"
    say("plan of 10,000 candidates, dry", "39 CPU s, 466 MB", now, "no worse")


def share(folder: Path, config: dict[str, Any], was: str, wanted: str) -> None:
    """Say what share of all CPU time was training, and where the rest went."""
    spent = run(folder, config)
    results = folder / "results"
    trials = read_tables(results, "trials").to_pylist()
    trained_s = sum(row["cpu_s"] for row in read_tables(results, "curves").to_pylist())
    in_trials_s = sum(row["process_cpu_s"] for row in trials)
    rest_s = spent.all_s - in_trials_s - spent.own_s
    each = trained_s / len(trials)
    say(
        f"share of CPU time in training, {len(trials)} trials of {each:.1f} CPU s",
        was,
        f"{trained_s / spent.all_s:.0%} of {spent.all_s:.0f} CPU s",
        wanted,
    )
    say("- besides training in trials, CPU s", "", f"{in_trials_s - trained_s:.0f}", "")
    say("- Snakemake itself, CPU s", "", f"{spent.own_s:.0f}", "")
    say("- other steps, warm process, clients, compilers, watch, CPU s", "", f"{rest_s:.0f}", "")


def shipped(name: str) -> dict[str, Any]:
    """Return a config of the project's own."""
    return dict(yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8")))


def quickstart(_: argparse.Namespace, folder: Path) -> None:
    """Say the share of training in the quickstart as shipped."""
    share(folder, shipped("quickstart"), "39 %", "≥ 75 %")


def again(_: argparse.Namespace, folder: Path) -> None:
    """Say the share of training in a quickstart whose cells another one has compiled."""
    run(folder, shipped("quickstart"))
    shutil.rmtree(folder / "results")
    share(folder, shipped("quickstart"), "", "")


def long(options: argparse.Namespace, folder: Path) -> None:
    """Say the share of training where trials are long."""
    read = shipped("quickstart") | {"benchmark": "overhead"}
    read["tasks"]["bach_chorales"]["settings"]["recipe"]["epochs"] = options.epochs
    for name in ("gp", "random"):
        read["strategies"][name]["search"]["waves"] = 2
    read["strategies"]["baselines"]["settings"]["cells"] = ["lstm", "gru"]
    read["strategies"]["baselines"]["search"] |= {"slots": 2, "finalists": 2}
    read["finalists"] = {"learning_rate_factors": [1.0], "seeds": [101]}
    share(folder, read, "88 %", "≥ 96 %")


def chorales(_: argparse.Namespace, folder: Path) -> None:
    """Say how long a search of 1,000 candidates takes on this machine."""
    read = shipped("reference") | {"benchmark": "chorales", "seeds": [1]}
    read["tasks"] = {"bach_chorales": read["tasks"]["bach_chorales"]}
    search = {"waves": 25, "slots": 40, "lag": 1, "finalists": 1}
    read["finalists"] = {"learning_rate_factors": [1.0], "seeds": [101]}
    read["strategies"] = {"random": {"name": "random", "search": search}}
    began = time.monotonic()
    spent = run(folder, read)
    now = f"{(time.monotonic() - began) / 60:.0f} minutes, {spent.all_s / 60:.0f} CPU minutes"
    say(f"1,000 candidates of chorales, {os.cpu_count()} cores", "75 minutes", now, "≤ 20 minutes")


SECTIONS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "start": start,
    "runs": runs,
    "plan": plan,
    "quickstart": quickstart,
    "again": again,
    "long": long,
    "chorales": chorales,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--epochs", type=int, default=240, help="of a trial in `long`")
    options = parser.parse_args()
    if unknown := set(options.sections) - SECTIONS.keys():
        parser.error(
            f"there is no section {', '.join(sorted(unknown))}; choose of {', '.join(SECTIONS)}"
        )
    ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
    print(
        f"load before {os.getloadavg()[0]:.1f}\n\n| | was | now | wanted |\n| --- | --- | --- | --- |",
        flush=True,
    )
    for section in options.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as name:
            SECTIONS[section](options, Path(name))
