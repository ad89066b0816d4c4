"""One cluster for all tests of this folder, and the benchmark that they run on it and here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.benchmark import Benchmark
from support.cluster import Cluster, why_not
from support.slurm_trials import SEARCH, SMALL, config


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.slurm)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of four idle nodes."""
    if reason := why_not():
        pytest.skip(reason)
    cluster = Cluster(tmp_path_factory.mktemp("slurm") / "cluster")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def here(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """Both strategies after an undisturbed run on this machine."""
    benchmark = Benchmark(tmp_path_factory.mktemp("here"), config(gp=SEARCH, random=SMALL))
    benchmark.finish()
    return benchmark
