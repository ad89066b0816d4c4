"""Bayesian optimisation with a Gaussian process over formulas, after Ru, Wan, Dong and Osborne 2021.

Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels (NASBOWL),
https://arxiv.org/abs/2006.07556. Taken from the paper: a Gaussian process whose kernel compares counts of
the subgraphs that architectures are made of, depth and other parameters of the kernel by marginal
likelihood, expected improvement, candidates by mutation of what was best. What differs:

- Subgraphs are pieces of formulas, and names in their places (`gp_cells.genomes.fragments`). A genome of
  several formulas is one graph; its distance to another is a sum over levels: places, names, and pieces of
  depth 1, 2, … up to the likeliest. The levels of a grammar, as in Schrodi et al. 2023
  (https://arxiv.org/abs/2211.01842), are not used.
- The kernel is a rational quadratic of that distance, not an inner product, so that pieces can interact.
- The process learns normal scores of ranks, so that neither a few hopeless candidates nor the unit of the
  loss matter; one that failed ranks last.
- Parameters are chosen on a grid, by at most a hundred outcomes spread evenly over the history, anew
  whenever that has grown by a tenth. The amplitude has its best value in closed form.
- The best of the candidates have mutants too, once, which become candidates.
- A wave is filled one by one, each choice then believed to come out as expected (the kriging believer).
  With a lag what is under way is believed in too: it followed from less of the history, and is worked out
  again.
- Several objectives are one number, by weights drawn anew for each slot, as in ParEGO (Knowles 2006,
  https://doi.org/10.1109/TEVC.2005.851274); the kernel is chosen at equal weights.

Proposals are the same to the bit for any number of threads, and nothing in them depends on the machine but
Python's `exp`, `erfc` and `log`, which are rounded to 9 digits; see `gp_cells.strategies.gaussian_process`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.fragments import Distances, Fragments, fragments, fragments_of_text
from gp_cells.genomes.language import Language
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.gaussian_process import (
    Array,
    Kernel,
    Process,
    amplitude,
    expected_improvement,
    likeliest,
    process_of,
    weighted,
)
from gp_cells.strategies.pool import Pool, choose_with_lag
from gp_cells.strategies.strategy import (
    Outcome,
    Proposal,
    check_founders,
    check_known,
    check_objectives,
    fresh_wave,
)
from gp_cells.strategies.targets import normal_scores, scalarised

# What the likelihood chooses from beside the depth: scales in mean squared distances, noise in amplitudes.
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
NOISES = (1e-3, 1e-2, 1e-1)
MOST_FITTED = 100  # outcomes that choose the kernel
CLIMBERS = 5  # best candidates whose mutants become candidates too
EVERYONE = slice(None)


@dataclass(frozen=True)
class Bayesian:
    """Trains what a Gaussian process over pieces of formulas expects the most improvement of."""

    founders: int = setting(
        10, "random genomes that train before the process is asked", unit="candidates", low=2
    )
    parents: int = setting(
        10, "best candidates of whose mutants it chooses", unit="candidates", low=1
    )
    mutants: int = setting(32, "mutants drawn of each", unit="genomes", low=1)
    fresh: int = setting(64, "random genomes that it chooses from too", unit="genomes", low=0)
    depth: int = setting(
        2,
        "deepest pieces of formulas that the kernel may compare; 0: names alone",
        unit="levels",
        low=0,
        high=4,
    )
    mutations: tuple[str, ...] = setting(
        variation.MUTATIONS,
        "one is drawn for each mutant",
        choices=variation.MUTATIONS,
        min_items=1,
    )
    objectives: tuple[str, ...] = setting(
        (), "what is minimised, each named once, e.g. fitness, parameters; none: fitness alone"
    )
    reference_point: tuple[float, ...] = setting(
        (), "the worst value that counts of each objective, in their order and units"
    )

    def __post_init__(self) -> None:
        check_settings(self, "bayesian")
        check_objectives("bayesian", self.objectives, self.reference_point)

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse unknown objectives and plans without a choice; see `Strategy.check`."""
        check_known("bayesian.objectives", self.objectives)
        check_founders("bayesian.founders", self.founders, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes of which improvement is expected, or random ones at first."""

        def choose(seen: Sequence[Outcome], started: Sequence[str], of: int) -> list[Proposal]:
            if sum(not outcome.failed for outcome in seen) < self.founders:
                return fresh_wave(seen, of, slots, space, seed)
            return self._choose(seen, started, of, slots, space, seed)

        return choose_with_lag(choose, history, wave)

    def targets(self, history: Sequence[Outcome], weights: Sequence[float] | None = None) -> Array:
        """Return what the process learns: normal scores of the fitness, or of objectives as one number."""
        if not self.objectives:
            return normal_scores([outcome.fitness for outcome in history])
        weights = weights or [1 / len(self.objectives)] * len(self.objectives)
        return normal_scores(scalarised(history, self.objectives, self.reference_point, weights))

    def kernel(self, history: Sequence[Outcome], language: Language) -> Kernel:
        """Return the kernel that makes the history likeliest; as it was until that grows by a tenth."""
        size = 2
        while size + max(size // 10, 1) <= len(history):
            size += max(size // 10, 1)
        texts = tuple(outcome.genome for outcome in history[:size])
        return _likeliest(texts, tuple(self.targets(history[:size]).tolist()), language, self.depth)

    def _choose(
        self,
        history: Sequence[Outcome],
        started: Sequence[str],
        wave: int,
        slots: int,
        space: Vocabulary,
        seed: int,
    ) -> list[Proposal]:
        known = [
            fragments_of_text(outcome.genome, space.language, self.depth) for outcome in history
        ]
        waiting = [fragments_of_text(text, space.language, self.depth) for text in started]
        kernel, targets = self.kernel(history, space.language), self.targets(history)
        best = sorted(zip(targets, history, strict=True), key=lambda of: (of[0], of[1].candidate))
        pool = Pool.around([of for _, of in best], history, started, self, space, seed, wave)
        process = process_of(kernel, Distances(known).between(EVERYONE, EVERYONE))
        prospects = Prospects(process, known, waiting, pool, self.depth)
        gains = prospects.gains(targets)
        order = sorted(range(len(gains)), key=lambda i: (-gains[i], prospects.ids[i]))
        pool.add_mutants([pool.proposals[i] for i in order[:CLIMBERS]], self.mutants)
        prospects = Prospects(process, known, waiting, pool, self.depth)
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            if self.objectives:
                targets = self.targets(history, _drawn_weights(len(self.objectives), rng))
            proposals.append(prospects.take(targets) or pool.drawn(rng))
        return proposals


class Prospects:
    """Candidates as a process sees them that has seen the known, and believes in what is under way."""

    def __init__(
        self,
        process: Process,
        known: Sequence[Fragments],
        waiting: Sequence[Fragments],
        pool: Pool,
        depth: int,
    ) -> None:
        candidates = [fragments(proposal.genome, depth) for proposal in pool.proposals]
        self.pool = pool
        self.ids = [proposal.genome.architecture_id for proposal in pool.proposals]
        self.apart = Distances([*known, *waiting, *candidates])
        self.seen, self.waiting = len(known), len(waiting)
        seen, others = slice(self.seen), slice(self.seen, None)
        self.process, self.view = process, process.look(self.apart.between(seen, others))
        self.taken: set[int] = set()
        for place in range(self.waiting):
            self._believe(place)

    def gains(self, targets: Array) -> list[float]:
        """Return the improvement on the least target that is expected of each candidate."""
        given = self.process.given(targets)
        means, spread = self.view.means(given), amplitude(given)
        return [
            expected_improvement(float(targets.min()), mean, math.sqrt(spread * variance))
            for mean, variance in zip(
                means[self.waiting :].tolist(),
                self.view.variances[self.waiting :].tolist(),
                strict=True,
            )
        ]

    def take(self, targets: Array) -> Proposal | None:
        """Return the best candidate that is left, and believe in it; of equals the one of the least id."""
        gains = self.gains(targets)
        left = [i for i in range(len(gains)) if i not in self.taken]
        if not left:
            return None
        chosen = min(left, key=lambda i: (-gains[i], self.ids[i]))
        self.taken.add(chosen)
        self._believe(self.waiting + chosen)
        return self.pool.proposals[chosen]

    def _believe(self, place: int) -> None:
        others = slice(self.seen, None)
        self.view.believe(place, self.apart.between([self.seen + place], others))


def _drawn_weights(count: int, rng: np.random.Generator) -> list[float]:
    """Return weights that sum to 1, uniformly drawn."""
    cuts = [0.0, *sorted(rng.random(count - 1).tolist()), 1.0]
    return [high - low for low, high in pairwise(cuts)]


def _weights(depth: int) -> list[tuple[float, ...]]:
    """Return what each level counts, places last: all up to some depth, or none."""
    return [
        (*(float(level <= deepest) for level in range(depth + 1)), 1.0)
        for deepest in range(depth + 1)
    ]


@lru_cache(maxsize=16)
def _likeliest(
    texts: tuple[str, ...], targets: tuple[float, ...], language: Language, depth: int
) -> Kernel:
    """Return the likeliest kernel of at most `MOST_FITTED` of the outcomes, evenly spread."""
    chosen = range(0, len(texts), -(-len(texts) // MOST_FITTED))
    distances = Distances([fragments_of_text(texts[i], language, depth) for i in chosen])
    squared = distances.between(EVERYONE, EVERYONE)
    kernels = [
        Kernel(weights, scale * _mean(weighted(weights, squared)), noise)
        for weights, scale, noise in product(_weights(depth), SCALES, NOISES)
    ]
    return likeliest(kernels, squared, np.array([targets[i] for i in chosen]))


def _mean(squared: Array) -> float:
    """Return a mean of whole numbers, whose sum is exact; at least one of them counts."""
    return max(float(squared.sum()), 1.0) / squared.size
