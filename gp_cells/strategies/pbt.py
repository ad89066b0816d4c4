"""Population-based training, after Jaderberg et al. 2017, over the genome too as Wan et al. 2022 have it.

https://arxiv.org/abs/1711.09846; https://arxiv.org/abs/2207.09405. A population trains a little further in
each wave; then the worst go on from the state of one of the best (exploit) with another learning rate and
dropout (explore). Taken from the first paper: truncation selection of 20 %, and perturbation by 1.2 or 0.8.
What differs:

- A round is a wave and ends when all of it have trained, so the outcome depends on no clock. With a lag of
  L, L populations are under way side by side, each in every L-th wave.
- Of Wan et al. the change of architecture is taken: with the chance `mutation` an exploited genome is
  mutated, and inherits. Their Bayesian optimisation and their distillation are not.
- Who is best is told by the validation loss after the last epoch, the best one so far being of weights that
  do not go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, going_on, newest_wave

MOST_DROPOUT = 0.9


@dataclass(frozen=True)
class PBT:
    """Population-based training of genomes, learning rates and dropout: the worst take the best's state."""

    epochs: int = setting(1, "passes over the training split in each wave", unit="epochs", low=1)
    share: float = setting(
        0.2, "worst share that takes the state of the best share; the paper's", low=0, high=0.5
    )
    factors: tuple[float, ...] = setting(
        (0.8, 1.2),
        "one multiplies learning rate and dropout each; the paper's",
        above=0,
        min_items=1,
    )
    learning_rates: tuple[float, ...] = setting(
        (0.001, 0.03),
        "range of the first ones, drawn log-uniformly",
        above=0,
        min_items=2,
        max_items=2,
    )
    dropouts: tuple[float, ...] = setting(
        (0.0, 0.3), "range of the first ones", low=0, high=MOST_DROPOUT, min_items=2, max_items=2
    )
    mutation: float = setting(
        0.5, "chance that who takes a state is also mutated, and inherits", low=0, high=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "pbt")
        for name in ("learning_rates", "dropouts"):
            low, high = getattr(self, name)
            if low > high:
                raise SettingError(
                    f"pbt.{name}: expected the lower end first, got {low:g}, {high:g}"
                )

    @property
    def reach(self) -> int:
        """One wave: the population as it was last."""
        return 1

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse waves of different numbers of slots, and an empty space; see `Strategy.check`."""
        if len(set(search.widths)) > 1:
            raise SettingError(
                f"pbt: expected waves of one number of slots, the population, got {search.widths}"
            )
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return each member, the worst in the steps of the best; see `Strategy.propose`."""
        newest = newest_wave(history)
        ranked = sorted(
            (o for o in newest if o.state is not None),
            key=lambda o: (math.inf if o.last_loss is None else o.last_loss, o.candidate),
        )
        count = math.ceil(self.share * slots)
        best, worst = (
            ranked[:count],
            {o.candidate for o in ranked[max(count, len(ranked) - count) :]},
        )
        proposals = []
        for slot in range(slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            member = newest[slot] if newest else None
            if member is not None and member.state is not None and member.candidate not in worst:
                proposals.append(going_on(member, "go_on", member.recipe, space))
            elif best:
                proposals.append(self._exploiting(best[int(rng.integers(len(best)))], space, rng))
            else:
                proposals.append(self._fresh(space, rng))
        return proposals

    def _fresh(self, space: Vocabulary, rng: np.random.Generator) -> Proposal:
        low, high = map(math.log, self.learning_rates)
        least, most = self.dropouts
        recipe = {
            "epochs": self.epochs,
            "learning_rate": math.exp(rng.uniform(low, high)),
            "dropout": float(rng.uniform(least, most)),
        }
        return Proposal(variation.sample(space, rng), "sample", recipe=recipe)

    def _exploiting(self, giver: Outcome, space: Vocabulary, rng: np.random.Generator) -> Proposal:
        recipe = dict(giver.recipe or {})
        first, second = (self.factors[int(rng.integers(len(self.factors)))] for _ in range(2))
        recipe["learning_rate"] *= first
        recipe["dropout"] = min(MOST_DROPOUT, recipe["dropout"] * second)
        genome, operator = parse(giver.genome, space.language), "exploit"
        if rng.random() < self.mutation:
            changed, how = variation.mutate(space, genome, rng)
            if how != "sample":
                genome, operator = changed, f"exploit+{how}"
        return Proposal(genome, operator, (giver.candidate,), start=giver.candidate, recipe=recipe)
