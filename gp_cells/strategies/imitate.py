"""A language model of formulas: a recurrent net that learns the best of the history, and writes more.

The net of `reinforce`, trained by maximum likelihood on the best share of what has been trained, is the
cross-entropy method (Rubinstein 1999, https://doi.org/10.1023/A:1010091220143) over formulas, an estimation
of distribution; and it is the control of searches in which a large language model writes, with the same
examples and nothing that it has read elsewhere. It begins as a model of the space's fresh genomes. A genome
that its run has had is written again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gp_cells.config import seeds
from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.controller import imitate, new_controller, rows_of, written
from gp_cells.strategies.strategy import Outcome, Proposal, check_founders, fresh_wave


@dataclass(frozen=True)
class Imitate:
    """A recurrent net learns the best genomes so far by heart, as far as it can, and writes others."""

    founders: int = setting(
        20, "random genomes before the net writes the first", unit="candidates", low=1
    )
    best: float = setting(0.2, "share of the trained ones that it learns", low=0.01, high=1)
    least: int = setting(10, "of which it learns at least so many", unit="candidates", low=1)
    units: int = setting(32, "width of the net's LSTM", unit="units", low=1)
    passes: int = setting(10, "how often it goes over them", unit="passes", low=1)
    batch: int = setting(16, "genomes of one gradient step", unit="candidates", low=1)
    learning_rate: float = setting(0.01, "Adam's step size", above=0)
    entropy: float = setting(
        0.0, "worth of the net's entropy at each token", unit="worth per nat", low=0
    )

    def __post_init__(self) -> None:
        check_settings(self, "imitate")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a plan that ends before the net writes, or an empty space; see `Strategy.check`."""
        check_founders("imitate.founders", self.founders, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes that the net writes, or random ones at first; see `Strategy.propose`."""
        if len(history) < self.founders:
            return fresh_wave(history, wave, slots, space, seed)
        controller = new_controller(space, self.units, seed)
        rng = seeds.generator(seed=seed, purpose="imitate", wave=wave)
        rows = [row for row in rows_of(controller, self.models(history)) if row is not None]
        imitate(controller, rows, self.passes, self.batch, self.learning_rate, self.entropy, rng)
        return written(controller, history, wave, slots, seed, "write")

    def models(self, history: Sequence[Outcome]) -> list[Outcome]:
        """Return the best that trained, the best first."""
        trained = sorted(
            (outcome for outcome in history if not outcome.failed),
            key=lambda outcome: (outcome.fitness, outcome.candidate),
        )
        return trained[: max(self.least, math.ceil(self.best * len(trained)))]
