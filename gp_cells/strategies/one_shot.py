"""One-shot search: a supernet is trained, the genome that it prefers derived, and the supernet refuted.

The first wave is one supernet, a genome whose choices stand for all genomes of a template; its trial
learns how probable each alternative is (`gp_cells.training.supernet`, with the papers). Later waves have
the genome of the most probable alternatives, and genomes drawn from the supernet, all trained alone from
fresh weights. The drawn ones are those that the supernet's trial judged by its shared weights: how far
the two orders agree says what the supernet's preference is worth (`gp-cells refute`), and no run can leave
that out. So the best of a run may be one of those drawn; its operator tells, `derive` or `draw`.

Where the supernet's trial failed, all genomes are drawn. Of each choice the most probable alternative is
derived; DARTS also keeps but two of a node's inputs, which are fixed here. There is no price on latency.
A supernet is no candidate for anything: its trial has no fitness, and who came of it names no parent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.files import read_text
from gp_cells.config.recipe import SHARD
from gp_cells.config.records import Search
from gp_cells.config.supernet import SUPERNET, Cost, Method, Supernet
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.supernets import derived, drawn_picks
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import Outcome, Proposal, plan_words

FEWEST = 30  # genomes that refute: with fewer a rank correlation says nothing


@dataclass(frozen=True)
class OneShot:
    """Trains a supernet, derives what it prefers, and trains others to tell what that is worth."""

    supernet: str = setting("three_sums", "a supernet of the space, by name")
    method: Method = setting(
        "binary",
        "binary: one path trained, two compared (ProxylessNAS); mixture: all, weighted (DARTS); gumbel: "
        "one, drawn (GDAS)",
    )
    epochs: int = setting(50, "passes of the supernet over its part", unit="epochs", low=1)
    warm_up: int = setting(
        10, "of those the first, in which the weights alone are trained", unit="epochs", low=0
    )
    held: float = setting(
        0.5,
        "share of the training split that the probabilities are learned on, the weights on the rest",
        low=0.01,
        high=0.9,
    )
    learning_rate: float = setting(0.05, "Adam's step size of the probabilities' logits", low=1e-9)
    cost: Cost = setting("none", "what of the expected network is paid for beside the loss")
    price: float = setting(
        0.0,
        "loss that is added for an expected cost as large as that of the uniform supernet",
        unit="nats",
        low=0,
    )
    genomes: int = setting(
        FEWEST, "drawn genomes that are trained alone", unit="genomes", low=FEWEST
    )

    def __post_init__(self) -> None:
        check_settings(self, "one_shot")

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse a space without the supernet, and other plans than one, then one more than genomes."""
        _supernets(space, self.supernet)
        wanted = 1 + self.genomes
        if search.widths[0] != 1 or sum(search.widths[1:]) != wanted or search.lag != 1:
            raise SettingError(
                f"one_shot: expected a first wave of 1 slot, the supernet, then {wanted} slots, the "
                f"derived genome and {self.genomes} drawn ones, and lag 1; got "
                f"{plan_words(search.widths)}, lag {search.lag}"
            )

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return the supernet, or what is derived and drawn from it; see `Strategy.propose`."""
        text = read_text(_supernets(space, self.supernet)[self.supernet])
        supernet = parse(text, space.language).canonical()
        if wave == 0:
            return [Proposal(supernet, "supernet", recipe=self._recipe())]
        proposals = self._alone(history[0], supernet, seed)
        begun = sum(outcome.wave > 0 for outcome in history)
        return proposals[begun : begun + slots]

    def _recipe(self) -> dict[str, object]:
        training = Supernet(
            method=self.method,
            learning_rate=self.learning_rate,
            warm_up=self.warm_up,
            cost=self.cost,
            price=self.price,
            judged=self.genomes,
        )
        return {
            "epochs": self.epochs,
            SHARD: {"number": 0, "of": 1, "held": self.held, "judged": [0]},
            SUPERNET: dataclasses.asdict(training),
        }

    def _alone(self, trained: Outcome, supernet: Genome, seed: int) -> list[Proposal]:
        """Return all genomes that are trained alone, the derived one first."""
        told = trained.supernet
        if told is None:
            rng = seeds.generator(seed=seed, purpose="propose")
            picks = drawn_picks(supernet, self.genomes + 1, rng)
            return [Proposal(derived(supernet, of), "draw") for of in picks]
        best = [of.index(max(of)) for of in told.probabilities]
        return [
            Proposal(derived(supernet, best), "derive"),
            *(Proposal(derived(supernet, of), "draw") for of in told.picks),
        ]


def _supernets(space: Vocabulary, name: str) -> Mapping[str, Path]:
    """Return the supernets of a space.

    Raises:
        SettingError: it has none of that name.
    """
    found: Mapping[str, Path] = getattr(space, "supernets", {})
    if name not in found:
        known = f"choose from {', '.join(found)}" if found else "it has none; choose another space"
        raise SettingError(f"one_shot.supernet: the space has no {name!r}; {known}")
    return found
