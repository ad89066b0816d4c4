# %% [markdown]
# # Write a strategy and play it where the truth is known
#
# A strategy is a pure function from what has been measured to what to train next. On a complete
# table of trained architectures a search of hundreds costs a second, so ideas are tried there
# first.

# %%
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.random import Random
from gp_cells.tabular.truth import play
from gp_cells.tabular.truth.known import least, truth

SEEDS, CANDIDATES = 20, 100


@dataclass(frozen=True)
class Climber:
    """Mutates one of the best few so far, and sometimes draws a fresh genome."""

    elite: int = setting(5, "the best so far, of which one is mutated", unit="candidates", low=1)
    fresh: float = setting(0.1, "share of fresh genomes", low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self, "climber")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse nothing: any plan can be filled."""

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes; chance comes from the seed, the wave and the slot alone."""
        best = sorted(history, key=lambda outcome: (outcome.fitness, outcome.candidate))
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            if not best or rng.random() < self.fresh:
                proposals.append(Proposal(variation.sample(space, rng), "sample"))
                continue
            parent = best[rng.integers(min(self.elite, len(best)))]
            genome, operator = variation.mutate(space, parse(parent.genome, space.language), rng)
            proposals.append(Proposal(genome, operator, (parent.candidate,)))
        return proposals


# %% [markdown]
# Regret: how far the best found is below the best in the table, in points of accuracy, mean over
# seeds.

# %%
known = truth("nas_bench_201")
lowest, _ = least("nas_bench_201")


def regret(strategy, seed):
    """Return the regret of one search, in points of accuracy."""
    history = play(strategy, known.space, known.table, [10] * (CANDIDATES // 10), 1, seed)
    return 100 * (min(outcome.fitness for outcome in history) - lowest)


found = {
    type(strategy).__name__: [regret(strategy, seed) for seed in range(1, SEEDS + 1)]
    for strategy in (Random(), Climber())
}
for name, values in found.items():
    print(f"{name:8} {np.mean(values):.3f} points after {CANDIDATES} candidates, {SEEDS} seeds")

# %% [markdown]
# To use it in a benchmark, put the class into a package of your own (copy `template/`), and ask
# whether it does what its family has to: `gp-cells vet strategy climber`.
