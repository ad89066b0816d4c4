"""What several tests need: a small config, prepared data, a run's settings."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from support.tiny import TINY

# An example takes as long as a machine with other work on it needs; a test has a time limit of its own.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")

# The folders and files that take longest: workers begin with them, so that at the end none has long to go
# when the others are done.
LONG = ("slurm", "end_to_end", "test_notebooks", "test_compiled", "test_train", "test_engine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with what takes longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: min(map(rank, (item.path.parent.name, item.path.stem))))


def rank(name: str) -> int:
    """Return how early a folder or file begins."""
    return LONG.index(name) if name in LONG else len(LONG)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Give a worker whole files, whose tests share what they prepare."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True)
def as_torch_begins() -> Iterator[None]:
    """Put back what a trial in this process sets for all of it: denormal numbers, determinism."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
        torch.set_deterministic_debug_mode("default")
        torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A valid config that a test may change."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def chorales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared chorales, as `train` reads them."""
    from gp_cells.config.records import PlugIn
    from gp_cells.plugins import plug_in
    from gp_cells.tasks.prepared import prepare

    folder = tmp_path_factory.mktemp("chorales")
    prepare(plug_in("task", PlugIn(**TINY["tasks"]["bach"])), "bach_chorales", folder)
    return folder


@pytest.fixture
def settings(tiny: dict[str, Any], chorales: Path, tmp_path: Path) -> Path:
    """The settings file of the tiny benchmark's run."""
    from gp_cells.config.plan import read_plan
    from gp_cells.workflow.steps import write_settings

    run = next(iter(read_plan(tiny).runs.values()))
    path = tmp_path / "run" / "settings.json"
    write_settings(run.config, chorales / "data.json", path)
    return path
