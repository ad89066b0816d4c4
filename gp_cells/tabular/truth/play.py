"""Play a strategy against a table: a whole search without a file, its outcomes looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import searched_candidate
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import Outcome, Proposal, Strategy
from gp_cells.strategies.strategy import proposals_of, reach_of, told


@dataclass(frozen=True)
class Row:
    """What a table holds of an architecture; the first three are what a strategy gets to see.

    Everything is minimised. A fitness is infinite where the training failed.
    """

    fitness: float
    status: str = "ok"
    objectives: Mapping[str, float | None] = field(default_factory=dict)
    test: float | None = None
    epochs: int | None = None  # that its weights have seen, where they are counted
    last_loss: float | None = None
    losses: tuple[float, ...] = ()  # of those epochs, where the curve is stored


Table = Callable[[Genome], Row]

# The row of a trial that goes on after some epochs of the same genome, or is not trained by the recipe.
Partly = Callable[[Proposal, int], Row]

# What a stopping rule predicts of a trial, of a strategy that has a horizon.
Foretell = Callable[[Row], float | None]


def play(
    strategy: Strategy,
    space: Vocabulary,
    table: Table,
    widths: Sequence[int],
    lag: int,
    seed: int,
    partly: Partly | None = None,
    ends: Callable[[Sequence[Outcome]], bool] | None = None,
    foretell: Foretell | None = None,
) -> list[Outcome]:
    """Return the outcomes of a search in order of wave and slot.

    `widths` are the slots of each wave. A wave sees the outcomes of those up to `lag` waves before it, as
    in a run. `partly` answers proposals with a start or another recipe; the line that refuses one that
    inherits, or any without it, names the candidate. The search `ends` before the first wave that sees
    outcomes of which this says so.

    Raises:
        SettingError: a proposal is none, or asks for what no table of whole trainings can know.
    """
    history: list[Outcome] = []
    for wave, slots in enumerate(widths):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        if ends is not None and ends(seen):
            break
        known = {outcome.candidate: outcome for outcome in seen}
        for slot, proposal in enumerate(proposals_of(strategy, seen, wave, slots, space, seed)):
            name, genome = searched_candidate(wave, slot), proposal.genome
            if proposal.repeat:
                raise SettingError(
                    f"{name}: this table knows one training of each genome, and it asks for a further one; "
                    "choose a strategy that trains each once, as aging"
                )
            before = _epochs_before(proposal, known, name)
            is_whole = not before and not proposal.recipe
            if not is_whole and partly is None:
                raise SettingError(
                    f"{name}: this table knows whole trainings by one recipe alone, and it goes on from "
                    "another trial or changes the recipe; choose a strategy that does neither, as aging"
                )
            row = table(genome) if is_whole or partly is None else partly(proposal, before)
            outcome = Outcome(
                candidate=name,
                wave=wave,
                genome=str(genome),
                architecture_id=genome.architecture_id,
                status=row.status,
                fitness=row.fitness,
                objectives=row.objectives,
            )
            if reach_of(strategy) > 0 or proposal.note is not None:
                state = None if outcome.failed else f"{genome.architecture_id} {row.epochs}"
                outcome = told(outcome, proposal, state, row.epochs, row.last_loss)
            if foretell is not None and not outcome.failed:
                outcome = dataclasses.replace(outcome, predicted=foretell(row))
            history.append(outcome)
    return history


def _epochs_before(proposal: Proposal, seen: Mapping[str, Outcome], name: str) -> int:
    if proposal.start is None:
        return 0
    start = seen[proposal.start]
    if start.architecture_id != proposal.genome.architecture_id:
        raise SettingError(
            f"{name} inherits the weights of {start.candidate}; only a training can tell what comes of that"
        )
    return start.epochs or 0
