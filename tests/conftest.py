"""Small real settings that every test builds on: two epochs on a twentieth of the chorales."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

TINY: dict[str, Any] = {
    "benchmark": "tiny",
    "seeds": [1],
    "space": {"name": "recurrent"},
    "tasks": {
        "bach": {
            "name": "bach_chorales",
            "settings": {"part": 0.05, "recipe": {"units": 8, "epochs": 2}},
        }
    },
    "strategies": {
        "gp": {
            "name": "gp",
            "search": {"waves": 3, "slots": 4, "lag": 1, "finalists": 1},
        }
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101]},
    "stopping": {"name": "never"},
    "training": {"device": "cpu", "threads": 1, "time_limit_s": 600},
}


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A valid config that a test may change."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def chorales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared chorales, as `train` reads them."""
    from gp_cells.search import plug_in
    from gp_cells.tasks.prepared import prepare

    folder = tmp_path_factory.mktemp("chorales")
    prepare(plug_in({"task": TINY["tasks"]["bach"]}, "task"), "bach_chorales", folder)
    return folder


@pytest.fixture
def settings(tiny: dict[str, Any], chorales: Path, tmp_path: Path) -> Path:
    """The settings file of the tiny benchmark's run."""
    from gp_cells.plan import read_plan
    from gp_cells.search import write_settings

    run = next(iter(read_plan(tiny).runs.values()))
    path = tmp_path / "run" / "settings.json"
    write_settings(run.order, chorales / "data.json", path)
    return path
