"""The training of a supernet: probabilities of its choices, learned beside its weights on a part held out.

- `binary`: the path binarisation of ProxylessNAS (Cai, Zhu and Han 2019, https://arxiv.org/abs/1812.00332).
  A step of the weights trains one path that is drawn; a step of the probabilities computes two drawn
  alternatives of each choice, of which one is let through, and leaves those of the others as they were.
- `mixture`: all alternatives, weighted by their probabilities: DARTS (Liu, Simonyan and Yang 2019,
  https://arxiv.org/abs/1806.09055), its first-order form.
- `gumbel`: one alternative, the largest after Gumbel noise, whose weight passes the gradient on: GDAS (Dong
  and Yang 2019, https://arxiv.org/abs/1910.04465).

What differs from the papers: Adam's decay rates are those of all our trainings, where ProxylessNAS and
DARTS take 0 or 0.5 for the mean; and GDAS trains weights and logits by one and the same draw, here each has
its own. Expected costs are exact where alternatives do not change each other's sizes: of each choice the
size of the network that picks an alternative there and the first one everywhere else.

Genomes are judged by the supernet's weights after their batch norms have seen training batches on this very
path alone, as Guo et al. 2020 do (https://arxiv.org/abs/1904.00420); so are they by weights as drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from gp_cells.config import seeds
from gp_cells.config.supernet import Supernet, SupernetOutcome
from gp_cells.genomes.supernets import Picks, choices, derived, drawn_picks
from gp_cells.networks.convolutional import BatchNorm, Open
from gp_cells.tasks import Arrays, Batch
from gp_cells.training.optimiser import Optimiser

if TYPE_CHECKING:
    from gp_cells.training.train import Setup

CALIBRATION = 10  # training batches that batch norms see before a genome is judged

Judge = Callable[[Any], float]  # the validation loss of a network


class Choosing:
    """The logits of a supernet's choices, and their steps."""

    def __init__(self, setup: Setup, settings: Supernet, held: Arrays) -> None:
        self.setup, self.settings, self.held = setup, settings, held
        alternatives = choices(setup.genome)
        self.places = list(alternatives)
        self.logits = [nn.Parameter(torch.zeros(len(of))) for of in alternatives.values()]
        self.optimiser = Optimiser(self.logits, settings.learning_rate)
        self.costs = self._costs() if settings.cost != "none" and settings.price else []
        self.batches: tuple[int, list[Batch]] = (0, [])

    def _costs(self) -> list[Tensor]:
        """Return the cost of each choice's alternatives, as shares of the uniform supernet's."""
        genome, name = self.setup.genome, self.settings.cost
        first = [0] * len(self.places)

        def cost(place: int, pick: int) -> int:
            picks = [*first[:place], pick, *first[place + 1 :]]
            counts = self.setup.space.count(
                derived(genome, picks), self.setup.form, self.setup.task.recipe
            )
            return counts[name]

        sizes = [[cost(i, k) for k in range(len(of))] for i, of in enumerate(self.logits)]
        base = cost(0, 0)
        uniform = base + sum(sum(of) / len(of) - base for of in sizes)
        return [torch.tensor([size - base for size in of]) / uniform for of in sizes]

    # --- what is computed -------------------------------------------------------------------------

    def open_to_train(self, network: Any, epoch: int, number: int) -> None:
        """Open what a step of the weights trains."""
        if self.settings.method == "mixture":
            weights = [of.detach() for of in self._probabilities()]
            self._open(network, [Open(tuple(range(len(of))), of) for of in weights])
            return
        rng = self._chance("paths", epoch, number)
        drawn = [int(rng.choice(len(p), p=p)) for p in self._shares()]
        self._open(network, [Open((pick,)) for pick in drawn])

    def to_validate(self, network: Any, train: Arrays) -> Any:
        """Return what a supernet is validated by: the mixture, or the most probable path by itself.

        The batch norms of a supernet that trains single paths know the mean of all, which can be far off.
        """
        if self.settings.method == "mixture":
            self.open_to_train(network, 0, 0)
            return network
        return self._calibrated(network, self._best(), self._calibration(train))

    def open_best(self, network: Any) -> None:
        """Open the most probable alternative of each choice."""
        self.open_picks(network, self._best())

    def _best(self) -> Picks:
        return tuple(int(of.argmax()) for of in self.logits)

    def open_picks(self, network: Any, picks: Sequence[int]) -> None:
        """Open one alternative of each choice."""
        self._open(network, [Open((pick,)) for pick in picks])

    def _open(self, network: Any, paths: Sequence[Open]) -> None:
        network.open_paths(dict(zip(self.places, paths, strict=True)))

    def _open_to_choose(self, network: Any, epoch: int, number: int) -> list[Open]:
        rng = self._chance("architecture", epoch, number)
        if self.settings.method == "mixture":
            paths = [Open(tuple(range(len(of))), of) for of in self._probabilities()]
        elif self.settings.method == "gumbel":
            paths = [self._gumbel(of, rng, self._temperature(epoch)) for of in self.logits]
        else:
            paths = [
                self._pair(of, rng, p) for of, p in zip(self.logits, self._shares(), strict=True)
            ]
        self._open(network, paths)
        return paths

    @staticmethod
    def _pair(logits: Tensor, rng: np.random.Generator, shares: np.ndarray) -> Open:
        """Return two drawn alternatives, of which the gate lets one through; both pass gradients on."""
        pair = [int(i) for i in rng.choice(len(shares), size=2, replace=False, p=shares)]
        between = logits[pair].softmax(0)
        gate = torch.zeros(2)
        gate[int(rng.random() >= float(between[0].detach()))] = 1.0
        return Open(tuple(pair), gate + between - between.detach())

    @staticmethod
    def _gumbel(logits: Tensor, rng: np.random.Generator, temperature: float) -> Open:
        noise = torch.from_numpy(rng.gumbel(size=len(logits)).astype(np.float32))
        soft = ((logits.log_softmax(0) + noise) / temperature).softmax(0)
        pick = int(soft.argmax())
        return Open((pick,), (1 + soft[pick] - soft[pick].detach()).reshape(1))

    def _temperature(self, epoch: int) -> float:
        first, last = self.settings.temperatures
        done = (epoch - 1) / max(1, self.setup.task.recipe.epochs - 1)
        return first + done * (last - first)

    # --- steps ------------------------------------------------------------------------------------

    def step(
        self, network: Any, loss_of: Callable[[Batch], Tensor], epoch: int, number: int
    ) -> None:
        """Move the logits after a step of the weights, if it is their turn; `number` is the batch's."""
        if epoch <= self.settings.warm_up or number % self.settings.every:
            return
        before = [of.detach().clone() for of in self.logits]
        paths = self._open_to_choose(network, epoch, number)
        self.optimiser.zero_grad()
        loss = loss_of(self._batch(epoch, number // self.settings.every))
        for cost, of in zip(self.costs, self._probabilities(), strict=False):
            loss = loss + self.settings.price * (cost * of).sum()
        loss.backward()
        self.optimiser.step()
        if self.settings.method == "binary":
            for of, old, path in zip(self.logits, before, paths, strict=True):
                keep_others(of.data, old, list(path.alternatives))
        self.open_best(network)

    def _batch(self, epoch: int, number: int) -> Batch:
        """Return a batch of the part held out, in an order of its own each epoch, around and around."""
        if self.batches[0] != epoch:
            shuffle = self._chance("held", epoch, 0)
            self.batches = epoch, list(self.setup.task.batches(self.held, shuffle))
        return self.batches[1][number % len(self.batches[1])]

    def _chance(self, purpose: str, epoch: int, number: int) -> np.random.Generator:
        return seeds.generator(seed=self.setup.seed, purpose=purpose, epoch=epoch, batch=number)

    def _probabilities(self) -> list[Tensor]:
        return [of.softmax(0) for of in self.logits]

    def _shares(self) -> list[np.ndarray]:
        """Return the probabilities as numbers of twice the precision, which add up to 1."""
        exact = [of.detach().double().softmax(0).numpy() for of in self.logits]
        return [of / of.sum() for of in exact]

    # --- what a checkpoint holds ------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is learned, by name."""
        return {
            **{f"logits/{i}": of.data for i, of in enumerate(self.logits)},
            **{f"moments/{name}": of for name, of in self.optimiser.moments.items()},
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what was kept."""
        for i, of in enumerate(self.logits):
            of.data.copy_(tensors[f"logits/{i}"])
        start = "moments/"
        kept = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        self.optimiser.load(kept)

    # --- what it tells ----------------------------------------------------------------------------

    def outcome(self, trained: Any, untrained: Any, train: Arrays, judge: Judge) -> SupernetOutcome:
        """Return what the supernet's trial tells, genomes judged by its trained and its first weights."""
        rng = seeds.generator(seed=self.setup.seed, purpose="judged")
        picks = drawn_picks(self.setup.genome, self.settings.judged, rng)
        seen = self._calibration(train)

        def losses(network: Any) -> Iterator[float]:
            for pick in picks:
                yield judge(self._calibrated(network, pick, seen))

        return SupernetOutcome(
            probabilities=tuple(tuple(p.tolist()) for p in self._shares()),
            picks=tuple(picks),
            losses=tuple(losses(trained)),
            untrained=tuple(losses(untrained)),
        )

    def _calibration(self, train: Arrays) -> list[Batch]:
        shuffle = self._chance("calibration", 0, 0)
        return list(islice(self.setup.task.batches(train, shuffle), CALIBRATION))

    @torch.no_grad()
    def _calibrated(self, network: Any, picks: Picks, batches: Sequence[Batch]) -> Any:
        """Return a copy on one path, its batch norms anew from some batches."""
        self.open_picks(network, picks)
        alone = network.without_dropout()
        for module in alone.modules():
            if isinstance(module, BatchNorm):
                module.forget()
        alone.train()
        for batch in batches:
            alone(torch.from_numpy(batch.inputs).to(self.setup.device), None, None)
        return alone


@torch.no_grad()
def keep_others(logits: Tensor, before: Tensor, pair: Sequence[int]) -> None:
    """Let a step move the logits of a pair alone, and shift these so that others keep their probability."""
    moved = logits[pair]
    logits.copy_(before)
    logits[pair] = moved + before[pair].logsumexp(0) - moved.logsumexp(0)
