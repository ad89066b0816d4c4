"""Play a strategy against a table: a whole search without a file, its outcomes looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gp_cells.config.plan import searched_candidate
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import Outcome, Strategy


@dataclass(frozen=True)
class Row:
    """What a table holds of an architecture; the first three are what a strategy gets to see.

    Everything is minimised. A fitness is infinite where the training failed.
    """

    fitness: float
    status: str = "ok"
    objectives: Mapping[str, float | None] = field(default_factory=dict)
    test: float | None = None


Table = Callable[[Genome], Row]


def play(
    strategy: Strategy,
    space: Vocabulary,
    table: Table,
    widths: Sequence[int],
    lag: int,
    seed: int,
) -> list[Outcome]:
    """Return the outcomes of a search in order of wave and slot.

    `widths` are the slots of each wave. A wave sees the outcomes of those up to `lag` waves before it, as
    in a run.
    """
    history: list[Outcome] = []
    for wave, slots in enumerate(widths):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        for slot, proposal in enumerate(strategy.propose(seen, wave, slots, space, seed)):
            genome = proposal.genome
            row = table(genome)
            history.append(
                Outcome(
                    candidate=searched_candidate(wave, slot),
                    wave=wave,
                    genome=str(genome),
                    architecture_id=genome.architecture_id,
                    status=row.status,
                    fitness=row.fitness,
                    objectives=row.objectives,
                )
            )
    return history
