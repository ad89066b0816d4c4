"""`gp-cells rerun` by the real Snakemake: rows of a finished benchmark, made anew beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.benchmark import Benchmark
from support.reruns import RUN, rerun

from gp_cells.tables.parquet import read_tables, write_rows


def kept(benchmark: Benchmark) -> dict[str, tuple[bytes, int]]:
    """Return content and time of every file but those of the rows made anew."""
    return {
        name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in benchmark.folder.rglob("*")
        if path.is_file()
        and not (name := str(path.relative_to(benchmark.folder))).startswith("results/reruns/")
    }


def change_table(benchmark: Benchmark, table: str, **values: object) -> None:
    """Write other values into the rows of a run's table, as if they had been measured so."""
    results = benchmark.folder / "results"
    rows = read_tables(results, table, [RUN]).to_pylist()
    write_rows(results, table, RUN, [{**row, **values} for row in rows])


@pytest.mark.parametrize("candidate", ["w001-02", "r00-0-0"], ids=["search", "replicate"])
def test_a_trial_comes_out_identical_and_nothing_else_is_touched(
    copied: Benchmark, candidate: str
) -> None:
    before = kept(copied)
    status, said, log = rerun(copied, f"{RUN}/{candidate}")
    assert status == 0, log
    command, verdict = said.splitlines()[:2]
    assert command.startswith("snakemake --profile ")
    assert verdict == f"{RUN}/{candidate}: identical; ok, 2 epochs"
    assert kept(copied) == before
    assert copied.finish().jobs == set()


def test_the_printed_command_makes_the_same_row_again(copied: Benchmark) -> None:
    _, said, _ = rerun(copied, f"{RUN}/w000-00")
    made = copied.folder / "results/reruns" / f"results/runs/{RUN}/waves/000/00/fitness.json"
    first = made.read_bytes(), made.stat().st_mtime_ns
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = said.splitlines()[0]
    subprocess.run(
        command, shell=True, cwd=copied.folder, env={**os.environ, "PATH": path}, check=True
    )
    assert made.read_bytes() == first[0]
    assert made.stat().st_mtime_ns > first[1]


def test_another_outcome_is_told_with_its_place_and_the_stored_one_is_kept(
    copied: Benchmark,
) -> None:
    change_table(copied, "curves", valid_loss=5.0)
    change_table(copied, "trials", torch="2.9.0")
    before = kept(copied)
    status, said, _ = rerun(copied, f"{RUN}/w000-01")
    assert status == 1
    assert f"{RUN}/w000-01: different; epoch " in said
    assert "the curves part in epoch 1: validation loss 5.0 then" in said
    assert "made otherwise: torch 2.9.0 then, " in said
    assert kept(copied) == before


def test_a_trial_that_cannot_be_made_is_told_and_the_stored_one_is_kept(copied: Benchmark) -> None:
    (copied.folder / "results/data/tiny-bach/search.npz").write_bytes(b"broken")
    before = kept(copied)
    status, said, log = rerun(copied, f"{RUN}/w000-01")
    assert status == 1
    assert f"{RUN}/w000-01: not made; " in said
    assert "search.npz" in log
    assert kept(copied) == before


def test_a_sample_of_both_searches_is_made_by_one_command_and_counted(copied: Benchmark) -> None:
    status, said, log = rerun(copied, "--all", "--sample", "5")
    assert status == 0, log
    lines = said.splitlines()
    assert len([line for line in lines if line.startswith("snakemake ")]) == 1
    made = [line.partition(":")[0] for line in lines if ": identical; " in line]
    assert len(made) == 5
    again = copied.folder / "results/reruns/results"
    assert [path.name for path in (again / "logs").iterdir()] == ["train"]
    assert len(list((again / "runs").rglob("fitness.json"))) == 5
    warm_log = again.parent / ".snakemake/log/warm.log"
    assert warm_log.exists() == ((os.cpu_count() or 1) < 5)  # more of them than start at once
    assert {name.partition("/")[0] for name in made} == {"tiny-bach-gp-s1", "tiny-bach-steady-s1"}
    assert lines[-1] == (
        "5 trials reproduced: 5 identical, 0 within tolerance, 0 different, 0 not made"
    )


def test_a_trial_is_made_from_the_tables_alone(copied: Benchmark, tmp_path: Path) -> None:
    published = Benchmark(tmp_path / "published")
    (published.folder / "results").mkdir(parents=True)
    (copied.folder / "results/tables").rename(published.folder / "results/tables")
    status, said, log = rerun(published, f"{RUN}/w000-03")
    assert status == 0, log
    assert f"{RUN}/w000-03: identical; " in said
