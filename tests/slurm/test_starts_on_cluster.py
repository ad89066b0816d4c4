"""Trials that start from others, on a cluster that takes their jobs away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.benchmark import Benchmark, said_in
from support.cluster import Cluster
from support.slurm_trials import assert_same_bytes, cancel, catch, config, kill, on_cluster

from gp_cells.training.trial_file import read_trial

RUNS = ("results/runs/tiny-bach-halving-s1", "results/runs/tiny-bach-tournament-s1")
STRATEGIES: dict[str, Any] = {
    "halving": {
        "name": "halving",
        "settings": {"epochs": 100, "factor": 2, "rungs": 2},
        "search": {"waves": 2, "slots": [2, 1], "lag": 1, "finalists": 1},
    },
    "tournament": {
        "name": "tournament",
        "settings": {"epochs": 100},
        "search": {"waves": 2, "slots": 2, "lag": 1, "finalists": 1},
    },
}


def test_halving_and_a_tournament_through_faults_end_with_the_bytes_of_undisturbed_ones(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Of each wave one job of each is taken away, in the second while it goes on from a state."""
    here = Benchmark(tmp_path / "here", config(**STRATEGIES))
    here.folder.mkdir()
    here.finish()
    there = tmp_path / "there"
    there.mkdir()
    benchmark = on_cluster(cluster, there, config(**STRATEGIES), "--profile", "slurm")
    process = benchmark.start()
    struck = []
    for wave, faults in (("000", (cancel, kill)), ("001", (kill, cancel))):
        trials = catch(cluster, benchmark, [f"{run}/waves/{wave}/00" for run in RUNS])
        for trial, fault in zip(trials, faults, strict=True):
            fault(cluster, trial)
            struck.append(trial)

    assert process.wait(timeout=600) == 0, said_in(benchmark.folder)

    assert_same_bytes(here, benchmark)
    for trial in struck:
        record = read_trial(benchmark.folder / trial.place / "trial.h5")
        assert record.provenance["resumed"] == 1
        assert (record.spec.start is None) == ("/000/" in trial.place)
