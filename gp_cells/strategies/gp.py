"""Genetic programming with species that are retired when they stagnate, after Rawal and Miikkulainen 2018.

From nodes to networks: evolving recurrent neural networks, https://arxiv.org/abs/1803.04439. Taken
from the paper: three mutations, homologous one-point crossover, species by tree distance of which at
most ten are active, selection inside each species, offspring mutated again while they fall into a
retired species (the paper's Hall of Shame). The paper gives one of the settings' values.

Species are not stored: they are computed again from the history, candidate by candidate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import similarity, variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import ANY_WAVE, Outcome, Proposal, mutated, with_start


@dataclass(frozen=True)
class GP:
    """Evolves formulas in species by tree distance; stagnant species are retired."""

    # Of these values the paper gives that of active_species; the others are ours.
    crossover: float = setting(0.6, "share of children with two parents", low=0, high=1)
    threshold: float = setting(
        0.2, "tree distance from its founder up to which a genome is of a species", low=0, high=1
    )
    active_species: int = setting(
        10, "most species that breed at a time; the paper's", unit="species", low=1
    )
    patience: int = setting(
        4, "waves without a better genome before a species is retired", unit="waves", low=1
    )
    survivors: float = setting(
        0.25, "best share of a species that may have children", low=0, high=1
    )
    more_mutations: float = setting(
        0.5, "chance of each further mutation of a child", low=0, high=0.9
    )
    founders: int = setting(1, "waves of random genomes at the start", unit="waves", low=1)

    inherit: bool = setting(
        False,
        "children begin with the weights that they share with their first parent, and train for as many "
        "epochs as others; states are then kept to the end",
    )

    def __post_init__(self) -> None:
        check_settings(self, "gp")

    @property
    def reach(self) -> int:
        """Any wave if children inherit: a parent may be of any; else none."""
        return ANY_WAVE if self.inherit else 0

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space that nothing can be drawn from; see `Strategy.check`."""
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` children of the species in the history; see `Strategy.propose`."""
        population = Population(self, space)
        for outcome in history:
            population.add(outcome)
        known = {outcome.architecture_id for outcome in history}
        breeding = population.breeding() if wave >= self.founders else []
        quotas = share_out(slots, len(breeding))
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            if breeding:
                child = self._child(breeding[quotas[slot]], space, rng)
                while rng.random() < self.more_mutations:
                    child = mutated(child, space, rng)
            else:
                child = Proposal(variation.sample(space, rng), "sample")
            child = self._mutated_until_new(child, population, known, space, rng)
            known.add(child.genome.architecture_id)
            proposals.append(with_start(child, history) if self.inherit else child)
        return proposals

    def _child(self, species: Species, space: Vocabulary, rng: np.random.Generator) -> Proposal:
        parents = species.survivors(self.survivors)
        first = parents[rng.integers(len(parents))]
        second = parents[rng.integers(len(parents))]
        if first is not second and rng.random() < self.crossover:
            genome = variation.cross(space, first.genome, second.genome, rng)
            if genome is not None:
                return Proposal(genome, "cross", (first.candidate, second.candidate))
        genome, operator = variation.mutate(space, first.genome, rng)
        return Proposal(genome, operator, (first.candidate,) if operator != "sample" else ())

    def _mutated_until_new(
        self,
        child: Proposal,
        population: Population,
        known: set[str],
        space: Vocabulary,
        rng: np.random.Generator,
    ) -> Proposal:
        """Mutate a child again until it is new and of no retired species."""
        for _ in range(variation.TRIES):
            known_or_retired = child.genome.architecture_id in known or population.is_retired(
                child.genome
            )
            if not known_or_retired:
                break
            child = mutated(child, space, rng)
        return child


def share_out(slots: int, species: int) -> list[int]:
    """Return which species each slot belongs to; the k-th best gets a share in proportion to 1/k.

    Each slot goes to the species that is furthest below its share, so that a wave with fewer slots
    than species leaves out the worst. The paper states no quota; this one is ours.
    """
    given = [0] * species
    order = []
    for _ in range(slots if species else 0):
        chosen = min(range(species), key=lambda k: ((given[k] + 1) * (k + 1), k))
        given[chosen] += 1
        order.append(chosen)
    return order


@dataclass(frozen=True)
class Member:
    """A trained genome in a species."""

    candidate: str
    genome: Genome
    fitness: float


@dataclass
class Species:
    """Genomes within the threshold of the first of them."""

    members: list[Member]
    best: float = math.inf
    improved: int = 0  # the wave of the last improvement

    def survivors(self, share: float) -> list[Member]:
        """Return the best share of the members that trained, at least two if there are as many."""
        trained = sorted(
            (m for m in self.members if math.isfinite(m.fitness)),
            key=lambda m: (m.fitness, m.candidate),
        )
        return trained[: max(2, math.ceil(share * len(trained)))]


@dataclass
class Population:
    """The species of a run at the point that its history has reached."""

    strategy: GP
    space: Vocabulary
    active: list[Species] = field(default_factory=list)
    waiting: list[Species] = field(default_factory=list)
    retired: list[Species] = field(default_factory=list)
    wave: int = 0

    def add(self, outcome: Outcome) -> None:
        """Add a finished candidate to its species; a new wave first retires stagnant species."""
        if outcome.wave != self.wave:
            self._turn()
            self.wave = outcome.wave
        genome = parse(outcome.genome, self.space.language)
        member = Member(outcome.candidate, genome, outcome.fitness)
        species = self._home(genome)
        if species is None:
            species = Species([], improved=self.wave)
            self.waiting.append(species)
        species.members.append(member)
        if outcome.fitness < species.best:
            species.best, species.improved = outcome.fitness, self.wave

    def breeding(self) -> list[Species]:
        """Return, after the last outcome, the active species that have a parent, the best first."""
        self._turn()
        able = [species for species in self.active if math.isfinite(species.best)]
        return sorted(able, key=lambda species: species.best)

    def is_retired(self, genome: Genome) -> bool:
        """Return whether a genome is of a retired species."""
        return any(self._is_near(genome, species) for species in self.retired)

    def _home(self, genome: Genome) -> Species | None:
        every = (*self.active, *self.waiting, *self.retired)
        return next((species for species in every if self._is_near(genome, species)), None)

    def _is_near(self, genome: Genome, species: Species) -> bool:
        return similarity.distance(genome, species.members[0].genome) <= self.strategy.threshold

    def _turn(self) -> None:
        """At the end of a wave, retire stagnant species and let waiting ones take free places.

        Of the active species the best one always stays, so that the search never starts over; of
        the waiting ones the best comes first.
        """
        best = min(self.active, key=lambda species: species.best, default=None)
        for species in list(self.active):
            stagnant = self.wave - species.improved >= self.strategy.patience
            if stagnant and species is not best:
                self.active.remove(species)
                self.retired.append(species)
        self.waiting.sort(key=lambda species: species.best)
        while self.waiting and len(self.active) < self.strategy.active_species:
            if math.isinf(self.waiting[0].best):
                break  # none of its genomes trained
            promoted = self.waiting.pop(0)
            promoted.improved = self.wave
            self.active.append(promoted)
