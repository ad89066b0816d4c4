"""Strategies with one fault each, for the test kit to find."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.config.records import Search
from gp_cells.config.seeds import generator
from gp_cells.genomes.variation import sample
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal


def drawn(space: Vocabulary, slots: int, **axes: Any) -> list[Proposal]:
    """Return random genomes."""
    return [Proposal(sample(space, generator(slot=i, **axes)), "sample") for i in range(slots)]


@dataclass(frozen=True)
class Fault:
    """Does what `fault` says."""

    fault: str = "none"

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse nothing."""

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes, but for the fault."""
        found = drawn(space, slots, seed=seed, wave=wave)
        if self.fault == "global chance":
            found = drawn(space, slots, seed=random.randrange(10**9))
        if self.fault == "hash order":
            found = drawn(space, slots, seed=hash("a") % 10**6)
        if self.fault == "a slot less":
            found = found[1:]
        if self.fault == "a text for a genome":
            found[0] = Proposal("insert", found[0].genome)  # type: ignore[arg-type]
        if self.fault == "changes the history" and history:
            assert isinstance(history, list)
            history.pop()
        if self.fault == "needs a history" and wave > 0:
            min(history, key=lambda outcome: outcome.fitness)
            assert history, "there is nothing to breed from"
        if self.fault == "needs a success" and wave > 0:
            assert [o for o in history if not o.failed] or not history, "nobody has trained"
        if self.fault == "unknown parent":
            found[0] = Proposal(found[0].genome, "sample", ("w999-00",))
        return found
