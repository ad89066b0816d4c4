"""What a proposal asks for beside its genome, checked: a start, changes to the recipe, a note.

And the end of states: a final state is removed once no wave that is still to be trained may start from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.choose import SettingError
from gp_cells.config.files import canonical_json
from gp_cells.config.plan import STATE, wave_number
from gp_cells.config.recipe import Recipe, recipe_and_shard, supernet_in
from gp_cells.config.records import Search, TrialStart
from gp_cells.genomes.supernets import is_supernet
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.strategy import CHANGEABLE, NOTE_SIZE


def check_proposal(proposal: Proposal, recipe: Recipe, place: str) -> None:
    """Refuse a note that is too long, and changes to what a proposal may not change of a recipe.

    Raises:
        SettingError: either; the line begins with `place`, the candidate.
    """
    changes = proposal.recipe or {}
    unknown = [name for name in changes if name not in CHANGEABLE]
    if unknown:
        raise SettingError(
            f"{place}: a proposal may not change {unknown[0]!r}; it may {', '.join(CHANGEABLE)}"
        )
    _, shard = recipe_and_shard(recipe, changes, f"{place}: recipe")
    supernet = supernet_in(changes, f"{place}: recipe")
    if (supernet is not None) != is_supernet(proposal.genome):
        raise SettingError(
            f"{place}: a genome with choices is trained as a supernet, and no other is; it "
            f"{'has' if supernet is None else 'has no'} choices"
        )
    if supernet is not None and (shard is None or not shard.judged):
        raise SettingError(f"{place}: a supernet needs a shard whose held part judges its choices")
    size = len(canonical_json(proposal.note))
    if size > NOTE_SIZE:
        raise SettingError(f"{place}: a note of {size} characters; at most {NOTE_SIZE} are kept")


def start_of(
    proposal: Proposal,
    seen: Mapping[str, Outcome],
    first_wave: int,
    place: str,
) -> TrialStart | None:
    """Return what a proposal goes on from; `seen` are the outcomes that its wave may see, by candidate.

    Raises:
        SettingError: that is none of its parents, older than the `first_wave` in reach, or left no state.
    """
    name = proposal.start
    if name is None:
        return None
    outcome = seen.get(name)
    if outcome is None or name not in proposal.parents:
        raise SettingError(
            f"{place}: expected the start to be one of its parents ({', '.join(proposal.parents)}) and in "
            f"the history, got {name}"
        )
    resumes = outcome.architecture_id == proposal.genome.architecture_id
    optimisers = [(recipe or {}).get("optimiser") for recipe in (outcome.recipe, proposal.recipe)]
    if resumes and optimisers[0] != optimisers[1]:
        raise SettingError(
            f"{place}: it goes on from {name} with another optimiser, which has none of that one's memory; "
            "keep the optimiser"
        )
    if outcome.wave < first_wave:
        raise SettingError(
            f"{place}: the start {name} is out of the strategy's reach, which begins in wave {first_wave}"
        )
    if outcome.state is None or outcome.epochs is None:
        raise SettingError(f"{place}: the start {name} left no state; it ended {outcome.status}")
    return TrialStart(candidate=name, state=outcome.state, epochs=outcome.epochs)


def start_of_finalist(outcome: Outcome) -> TrialStart | None:
    """Return the state that a finalist resumes from, None of a candidate that failed and left none."""
    if outcome.state is None or outcome.epochs is None:
        return None
    return TrialStart(candidate=outcome.candidate, state=outcome.state, epochs=outcome.epochs)


def first_in_reach(wave: int, lag: int, reach: int) -> int:
    """Return the oldest wave that a start of a wave may be of."""
    return wave - lag - reach + 1


def remove_states(run_folder: Path, wave: int, search: Search, reach: int) -> None:
    """Remove the states from which neither a wave that is about to be bred nor one under way may start.

    When a wave is bred, all those up to `lag` before it have been trained. Where finalists resume, whose
    candidates may be of any wave, nothing is removed.
    """
    if search.resume:
        return
    oldest = first_in_reach(wave - search.lag + 1, search.lag, reach)
    for path in run_folder.glob(f"waves/*/*/{STATE}"):
        if wave_number(path.parent.parent) < oldest:
            path.unlink()


def changes_in(proposal: Proposal, recipe: Recipe) -> tuple[float, dict[str, Any] | None]:
    """Return the learning rate that a proposal asks for, and what else is other than in a recipe."""
    changes = dict(proposal.recipe or {})
    return float(changes.pop("learning_rate", recipe.learning_rate)), changes or None
