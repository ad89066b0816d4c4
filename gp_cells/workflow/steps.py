"""The deterministic steps of a run, from files to files: settings, breed, score, replicate, conclude.

Each reads canonical JSON and writes canonical JSON; given the same files they write the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError, read_fitness, read_json, write_json
from gp_cells.config.objectives import TIMED
from gp_cells.config.plan import replicate_slot
from gp_cells.plugins import (
    check_order,
    counts_of,
    final_recipe_of,
    form_of,
    plug_in,
    recipe_of,
    search_seed,
    trial_seed,
)
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.history import or_infinite, read_history, write_history

BEYOND_A_TRIAL = ("strategy", "search", "finalists")  # settings that decide which trials there are


def write_settings(order: Mapping[str, Any], data: Path, path: Path) -> None:
    """Write a run's settings with every default filled in and the hash of its data.

    Raises:
        SettingError: a plug-in or one of its settings does not exist, or refuses its value.
    """
    settings = {**order, **check_order(order)}
    described = read_json(data)
    wanted = ("form", "unit", "targets", "passes", "steps", "hash", "reference_valid")
    settings["data"] = {name: described[name] for name in wanted}
    selected = settings["strategy"]["settings"].get("objectives", ())
    if timed := [name for name in TIMED if name in selected]:
        settings["timed_objectives"] = timed
    write_json(path, settings)


def write_protocol(settings_file: Path, path: Path) -> None:
    """Write the part of a run's settings that a single trial depends on.

    Trials read this and not the settings, so that a longer search, another strategy setting or more
    replicates retrain nothing that is the same.
    """
    settings = read_json(settings_file)
    write_json(path, {key: value for key, value in settings.items() if key not in BEYOND_A_TRIAL})


def propose(settings: Mapping[str, Any], history: Sequence[Outcome], wave: int) -> list[Proposal]:
    """Return what the run's strategy proposes for a wave."""
    strategy, space = plug_in(settings, "strategy"), plug_in(settings, "space")
    slots = settings["search"]["slots"]
    proposals = strategy.propose(history, wave, slots, space, search_seed(settings))
    if len(proposals) != slots:
        name = settings["strategy"]["name"]
        raise SettingError(f"{name} proposed {len(proposals)} genomes for {slots} slots")
    return proposals


def breed(settings_file: Path, history_file: Path | None, wave: int, folder: Path) -> None:
    """Write a wave's genomes, one small file a slot, and which operator made them from whom."""
    settings = read_json(settings_file)
    history = () if history_file is None else read_history(history_file)
    space, recipe = plug_in(settings, "space"), recipe_of(settings)
    lineage = []
    for slot, proposal in enumerate(propose(settings, history, wave)):
        genome = proposal.genome
        candidate = f"w{wave:03d}-{slot:02d}"
        order = {
            "run": settings["run"],
            "candidate": candidate,
            "architecture_id": genome.architecture_id,
            "genome": str(genome),
            **space.count(genome, form_of(settings), recipe),
            "learning_rate": recipe.learning_rate,
            "seed": trial_seed(settings),
        }
        write_json(folder / f"{slot:02d}" / "genome.json", order)
        lineage.append(
            {
                "candidate": candidate,
                "wave": wave,
                "slot": slot,
                "architecture_id": genome.architecture_id,
                "genome": str(genome),
                "operator": proposal.operator,
                "parents": list(proposal.parents),
            }
        )
    write_json(folder / "lineage.json", lineage)


def score(wave_folder: Path, before: Path | None, path: Path) -> None:
    """Write the history up to a wave: the history before it and the wave's outcomes.

    Raises:
        RecordError: a fitness file is broken or belongs to another genome.
    """
    outcomes = list(read_history(before)) if before is not None else []
    for entry in read_json(wave_folder / "lineage.json"):
        file = wave_folder / f"{entry['slot']:02d}" / "fitness.json"
        fitness = read_fitness(file)
        if fitness["architecture_id"] != entry["architecture_id"]:
            raise RecordError(f"{file} is of another genome than lineage.json says; delete it")
        outcomes.append(
            Outcome(
                entry["candidate"],
                int(wave_folder.name),
                entry["genome"],
                entry["architecture_id"],
                fitness["status"],
                or_infinite(fitness["fitness"]),
                fitness["objectives"],
            )
        )
    write_history(path, outcomes)


def replicate(settings_file: Path, history_file: Path, folder: Path) -> None:
    """Order the finalists' trials: the run's best architectures × learning rates × fresh seeds.

    What `finalists.recipe` names is other than in the search, so that a cell found small is enlarged.
    """
    settings = read_json(settings_file)
    final, recipe = settings["finalists"], final_recipe_of(settings)
    other = {"recipe": final["recipe"]} if "recipe" in final else {}
    chosen = finalists(read_history(history_file), settings["search"]["finalists"])
    for i, outcome in enumerate(chosen):
        counts = counts_of(settings, outcome.genome, of_finalist=True)
        for r, factor in enumerate(final["learning_rate_factors"]):
            for s, seed in enumerate(final["seeds"]):
                slot = replicate_slot(i, r, s)
                order = {
                    "run": settings["run"],
                    "candidate": f"r{slot}",
                    "finalist": i,
                    "of": outcome.candidate,
                    "architecture_id": outcome.architecture_id,
                    "genome": outcome.genome,
                    **counts,
                    **other,
                    "learning_rate": recipe.learning_rate * factor,
                    "seed": seeds.derive(seed=seed, purpose="replicate"),
                }
                write_json(folder / slot / "genome.json", order)


def finalists(history: Sequence[Outcome], count: int) -> list[Outcome]:
    """Return the best candidates of distinct architectures, then, if too few, the next best."""
    ranked = sorted(history, key=lambda outcome: (outcome.fitness, outcome.candidate))
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
    settings = read_json(settings_file)
    final, recipe = settings["finalists"], final_recipe_of(settings)
    rates = [recipe.learning_rate * factor for factor in final["learning_rate_factors"]]
    concluded = []
    for i in range(settings["search"]["finalists"]):
        trials = [
            [
                read_fitness(folder / replicate_slot(i, r, s) / "fitness.json")
                for s in range(len(final["seeds"]))
            ]
            for r in range(len(rates))
        ]
        means = [_mean([trial["fitness"] for trial in of_rate]) for of_rate in trials]
        best = min(range(len(rates)), key=lambda r: or_infinite(means[r]))
        concluded.append(
            {
                "finalist": i,
                "architecture_id": trials[0][0]["architecture_id"],
                "learning_rate": rates[best],
                "mean_fitness": means[best],
                "rates": [
                    {"learning_rate": r, "mean": m} for r, m in zip(rates, means, strict=True)
                ],
                "candidates": [trial["candidate"] for trial in trials[best]],
            }
        )
    write_json(path, {"run": settings["run"], "finalists": concluded})


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(losses) else None
