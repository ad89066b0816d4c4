"""The Slurm profile on a real cluster gives the bytes of a run on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark import Benchmark
from cluster import Cluster
from trials import SMALL, assert_same_bytes, config, on_cluster

from gp_cells.record import read_trial

WAVE = "results/runs/tiny-bach-random-s1/waves/000"


@pytest.mark.parametrize("spelling", ["--profile slurm", "--workflow-profile slurm"])
def test_the_profile_as_typed_gives_the_bytes_of_a_local_run(
    cluster: Cluster, tmp_path: Path, here: Benchmark, spelling: str
) -> None:
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *spelling.split())
    benchmark.finish()
    assert_same_bytes(here, benchmark)
    provenance = read_trial(benchmark.folder / WAVE / "00/trial.h5")["provenance"]
    assert cluster.job(provenance["slurm_job_id"])["JobState"] == "COMPLETED"


def test_a_wave_as_a_job_array_gives_the_bytes_of_a_local_run(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    options = ("--profile", "slurm", "--slurm-array-jobs", "train")
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *options)
    benchmark.finish()
    assert_same_bytes(here, benchmark)
    numbers = [
        read_trial(benchmark.folder / WAVE / slot / "trial.h5")["provenance"]["slurm_job_id"]
        for slot in ("00", "01")
    ]
    assert len({cluster.job(number)["ArrayJobId"] for number in numbers}) == 1


def test_a_gpu_is_asked_for_and_given(cluster: Cluster, tmp_path: Path) -> None:
    options = ("--profile", "slurm", "--set-resources", "prepare:gpu=1")
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *options)
    benchmark.finish("results/data/tiny-bach/data.json")
    [job] = [
        number
        for number in cluster.call("squeue", "--states=all", "--noheader", "--format=%i").split()
        if cluster.job(number)["WorkDir"] == str(tmp_path)
    ]
    assert cluster.job(job)["TresPerJob"] == "gres:gpu:1"
