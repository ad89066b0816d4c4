"""Each way to submit to a real Slurm cluster gives the bytes of a run on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.benchmark import Benchmark
from support.cluster import Cluster
from support.slurm_trials import SMALL, assert_same_bytes, catch, config, on_cluster

from gp_cells.training.trial_file import read_trial

WAVE = "results/runs/tiny-bach-random-s1/waves/000"


def slurm_job(benchmark: Benchmark, place: str) -> str:
    """Return the number of the job that a trial ended in."""
    return read_trial(benchmark.folder / place / "trial.h5").provenance["slurm_job_id"]


@pytest.mark.parametrize("spelling", ["--profile slurm", "--workflow-profile slurm"])
def test_the_profile_as_typed_gives_the_bytes_of_a_local_run(
    cluster: Cluster, tmp_path: Path, here: Benchmark, spelling: str
) -> None:
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *spelling.split())
    benchmark.finish()
    assert_same_bytes(here, benchmark)
    assert cluster.job(slurm_job(benchmark, f"{WAVE}/00"))["JobState"] == "COMPLETED"


def test_a_wave_as_a_job_array_gives_the_bytes_of_a_local_run(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    options = ("--profile", "slurm", "--slurm-array-jobs", "train")
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *options)
    benchmark.finish()
    assert_same_bytes(here, benchmark)
    numbers = [slurm_job(benchmark, f"{WAVE}/{slot}") for slot in ("00", "01")]
    assert len({cluster.job(number)["ArrayJobId"] for number in numbers}) == 1


def test_a_whole_benchmark_in_one_job_cancelled_and_sent_again_gives_the_bytes_of_a_local_run(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    snakemake = "snakemake --profile profiles/local --cores 2 --resources mem_mb=8000 --nolock $*"
    sbatch = f'sbatch --wait --cpus-per-task=2 --mem=8G --wrap "{snakemake}"'
    on_cluster(cluster, tmp_path, {})  # check out
    command = cluster.inside("bash", "-c", sbatch, "sbatch", folder=tmp_path)
    benchmark = Benchmark(tmp_path, config(random=SMALL), tuple(command))

    process = benchmark.start()
    first, second = catch(cluster, benchmark, [f"{WAVE}/00", f"{WAVE}/01"])
    assert first.job == second.job
    cluster.call("scancel", first.job)
    assert process.wait(timeout=60) != 0
    benchmark.finish()

    assert_same_bytes(here, benchmark)
    assert slurm_job(benchmark, f"{WAVE}/00") == slurm_job(benchmark, f"{WAVE}/01") != first.job
    for trial in (first, second):
        assert read_trial(tmp_path / trial.place / "trial.h5").provenance["resumed"] == 1


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
