"""What clusters do to jobs, really done to trials under way: every run ends with the same bytes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from support.benchmark import Benchmark, said_in
from support.cluster import GRACE_S, Cluster, wait_until
from support.slurm_trials import (
    SEARCH,
    SMALL,
    Trial,
    assert_same_bytes,
    cancel,
    catch,
    config,
    kill,
    on_cluster,
    wait_for_its_end,
)

from gp_cells.tables.parquet import read_tables
from gp_cells.tables.schemas import SCHEMAS
from gp_cells.training.trial_file import read_trial

# The columns of the tables that tell how a trial went and not what came out.
VOLATILE = {
    *("wall_s", "cpu_s", "process_cpu_s", "first_step_s", "compile_s", "peak_memory_mb"),
    *("latency_1_ms", "latency_64_ms"),
    *("synflow_s", "jacobian_covariance_s", "hidden_covariance_s"),
    *("latency_s", "introspectability_s"),
    *("started_utc", "resumed", "hardware_id", "slurm_job_id"),
}

# Python imports it before anything else: a process that gets the signal SIGUSR1 takes more and more
# memory, up to 4 GiB.
GREEDY = """
import signal, time
held = []
def take(*_):
    for _ in range(16):
        held.append(b"x" * 2**28)
        time.sleep(0.2)
signal.signal(signal.SIGUSR1, take)
"""

RUN = "results/runs/tiny-bach-gp-s1"
PAIR = [f"results/runs/tiny-bach-random-s1/waves/000/{slot}" for slot in ("00", "01")]


@dataclass
class Stricken:
    """A finished search whose trials met a fault each: by fault, the trial and its job thereafter."""

    benchmark: Benchmark
    met: dict[str, tuple[Trial, dict[str, str]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def stricken(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Stricken:
    """The search, run to its end through every fault that hits single jobs or nodes."""
    folder = tmp_path_factory.mktemp("stricken")
    profile = ("--profile", "profiles/slurm")
    benchmark = on_cluster(cluster, folder, config(gp=SEARCH), *profile)
    (folder / "greedy").mkdir()
    (folder / "greedy/sitecustomize.py").write_text(GREEDY)
    process = benchmark.start(PYTHONPATH=str(folder / "greedy"))
    met = Stricken(benchmark).met

    def strike(fault: str, trial: Trial, how: Callable[[Cluster, Trial], None]) -> None:
        how(cluster, trial)
        met[fault] = trial, cluster.job(trial.job)

    first = catch(cluster, benchmark, [f"{RUN}/waves/000/{slot:02d}" for slot in range(6)])
    shorten_its_time(cluster, first[0])
    strike("slurmctld restarted", first[1], restart_slurmctld)
    strike("slurmd killed", first[2], kill_slurmd_under_it)
    strike("killed", first[3], kill)
    strike("out of memory", first[4], exhaust_its_memory)
    strike("cancelled", first[5], cancel)
    strike("over its time", first[0], wait_for_its_end)

    second = catch(cluster, benchmark, [f"{RUN}/waves/001/{slot:02d}" for slot in range(6)])
    drained, preempted, lost = list({trial.node: trial for trial in second}.values())[:3]
    for other in second:
        if other not in (drained, preempted, lost):
            other.let_go()
    strike("node drained", drained, drain_its_node)
    strike("preempted", preempted, preempt)
    strike("node lost", lost, lose_its_node)

    assert process.wait(timeout=600) == 0, said_in(folder)
    return Stricken(benchmark, met)


# --- the faults -----------------------------------------------------------------------------------


def exhaust_its_memory(cluster: Cluster, trial: Trial) -> None:
    trial.process.send_signal(signal.SIGUSR1)
    trial.let_go()
    wait_for_its_end(cluster, trial)
    said = (cluster.folder / f"log/slurmd.{trial.node}.log").read_text()
    assert f"StepId={trial.job}.0 exceeded memory limit" in said


def memory_mb(job: dict[str, str]) -> int:
    """Return how much memory a job asked for."""
    asked = job["MinMemoryNode"]
    return int(asked[:-1]) * {"M": 1, "G": 1024}[asked[-1]]


def shorten_its_time(cluster: Cluster, trial: Trial) -> None:
    """Let its time limit be one minute, Slurm's smallest; stopped as it is, it will not end by then."""
    cluster.call("scontrol", "update", f"jobid={trial.job}", "timelimit=1")


def kill_slurmd_under_it(cluster: Cluster, trial: Trial) -> None:
    cluster.kill_daemon(f"slurmd.{trial.node}")
    trial.let_go()
    cluster.start_daemon(f"slurmd.{trial.node}")
    wait_for_its_end(cluster, trial)


def restart_slurmctld(cluster: Cluster, trial: Trial) -> None:
    cluster.kill_daemon("slurmctld")
    trial.let_go()  # it may well end while there is no slurmctld to hear of it
    wait_until(lambda: not trial.process.is_running(), "the trial ended")
    cluster.start_daemon("slurmctld")
    wait_for_its_end(cluster, trial)


def drain_its_node(cluster: Cluster, trial: Trial) -> None:
    node = f"nodename={trial.node}"
    cluster.call("scontrol", "update", node, "state=drain", "reason=maintenance")
    trial.let_go()
    wait_for_its_end(cluster, trial)
    cluster.call("scontrol", "update", node, "state=resume")


def preempt(cluster: Cluster, trial: Trial) -> None:
    """Give its node to a job that goes first."""
    request = ("--partition=urgent", f"--nodelist={trial.node}", "--exclusive", "--mem=1000")
    cluster.call("sbatch", "--output=/dev/null", *request, "--wrap", "sleep 5")
    wait_for_its_end(cluster, trial)


def lose_its_node(cluster: Cluster, trial: Trial) -> None:
    """Kill everything on its node at once, and bring the node back when Slurm has missed it."""
    cluster.kill_daemon(f"slurmd.{trial.node}")
    for process in cluster.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.environ().get("SLURMD_NODENAME") == trial.node:
                step = process.parent()
                process.kill()
                if step is not None and step.name().startswith("slurmstepd"):
                    step.kill()
    wait_for_its_end(cluster, trial)
    cluster.start_daemon(f"slurmd.{trial.node}")
    start_what_waits(cluster)


def start_what_waits(cluster: Cluster) -> None:
    """Start lost jobs again at once; Slurm would wait two minutes, a test need not."""
    for job in jobs(cluster, "pending"):
        cluster.call("scontrol", "update", f"jobid={job}", "starttime=now")


def jobs(cluster: Cluster, state: str) -> list[str]:
    """Return the numbers of all jobs in a state."""
    return cluster.call("squeue", f"--states={state}", "--noheader", "--format=%i").split()


# --- what became of it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        ("cancelled", {"CANCELLED"}),
        ("killed", {"FAILED"}),
        ("out of memory", {"OUT_OF_MEMORY", "FAILED"}),
        ("slurmd killed", {"COMPLETED"}),
        ("slurmctld restarted", {"COMPLETED"}),
        ("over its time", {"TIMEOUT"}),
        ("node drained", {"COMPLETED"}),
        ("preempted", {"PENDING", "FAILED"}),
        ("node lost", {"NODE_FAIL", "PENDING"}),
    ],
)
def test_a_trial_goes_on_after_its_job_was(
    stricken: Stricken, fault: str, states: set[str]
) -> None:
    trial, job = stricken.met[fault]
    assert job["JobState"] in states
    provenance = read_trial(stricken.benchmark.folder / trial.place / "trial.h5").provenance
    assert provenance["resumed"] == (0 if states == {"COMPLETED"} else 1)


def test_a_trial_that_slurm_killed_for_its_memory_asks_for_double(
    cluster: Cluster, stricken: Stricken
) -> None:
    trial, killed = stricken.met["out of memory"]
    provenance = read_trial(stricken.benchmark.folder / trial.place / "trial.h5").provenance
    assert memory_mb(cluster.job(provenance["slurm_job_id"])) == 2 * memory_mb(killed)


def test_a_preempted_trial_writes_its_checkpoint_before_it_goes(stricken: Stricken) -> None:
    trial, _ = stricken.met["preempted"]
    [log] = stricken.benchmark.folder.glob(f".snakemake/slurm_logs/**/{trial.job}.log")
    assert "asked to stop; the checkpoint is kept" in log.read_text()


def test_the_search_ends_with_the_bytes_of_an_undisturbed_one(
    stricken: Stricken, here: Benchmark
) -> None:
    assert_same_bytes(here, stricken.benchmark)


def test_every_row_of_its_tables_holds_what_it_holds_undisturbed(
    stricken: Stricken, here: Benchmark
) -> None:
    for table in SCHEMAS.keys() - {"hardware"}:
        there, undisturbed = (
            read_tables(benchmark.folder / "results", table).to_pylist()
            for benchmark in (stricken.benchmark, here)
        )
        expected = [row for row in undisturbed if row["run"] == Path(RUN).name]
        assert expected or table == "assemblies"  # nothing here is made of parts
        assert [deterministic(row) for row in there] == [deterministic(row) for row in expected]


def deterministic(row: dict[str, object]) -> dict[str, object]:
    """Return what does not vary, by how it is written: a score that is no number is equal to itself."""
    return {name: repr(value) for name, value in row.items() if name not in VOLATILE}


@pytest.mark.parametrize(("grace_s", "state"), [(GRACE_S, "FAILED"), (0, "PREEMPTED")])
def test_trials_preempted_where_that_cancels_jobs_end_with_the_same_bytes(
    cluster: Cluster, tmp_path: Path, here: Benchmark, grace_s: int, state: str
) -> None:
    cluster.call("scontrol", "update", "partitionname=scavenge", f"gracetime={grace_s}")
    options = ("--profile", "slurm", "--set-resources", "train:slurm_partition=scavenge")
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), *options)
    process = benchmark.start()
    first, second = catch(cluster, benchmark, PAIR)
    second.let_go()
    preempt(cluster, first)
    assert cluster.job(first.job)["JobState"] == state
    wait_until(lambda: not jobs(cluster, "completing"), "the other job of its node ended too")
    for lost in jobs(cluster, "preempted"):
        cluster.call("scontrol", "requeue", lost)
    start_what_waits(cluster)
    assert process.wait(timeout=600) == 0, said_in(benchmark.folder)
    assert_same_bytes(here, benchmark)


def test_snakemake_killed_and_started_again_beside_its_old_jobs_ends_with_the_same_bytes(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), "--profile", "slurm")
    process = benchmark.start()
    trials = catch(cluster, benchmark, PAIR)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for trial in trials:
        trial.let_go()
    benchmark.finish("--unlock")
    benchmark.finish()
    assert_same_bytes(here, benchmark)
    assert list(benchmark.folder.rglob("checkpoint.h5")) == []


def test_a_file_system_full_and_read_only_for_a_while_ends_with_the_same_bytes(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    results = tmp_path / "results"
    cluster.call("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(tmp_path))
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), "--profile", "slurm")
    process = benchmark.start()
    filled, locked = catch(cluster, benchmark, PAIR)

    cluster.call("sh", "-c", f"cat /dev/zero > {tmp_path}/zeros || true")
    filled.let_go()
    wait_for_its_end(cluster, filled)
    cluster.call("rm", str(tmp_path / "zeros"))

    cluster.call("mount", "--bind", str(results), str(results))
    cluster.call("mount", "-o", "remount,bind,ro", str(results))
    locked.let_go()
    wait_for_its_end(cluster, locked)
    cluster.call("umount", "--lazy", str(results))

    assert process.wait(timeout=600) == 0, said_in(benchmark.folder)
    assert_same_bytes(here, benchmark)


def test_ctrl_c_keeps_what_has_ended_unnoticed_and_the_rest_goes_on_from_its_checkpoint(
    cluster: Cluster, tmp_path: Path, here: Benchmark
) -> None:
    benchmark = on_cluster(cluster, tmp_path, config(random=SMALL), "--profile", "slurm")
    shutil.copytree(here.folder / "results/data", tmp_path / "results/data")  # no job prepares them
    process = benchmark.start("--seconds-between-status-checks=20")
    first, second = catch(cluster, benchmark, PAIR)
    first.let_go()
    wait_until((tmp_path / first.place / "fitness.json").exists, "the first trial ended", 300)
    wait_for_its_end(cluster, first)
    [snakemake] = psutil.Process(process.pid).children()  # of nsenter
    snakemake.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) == 1

    said = said_in(benchmark.folder)
    assert "1 of 3 trials are done and kept" in said
    assert "interrupted: its jobs on the cluster are cancelled" in said
    assert "the same command goes on: snakemake --profile slurm" in said
    wait_for_its_end(cluster, second)
    trained = benchmark.finish().trained
    assert Path(first.place).name not in {Path(place).name for place in trained if "waves" in place}
    assert read_trial(tmp_path / second.place / "trial.h5").provenance["resumed"] == 1
    assert_same_bytes(here, benchmark)
