"""The plug-in families, and what a run's settings choose from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, choose, configure
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.reference import settings_reference
from gp_cells.config.schema import config_schema
from gp_cells.genomes.genome import parse
from gp_cells.spaces import SPACES
from gp_cells.stopping import STOPPERS
from gp_cells.strategies import STRATEGIES
from gp_cells.tasks import TASKS

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "task": ("tasks", TASKS),
    "space": ("spaces", SPACES),
    "strategy": ("strategies", STRATEGIES),
    "stopping": ("stopping", STOPPERS),
}


def schema_of_configs() -> dict[str, Any]:
    """Return the JSON Schema of configs, made from the fields of all plug-ins."""
    return config_schema(_members())


def reference_of_settings() -> str:
    """Return every key of a config and every setting of all plug-ins, as Markdown."""
    return settings_reference(_members())


def _members() -> dict[str, Mapping[str, Any]]:
    return {key: members for key, (_, members) in FAMILIES.items()}


def plug_in(settings: Mapping[str, Any], key: str) -> Any:
    """Return the task, space, strategy or stopping rule that some settings name."""
    family, members = FAMILIES[key]
    entry = settings[key]
    return choose(family, members, entry["name"], entry.get("settings", {}))


def check_order(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plug-ins of a run's order with every default filled in.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or refuses its value or the
            plan.
    """
    chosen = {key: plug_in(order, key) for key in FAMILIES}
    search, task, space = order["search"], chosen["task"], chosen["space"]
    if task.inputs not in space.reads:
        names = order["space"]["name"], order["task"]["name"]
        raise SettingError(
            f"the space {names[0]} reads {' or '.join(space.reads)}, the task {names[1]} has "
            f"{task.inputs}; choose another task or space"
        )
    engine = order["training"]["engine"]
    if engine not in space.engines:
        raise SettingError(
            f"training.engine: the space {order['space']['name']} has no engine {engine!r}; "
            f"choose one of {', '.join(space.engines)}"
        )
    chosen["strategy"].check(search["waves"], search["slots"], space)
    final_recipe_of(order)
    return {
        key: {"name": order[key]["name"], "settings": dataclasses.asdict(member)}
        for key, member in chosen.items()
    }


def search_seed(settings: Mapping[str, Any]) -> int:
    """Return the seed of all that a run's strategy draws."""
    return seeds.derive(seed=settings["seed"], task=settings["task_label"], purpose="search")


def trial_seed(settings: Mapping[str, Any]) -> int:
    """Return the seed of weights and batches of every trial of a run's search."""
    return seeds.derive(seed=settings["seed"], purpose="trial")


def counts_of(settings: Mapping[str, Any], genome: str, of_finalist: bool) -> dict[str, int]:
    """Return how large a genome's network is in a run: in the search, or as its finalists are trained."""
    space = plug_in(settings, "space")
    recipe = final_recipe_of(settings) if of_finalist else recipe_of(settings)
    return space.count(parse(genome, space.language), form_of(settings), recipe)


def form_of(settings: Mapping[str, Any]) -> Form:
    """Return the form of a run's data."""
    return Form(**settings["data"]["form"])


def recipe_of(settings: Mapping[str, Any]) -> Recipe:
    """Return how the candidates of a run's search are trained."""
    return plug_in(settings, "task").recipe


def final_recipe_of(settings: Mapping[str, Any]) -> Recipe:
    """Return what the finalists are trained by: the task's recipe, but for what the config changes.

    Raises:
        SettingError: the config changes what is not in a recipe, or to a value that it cannot have.
    """
    changed = settings["finalists"].get("recipe", {})
    given = {**dataclasses.asdict(recipe_of(settings)), **changed}
    return configure(Recipe, given, "finalists.recipe")
