"""A search that ends when it has spent so much: what counts, when it is spent, and what is bred until then.

A wave is bred unless the outcomes that it may see have spent the budget. So the outcome depends on these
alone, on no worker and no clock, and what is spent in the end may be up to `lag` waves more. CPU and GPU
hours are of the machine: where they bound a search, another machine trains another number of candidates.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from gp_cells.config.empty_slot import SPENT, EmptySlot
from gp_cells.config.files import canonical_json
from gp_cells.config.objectives import HOURS
from gp_cells.config.plan import searched_candidate
from gp_cells.config.recipe import trained_share
from gp_cells.config.records import Budget, FitnessRecord, LineageEntry, RunSettings, Search
from gp_cells.strategies import Outcome

HOUR_S = 3600.0


def limits_of(budget: Budget | None) -> Mapping[str, float]:
    """Return how much of what a budget allows, by its key in a config."""
    said = {} if budget is None else dataclasses.asdict(budget)
    return {key: limit for key, limit in said.items() if limit is not None}


def timed_by(budget: Budget | None) -> tuple[str, ...]:
    """Return what varies from run to run of what a fitness record has to say for a budget."""
    return tuple(name for key, name in HOURS.items() if key in limits_of(budget))


def spent_on(entry: LineageEntry, fitness: FitnessRecord) -> Mapping[str, float]:
    """Return what a trial spent on its completed epochs, by the keys of a budget.

    An epoch on a shard counts as much less as it has of the training split.
    """
    changes = None if entry.recipe is None else canonical_json(entry.recipe)
    hours = {key: fitness.objectives.get(name) for key, name in HOURS.items()}
    return {
        "epochs": len(fitness.curve) * trained_share(changes),
        **{key: seconds / HOUR_S for key, seconds in hours.items() if seconds is not None},
    }


def is_spent(budget: Budget | None, seen: Sequence[Outcome]) -> bool:
    """Return whether some outcomes have spent a budget, any part of it."""
    return any(
        math.fsum((outcome.spent or {}).get(key, 0.0) for outcome in seen) >= limit
        for key, limit in limits_of(budget).items()
    )


def is_first_empty(search: Search, seen: Sequence[Outcome], wave: int) -> bool:
    """Return whether a wave that may see these outcomes is the first one that is not bred."""
    before = [outcome for outcome in seen if outcome.wave < wave - search.lag]
    return is_spent(search.budget, seen) and not is_spent(search.budget, before)


def empty_slots(
    settings: RunSettings, wave: int, bred: int = 0, why: str = SPENT
) -> Mapping[int, EmptySlot]:
    """Return what stands in the slots of a wave that are not bred: all but the first ones."""
    return {
        slot: EmptySlot(run=settings.run, candidate=searched_candidate(wave, slot), empty=why)
        for slot in range(bred, settings.search.widths[wave])
    }


def bred_waves(search: Search, epochs: Sequence[float]) -> int:
    """Return how many waves are bred of a search whose waves train for so many epochs each."""
    limit = limits_of(search.budget).get("epochs", math.inf)
    seen = (math.fsum(epochs[: max(0, w - search.lag + 1)]) for w in range(search.waves))
    return sum(spent < limit for spent in seen)
