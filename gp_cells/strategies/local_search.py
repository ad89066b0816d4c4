"""Local search with restarts, after White, Nolen and Savani 2021 (https://arxiv.org/abs/2005.02960).

Taken from the paper: from the best of a few random genomes a climb goes to neighbours, the genomes one
edit away; where none is better, another climb begins. What differs:

- As in the paper's variant that asks until lower, a climb moves on as soon as a neighbour is better,
  and not once all neighbours are known.
- No architecture is trained twice. A neighbourhood is used up when each of its genomes is in the
  history, whichever climb trained it; then the next climb begins with fresh genomes.
- A wave of several slots tries as many neighbours of the best at once. What its slots have left over,
  when fewer are new, goes to fresh genomes, with which the next climb begins.
- With a lag of L, each of L waves that are under way together tries every L-th neighbour, so that none
  is trained twice at a time; a neighbourhood is used up for a wave when its own are.
- A candidate that failed is known, and never climbed from.

The order of the neighbours is drawn once for each genome. Each candidate's note says its climb.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.neighbours import neighbours
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, check_founders


@dataclass(frozen=True)
class LocalSearch:
    """Climbs to better genomes one edit away; where there are none, begins anew."""

    founders: int = setting(
        1, "random genomes of which the best begins a climb", unit="candidates", low=1
    )
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "what one edit may be",
        choices=variation.MUTATIONS,
        min_items=1,
    )

    def __post_init__(self) -> None:
        check_settings(self, "local_search")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a plan that ends before the first child, or an empty space; see `Strategy.check`."""
        check_founders("local_search.founders", self.founders, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return untried neighbours of the best of the newest climb, then fresh genomes."""
        climb = max(map(climb_of, history), default=0)
        members = [outcome for outcome in history if climb_of(outcome) == climb]
        able = [outcome for outcome in members if not outcome.failed]
        known = {outcome.architecture_id for outcome in history}
        proposals: list[Proposal] = []
        if able and len(members) >= self.founders:
            best = min(able, key=lambda outcome: (outcome.fitness, outcome.candidate))
            tracks = max(1, wave - history[-1].wave)
            untried = self._untried(best, known, wave % tracks, tracks, space, seed)
            proposals = list(islice(untried, slots))
            climb += 1
        known |= {proposal.genome.architecture_id for proposal in proposals}
        for slot in range(len(proposals), slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            genome = variation.sample_new(space, rng, known)
            known.add(genome.architecture_id)
            proposals.append(Proposal(genome, "sample", note={"climb": climb}))
        return proposals

    def _untried(
        self,
        best: Outcome,
        known: Collection[str],
        track: int,
        tracks: int,
        space: Vocabulary,
        seed: int,
    ) -> Iterator[Proposal]:
        """Yield the neighbours of the best that this wave may try and that the history lacks."""
        rng = seeds.generator(seed=seed, purpose="neighbours", of=best.architecture_id)
        genome, note = parse(best.genome, space.language), {"climb": climb_of(best)}
        for number, neighbour, mutation in neighbours(space, genome, rng, self.mutations):
            if number % tracks == track and neighbour.architecture_id not in known:
                yield Proposal(neighbour, mutation, (best.candidate,), note=note)


def climb_of(outcome: Outcome) -> int:
    """Return which climb a candidate is of, by its note."""
    return int(outcome.note["climb"]) if outcome.note else 0
