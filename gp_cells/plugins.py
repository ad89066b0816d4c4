"""The plug-in families, and what a run's settings choose from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, choose
from gp_cells.config.files import read_text
from gp_cells.config.genes import Gene, genes_from
from gp_cells.config.objectives import CARRIED, GIVEN_BY
from gp_cells.config.recipe import Form, Recipe, changed_recipe, misfit
from gp_cells.config.records import PlugIn, RunConfig, RunSettings, TrialProtocol
from gp_cells.config.reference import settings_reference
from gp_cells.config.schema import config_schema
from gp_cells.config.typed_json import plain
from gp_cells.genomes.genome import parse
from gp_cells.genomes.only import Only
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.measures import DEFAULT, MEASURES, Measure
from gp_cells.spaces import SPACES, Space
from gp_cells.spaces.space import counts_state, machinery_of, space_misfit
from gp_cells.stopping import STOPPERS, Stopper
from gp_cells.stopping.stopper import learns, predicts
from gp_cells.strategies import STRATEGIES, Strategy
from gp_cells.strategies.genes import refuse_own_genes
from gp_cells.strategies.strategy import horizon_of, reach_of
from gp_cells.tasks import TASKS, Task

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "task": ("tasks", TASKS),
    "space": ("spaces", SPACES),
    "strategy": ("strategies", STRATEGIES),
    "stopping": ("stopping", STOPPERS),
    "measure": ("measures", MEASURES),
}

OfRun: TypeAlias = RunConfig | RunSettings | TrialProtocol
WithData: TypeAlias = RunSettings | TrialProtocol


def schema_of_configs() -> dict[str, Any]:
    """Return the JSON Schema of configs, made from the fields of all plug-ins."""
    return config_schema(_members())


def reference_of_settings() -> str:
    """Return every key of a config and every setting of all plug-ins, as Markdown."""
    return settings_reference(_members())


def _members() -> dict[str, Mapping[str, Any]]:
    return {key: members for key, (_, members) in FAMILIES.items()}


def plug_in(family: str, named: PlugIn) -> Any:
    """Return the task, space, strategy, stopping rule or measure of that name, with its settings.

    Raises:
        SettingError: there is no such plug-in, no such setting, or a value is refused.
    """
    group, members = FAMILIES[family]
    return choose(group, members, named.name, named.settings)


def task_of(run: OfRun) -> Task:
    """Return a run's task."""
    task: Task = plug_in("task", run.task)
    return task


def space_of(run: OfRun) -> Space:
    """Return a run's space."""
    space: Space = plug_in("space", run.space)
    return space


def vocabulary_of(run: RunConfig | RunSettings) -> Vocabulary:
    """Return what a run's search may write: its space, or the hand-designed cells that it keeps to.

    Raises:
        SettingError: the space has no cell of a name.
    """
    space, names = space_of(run), run.search.cells
    if not names:
        return space
    unknown = [name for name in names if name not in space.baselines]
    if unknown:
        known = ", ".join(space.baselines)
        raise SettingError(
            f"{_search_of(run)}.cells: there is no {unknown[0]!r}; choose from {known}"
        )
    texts = (read_text(space.baselines[name]) for name in names)
    genomes = tuple(parse(text, space.language).canonical() for text in texts)
    return Only(space, genomes, fixed=True)


def genes_of(run: RunConfig | RunSettings) -> dict[str, Gene]:
    """Return the genes for training of a run's candidates, none where its search has none.

    Raises:
        SettingError: one is no gene, or a value is none that a recipe can have.
    """
    return genes_from(run.search.genes or {}, f"{_search_of(run)}.genes")


def _search_of(run: RunConfig | RunSettings) -> str:
    return f"strategies.{run.strategy_label}.search"


def strategy_of(run: RunConfig | RunSettings) -> Strategy:
    """Return a run's strategy."""
    strategy: Strategy = plug_in("strategy", run.strategy)
    return strategy


def stopper_of(run: OfRun) -> Stopper:
    """Return a run's stopping rule."""
    named = PlugIn(name=run.stopping.name, settings=run.stopping.settings)
    stopper: Stopper = plug_in("stopping", named)
    return stopper


CONTROL = 0.1  # of a search's candidates, where the config does not say


def control_share(run: RunConfig | RunSettings) -> float:
    """Return the share of a search's candidates that ignore its stopping rule, so as to measure it."""
    if run.stopping.control is not None:
        return run.stopping.control
    measured = run.stopping.name != "never" and not reach_of(strategy_of(run))
    return CONTROL if measured else 0.0


def measures_of(run: OfRun) -> dict[str, Measure]:
    """Return the measures of a run's trials, by name: those its config names, else the default ones.

    Raises:
        SettingError: there is no such measure or setting, one is named twice, or two give the same
            column.
    """
    named = tuple(PlugIn(name=name) for name in DEFAULT) if run.measures is None else run.measures
    found: dict[str, Measure] = {}
    columns: dict[str, str] = {}
    for of in named:
        if of.name in found:
            raise SettingError(f"measures: {of.name} is named twice; name it once")
        measure = found[of.name] = plug_in("measure", of)
        for column in measure.columns:
            if column.name in columns:
                both = f"{columns[column.name]} and {of.name}"
                raise SettingError(f"measures: {both} give {column.name}; leave one out")
            columns[column.name] = of.name
    return found


def _check_objectives(
    objectives: Sequence[str], measures: Mapping[str, Measure], name: str, space: Space
) -> None:
    for objective in objectives:
        if objective in CARRIED and not counts_state(space):
            raise SettingError(
                f"strategy.objectives: the space {name} does not count {objective}; select on something "
                "else, as parameters"
            )
        needed = GIVEN_BY.get(objective)
        if needed is not None and needed not in measures:
            raise SettingError(
                f"measures: the strategy selects on {objective}, which the measure {needed} gives; "
                f"name it too, or select on something else"
            )


def fill_in(run: RunConfig) -> RunConfig:
    """Return a run config with every default of its plug-ins filled in.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or refuses its value or the
            plan.
    """
    search, task, space = run.search, task_of(run), space_of(run)
    strategy, stopper = strategy_of(run), stopper_of(run)
    if task.inputs not in space.reads:
        raise SettingError(
            f"the space {run.space.name} reads {' or '.join(space.reads)}, the task "
            f"{run.task.name} has {task.inputs}; choose another task or space"
        )
    for name, offered in machinery_of(space).items():
        if (asked := getattr(run.training, name)) not in offered:
            raise SettingError(
                f"training.{name}: the space {run.space.name} has no {name} {asked!r}; choose one of "
                f"{', '.join(offered)}"
            )
    strategy.check(search, vocabulary_of(run))
    if reach_of(strategy) and (learns(stopper) or run.stopping.control):
        raise SettingError(
            f"stopping: the strategy {run.strategy.name} trains in pieces, so there are no whole curves "
            f"for {run.stopping.name}; choose never, i_epoch or patience, without control"
        )
    if horizon_of(strategy) and not predicts(stopper):
        raise SettingError(
            f"stopping: the strategy {run.strategy.name} ranks by predictions, and {run.stopping.name} "
            "makes none from a curve alone; choose parametric, or rank by what is observed"
        )
    _check_schedule(run, strategy)
    _check_resume(run, strategy)
    check_recipe(run)
    _check_genes(run, strategy)
    measures = measures_of(run)
    filled = _filled(run.strategy, strategy)
    _check_objectives(filled.settings.get("objectives", ()), measures, run.space.name, space)
    return dataclasses.replace(
        run,
        task=_filled(run.task, task),
        space=_filled(run.space, space),
        strategy=filled,
        stopping=dataclasses.replace(run.stopping, settings=plain(stopper)),
        measures=None
        if run.measures is None
        else tuple(_filled(named, measures[named.name]) for named in run.measures),
    )


def _check_schedule(run: RunConfig, strategy: Strategy) -> None:
    schedule = recipe_of(run).schedule
    if reach_of(strategy) and schedule != "constant":
        raise SettingError(
            f"{run.task.name}.recipe.schedule: the strategy {run.strategy.name} trains in pieces, "
            f"which have no end for a {schedule} schedule to fall to; choose constant"
        )


# Of a recipe: what a state is of, and a schedule, which has no end in pieces.
KEPT_TO_RESUME = ("units", "layers", "tied", "optimiser", "schedule")


def _check_resume(run: RunConfig, strategy: Strategy) -> None:
    """Refuse finalists that are to resume from states that are not kept, or that are of other networks."""
    if not run.search.resume:
        return
    if not reach_of(strategy):
        raise SettingError(
            f"{_search_of(run)}.resume: the trials of the strategy {run.strategy.name} leave no states to "
            "go on from; leave it out"
        )
    searched, final = recipe_of(run), final_recipe_of(run)
    for name in KEPT_TO_RESUME:
        if getattr(final, name) != getattr(searched, name):
            raise SettingError(
                f"finalists.recipe.{name}: the finalists of {run.strategy_label} resume from what was "
                f"trained with {getattr(searched, name)}, which another value does not fit; leave it out"
            )


def check_recipe(run: RunConfig, form: Form | None = None) -> None:
    """Refuse a recipe, of search, genes or finalists, that asks for what the task does not have.

    And a space whose settings are for data of another form.

    Raises:
        SettingError: one does; without the data's form only by what is known before they are read.
    """
    inputs, targets = task_of(run).inputs, None if form is None else form.targets
    recipes = {run.task.name: recipe_of(run), "finalists": final_recipe_of(run)}
    for name, gene in genes_of(run).items():
        place = f"{_search_of(run)}.genes"
        recipes[f"{place}.{name}"] = changed_recipe(recipe_of(run), {name: gene.most}, place)
    for place, recipe in recipes.items():
        if said := misfit(recipe, inputs, targets):
            raise SettingError(f"{place}: {said}")
    if form is not None and (said := space_misfit(space_of(run), form)):
        raise SettingError(f"space.{run.space.name}.{said} ({run.task.name})")


def _check_genes(run: RunConfig, strategy: Strategy) -> None:
    """Refuse genes that the strategy or the finalists' recipe sets, and cells without any genes."""
    genes = genes_of(run)
    if not genes:
        if run.search.cells:
            raise SettingError(
                f"{_search_of(run)}.cells: of a search among hand-designed cells their training is left; "
                "give genes"
            )
        return
    both = [name for name in run.finalists.recipe or {} if name in genes]
    if both:
        raise SettingError(
            f"finalists.recipe.{both[0]}: finalists keep their genes, and {both[0]} is one; leave it out "
            "here, or of the genes"
        )
    if hasattr(strategy, "in_run"):  # what it proposes is read from files that come later
        return
    first = strategy.propose((), 0, run.search.widths[0], vocabulary_of(run), search_seed(run))
    refuse_own_genes(first, genes, run.strategy.name, f"{_search_of(run)}.genes")


def _filled(named: PlugIn, member: Any) -> PlugIn:
    return PlugIn(name=named.name, settings=plain(member))


def search_seed(run: OfRun) -> int:
    """Return the seed of all that a run's strategy draws."""
    return seeds.derive(seed=run.seed, task=run.task_label, purpose="search")


def trial_seed(run: OfRun, repeat: int = 0) -> int:
    """Return the seed of weights and batches of a run's trials, of all those of the same `repeat`."""
    again = {"repeat": repeat} if repeat else {}
    return seeds.derive(seed=run.seed, purpose="trial", **again)


def counts_of(settings: RunSettings, genome: str, of_finalist: bool) -> dict[str, int]:
    """Return how large a genome's network is in a run: in the search, or as its finalists are trained."""
    space = space_of(settings)
    recipe = final_recipe_of(settings) if of_finalist else recipe_of(settings)
    return space.count(parse(genome, space.language), form_of(settings), recipe)


def form_of(run: WithData) -> Form:
    """Return the form of a run's data."""
    return run.data.form


def recipe_of(run: OfRun) -> Recipe:
    """Return how the candidates of a run's search are trained."""
    return task_of(run).recipe


def final_recipe_of(run: RunConfig | RunSettings) -> Recipe:
    """Return what the finalists are trained by: the task's recipe, but for what the config changes.

    Raises:
        SettingError: the config changes what is not in a recipe, or to a value that it cannot have.
    """
    return changed_recipe(recipe_of(run), run.finalists.recipe, "finalists.recipe")
