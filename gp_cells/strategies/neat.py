"""NEAT with backpropagation: networks grow node by node and keep their weights, after Ha 2016.

Backprop NEAT (https://github.com/hardmaru/backprop-neat-js), on the NEAT of Stanley and Miikkulainen 2002
(https://doi.org/10.1162/106365602320169811). Taken from Ha: evolution begins with logistic regression; a
child is two parents' union, matched by marks, then with chances of their own a connection gets a node and
another one is added; its weights are its parents' and trained on (Lamarckian); what breeds is the
newest wave and a hall of fame, in species by K-medoids of structure; a parent is drawn with a chance of one
over its loss, with its penalty for connections, plus 0.01; and at times the worst species gives way to the
best. What differs:

- A mark is the hash of its edit (`gp_cells.genomes.nodes`), not the number of its turn among all.
- Fitness is the validation loss, Ha's that of training, and what is in the hall of fame is not trained
  again there. The best network of a run is, as in every search here, that of the least loss, without the
  penalty.
- Weights come from one parent, the better one; what only the other has, and both sides of a new node, begin
  with weights drawn anew (there 1 and the old weight). They are not mutated, which training does.
- A connection that gets a node stays awake beside it, so that the child begins nearly as its parent ended.
- All trials of a run have one seed, so founders differ by a node each: equal ones would end alike.
- `crossover` is a chance, Ha's 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import nodes
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import (
    ANY_WAVE,
    Outcome,
    Proposal,
    newest_wave,
    with_start,
)

SLACK = 0.01  # added to a loss before its inverse is taken; Ha's
ROUNDS = 20  # of K-medoids, which settles long before
TRIES = 20  # of drawing a child that the run has not had


@dataclass(frozen=True)
class Breeder:
    """A network that may have children, and its loss with the penalty for its connections."""

    candidate: str
    genome: Genome
    loss: float


@dataclass(frozen=True)
class Neat:
    """Grows networks from logistic regression by nodes and connections that keep their weights."""

    species: int = setting(5, "groups by structure that breed apart", unit="species", low=1)
    new_node: float = setting(
        0.2, "chance that a child has a new node, beside a connection", low=0, high=1
    )
    new_connection: float = setting(0.5, "chance that a child has a new connection", low=0, high=1)
    growth: int = setting(
        1, "how often a child has these two chances; Ha's is 1", unit="times", low=1, high=32
    )
    crossover: float = setting(0.5, "share of children that are two parents' union", low=0, high=1)
    penalty: float = setting(
        0.03,
        "of each network's loss, times the square root of its connections, that is added for breeding",
        low=0,
    )
    extinction: float = setting(
        0.5, "chance in each wave that the worst species gives way to the best", low=0, high=1
    )
    hall_of_fame: int = setting(
        5, "best networks of earlier waves that breed too", unit="networks", low=0
    )

    def __post_init__(self) -> None:
        check_settings(self, "neat")

    @property
    def reach(self) -> int:
        """Any wave: a parent may be in the hall of fame."""
        return ANY_WAVE

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space whose formulas are no nodes with marks."""
        if not space.language.kind.marked:
            raise SettingError(
                f"neat: the space {space.language.name} has no nodes that are known by their marks; "
                "choose the space feedforward"
            )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return founders, or children of the species that the history has; see `Strategy.propose`."""
        breeding = self._species(history, space)
        worst = seeds.generator(seed=seed, purpose="extinction", wave=wave).random()
        if breeding and worst < self.extinction:
            breeding[-1] = breeding[0]
        known = {(outcome.genome, outcome.start) for outcome in history}
        proposals: list[Proposal] = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            for _ in range(TRIES):
                if breeding:
                    child = self._child(breeding[slot % len(breeding)], space, rng)
                    child = with_start(child, history)
                else:
                    child = self._founder(slot, space, rng)
                if (made := (str(child.genome), child.start)) not in known:
                    break
            known.add(made)
            proposals.append(child)
        return proposals

    def _founder(self, slot: int, space: Vocabulary, rng: np.random.Generator) -> Proposal:
        """Return logistic regression, or with a node if it is not the first."""
        genome = nodes.logistic_regression(space.language)
        if slot:
            grown = nodes.branch(genome, space.functions, rng)
            if space.admits(grown):
                return Proposal(grown, "branch")
        return Proposal(genome, "logistic_regression")

    # --- who breeds -------------------------------------------------------------------------------

    def _species(self, history: Sequence[Outcome], space: Vocabulary) -> list[list[Breeder]]:
        """Return who may have children, in species, the one with the best of all first."""
        trained = [self._judged(outcome, space) for outcome in history if not outcome.failed]
        ranked = sorted(trained, key=lambda breeder: (breeder.loss, breeder.candidate))
        newest = {outcome.candidate for outcome in newest_wave(history)} if history else set()
        famous = [breeder for breeder in ranked if breeder.candidate not in newest]
        names = newest | {breeder.candidate for breeder in famous[: self.hall_of_fame]}
        pool = [breeder for breeder in ranked if breeder.candidate in names]
        return clustered(pool, self.species) if pool else []

    def _judged(self, outcome: Outcome, space: Vocabulary) -> Breeder:
        genome = parse(outcome.genome, space.language)
        connections = len(nodes.connections_of(nodes.nodes_of(genome)))
        loss = outcome.fitness * (1 + self.penalty * math.sqrt(connections))
        return Breeder(outcome.candidate, genome, loss)

    # --- children ---------------------------------------------------------------------------------

    def _child(
        self, species: Sequence[Breeder], space: Vocabulary, rng: np.random.Generator
    ) -> Proposal:
        """Return a child of one or two of a species, the better one first; unchanged it is trained on."""
        first, second = drawn(species, rng), drawn(species, rng)
        if (second.loss, second.candidate) < (first.loss, first.candidate):
            first, second = second, first
        genome, parents = first.genome, [first.candidate]
        operators: list[str] = []
        if first != second and rng.random() < self.crossover:
            union = nodes.merged(genome, second.genome)
            if union != genome and space.admits(union):
                genome = union
                operators.append("merge")
                parents.append(second.candidate)
        edits = (
            (self.new_node, "branch", nodes.branch),
            (self.new_connection, "connect", nodes.connect),
        )
        for chance, operator, grow in edits * self.growth:
            if rng.random() < chance:
                grown = grow(genome, space.functions, rng)
                if grown is not None and space.admits(grown):
                    genome = grown
                    operators.append(operator)
        made = "+".join(dict.fromkeys(operators))
        return Proposal(genome, made or "train_on", tuple(parents))


def drawn(species: Sequence[Breeder], rng: np.random.Generator) -> Breeder:
    """Return one of a species, drawn with chances of one over their losses and a slack."""
    worth = np.array([1 / (abs(breeder.loss) + SLACK) for breeder in species])
    return species[int(rng.choice(len(species), p=worth / worth.sum()))]


def clustered(pool: Sequence[Breeder], most: int) -> list[list[Breeder]]:
    """Return breeders, which come the best first, in at most so many species, the best one's first.

    K-medoids by `nodes.distance`. The first medoid is the best, each further one the farthest from those
    before; then each breeder is of its nearest medoid's species, and that one's middle its new medoid.
    """
    apart = np.array([[nodes.distance(a.genome, b.genome) for b in pool] for a in pool])
    medoids = [0]
    while len(medoids) < most and apart[medoids].min(0).max() > 0:
        medoids.append(int(apart[medoids].min(0).argmax()))
    for _ in range(ROUNDS):
        owners = apart[medoids].argmin(0)
        members = [np.flatnonzero(owners == i) for i in range(len(medoids))]
        middles = [int(of[apart[np.ix_(of, of)].sum(0).argmin()]) for of in members]
        if middles == medoids:
            break
        medoids = middles
    return sorted(
        ([pool[int(i)] for i in of] for of in members), key=lambda of: (of[0].loss, of[0].candidate)
    )
