"""The config of a minimisation: one cell, one task, and as many seeds and steps as it is given.

The cell is a hand-designed one by its name, a `.cell` file, or a trial of the tables, whose protocol is
then kept. For the first two the protocol is that of another config, or a plain one: the task with its own
recipe, float32 on one thread of the CPU. The space's limits are as wide as they can be, since they bound
what a search may write, and here nothing is written.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gp_cells.config.cell_files import CELL
from gp_cells.config.choose import SettingError, about, check_range
from gp_cells.config.files import read_text, written_beside
from gp_cells.config.given import plan_of
from gp_cells.config.plan import config_of, read_plan
from gp_cells.config.records import PlugIn, settings_in
from gp_cells.genomes.deletions import deletions
from gp_cells.genomes.genome import GenomeError, parse
from gp_cells.plugins import fill_in, plug_in
from gp_cells.spaces import SPACES
from gp_cells.strategies.cells import read_cell
from gp_cells.strategies.minimise import FEWEST
from gp_cells.tables.parquet import read_tables
from gp_cells.tables.query import find_trial

LABEL = "minimise"
MOST_SLOTS = 100  # of a wave
FIRST_SEED, FINAL_SEEDS = 1001, 10  # of the finalists; the search has others whatever these are


@dataclass(frozen=True)
class Given:
    """A cell as a setting, what it is called, and the config whose protocol it is trained by."""

    cell: str
    name: str
    config: dict[str, Any]


def write_config(
    cell: str,
    task: str | None,
    like: str | None,
    seeds: int,
    steps: int,
    to: Path | None,
    results: Path,
) -> tuple[Path, str]:
    """Write the config that minimises a cell on a task, and return its path and the run that it plans.

    Raises:
        SettingError: there is no such cell, task or config, nothing of the cell can go, or a file is there
            that says something else.
        RecordError: the cell is named as a trial, and the tables have no such one.
    """
    check_range("--seeds", seeds, FEWEST, MOST_SLOTS // 2)
    check_range("--steps", steps, 1)
    given = _given(cell, task, like, results)
    config = given.config
    space = _widest(config["space"])
    config["space"] = space
    whole = read_cell(_text(given.cell), plug_in("space", PlugIn(**space)), cell)[0]
    many = len(deletions(plug_in("space", PlugIn(**space)), whole))
    at_once = min(max(1, many), MOST_SLOTS // seeds)  # deletions of a wave
    waves = sum(math.ceil(max(1, many - step) / at_once) for step in range(steps))
    config |= {
        "benchmark": f"{LABEL}_{given.name}",
        "seeds": [1],
        "strategies": {
            LABEL: {
                "name": LABEL,
                "settings": {"cells": [given.cell], "seeds": seeds},
                "search": {
                    "waves": 1 + waves,
                    "slots": [2 * seeds, *[at_once * seeds] * waves],
                    "lag": 1,
                    "finalists": 2,
                },
            }
        },
        "finalists": {
            "learning_rate_factors": [1.0],
            "seeds": [*range(FIRST_SEED, FIRST_SEED + FINAL_SEEDS)],
        },
    }
    [run] = read_plan(config).runs.values()
    fill_in(run.config)
    path = to or Path(f"{LABEL}_{given.name}_{run.task}.yaml")
    _write(path, config)
    return path, run.name


def _write(path: Path, config: Mapping[str, Any]) -> None:
    import yaml

    order = ("benchmark", "seeds", "space", "tasks", "strategies", "finalists", "stopping")
    sorted_ = {key: config[key] for key in (*order, *(key for key in config if key not in order))}
    said = yaml.safe_dump(sorted_, sort_keys=False, default_flow_style=None, width=100)
    text = f"# Written by gp-cells minimise: which sub-formulas of a cell can go.\n{said}"
    if path.exists() and read_text(path) != text:
        raise SettingError(
            f"{path} is there already and says something else; delete it, or name another file with --to"
        )
    with written_beside(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _given(cell: str, task: str | None, like: str | None, results: Path) -> Given:
    """Return a cell and the config that it is trained by, of one task."""
    is_file = cell.endswith(CELL)
    designed = [name for name, member in SPACES.items() if cell in member().baselines]
    if not is_file and not designed:
        if like is not None:
            raise SettingError(
                f"--like: {cell} is no hand-designed cell and no {CELL} file; a trial keeps its protocol"
            )
        return _trained(cell, task, results)
    if task is None:
        raise SettingError("expected --task with a hand-designed cell or a file, got none")
    config = _plain(cell, task) if like is None else _like(like, task)
    name = Path(cell).stem if is_file else cell
    return Given(cell, re.sub("[^a-z0-9_]", "_", name.lower()), config)


def _trained(cell: str, task: str | None, results: Path) -> Given:
    """Return the cell of a trial, and the config of its run; on another task, that task's own recipe."""
    row = find_trial(results, cell, "run", "architecture_id")
    run = row["run"]
    [stored] = read_tables(results, "runs", [run]).to_pylist()
    genomes = {
        of["architecture_id"]: of["genome"]
        for of in read_tables(results, "architectures", [run]).to_pylist()
    }
    config = config_of([settings_in(stored).config])
    if task is not None and task not in config["tasks"]:
        config["tasks"] = {task: {"name": task}}
    key = row["architecture_id"]
    return Given(f"# of {cell}\n{genomes[key].strip()}\n", key[:8], config)


def _like(like: str, task: str) -> dict[str, Any]:
    """Return the part of another config that concerns one of its tasks."""
    plan = plan_of(like)
    runs = [run.config for run in plan.runs.values() if run.task == task]
    if not runs:
        known = ", ".join(dict.fromkeys(run.task for run in plan.runs.values()))
        raise SettingError(f"--task: {like} has no task {task!r}; choose one of {known}")
    return config_of(runs[:1])


def _plain(cell: str, task: str) -> dict[str, Any]:
    """Return a plain config for a task, in the first space that has the cell and reads the task."""
    inputs = plug_in("task", PlugIn(name=task)).inputs
    for name in sorted(
        SPACES, key=lambda name: name == "decoder"
    ):  # whose cells are wrapped in blocks
        space = SPACES[name]()
        if inputs in space.reads and _is_in(cell, name):
            training = {"device": "cpu", "engine": space.engines[0], "precision": "float32"}
            return {
                "space": {"name": name},
                "tasks": {task: {"name": task}},
                "stopping": {"name": "never"},
                "measures": [],
                "training": {**training, "threads": 1, "time_limit_s": 600},
            }
    raise SettingError(
        f"--task: no space that reads {inputs}, as {task} has, has the cell {cell}; choose another task"
    )


def _is_in(cell: str, name: str) -> bool:
    space = SPACES[name]()
    if not cell.endswith(CELL):
        return cell in space.baselines
    try:
        parse(_text(cell), space.language)
    except GenomeError:
        return False
    return True


def _text(cell: str) -> str:
    """Return the text of a cell that is a file; a name, or text, as it is."""
    return read_text(Path(cell)) if cell.endswith(CELL) else cell


def _widest(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return a space whose limits on size are as wide as its settings allow."""
    chosen = plug_in("space", PlugIn(**space))
    limits = {
        field.name: int(high)
        for field in dataclasses.fields(chosen)
        if field.name.startswith("max_") and (high := about(field).high) is not None
    }
    return {"name": space["name"], "settings": {**space.get("settings", {}), **limits}}
