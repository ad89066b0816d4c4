"""The results folder that replays are tried on."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from support.stored_trials import CONFIG, play_and_store, settings_of

from gp_cells.config.plan import read_plan
from gp_cells.strategies import Outcome


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Outcome]]]:
    """A results folder with the tables of every run of CONFIG, and each run's history."""
    results = tmp_path_factory.mktemp("stored")
    histories = {
        name: play_and_store(results, settings_of(run, tmp_path_factory.mktemp("settings")))
        for name, run in read_plan(CONFIG).runs.items()
    }
    return results, histories


@pytest.fixture
def config() -> dict[str, Any]:
    """The config of the stored runs, which a test may change."""
    return copy.deepcopy(CONFIG)
