"""Trials of a benchmark on the cluster: their benchmark, and each caught while it trains."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.benchmark import Benchmark, check_out, differing, said_in
from support.cluster import Cluster, wait_until
from support.tiny import TINY

# Trials of a few seconds, so that each can be caught under way: a search, and the smallest benchmark.
SEARCH = {"name": "gp", "search": {"waves": 2, "slots": 6, "lag": 1, "finalists": 1}}
SMALL = {"name": "random", "search": {"waves": 1, "slots": 2, "lag": 1, "finalists": 1}}

# Ask after jobs every two seconds and not every ten: these last seconds and not hours.
SOON = ("--seconds-between-status-checks=2", "--slurm-init-seconds-before-status-checks=2")


def config(**strategies: Any) -> dict[str, Any]:
    """Return the config of these strategies."""
    made = copy.deepcopy({**TINY, "strategies": strategies})
    made["tasks"]["bach"]["settings"]["recipe"]["epochs"] = 100
    return made


def on_cluster(cluster: Cluster, folder: Path, config: dict[str, Any], *options: str) -> Benchmark:
    """Return a benchmark that `snakemake OPTIONS`, typed in a fresh checkout, runs on the cluster."""
    command = tuple(cluster.inside("snakemake", *options, *SOON, folder=folder))
    return Benchmark(check_out(cluster.seen(folder)), config, command)


def assert_same_bytes(here: Benchmark, there: Benchmark) -> None:
    """Refuse a benchmark of which a deterministic file is not what it is here; it may lack a strategy."""
    lacking = here.plan.runs.keys() - there.plan.runs.keys()
    expected = {
        name: content
        for name, content in here.deterministic().items()
        if not any(run in name for run in lacking)
    }
    assert differing(expected, there.deterministic()) == set()


@dataclass(frozen=True)
class Trial:
    """A training process, stopped (SIGSTOP) after its first checkpoint, and the Slurm job it is in."""

    place: str  # e.g. results/runs/tiny-bach-gp-s1/waves/000/01
    process: psutil.Process
    job: str
    node: str

    def let_go(self) -> None:
        """Let it train on."""
        self.process.resume()


def catch(cluster: Cluster, benchmark: Benchmark, places: Iterable[str]) -> list[Trial]:
    """Stop the training at each place as soon as it has a checkpoint; return the trials."""
    caught: dict[str, Trial] = {}
    wanted = set(places)

    def all_caught() -> bool:
        for place, process in _training(cluster):
            if (
                place in wanted - caught.keys()
                and (benchmark.folder / place / "checkpoint.h5").exists()
            ):
                process.suspend()
                variables = process.environ()
                job, node = variables["SLURM_JOB_ID"], variables["SLURMD_NODENAME"]
                caught[place] = Trial(place, process, job, node)
        return caught.keys() == wanted

    try:
        wait_until(all_caught, f"all of {wanted} trained", 600)
    except AssertionError as error:
        raise AssertionError(
            f"{error}; caught {sorted(caught)}\n{said_in(benchmark.folder)}"
        ) from None
    return [caught[place] for place in sorted(caught)]


def _training(cluster: Cluster) -> Iterator[tuple[str, psutil.Process]]:
    """Yield each `gp-cells step train` on the cluster with the folder of its trial."""
    for process in cluster.processes():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            command = process.cmdline()
            if command[2:4] == ["step", "train"] and command[1].endswith("/gp-cells"):
                yield str(Path(command[command.index("--fitness") + 1]).parent), process


def cancel(cluster: Cluster, trial: Trial) -> None:
    """Cancel a trial's job."""
    cluster.call("scancel", trial.job)
    wait_for_its_end(cluster, trial)


def kill(cluster: Cluster, trial: Trial) -> None:
    """Kill a trial's process."""
    trial.process.kill()
    wait_for_its_end(cluster, trial)


def wait_for_its_end(cluster: Cluster, trial: Trial) -> None:
    """Wait until Slurm no longer has the job running where it was."""
    under_way = ("RUNNING", "SIGNALING", "COMPLETING")
    wait_until(lambda: cluster.job(trial.job)["JobState"] not in under_way, "the job ended", 300)
