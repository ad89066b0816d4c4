"""The deterministic steps of a run, from files to files: settings, breed, score, replicate, conclude.

Each reads canonical JSON and writes canonical JSON; given the same files they write the same bytes.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.empty_slot import NOTHING_LEFT, SPENT
from gp_cells.config.files import RecordError
from gp_cells.config.objectives import HOURS, TIMED
from gp_cells.config.plan import (
    replicate_candidate,
    replicate_slot,
    searched_candidate,
    slot_name,
    wave_number,
)
from gp_cells.config.records import (
    ConcludedFinalist,
    Conclusion,
    DataCounts,
    DataDescription,
    FitnessRecord,
    LineageEntry,
    RateMean,
    RunConfig,
    RunSettings,
    TrialSpec,
    read_counts,
    read_data,
    settings_from,
)
from gp_cells.config.typed_json import read_record, read_records, write_record, write_records
from gp_cells.plugins import (
    check_recipe,
    counts_of,
    fill_in,
    final_recipe_of,
    form_of,
    genes_of,
    recipe_of,
    search_seed,
    space_of,
    strategy_of,
    trial_seed,
    vocabulary_of,
)
from gp_cells.stopping.stopper import Learned
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.genes import with_genes
from gp_cells.strategies.history import or_infinite, read_history, write_history
from gp_cells.strategies.strategy import (
    first_finalists,
    in_run,
    proposals_of,
    reach_of,
    told,
)
from gp_cells.workflow.budget import (
    empty_slots,
    is_first_empty,
    is_spent,
    spent_on,
    timed_by,
)
from gp_cells.workflow.refused import why_all_failed
from gp_cells.workflow.starts import (
    changes_in,
    check_proposal,
    first_in_reach,
    remove_states,
    start_of,
    start_of_finalist,
)
from gp_cells.workflow.stopping import (
    as_read,
    controls,
    foretold,
    learned_by,
    planned_epochs,
    with_curve,
)

LOG = logging.getLogger(__name__)


def write_settings(run_config: RunConfig, data: Path, path: Path) -> None:
    """Write a run's settings with every default filled in and the hash of its data.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or refuses its value.
    """
    write_record(path, settings_of(run_config, read_data(data), read_counts(data)))


def settings_of(
    run_config: RunConfig, data: DataDescription, counts: DataCounts | None = None
) -> RunSettings:
    """Return a run's settings with every default filled in and the hash of its data.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or refuses its value.
    """
    config = fill_in(run_config)
    check_recipe(config, data.form)
    selected = config.strategy.settings.get("objectives", ())
    asked = {*selected, *timed_by(config.search.budget)}
    timed = tuple(name for name in dict.fromkeys((*TIMED, *HOURS.values())) if name in asked)
    return settings_from(config, data, timed, counts)


def write_protocol(settings_file: Path, path: Path) -> None:
    """Write the part of a run's settings that a single trial depends on."""
    write_record(path, read_record(RunSettings, settings_file).protocol)


def propose(settings: RunSettings, history: Sequence[Outcome], wave: int) -> list[Proposal]:
    """Return what the run's strategy proposes for a wave.

    Raises:
        SettingError: it proposes another number of genomes than there are slots, or none at all.
    """
    strategy, space = in_run(strategy_of(settings), settings.run), vocabulary_of(settings)
    slots = settings.search.widths[wave]
    seed, name = search_seed(settings), settings.strategy.name
    proposals = proposals_of(strategy, history, wave, slots, space, seed, name)
    genes = genes_of(settings)
    return with_genes(proposals, genes, history, wave, seed) if genes else proposals


def breed(settings_file: Path, history_file: Path | None, wave_folder: Path) -> None:
    """Write a wave's genomes, one small file a slot, and which operator made them from whom.

    Where the budget of the search is spent, the files say that there are none; so do those of slots for
    which the strategy had nothing left to try.

    Raises:
        SettingError: the folder is not named by the wave's number.
    """
    wave = wave_number(wave_folder)
    settings = read_record(RunSettings, settings_file)
    history = () if history_file is None else read_history(history_file)
    reach = reach_of(strategy_of(settings))
    if is_spent(settings.search.budget, history):
        if is_first_empty(settings.search, history, wave):
            LOG.warning("%s: %s: no candidates from wave %d on", settings.run, SPENT, wave)
            # Not of later waves: a raised budget would breed this one, and needs what it may start from.
            if reach:
                remove_states(wave_folder.parents[1], wave, settings.search, reach)
        for slot, empty in empty_slots(settings, wave).items():
            write_record(wave_folder / slot_name(slot) / "genome.json", empty)
        write_records(wave_folder / "lineage.json", [])
        return
    learned = learned_by(settings, history)
    seen = foretold(settings, as_read(settings, history, learned), wave)
    bred = specify(settings, seen, wave, propose(settings, seen, wave), learned)
    for spec, entry in bred:
        write_record(wave_folder / slot_name(entry.slot) / "genome.json", spec)
    for slot, empty in empty_slots(settings, wave, len(bred), NOTHING_LEFT).items():
        write_record(wave_folder / slot_name(slot) / "genome.json", empty)
    write_records(wave_folder / "lineage.json", [entry for _, entry in bred])
    if reach:
        remove_states(wave_folder.parents[1], wave, settings.search, reach)


def specify(
    settings: RunSettings,
    history: Sequence[Outcome],
    wave: int,
    proposals: Sequence[Proposal],
    learned: Learned | None = None,
) -> list[tuple[TrialSpec, LineageEntry]]:
    """Return the trial and the lineage of each of a wave's proposals; see `workflow.stopping` too.

    Raises:
        SettingError: one asks for what it may not have, see `workflow.starts`.
    """
    space, recipe, form = space_of(settings), recipe_of(settings), form_of(settings)
    reach = reach_of(strategy_of(settings))
    first = first_in_reach(wave, settings.search.lag, reach)
    seen = {outcome.candidate: outcome for outcome in history}
    control = controls(settings, wave)
    bred = []
    for slot, proposal in enumerate(proposals):
        name, genome = searched_candidate(wave, slot), proposal.genome
        check_proposal(proposal, recipe, name)
        rate, changes = changes_in(proposal, recipe)
        sizes: Mapping[str, Any] = space.count(genome, form, recipe)
        spec = TrialSpec(
            run=settings.run,
            candidate=name,
            architecture_id=genome.architecture_id,
            genome=str(genome),
            **sizes,
            learning_rate=rate,
            seed=trial_seed(settings, proposal.repeat),
            recipe=changes,
            start=start_of(proposal, seen, first, name),
            keeps=reach > 0 or None,
            learned=learned,
            control=control[slot] or None,
        )
        entry = LineageEntry(
            candidate=name,
            wave=wave,
            slot=slot,
            architecture_id=spec.architecture_id,
            genome=spec.genome,
            operator=proposal.operator,
            parents=proposal.parents,
            start=proposal.start,
            recipe=proposal.recipe or None,
            note=proposal.note,
            keeps=spec.keeps,
            planned=planned_epochs(settings),
            spends=settings.search.budget is not None or None,
        )
        bred.append((spec, entry))
    return bred


def score(wave_folder: Path, before: Path | None, path: Path) -> None:
    """Write the history up to a wave: the history before it and the wave's outcomes.

    Raises:
        RecordError: a fitness file is broken or belongs to another genome.
        SettingError: it is the first wave, and none of its trials could train, all for one reason.
    """
    outcomes = list(read_history(before)) if before is not None else []
    statuses = []
    for entry in read_records(LineageEntry, wave_folder / "lineage.json"):
        file = wave_folder / slot_name(entry.slot) / "fitness.json"
        fitness = read_record(FitnessRecord, file)
        if fitness.architecture_id != entry.architecture_id:
            raise RecordError(f"{file} is of another genome than lineage.json says; delete it")
        outcome = with_curve(outcome_of(entry, fitness), fitness, entry.planned)
        if entry.spends:
            outcome = dataclasses.replace(outcome, spent=spent_on(entry, fitness))
        outcomes.append(outcome)
        statuses.append((fitness.status, fitness.reason))
    if before is None and (reason := why_all_failed(statuses)):
        raise SettingError(f"{wave_folder.parents[1].name}: {reason}")
    write_history(path, outcomes)


def outcome_of(entry: LineageEntry, fitness: FitnessRecord) -> Outcome:
    """Return what a strategy is told of a candidate; see `Outcome`."""
    stopped = fitness.stopped  # of the control group too, which is to change nothing
    outcome = Outcome(
        candidate=entry.candidate,
        wave=entry.wave,
        genome=entry.genome,
        architecture_id=entry.architecture_id,
        status=fitness.status if stopped is None else "stopped_early",
        fitness=or_infinite(fitness.fitness) if stopped is None else stopped.read,
        objectives=fitness.objectives,
        supernet=fitness.supernet,
    )
    if not entry.keeps and entry.note is None:
        return (
            outcome if entry.recipe is None else dataclasses.replace(outcome, recipe=entry.recipe)
        )
    epochs = len(fitness.curve) if fitness.epochs is None else fitness.epochs
    return told(outcome, entry, fitness.state, epochs, fitness.last_loss, fitness.judged)


def replicate(settings_file: Path, history_file: Path, folder: Path) -> None:
    """Specify the finalists' trials: the run's best architectures × learning rates × fresh seeds.

    The strategy may name others that come first. What `finalists.recipe` names is other than in the search,
    so that a cell found small is enlarged. Each keeps its genes, and the rates are factors of its own, if
    that is one. Where finalists resume, each goes on from the state that its candidate left.
    """
    settings = read_record(RunSettings, settings_file)
    final, recipe = settings.finalists, final_recipe_of(settings)
    history = read_history(history_file)
    seen = as_read(settings, history, learned_by(settings, history))
    first = first_finalists(strategy_of(settings), seen, vocabulary_of(settings))
    chosen = finalists(seen, settings.search.finalists, first)
    for i, outcome in enumerate(chosen):
        sizes: Mapping[str, Any] = counts_of(settings, outcome.genome, of_finalist=True)
        own = {name: (outcome.recipe or {})[name] for name in genes_of(settings)}
        rate = own.pop("learning_rate", recipe.learning_rate)
        for r, factor in enumerate(final.learning_rate_factors):
            for s, seed in enumerate(final.seeds):
                spec = TrialSpec(
                    run=settings.run,
                    candidate=replicate_candidate(i, r, s),
                    finalist=i,
                    of=outcome.candidate,
                    architecture_id=outcome.architecture_id,
                    genome=outcome.genome,
                    **sizes,
                    recipe={**own, **(final.recipe or {})} if own else final.recipe,
                    learning_rate=rate * factor,
                    seed=seeds.derive(seed=seed, purpose="replicate"),
                    start=start_of_finalist(outcome) if settings.search.resume else None,
                )
                write_record(folder / replicate_slot(i, r, s) / "genome.json", spec)


def finalists(
    history: Sequence[Outcome], count: int, foremost: Sequence[str] = ()
) -> list[Outcome]:
    """Return the best candidates of distinct architectures, then, if too few, the next best.

    Those that are `foremost` come before the others, in their order.
    """
    places = {name: place for place, name in enumerate(foremost)}

    def rank(outcome: Outcome) -> tuple[int, float, str]:
        return places.get(outcome.candidate, len(places)), outcome.fitness, outcome.candidate

    ranked = sorted(history, key=rank)
    first: dict[str, Outcome] = {}
    for outcome in ranked:
        first.setdefault(outcome.architecture_id, outcome)
    repeated = [outcome for outcome in ranked if first[outcome.architecture_id] is not outcome]
    return [*first.values(), *repeated][:count]


def conclude(settings_file: Path, folder: Path, path: Path) -> None:
    """Choose each finalist's learning rate by its mean validation loss over the seeds.

    A learning rate with a failed trial counts as infinitely bad; a finalist that failed with every
    one is listed with no mean.
    """
    settings = read_record(RunSettings, settings_file)
    final, concluded = settings.finalists, []
    for i in range(settings.search.finalists):
        trials = [
            [
                read_record(FitnessRecord, folder / replicate_slot(i, r, s) / "fitness.json")
                for s in range(len(final.seeds))
            ]
            for r in range(len(final.learning_rate_factors))
        ]
        rates = [of_rate[0].learning_rate for of_rate in trials]
        concluded.append(_conclude_one(i, rates, trials))
    write_record(path, Conclusion(run=settings.run, finalists=tuple(concluded)))


def _conclude_one(
    finalist: int, rates: Sequence[float], trials: Sequence[Sequence[FitnessRecord]]
) -> ConcludedFinalist:
    """Choose one finalist's learning rate; `trials` are by rate and seed."""
    means = [_mean([trial.fitness for trial in of_rate]) for of_rate in trials]
    best = min(range(len(rates)), key=lambda r: or_infinite(means[r]))
    return ConcludedFinalist(
        finalist=finalist,
        architecture_id=trials[0][0].architecture_id,
        learning_rate=rates[best],
        mean_fitness=means[best],
        rates=tuple(
            RateMean(learning_rate=rate, mean=mean) for rate, mean in zip(rates, means, strict=True)
        ),
        candidates=tuple(trial.candidate for trial in trials[best]),
    )


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(losses) else None
