"""Regularised evolution, after Real, Aggarwal, Huang and Le 2019 (https://arxiv.org/abs/1802.01548).

Taken from the paper: a population of fixed size from which the oldest dies, however good; the parent
is the best of a random sample of it; a child is its parent with one mutation, which changes an
operation or what an operation reads (a hidden state). What differs:

- The paper first draws the kind of mutation, then the place. Ours is uniform over all nodes of all
  formulas: a leaf is a hidden state, a function an operation.
- The paper's identity mutation is left out: all trials of a search have one seed, so a copy would
  only be trained to the same bits again.
- Age is counted by wave and slot, not by the time of finishing, so that the population is a function
  of the history. Waves of one slot with a lag of 1 are the paper's algorithm in sequence; larger waves
  and a larger lag stand for its many workers, which start a child before the last ones are finished.
- A candidate that failed never joins.
- The defaults are for hundreds of candidates, the paper's 100 and 25 for thousands, and all mutations are
  drawn, the paper's being `replace` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import (
    ANY_WAVE,
    Outcome,
    Proposal,
    check_founders,
    with_start,
)


@dataclass(frozen=True)
class Aging:
    """Regularised evolution: mutates the best of a random sample; the oldest leaves the population."""

    population: int = setting(
        20, "youngest trained candidates, of which parents are drawn", unit="candidates", low=1
    )
    sample: int = setting(
        10,
        "drawn from the population with replacement; the best of them is the parent",
        unit="candidates",
        low=1,
    )
    # The paper's two are both "replace": another leaf, another function, and no other shape.
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "one is drawn for each child; replace alone, as published, changes no formula's shape",
        choices=variation.MUTATIONS,
        min_items=1,
    )

    inherit: bool = setting(
        False,
        "children begin with the weights that they share with their first parent, and train for as many "
        "epochs as others; states are then kept to the end",
    )

    def __post_init__(self) -> None:
        check_settings(self, "aging")

    @property
    def reach(self) -> int:
        """Any wave if children inherit: a parent may be of any; else none."""
        return ANY_WAVE if self.inherit else 0

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a plan that ends before the first child, or an empty space; see `Strategy.check`."""
        check_founders("aging.population", self.population, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` children, or random genomes until `population` have trained."""
        living = self.living(history)
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            if len(living) < self.population:
                proposals.append(Proposal(variation.sample(space, rng), "sample"))
            else:
                child = self._child(living, space, rng)
                proposals.append(with_start(child, history) if self.inherit else child)
        return proposals

    def living(self, history: Sequence[Outcome]) -> list[Outcome]:
        """Return the population: the youngest that trained."""
        return [outcome for outcome in history if not outcome.failed][-self.population :]

    def _child(
        self, living: Sequence[Outcome], space: Vocabulary, rng: np.random.Generator
    ) -> Proposal:
        drawn = [living[i] for i in rng.integers(len(living), size=self.sample)]
        parent = min(drawn, key=lambda outcome: (outcome.fitness, outcome.candidate))
        genome, operator = variation.mutate(
            space, parse(parent.genome, space.language), rng, self.mutations
        )
        return Proposal(genome, operator, (parent.candidate,) if operator != "sample" else ())
