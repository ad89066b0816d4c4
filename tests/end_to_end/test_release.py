"""A finished benchmark is published with its networks, verified, and made anew from the release."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.benchmark import Benchmark
from support.reruns import RUN, rerun

from gp_cells.exchange.export import write_network
from gp_cells.exchange.release import publish
from gp_cells.exchange.release.verify import verify
from gp_cells.tables.parquet import read_tables
from gp_cells.tables.query import find_trial


@pytest.fixture(scope="module")
def release(base: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "release"
    publish(base.folder / "results", folder, ["tiny"], weights=1, write_network=write_network)
    return folder


def test_every_check_of_it_finds_nothing(release: Path) -> None:
    assert [str(finding) for finding in verify(release) if finding.faults or finding.needs] == []


def test_published_again_it_is_the_same_bytes(
    base: Benchmark, release: Path, tmp_path: Path
) -> None:
    publish(
        base.folder / "results",
        tmp_path / "again",
        ["tiny"],
        weights=1,
        write_network=write_network,
    )
    sums = "SHA256SUMS"
    assert (tmp_path / "again" / sums).read_bytes() == (release / sums).read_bytes()


def test_its_network_is_the_best_finalist_of_the_task_and_needs_this_package_no_more(
    release: Path,
) -> None:
    [folder] = (release / "weights").iterdir()
    trials = read_tables(release, "trials").to_pylist()
    ended_well = [t for t in trials if t["chosen"] and t["fitness"] is not None]
    assert folder.name in {f"{t['run']}-{t['candidate']}" for t in ended_well}
    program = "import sys; sys.modules['gp_cells'] = None; import network; print(network.load())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Network(")
    assert [finding.check for finding in verify(release) if finding.faults] == []


def test_it_names_nothing_of_the_machine(base: Benchmark, release: Path) -> None:
    hosts = {row["host"] for row in read_tables(base.folder / "results", "hardware").to_pylist()}
    named = re.compile(rf"{base.folder}|\b({'|'.join(map(re.escape, hosts))})\b")
    binary = (".parquet", ".safetensors", ".pyc")
    texts = [p for p in release.rglob("*") if p.is_file() and p.suffix not in binary]
    assert [path for path in texts if named.search(path.read_text())] == []
    assert {row["host"] for row in read_tables(release, "hardware").to_pylist()} == {"host-1"}


def test_a_trial_made_anew_from_the_release_alone_comes_out_identical(release: Path) -> None:
    results = ["--results", str(release)]
    status, said, log = rerun(Benchmark(release.parent), f"{RUN}/w001-02", *results)
    assert status == 0, log
    assert said.splitlines()[1] == f"{RUN}/w001-02: identical; ok, 2 epochs"
    assert find_trial(release, f"{RUN}/w001-02")["status"] == "ok"
    assert [finding.check for finding in verify(release) if finding.faults] == []
