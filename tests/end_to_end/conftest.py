"""One finished tiny benchmark; each test changes a copy of it and runs Snakemake again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.benchmark import Benchmark


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as slow."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """The tiny benchmark, run on one core; not to be changed."""
    finished = Benchmark(tmp_path_factory.mktemp("base"))
    finished.finish("-c1")
    return finished


@pytest.fixture
def copied(base: Benchmark, tmp_path: Path) -> Benchmark:
    """A copy of the finished benchmark, to change and run again."""
    return base.copied(tmp_path / "copy")
