"""What a trial's job asks Snakemake for, and that it is no reason to run anything again."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest
import torch
from support.benchmark import GP, Benchmark

from gp_cells.workflow.cost import report


def asked(said: str) -> list[dict[str, str]]:
    """Return the resources of every job of rule train that a dry run announced."""
    jobs = re.findall(r"^rule train:\n(?:    .*\n)*?    resources: (.*)$", said, re.M)
    return [dict(entry.split("=", 1) for entry in job.split(", ")) for job in jobs]


def test_before_a_genome_is_bred_its_cost_is_to_be_determined(tmp_path: Path) -> None:
    jobs = asked(Benchmark(tmp_path).finish("-n", "--quiet", "host").said)
    assert {(job["mem_mb"], job["runtime"], job["gpu"]) for job in jobs} == {
        ("<TBD>", "<TBD>", "0")
    }


def test_a_bred_genome_is_asked_for_by_its_cost(copied: Benchmark) -> None:
    ran = copied.finish("-n", "--quiet", "host", "--force", f"{GP}/waves/000/01/fitness.json")
    [job] = asked(ran.said)
    assert 200 <= int(job["mem_mb"]) < 1000
    assert 6 <= int(job["runtime"]) <= 5 + copied.config["training"]["time_limit_s"] / 60


def test_a_job_gets_at_most_what_the_machine_has_or_the_user_gives(copied: Benchmark) -> None:
    plan = ("-n", "--quiet", "host", "--force", f"{GP}/waves/000/01/fitness.json")
    greedy = ("--set-resources", "train:mem_mb=99999999", "train:gpu=9")
    [job] = asked(copied.finish(*plan, *greedy).said)
    assert 0 < int(job["mem_mb"]) < psutil.virtual_memory().total / 1e6
    assert job["gpu"] == "1"
    [job] = asked(copied.finish(*plan, *greedy, "--resources", "mem_mb=77", "gpu=4").said)
    assert (job["mem_mb"], job["gpu"]) == ("77", "4")


def test_other_resources_run_nothing_again(copied: Benchmark) -> None:
    ran = copied.finish("--set-resources", "train:mem_mb=9999", "train:runtime=999", "train:gpu=3")
    assert ran.jobs == set()
    assert "Nothing to be done" in ran.said


def test_a_gpu_is_asked_for_where_the_config_says_so(tmp_path: Path) -> None:
    benchmark = Benchmark(tmp_path)
    benchmark.config["training"] |= {"device": "cuda", "engine": "eager"}
    jobs = asked(benchmark.finish("-n", "--quiet", "host").said)
    assert {job["gpu"] for job in jobs} == {"1"}


def test_a_genome_file_of_another_version_does_not_stop_the_plan(copied: Benchmark) -> None:
    genome = copied.folder / GP / "waves/000/01/genome.json"
    genome.write_text("{}")
    ran = copied.run("-n", "--quiet", "host")
    assert ran.status == 0, ran.said


def test_the_error_of_what_is_foretold_is_shown_for_every_run(copied: Benchmark) -> None:
    lines = report(copied.folder / "results").splitlines()
    assert lines[0] == "bach_chorales, recurrent, engine compiled on cpu, 1 thread(s)"
    runs = {line.split()[0]: line.split()[1:3] for line in lines if line.startswith("  tiny-")}
    # each is foretold from the trials of the other; nine are too few to learn from
    assert runs == {"tiny-bach-gp-s1": ["13", "0"], "tiny-bach-steady-s1": ["9", "13"]}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_a_config_for_one_ends_in_a_line_before_any_job(tmp_path: Path) -> None:
    benchmark = Benchmark(tmp_path)
    benchmark.config["training"] |= {"device": "cuda"}
    ran = benchmark.run()
    assert ran.status == 2
    assert ran.jobs == set()
    assert not (tmp_path / "results").exists()
    [line] = [line for line in ran.said.splitlines() if "training.device" in line]
    assert line.startswith("gp-cells check: ")
    assert "Traceback" not in ran.said
