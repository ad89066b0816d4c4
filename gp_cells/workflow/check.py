"""Whether a benchmark can run to its end on this machine, asked before its first job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.commit import OUTSIDE, code_state
from gp_cells.config.plan import Plan
from gp_cells.config.recipe import recipe_and_shard
from gp_cells.config.records import PlugIn
from gp_cells.config.typed_json import decode
from gp_cells.networks.compiler import find_compiler
from gp_cells.networks.device import DeviceError, refuse_missing
from gp_cells.plugins import (
    check_recipe,
    fill_in,
    plug_in,
    recipe_of,
    search_seed,
    strategy_of,
    vocabulary_of,
)
from gp_cells.strategies.strategy import reach_of
from gp_cells.tasks.card import card_of
from gp_cells.tasks.prepared import sizes_of
from gp_cells.tasks.shards import deal
from gp_cells.tasks.task import Data, DataError, Task


def code_note() -> str:
    """Return what should be known of the code that no record will say, with what to do; "" if nothing."""
    state = code_state(Path(__file__))
    if not state.unknown or state.unknown == OUTSIDE:
        return ""
    why = "; ".join(filter(None, (state.unknown, state.remedy)))
    return f"the records will not say the commit of the code: {why}"


def check(plan: Plan, is_elsewhere: bool = False) -> None:
    """Refuse a config whose plug-ins refuse their settings or their share, or whose device is not there.

    `is_elsewhere`: other machines train, as on a cluster, so that this one needs no GPU.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or is refused, or torch cannot use
            the device; the line begins with the config's place.
        CompilerError: the config's engine needs a compiler that this machine lacks.
    """
    for run in plan.runs.values():
        try:
            fill_in(run.config)
        except SettingError as error:
            raise SettingError(f"{plan.place}: {error}") from error
        training = run.config.training
        if training.engine == "compiled" and training.device == "cpu":
            find_compiler()
        try:
            refuse_missing(training.device, is_elsewhere)
        except DeviceError as error:
            raise SettingError(f"{plan.place}: training.device: {error}") from error


def read_data(plan: Plan, only_unprepared_files: bool = False) -> Iterator[str]:
    """Read the data of each task from its source and yield a line on it: what it is, how many trainings.

    Or only those of a file of one's own that has not been prepared yet: other tasks read what a package
    has, or what was read well before.

    Raises:
        SettingError: the file of a task is not there.
        DataError: the data of a task cannot be read or used; the line begins with the task's place.
    """
    plan.refuse_missing_files()
    for data in plan.tasks:
        is_unprepared = plan.source(data) and not Path("results/data", data, "data.json").exists()
        if only_unprepared_files and not is_unprepared:
            continue
        label = plan.label_of(data)
        task, read, _ = read_task(plan, data)
        _refuse_misfits(plan, label, read)
        _refuse_small_shards(plan, label, read)
        trials = sum(run.trials for run in plan.runs.values() if run.task == label)
        yield f"ok: {label}, {card_of(task, read)}, {trials:,} trainings"


def _refuse_misfits(plan: Plan, label: str, data: Data) -> None:
    """Refuse a recipe that asks for what a task's data do not have.

    Raises:
        SettingError: one does; the line begins with the task's place.
    """
    for run in plan.runs.values():
        if run.task == label:
            try:
                check_recipe(run.config, data.form)
            except SettingError as error:
                raise SettingError(f"{plan.place}: tasks.{label}: {error}") from error


def _refuse_small_shards(plan: Plan, label: str, data: Data) -> None:
    """Refuse strategies that deal a task's training split to more shards than it has examples for.

    Raises:
        DataError: one does; the line begins with the strategy's place.
    """
    runs = {run.strategy: run for run in plan.runs.values() if run.task == label}
    for run in runs.values():
        strategy, space = strategy_of(run.config), vocabulary_of(run.config)
        if not reach_of(strategy):
            continue
        first = strategy.propose((), 0, run.widths[0], space, search_seed(run.config))[0]
        place = f"{plan.place}: strategies.{run.strategy} on {label}"
        _, shard = recipe_and_shard(recipe_of(run.config), first.recipe, place)
        try:
            deal(data.splits, shard, run.seed)
        except DataError as error:
            raise DataError(f"{place}: {error}") from error


def read_task(plan: Plan, data: str) -> tuple[Task, Data, dict[str, Any]]:
    """Return the task that a data folder is of, its data read from the source, and their sizes.

    Raises:
        DataError: the data cannot be read or used; the line begins with the task's place.
    """
    place = f"{plan.place}: tasks.{plan.label_of(data)}"
    named = decode(PlugIn, plan.tasks[data], place)
    task: Task = plug_in("task", named)
    try:
        read = task.read()
        return task, read, sizes_of(task, named.name, read)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
