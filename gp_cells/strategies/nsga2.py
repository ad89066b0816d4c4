"""NSGA-II over several objectives, after Deb, Pratap, Agarwal and Meyarivan 2002.

https://doi.org/10.1109/4235.996017. Taken from the paper: of the population and its children the
next population is taken front by front, in the last front by crowding; parents win binary
tournaments by the same two. What differs:

- Variation is that of formulas: a crossover, then one mutation of every child, which is the
  paper's one in expectation.
- A child that the history already holds is mutated again, since its outcome is known.
- Each wave of a run joins the population as it stands in the history, so that a wave may have more or
  fewer slots than the population has members, and with a lag children descend from an older population.
- A candidate that failed, or of which an objective was not measured, never joins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import REQUIRED, check_settings, setting
from gp_cells.config.objectives import FITNESS
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import selection
from gp_cells.strategies.strategy import (
    Outcome,
    Proposal,
    check_founders,
    check_known,
    check_objectives,
    mutated,
)


@dataclass(frozen=True)
class NSGA2:
    """Evolves a Pareto front of several objectives, by non-dominated sorting and crowding."""

    objectives: tuple[str, ...] = setting(
        REQUIRED, "what is minimised, each named once, e.g. fitness, parameters", min_items=1
    )
    reference_point: tuple[float, ...] = setting(
        REQUIRED,
        "the worst value that counts of each objective, in their order and units; the hypervolume "
        "is measured from it",
    )
    population: int = setting(
        20,
        "candidates that survive a wave; the paper has 100",
        unit="candidates",
        low=selection.SMALLEST,
    )
    crossover: float = setting(
        0.9, "share of children with two parents; the paper's", low=0, high=1
    )
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "one is drawn for each child",
        choices=variation.MUTATIONS,
        min_items=1,
    )

    def __post_init__(self) -> None:
        check_settings(self, "nsga2")
        check_objectives("nsga2", self.objectives, self.reference_point)

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse unknown objectives and plans without a child; see `Strategy.check`."""
        check_known("nsga2.objectives", self.objectives)
        check_founders("nsga2.population", self.population, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` children, or random genomes until `population` have trained."""
        living = self.living(history)
        judged = selection.survivors([self.point(o) for o in living], self.population)
        known = {outcome.architecture_id for outcome in history}
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            if len(living) < self.population:
                child = Proposal(variation.sample(space, rng), "sample")
            else:
                child = self._child(living, judged, space, rng)
            for _ in range(variation.TRIES):
                if child.genome.architecture_id not in known:
                    break
                child = mutated(child, space, rng, self.mutations)
            known.add(child.genome.architecture_id)
            proposals.append(child)
        return proposals

    def living(self, history: Sequence[Outcome]) -> list[Outcome]:
        """Return the population: what survived each wave of the history in turn."""
        living: list[Outcome] = []
        for _, wave in groupby(history, key=lambda outcome: outcome.wave):
            living += [outcome for outcome in wave if math.inf not in self.point(outcome)]
            kept = selection.survivors([self.point(o) for o in living], self.population)
            living = [living[judged.place] for judged in kept]
        return living

    def point(self, outcome: Outcome) -> selection.Point:
        """Return an outcome's objectives; one that failed is infinitely bad in all of them."""
        if outcome.failed:
            return (math.inf,) * len(self.objectives)
        values = {FITNESS: outcome.fitness, **outcome.objectives}
        return tuple(_or_infinite(values[name]) for name in self.objectives)

    def _child(
        self,
        living: Sequence[Outcome],
        judged: Sequence[selection.Judged],
        space: Vocabulary,
        rng: np.random.Generator,
    ) -> Proposal:
        first, second = (living[place] for place in selection.parents(judged, rng))
        genome = parse(first.genome, space.language)
        if rng.random() < self.crossover:
            other = parse(second.genome, space.language)
            crossed = variation.cross(space, genome, other, rng)
            if crossed is not None:
                child = Proposal(crossed, "cross", (first.candidate, second.candidate))
                return mutated(child, space, rng, self.mutations)
        genome, operator = variation.mutate(space, genome, rng, self.mutations)
        return Proposal(genome, operator, (first.candidate,) if operator != "sample" else ())


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
