"""Successive halving in waves, after Jamieson and Talwalkar 2016, and Hyperband's brackets of it.

https://arxiv.org/abs/1502.07943; Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018,
https://arxiv.org/abs/1603.06560. Many genomes are trained for a few epochs, the best of them go on where
they stopped, to `factor` times as many, and so on from rung to rung. What differs:

- How many of a rung go on is what the plan's `slots` say; the papers' are each time 1 of `factor`.
- A rung is a wave, and is over when all of it are: the synchronous form, whose outcome does not depend on
  who finished first. With a lag of L, L brackets are under way side by side, each in every L-th wave, so
  that workers are busy while one waits.
- Hyperband's brackets that begin on higher rungs, with fewer genomes and more epochs each, follow one
  another, and then the first comes again. Genomes are random.
- With `rank: predicted` those go on whose curves promise the lowest loss on the top rung, by the run's
  stopping rule; one that it cannot tell of, as of fewer than four epochs, counts with its loss so far.
- A place for which too few of the rung below ended well gets a random genome with all epochs of its rung.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, best_of_newest, going_on


@dataclass(frozen=True)
class Halving:
    """Successive halving: the best of each rung of short trainings go on for longer."""

    epochs: int = setting(
        1, "passes over the training split in the lowest rung", unit="epochs", low=1
    )
    factor: int = setting(3, "times the epochs that each rung has of the one below", low=2)
    rungs: int = setting(3, "rungs of the first bracket, one a wave", unit="rungs", low=1)
    brackets: int = setting(
        1,
        "each begins a rung higher than the one before; 1 is successive halving, `rungs` Hyperband",
        unit="brackets",
        low=1,
    )

    rank: Literal["observed", "predicted"] = setting(
        "observed", "what the best of a rung are told by; predicted needs stopping: parametric"
    )

    def __post_init__(self) -> None:
        check_settings(self, "halving")
        if self.brackets > self.rungs:
            raise SettingError(
                f"halving.brackets: expected no more than rungs, which is {self.rungs}, got {self.brackets}"
            )

    @property
    def reach(self) -> int:
        """One wave: the rung below."""
        return 1

    @property
    def horizon(self) -> int:
        """The epochs of the top rung, if trials are ranked by what is foretold of them; else 0."""
        top = self.epochs * self.factor ** (self.rungs - 1)
        return top if self.rank == "predicted" else 0

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse slots that grow from a rung to the next, and an empty space; see `Strategy.check`."""
        variation.sample(space, seeds.generator(purpose="check"))
        for lane in range(search.lag):
            waves = range(lane, search.waves, search.lag)
            for below, above in pairwise(waves):
                rung = self.rung(above // search.lag)
                grows = search.widths[above] > search.widths[below]
                if grows and not self._begins(above // search.lag):
                    raise SettingError(
                        f"halving: rung {rung} in wave {above} has {search.widths[above]} slots, the rung "
                        f"below it in wave {below} has {search.widths[below]}; give a list of slots in "
                        f"which those of {self.rungs} waves do not grow"
                    )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the best of the rung below, or random genomes for the lowest of a bracket."""
        newest = history[-1].wave if history else None
        step = 0 if newest is None else wave // (wave - newest)
        ranked = best_of_newest(history, foretold=self.rank == "predicted")
        promoted = [] if self._begins(step) else ranked[:slots]
        known = {outcome.architecture_id for outcome in history}
        proposals = [self._going_on(outcome, step, space) for outcome in promoted]
        for slot in range(len(promoted), slots):
            rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
            genome = variation.sample_new(space, rng, known)
            known.add(genome.architecture_id)
            proposals.append(
                Proposal(genome, "sample", recipe={"epochs": self.epochs_in_all(step)})
            )
        return proposals

    def rung(self, step: int) -> int:
        """Return the rung of a wave, the `step`-th of its lane: brackets one after another."""
        rungs = [rung for first in range(self.brackets) for rung in range(first, self.rungs)]
        return rungs[step % len(rungs)]

    def epochs_in_all(self, step: int) -> int:
        """Return how many epochs the weights of a wave's candidates have seen at its end."""
        return self.epochs * self.factor ** self.rung(step)

    def _begins(self, step: int) -> bool:
        """Return whether a wave is the lowest rung of a bracket."""
        return step == 0 or self.rung(step) <= self.rung(step - 1)

    def _going_on(self, outcome: Outcome, step: int, space: Vocabulary) -> Proposal:
        own = self.epochs_in_all(step) - self.epochs_in_all(step - 1)
        return going_on(outcome, "promote", {"epochs": own}, space)
