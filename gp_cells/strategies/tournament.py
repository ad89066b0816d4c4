"""Tournaments of trainers that exchange their models, as LBANN's LTFB has them.

Jacobs et al. 2019, https://arxiv.org/abs/1910.02270, and the metalearning code of LBANN. Each
slot is a trainer with a genome, a shard of the training data and, held out of it, a tournament set of its
own. A wave trains each on its shard; then models are exchanged, and the last wave is trained without an
exchange after it. What a trainer's model is worth is told by tournament sets alone: the validation split
is what the record and the finalists are judged by, and no exchange reads it, nor the test split.

- `pairs`: trainers meet in random pairs, the odd one out meets itself. Each judges its own model and its
  partner's on its own tournament set, and keeps the better; of equals its own. Both may end with the same
  model, or with each other's.
- `truncation`: all are ranked on their own tournament sets; of rank i ≥ `kept` each takes the model of
  rank i mod `kept`.
- `regularised`: of a random sample the best gives its model to the trainer whose turn it is to be the
  oldest, one after the other.
- A model that was taken from another trainer is mutated if `mutations` names any, then begins with the
  weights that survive.

What differs from LBANN:

- A round is a wave, whoever is first, and partners come from the seed, so any one job can be made again.
  With a lag of L, L tournaments are under way side by side, each in every L-th wave.
- A partner's model is judged where it was trained, on the set of whom it will meet, which is the same loss.
- A model comes with its optimiser's moments; all trainers begin with weights of one seed, their genomes
  being random. LBANN's regularised form compares scores cut to whole numbers; here they are not cut.
- Who failed takes its partner's, the sample's or the leading model, else a random genome.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import Search
from gp_cells.genomes import variation
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, going_on, newest_wave


@dataclass(frozen=True)
class Tournament:
    """Trainers on shards of the data; after each wave the better models take the others' places."""

    epochs: int = setting(
        1, "passes over its shard of a trainer between two exchanges", unit="epochs", low=1
    )
    exchange: Literal["pairs", "truncation", "regularised"] = setting(
        "pairs", "whose model takes whose place"
    )
    held: float = setting(
        0.2, "share of each shard that is its trainer's tournament set", low=0.01, high=0.9
    )
    kept: int = setting(2, "truncation only: models that stay", unit="models", low=1)
    sample: int = setting(
        3, "regularised only: trainers of which the best gives its model", unit="trainers", low=1
    )
    mutations: tuple[str, ...] = setting(
        (), "one is drawn for each model taken; without any it stays", choices=variation.MUTATIONS
    )

    def __post_init__(self) -> None:
        check_settings(self, "tournament")

    @property
    def reach(self) -> int:
        """One wave: the models that are exchanged."""
        return 1

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse waves of different widths, and a space that nothing can be drawn from."""
        widths = set(search.widths)
        if len(widths) > 1:
            raise SettingError(
                f"tournament: expected waves of one number of slots, the trainers, got {search.widths}"
            )
        for name, value in (("kept", self.kept), ("sample", self.sample)):
            wanted = {"kept": "truncation", "sample": "regularised"}[name]
            if self.exchange == wanted and value > min(widths):
                raise SettingError(
                    f"tournament.{name}: expected at most {min(widths)}, as many as trainers, got {value}"
                )
        variation.sample(space, seeds.generator(purpose="check"))

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return each trainer with the model that it has after the exchange; see `Strategy.propose`."""
        newest = newest_wave(history)
        proposals = []
        for slot in range(slots):
            recipe = {
                "epochs": self.epochs,
                SHARD: {
                    "number": slot,
                    "of": slots,
                    "held": self.held,
                    "judged": self._judged(slot, wave, slots, seed),
                },
            }
            proposals.append(self._after(newest, slot, wave, recipe, space, seed))
        return proposals

    def _judged(self, slot: int, wave: int, slots: int, seed: int) -> list[int]:
        """Return on whose tournament sets a trainer's model is judged after a wave."""
        if self.exchange != "pairs":
            return [slot]
        partner = partner_of(slot, wave, slots, seed)
        return [slot] if partner == slot else [slot, partner]

    def _after(
        self,
        newest: Sequence[Outcome],
        slot: int,
        wave: int,
        recipe: dict[str, Any],
        space: Vocabulary,
        seed: int,
    ) -> Proposal:
        """Return a trainer with the model that the exchange after the newest wave leaves it."""
        rng = seeds.generator(seed=seed, purpose="propose", wave=wave, slot=slot)
        winner = self._winner(newest, slot, seed) if newest else None
        if winner is None:
            return Proposal(variation.sample(space, rng), "sample", recipe=recipe)
        if winner is newest[slot]:
            return going_on(winner, "go_on", recipe, space)
        adopted = going_on(winner, "adopt", recipe, space)
        if not self.mutations:
            return adopted
        genome, how = variation.mutate(space, adopted.genome, rng, self.mutations)
        if how == "sample":
            return adopted
        name = winner.candidate
        return Proposal(genome, f"adopt+{how}", (name,), start=name, recipe=recipe)

    def _winner(self, newest: Sequence[Outcome], slot: int, seed: int) -> Outcome | None:
        """Return the outcome whose model a trainer has next, None if there is none."""
        wave, own = newest[0].wave, newest[slot]
        if self.exchange == "pairs":
            other = newest[partner_of(slot, wave, len(newest), seed)]
            pair = (own, other)
            return _best([(of, _loss_on(of, slot)) for of in pair])
        scores = [(of, _loss_on(of, i)) for i, of in enumerate(newest)]
        ranked = sorted(range(len(newest)), key=lambda i: (scores[i][1], i))
        if self.exchange == "truncation":
            rank = ranked.index(slot)
            return _best([scores[ranked[rank if rank < self.kept else rank % self.kept]]])
        oldest = oldest_of(newest, len(newest))
        if slot != oldest and own.state is not None:
            return own
        rng = seeds.generator(seed=seed, purpose="sample", wave=wave)
        drawn = sorted(int(i) for i in rng.permutation(len(newest))[: self.sample])
        return _best([scores[i] for i in drawn]) or _best([scores[i] for i in ranked])


def partner_of(slot: int, wave: int, slots: int, seed: int) -> int:
    """Return whom a trainer meets after a wave: itself if it is the odd one out."""
    order = seeds.generator(seed=seed, purpose="pairs", wave=wave).permutation(slots).tolist()
    place = order.index(slot) ^ 1
    return int(order[place]) if place < slots else slot


def oldest_of(newest: Sequence[Outcome], slots: int) -> int:
    """Return the trainer whose turn it is to be the oldest after a wave."""
    return newest[0].wave % slots


def _loss_on(outcome: Outcome, shard: int) -> float:
    """Return the loss of an outcome's model on a tournament set, infinite if it left none."""
    judged = (outcome.recipe or {}).get(SHARD, {}).get("judged", ())
    if outcome.state is None or len(judged) != len(outcome.judged):
        return math.inf
    loss = dict(zip(judged, outcome.judged, strict=True)).get(shard, math.inf)
    return math.inf if math.isnan(loss) else loss


def _best(scores: Sequence[tuple[Outcome, float]]) -> Outcome | None:
    """Return the outcome of the least loss, of equals the first; None if none left a state."""
    able = [(outcome, loss) for outcome, loss in scores if outcome.state is not None]
    return min(able, key=lambda of: of[1])[0] if able else None
