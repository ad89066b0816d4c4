"""Culling, as DENAS does it: evaluate often, drop early, expand what is left.

Every wave trains all of a population a little further, drops the worst share, and fills the free places
with mutated children of the others, which begin with the weights that they share with their parent. What
differs:

- DENAS culls by wall time and whoever has reported by then; here a wave is over when all of it are, so the
  outcome does not depend on who finished first. With a lag of L, L populations are under way side by side,
  each in every L-th wave.
- Without inheritance a child is trained from fresh weights for as many epochs as its parent will have seen,
  so that it is judged as the others are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, best_of_newest, going_on, newest_wave


@dataclass(frozen=True)
class Culling:
    """Trains a population on and on; the worst of each wave give way to children of the others."""

    epochs: int = setting(1, "passes over the training split in each wave", unit="epochs", low=1)
    dropped: float = setting(
        0.25, "worst share of a wave that does not go on, rounded up", low=0, high=1
    )
    inherit: bool = setting(True, "children begin with the weights that they share with a parent")
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS, "one is drawn for each child", choices=variation.MUTATIONS, min_items=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "culling")

    @property
    def reach(self) -> int:
        """One wave: the population as it was last."""
        return 1

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space that nothing can be drawn from; see `Strategy.check`."""
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the survivors, the best first, and children of them; see `Strategy.propose`."""
        survivors = self.survivors(history)[:slots]
        known = {outcome.architecture_id for outcome in history}
        proposals = [going_on(o, "go_on", {"epochs": self.epochs}, space) for o in survivors]
        for slot in range(len(survivors), slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            child = self._child(survivors, space, rng)
            for _ in range(variation.TRIES):
                if child.genome.architecture_id not in known:
                    break
                child = self._child(survivors, space, rng)
            known.add(child.genome.architecture_id)
            proposals.append(child)
        return proposals

    def survivors(self, history: Sequence[Outcome]) -> list[Outcome]:
        """Return who goes on of the newest wave, the best first; who failed does not."""
        size = len(newest_wave(history))
        return best_of_newest(history)[: size - math.ceil(self.dropped * size)]

    def _child(
        self, survivors: Sequence[Outcome], space: Vocabulary, rng: np.random.Generator
    ) -> Proposal:
        if not survivors:
            return Proposal(variation.sample(space, rng), "sample", recipe={"epochs": self.epochs})
        parent = survivors[int(rng.integers(len(survivors)))]
        genome, operator = variation.mutate(
            space, parse(parent.genome, space.language), rng, self.mutations
        )
        parents = (parent.candidate,) if operator != "sample" else ()
        if self.inherit and parents:
            start, own = parent.candidate, self.epochs
        else:
            start, own = None, (parent.epochs or 0) + self.epochs
        return Proposal(genome, operator, parents, start=start, recipe={"epochs": own})
