"""What strategies with a model share: candidates that it chooses from, and what is under way meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np

from gp_cells.config import seeds
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal

# The proposals of a wave, from what it sees, the genomes under way as text, and its number.
Choose = Callable[[Sequence[Outcome], Sequence[str], int], list[Proposal]]


def choose_with_lag(choose: Choose, history: Sequence[Outcome], wave: int) -> list[Proposal]:
    """Return what is chosen for a wave, told which genomes the waves before it have under way.

    Their outcomes are not in the history yet, but what they proposed followed from less of it, so that it
    can be chosen once more; with the slots of this wave, if theirs were others. A wave that saw nothing did
    not know its lag, nor what was under way.
    """
    newest = history[-1].wave if history else wave
    lag = wave - newest
    later: list[Proposal] = []
    for earlier in range(newest + 1, wave):
        seen = [outcome for outcome in history if outcome.wave <= earlier - lag]
        started = [outcome.genome for outcome in history if outcome.wave > earlier - lag]
        started += [str(proposal.genome) for proposal in later]
        later += choose(seen, started if seen else (), earlier)
    return choose(history, [str(proposal.genome) for proposal in later], wave)


class Plan(Protocol):
    """How many candidates a strategy with a model looks at; its settings."""

    @property
    def parents(self) -> int:
        """Best candidates of whose mutants it chooses."""
        ...

    @property
    def mutants(self) -> int:
        """Mutants drawn of each."""
        ...

    @property
    def fresh(self) -> int:
        """Random genomes."""
        ...

    @property
    def mutations(self) -> tuple[str, ...]:
        """What makes mutants."""
        ...


@dataclass
class Pool:
    """Candidates that are neither trained nor under way, each once, in the order of being found."""

    space: Vocabulary
    seed: int
    mutations: tuple[str, ...]
    known: set[str]
    proposals: list[Proposal] = field(default_factory=list)

    @classmethod
    def around(
        cls,
        best: Sequence[Outcome],
        history: Sequence[Outcome],
        started: Sequence[str],
        plan: Plan,
        space: Vocabulary,
        seed: int,
        wave: int,
    ) -> Pool:
        """Return mutants of the best of a history, and fresh genomes, as many as a plan says."""
        ids = {parse(text, space.language).architecture_id for text in started}
        ids.update(outcome.architecture_id for outcome in history)
        pool = cls(space, seed, plan.mutations, ids)
        pool.add_mutants([of for of in best[: plan.parents] if not of.failed], plan.mutants)
        pool.add_fresh(plan.fresh, wave)
        return pool

    def drawn(self, rng: np.random.Generator) -> Proposal:
        """Return a random genome that is not known, for a slot for which no candidate is left."""
        genome = variation.sample_new(self.space, rng, self.known)
        self.known.add(genome.architecture_id)
        return Proposal(genome, "sample")

    def add_fresh(self, count: int, wave: int) -> None:
        """Add random genomes, of so many drawn."""
        rng = seeds.generator(seed=self.seed, purpose="fresh", wave=wave)
        for _ in range(count):
            self._add(Proposal(variation.sample(self.space, rng), "sample"))

    def add_mutants(self, parents: Iterable[Outcome | Proposal], count: int) -> None:
        """Add mutants of candidates, of so many drawn of each."""
        for parent in parents:
            text = parent.genome if isinstance(parent, Outcome) else str(parent.genome)
            made = mutants(text, count, self.space, self.seed, self.mutations)  # type: ignore[arg-type]
            for genome, how in made:  # a space is frozen, and so hashes
                self._add(_child(parent, genome, how))

    def _add(self, proposal: Proposal) -> None:
        if proposal.genome.architecture_id not in self.known:
            self.known.add(proposal.genome.architecture_id)
            self.proposals.append(proposal)


def _child(parent: Outcome | Proposal, genome: Genome, how: str) -> Proposal:
    if isinstance(parent, Outcome):
        return Proposal(genome, how, (parent.candidate,))
    operators = parent.operator.split("+")
    operator = parent.operator if how in operators else f"{parent.operator}+{how}"
    return Proposal(genome, operator, parent.parents)


@lru_cache(maxsize=256)
def mutants(
    text: str, count: int, space: Vocabulary, seed: int, mutations: tuple[str, ...]
) -> tuple[tuple[Genome, str], ...]:
    """Return mutants of a genome, each once, with the mutation that made it, out of so many drawn.

    Of one seed they are the same whenever they are asked for, so that keeping them changes nothing.
    """
    genome = parse(text, space.language)
    rng = seeds.generator(seed=seed, purpose="mutants", genome=genome.architecture_id)
    found: dict[str, tuple[Genome, str]] = {}
    for _ in range(count):
        mutant, how = variation.mutate(space, genome, rng, mutations)
        if how != "sample":
            found.setdefault(mutant.architecture_id, (mutant, how))
    return tuple(found.values())
