"""BANANAS: Thompson sampling by an ensemble of networks, after White, Neiswanger and Savani 2021.

https://arxiv.org/abs/1910.11858. Taken from the paper: an ensemble of five networks, of which the mean is
what is expected and the spread how surely, independent Thompson sampling, candidates by mutation of what
was best. What differs:

- A network reads counts of pieces of formulas and of names in places (`gp_cells.genomes.fragments`), those
  that the history has, where the paper's reads which paths through a cell there are.
- It has two hidden layers of 16, not ten of 20, and learns normal scores of ranks by their absolute error,
  not accuracies by their relative one, in a hundred steps of Adam, each with the whole history.
- Fresh genomes are candidates too, and nothing is one that the waves before have under way.

Proposals are the same to the bit for any number of threads; see `gp_cells.strategies.ensemble`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.fragments import Distances, fragments, fragments_of_text
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.ensemble import train
from gp_cells.strategies.gaussian_process import Array, in_order
from gp_cells.strategies.pool import Pool, choose_with_lag
from gp_cells.strategies.strategy import Outcome, Proposal, check_founders, fresh_wave
from gp_cells.strategies.targets import normal_scores


@dataclass(frozen=True)
class Bananas:
    """Trains what is best by one sample each of what an ensemble of networks holds possible."""

    founders: int = setting(
        10, "random genomes that train before the ensemble is asked", unit="candidates", low=2
    )
    parents: int = setting(
        10, "best candidates of whose mutants it chooses", unit="candidates", low=1
    )
    mutants: int = setting(32, "mutants drawn of each", unit="genomes", low=1)
    fresh: int = setting(64, "random genomes that it chooses from too", unit="genomes", low=0)
    depth: int = setting(
        1,
        "deepest pieces of formulas that networks read; 0: names alone",
        unit="levels",
        low=0,
        high=4,
    )
    members: int = setting(5, "networks of the ensemble; the paper's", unit="networks", low=2)
    width: int = setting(16, "units of each of two hidden layers", unit="units", low=1)
    steps: int = setting(100, "of training, each with the whole history", unit="steps", low=1)
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "one is drawn for each mutant",
        choices=variation.MUTATIONS,
        min_items=1,
    )

    def __post_init__(self) -> None:
        check_settings(self, "bananas")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse plans without a choice; see `Strategy.check`."""
        check_founders("bananas.founders", self.founders, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes, each the best by a sample of its own, or random ones at first."""

        def choose(seen: Sequence[Outcome], started: Sequence[str], of: int) -> list[Proposal]:
            if sum(not outcome.failed for outcome in seen) < self.founders:
                return fresh_wave(seen, of, slots, space, seed)
            return self._choose(seen, started, of, slots, space, seed)

        return choose_with_lag(choose, history, wave)

    def _choose(
        self,
        history: Sequence[Outcome],
        started: Sequence[str],
        wave: int,
        slots: int,
        space: Vocabulary,
        seed: int,
    ) -> list[Proposal]:
        best = sorted(history, key=lambda outcome: (outcome.fitness, outcome.candidate))
        pool = Pool.around(best, history, started, self, space, seed, wave)
        ids = [proposal.genome.architecture_id for proposal in pool.proposals]
        means, spreads = self._foretold(history, pool, space, seed, wave)
        taken: set[int] = set()
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            sampled = means + spreads * rng.standard_normal(len(ids))
            left = [i for i in range(len(ids)) if i not in taken]
            if not left:  # nothing that is new was found
                proposals.append(pool.drawn(rng))
                continue
            chosen = min(left, key=lambda i: (round(float(sampled[i]), 9), ids[i]))
            taken.add(chosen)
            proposals.append(pool.proposals[chosen])
        return proposals

    def _foretold(
        self, history: Sequence[Outcome], pool: Pool, space: Vocabulary, seed: int, wave: int
    ) -> tuple[Array, Array]:
        """Return mean and standard deviation of what the ensemble says of each candidate."""
        language, depth = space.language, self.depth
        known = [fragments_of_text(outcome.genome, language, depth) for outcome in history]
        candidates = [fragments(proposal.genome, depth) for proposal in pool.proposals]
        counts = np.concatenate(Distances([*known, *candidates]).counts, axis=1).astype(np.float64)
        counts = counts[:, counts[: len(known)].any(axis=0)]
        rng = seeds.generator(seed=seed, purpose="ensemble", wave=wave)
        targets = normal_scores([outcome.fitness for outcome in history])
        ensemble = train(counts[: len(known)], targets, self.members, self.width, self.steps, rng)
        said = ensemble.predict(counts[len(known) :])
        means = in_order(said) / self.members
        return means, np.sqrt(in_order((said - means) ** 2) / self.members)
