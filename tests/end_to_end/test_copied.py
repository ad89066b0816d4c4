"""Results that were moved, archived or merged, with and without what Snakemake keeps beside them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.benchmark import CONFIG, GP, STEADY, Benchmark, Ran

# What a merge takes from each: a run's own files and its tables, never the page of all.
OF_A_RUN = ("data", "runs", "tables")


@pytest.fixture
def bare(copied: Benchmark) -> Benchmark:
    """A copy as `cp -r` or `scp -r` makes it: without Snakemake's notes, and with times of their own."""
    shutil.rmtree(copied.folder / ".snakemake")
    lose_times(copied.folder / "results")
    return copied


def lose_times(results: Path) -> None:
    """Give files times that say nothing of which was made from which."""
    for number, path in enumerate(sorted(results.rglob("*"))):
        os.utime(path, (10**9 + number, 10**9 + number))


def kept(results: Path) -> dict[Path, bytes]:
    """Return the content of all files but logs."""
    files = [path for path in sorted(results.rglob("*")) if path.is_file()]
    return {path: path.read_bytes() for path in files if "/logs/" not in str(path)}


def refusal(ran: Ran) -> str:
    """Return the line with which Snakemake refused to start."""
    assert (ran.status, ran.jobs) == (2, frozenset())
    [line] = [line for line in ran.said.splitlines() if "--touch" in line or "touched" in line]
    return line


def test_copied_results_are_not_trained_again_but_refused_with_what_keeps_them(
    bare: Benchmark,
) -> None:
    files = kept(bare.folder / "results")
    line = refusal(bare.run())
    assert line.startswith(
        "22 finished trials would be trained again, since Snakemake has no notes"
    )
    assert "snakemake --touch --snakefile" in line
    assert kept(bare.folder / "results") == files


def test_copied_results_are_taken_as_they_are_after_a_touch(bare: Benchmark) -> None:
    files = kept(bare.folder / "results")
    bare.finish("--touch")
    assert bare.finish().jobs == set()
    assert kept(bare.folder / "results") == files


def test_copied_results_whose_data_stayed_behind_are_not_trained_again(bare: Benchmark) -> None:
    shutil.rmtree(bare.folder / "results/data")
    assert "22 finished trials" in refusal(bare.run())
    bare.finish("--touch")
    assert bare.finish().jobs == set()


def test_a_copy_that_is_to_be_trained_otherwise_is_trained_and_not_touched(
    bare: Benchmark,
) -> None:
    bare.config["tasks"]["bach"]["settings"]["recipe"]["epochs"] = 1
    line = refusal(bare.run("--touch"))
    assert line.startswith("nothing was touched: 24 of the files that are there are not what")
    assert f"{GP}/settings.json for one: it has another task" in line
    assert len(bare.finish().trained) == 22


def test_a_copy_with_one_record_of_another_genome_trains_that_one_alone(bare: Benchmark) -> None:
    place = f"{STEADY}/waves/000/00"
    shutil.copy(bare.folder / f"{STEADY}/waves/000/01/trial.h5", bare.folder / place)
    line = refusal(bare.run("--touch"))
    assert "nothing was touched: 1 of the files that are there" in line
    assert f"{place} for one: its record is of another genome.json" in line
    (bare.folder / place / "trial.h5").unlink()
    bare.finish("--touch")
    assert bare.finish().trained == {place.removeprefix("results/runs/")}


def test_an_archive_that_keeps_times_needs_no_touch(copied: Benchmark, tmp_path: Path) -> None:
    subprocess.run(
        ["tar", "-czf", tmp_path / "results.tgz", "results"], cwd=copied.folder, check=True
    )
    (tmp_path / "there").mkdir()
    subprocess.run(["tar", "-xzf", "../results.tgz"], cwd=tmp_path / "there", check=True)
    assert Benchmark(tmp_path / "there").finish().jobs == set()


def small(folder: Path, *seeds: int) -> Benchmark:
    """Return a benchmark of two candidates a seed."""
    folder.mkdir()
    search = {"waves": 1, "slots": 2, "lag": 1, "finalists": 1}
    strategies = {"gp": {"name": "gp", "search": search}}
    return Benchmark(folder, {**CONFIG, "seeds": [*seeds], "strategies": strategies})


def test_two_peoples_results_are_merged_without_training_anything(tmp_path: Path) -> None:
    one, other = small(tmp_path / "one", 1), small(tmp_path / "other", 2)
    one.finish()
    other.finish()
    for name in OF_A_RUN:
        folders = (other.folder / "results" / name, one.folder / "results" / name)
        shutil.copytree(*folders, dirs_exist_ok=True, copy_function=shutil.copy)
    both = Benchmark(one.folder, {**one.config, "seeds": [1, 2]})
    assert refusal(both.run()).startswith("3 finished trials would be trained again")
    assert "comparison.json for one: it is of other runs" in refusal(both.run("--touch"))
    shutil.rmtree(one.folder / "results/report")
    both.finish("--touch")
    assert both.finish().rules == {"compare", "report"}
    assert both.finish().jobs == set()
