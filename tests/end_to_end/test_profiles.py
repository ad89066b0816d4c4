"""Every way to name a profile plans the quickstart from a fresh checkout, and Snakemake can report."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.benchmark import Benchmark, check_out, said_in, start


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a checkout has, so that nothing is written into this one."""
    return check_out(tmp_path_factory.mktemp("checkout"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "slurm"],
        ["--profile", "profiles/slurm"],
        ["--workflow-profile", "slurm"],
        ["--profile", "profiles/lsf"],
        ["--profile", "profiles/flux"],
        ["--profile", "profiles/local"],
        ["-c1"],
    ],
    ids=" ".join,
)
def test_the_quickstart_is_planned_from_a_checkout(checkout: Path, arguments: list[str]) -> None:
    status = start(checkout, "snakemake", *arguments, "-n", "--quiet", "host").wait(timeout=60)
    said = said_in(checkout)
    assert status == 0, said
    for run in ("baselines", "random", "gp"):
        assert f"results/runs/quickstart-bach_chorales-{run}-s1/settings.json" in said
    assert not (checkout / "results").exists()


def test_snakemake_makes_its_own_report_of_a_finished_benchmark(copied: Benchmark) -> None:
    ran = copied.finish("--report", "out.html")
    assert ran.jobs == set()
    page = (copied.folder / "out.html").read_text()
    assert "results/report/tiny/index.html" in page
    assert "breed_steady" in page
