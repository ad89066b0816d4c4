"""A release of made-up tables: real genomes and lineages, losses that nobody measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic import make_config, make_tables

from gp_cells.exchange.release import publish


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return tables of baselines, gp and random, two seeds."""
    folder = tmp_path_factory.mktemp("made_up")
    make_tables(folder, make_config(seeds=(1, 2), waves=2, slots=4))
    return folder


@pytest.fixture(scope="session")
def release(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of them; not to be changed."""
    folder = tmp_path_factory.mktemp("published") / "release"
    publish(results, folder)
    return folder
