"""A controller trained by REINFORCE, after Zoph and Le 2017 (https://arxiv.org/abs/1611.01578).

A recurrent net writes genomes; what they turn out to be worth, less a moving average of that, weighs the
gradient of their log-probabilities (Williams 1992, https://doi.org/10.1007/BF00992696), and a bonus on
entropy keeps it drawing. What differs:

- It writes formulas of any space here, token by token under types and limits (`genomes.writer`), with one
  LSTM layer of its own; the paper's has two of 35 units and writes a fixed list of choices.
- It begins as a model of the space's fresh genomes, not with nearly equal chances, so that it knows the
  rules of a space that no type holds; and the first `founders` are such genomes.
- A worth is a rank: the share of the outcomes so far that are worse, 0 of a failure. The paper's reward,
  80 over the squared perplexity or an accuracy to the third power, is of one task.
- It is trained anew for each wave, from all that the wave sees, in the order of slots and in steps of
  `batch` outcomes: with waves of that size and a lag of 1 these are the steps of the paper's, one after
  another. With a lag the net has moved meanwhile, as it has with the paper's workers.
- Gradients are of the canonical form of what was written. What its run has had, or the space does not
  admit, is written again, since a second training would come to the same bits; so it draws without
  putting back, and no gradient says so.
- Adam's rate is about three times the paper's 0.0006, for hundreds of candidates instead of thousands. At
  five times this one it unlearns the rules of a space within a hundred candidates.

NASNet (Zoph et al. 2018, https://arxiv.org/abs/1707.07012) has the same controller trained by proximal
policy optimisation, which takes several clipped steps on each batch; this takes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.config.records import Search
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.genomes.writer import BEGIN
from gp_cells.strategies.controller import (
    Controller,
    batch_of,
    new_controller,
    rows_of,
    written,
)
from gp_cells.strategies.strategy import Outcome, Proposal, check_founders, fresh_wave


@dataclass(frozen=True)
class Reinforce:
    """A recurrent net writes genomes, and learns by REINFORCE what they turn out to be worth."""

    founders: int = setting(
        10, "random genomes before the net writes the first", unit="candidates", low=1
    )
    units: int = setting(32, "width of the net's LSTM", unit="units", low=1)
    batch: int = setting(10, "outcomes of one gradient step", unit="candidates", low=1)
    learning_rate: float = setting(0.002, "Adam's step size", above=0)
    entropy: float = setting(
        0.01, "worth of the net's entropy at each token", unit="worth per nat", low=0
    )
    baseline: float = setting(
        0.9, "share that the moving average of worth keeps at each step", low=0, high=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "reinforce")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a plan that ends before the net writes, or an empty space; see `Strategy.check`."""
        check_founders("reinforce.founders", self.founders, search, space)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return `slots` genomes that the net writes, or random ones at first; see `Strategy.propose`."""
        if len(history) < self.founders:
            return fresh_wave(history, wave, slots, space, seed)
        controller = new_controller(space, self.units, seed)
        self._train(controller, history)
        return written(controller, history, wave, slots, seed, "write")

    def _train(self, controller: Controller, history: Sequence[Outcome]) -> None:
        """Take a step for each batch of outcomes, the oldest first."""
        rows, begin = rows_of(controller, history), controller.writer.number[BEGIN]
        mean: float | None = None
        for start in range(0, len(history), self.batch):
            worths = worths_among(history[: start + self.batch])[start:]
            expected = float(worths.mean()) if mean is None else mean
            mean = self.baseline * expected + (1 - self.baseline) * float(worths.mean())
            own = [
                (row, worth - expected)
                for row, worth in zip(rows[start:], worths, strict=False)
                if row is not None
            ]
            if own:
                batch = batch_of([row for row, _ in own], begin)
                advantages = np.array([advantage for _, advantage in own])
                controller.learn(batch, advantages, self.entropy, self.learning_rate)


def worths_among(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Return of each outcome which share of all of them is worse, 0 to 1, equal ones by halves."""
    losses = np.array([outcome.fitness for outcome in outcomes])
    ordered = np.sort(losses)
    not_worse = np.searchsorted(ordered, losses, side="right")
    worse = len(losses) - not_worse
    equal = not_worse - np.searchsorted(ordered, losses)
    found: np.ndarray = (worse + (equal - 1) / 2) / max(1, len(losses) - 1)
    return np.where(np.isinf(losses), 0.0, found)
