"""Random search: independent random genomes, the baseline of every other strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gp_cells.config import seeds
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, fresh_wave


@dataclass(frozen=True)
class Random:
    """Draws each genome at random, again while the run's history already holds it."""

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space that nothing can be drawn from; see `Strategy.check`."""
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` fresh genomes; see `Strategy.propose`."""
        return fresh_wave(history, wave, slots, space, seed)
