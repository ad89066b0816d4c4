"""Two Snakemakes at once in one folder leave each other alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.benchmark import GP, STEADY, Benchmark, differing, said_in


def tables_of(run: str) -> str:
    """Return the target that makes one run with its tables."""
    return f"results/tables/trials/run={Path(run).name}/part.parquet"


def all_end_well(started: list[tuple[Benchmark, subprocess.Popen[bytes]]]) -> None:
    for benchmark, process in started:
        assert process.wait(timeout=600) == 0, said_in(benchmark.folder)


def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return a folder to share, and one for the config and the words of each Snakemake."""
    made = (tmp_path / "shared", tmp_path / "one", tmp_path / "other")
    for folder in made:
        folder.mkdir()
    return made


def test_two_benchmarks_at_once_in_one_folder_give_what_each_gives_alone(
    base: Benchmark, tmp_path: Path
) -> None:
    shared, one, other = folders(tmp_path)
    tiny, second = Benchmark(one), Benchmark(other)
    second.config.update(benchmark="second", seeds=[2])
    here = ("-c1", "--directory", str(shared))

    all_end_well([(each, each.start(*here)) for each in (tiny, second)])

    found = Benchmark(shared).deterministic()
    of_tiny = {name: content for name, content in found.items() if "tiny-" in name}
    assert differing(base.deterministic(), of_tiny) == set()
    assert sum("second-" in name for name in found) == len(of_tiny)
    for each in (tiny, second):
        all_end_well([(each, each.start(*here))])
        assert "Nothing to be done" in said_in(each.folder)


def test_two_runs_of_a_benchmark_at_once_give_what_the_whole_gives(
    base: Benchmark, tmp_path: Path
) -> None:
    shared, one, other = folders(tmp_path)
    here = ("-c1", "--directory", str(shared))
    first, second = Benchmark(one), Benchmark(other)
    all_end_well([(first, first.start(*here, "results/data/tiny-bach/data.json"))])

    targets = [(first, tables_of(GP)), (second, tables_of(STEADY))]
    all_end_well([(each, each.start(*here, target)) for each, target in targets])

    assert differing(base.deterministic(), Benchmark(shared).deterministic()) == set()
