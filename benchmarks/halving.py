"""Regret of short trainings that go on, by stored curves: python benchmarks/halving.py [--searches N]

The strategies search among the architectures of `results/reference`, each a piece of the curve of its first
trial in a search. Every arm has as many epochs. What it chooses counts with the loss of its whole curve, or
until it failed: regret is that less the least of the table, in the task's unit. Beside `halving` and
`culling`, without inheritance, are random search by whole trainings, and by a plain cut: the same few
epochs for all, as Egele, Mohr, Viering and Balaprakash 2024 have it (https://arxiv.org/abs/2404.04111).

Hardly any mutant of a stored architecture is stored too, so nearly all children of `culling` are random
ones; a mutation is given up after few tries, which changes nothing but the time. Printed are means over
searches with 95 % bootstrap intervals, paired by seed where two arms are compared.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gp_cells.compare.intervals import bootstrap
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.only import Only
from gp_cells.stopping.parametric import Parametric
from gp_cells.stopping.stopper import Curve
from gp_cells.strategies import Outcome, Proposal, Strategy
from gp_cells.strategies.culling import Culling
from gp_cells.strategies.halving import Halving
from gp_cells.strategies.random import Random
from gp_cells.tabular.stored import Stored, stored_of
from gp_cells.tabular.truth import Row, play

REFERENCE = Path(__file__).parents[1] / "results/reference"
TRIES = 3  # of a mutation
FUNCTIONS = ("exp3", "pow3")
WHOLE = 32  # whole trainings that have as many epochs as every arm may spend


@dataclass(frozen=True)
class Known:
    """The curves of a task's architectures, one each, all under one recipe."""

    stored: Stored

    @cached_property
    def seeds(self) -> dict[str, int]:
        """The seed of the first trial of each architecture that a search trained."""
        found: dict[str, int] = {}
        for key, trials in self.stored.trials.items():
            own = [trial["seed"] for trial in trials if trial["role"] == "search"]
            if own:
                found[key] = own[0]
        return found

    @cached_property
    def space(self) -> Only:
        """Their genomes, as a space."""
        genomes = map(self.stored.genome, self.seeds)
        admitted = (genome for genome in genomes if self.stored.space.admits(genome))
        return Only(self.stored.space, tuple(admitted))

    @property
    def epochs(self) -> int:
        """The epochs of a whole training."""
        return self.stored.settings.recipe.epochs

    def row(self, key: str, before: int, own: int) -> Row:
        """Return what some epochs after others come to."""
        answer = self.stored.curves.part(key, self.seeds[key], before, own)
        assert answer is not None, key
        return answer.row

    def loss(self, key: str) -> float:
        """Return the best validation loss of an architecture's whole curve, until it failed if it did."""
        points = self.stored.curves.points[key, self.seeds[key]]
        losses = (
            points[epoch]["valid_loss"] for epoch in range(1, self.epochs + 1) if epoch in points
        )
        return min(loss for loss in losses if math.isfinite(loss))

    @cached_property
    def least(self) -> float:
        """The least loss of those that were trained to their end."""
        return min(self.row(key, 0, self.epochs).fitness for key in self.space.ids)


@dataclass(frozen=True)
class Arm:
    """A strategy, the slots of its waves, and how long each of its trainings is if it does not say."""

    strategy: Strategy
    widths: tuple[int, ...]
    epochs: int
    function: str | None = None  # that tells the top rung from the curves so far

    def foretell(self, row: Row) -> float | None:
        """Return what the function predicts of a trial on the top rung, None without one."""
        if self.function is None:
            return None
        curve = Curve(losses=row.losses, train_losses=(), epochs=self.epochs)
        return Parametric(function=self.function).predict(curve)


def arms_of(known: Known) -> dict[str, Arm]:
    """Return the arms for a task's recipe, each with the slots that spend `WHOLE` trainings' epochs."""
    whole, budget = known.epochs, WHOLE * known.epochs
    rungs = {
        20: (Halving(epochs=5, factor=2, rungs=3), (4, 2, 1)),
        6: (Halving(epochs=2, factor=3, rungs=2), (3, 1)),
    }
    halving, shape = rungs[whole]
    own = [halving.epochs_in_all(step) for step in range(len(shape))]
    unit = sum(n * (e - b) for n, e, b in zip(shape, own, [0, *own], strict=False))
    slots = tuple(round(budget / unit * n) for n in shape)
    foretelling = dataclasses.replace(halving, rank="predicted")
    culling = Culling(epochs=max(1, whole // 5), dropped=0.25, inherit=False)
    waves = whole // culling.epochs
    population = max(n for n in range(4, WHOLE) if epochs_of(culling, n, waves) <= budget)
    return {
        "whole": Arm(Random(), (WHOLE,), whole),
        **{f"cut after {n}": Arm(Random(), (budget // n,), n) for n in (whole // 4, whole // 2)},
        "halving": Arm(halving, slots, whole),
        **{f"by {name}": Arm(foretelling, slots, whole, name) for name in FUNCTIONS},
        "culling": Arm(culling, (population,) * waves, whole),
    }


def epochs_of(culling: Culling, population: int, waves: int) -> int:
    """Return the epochs that a search by culling spends if nobody fails."""
    dropped = math.ceil(culling.dropped * population)
    own = culling.epochs
    later = sum((population - dropped) * own + dropped * own * (w + 1) for w in range(1, waves))
    return population * own + later


def searched(arm: Arm, known: Known, seed: int) -> tuple[float, float]:
    """Return the regret of what a search chooses, and the epochs that it spent."""
    spent = 0

    def part(proposal: Proposal, before: int) -> Row:
        nonlocal spent
        own = (proposal.recipe or {}).get("epochs", arm.epochs)
        row = known.row(proposal.genome.architecture_id, before, own)
        spent += (row.epochs or 0) - before
        return row

    def fresh(genome: Genome) -> Row:
        return part(Proposal(genome, ""), 0)

    outcomes = play(
        arm.strategy, known.space, fresh, arm.widths, 1, seed, part, foretell=arm.foretell
    )
    chosen = chosen_of(outcomes)
    return known.loss(chosen.architecture_id) - known.least, spent


def chosen_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the best of those that were trained the longest."""
    last = [outcome for outcome in outcomes if outcome.wave == outcomes[-1].wave]
    return min(last, key=lambda outcome: (outcome.fitness, outcome.candidate))


def main(searches: int) -> None:
    """Print a table of all tasks."""
    variation.TRIES = TRIES
    print(
        "| task | arm | slots | epochs | regret | less than `whole`, of `by` than `halving`, by |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for task in ("bach_chorales", "japanese_vowels", "peptides"):
        known = Known(stored_of(REFERENCE, task))
        regrets: dict[str, np.ndarray] = {}
        for name, arm in arms_of(known).items():
            found = np.array([searched(arm, known, seed) for seed in range(1, searches + 1)])
            regrets[name], epochs = found.T
            other = "halving" if arm.function else "whole"
            apart = "" if name == other else interval(regrets[other] - regrets[name])
            slots = ", ".join(map(str, arm.widths))
            print(
                f"| {task} | {name} | {slots} | {epochs.mean():.0f} | {interval(regrets[name])} "
                f"| {apart} |",
                flush=True,
            )


def interval(values: np.ndarray) -> str:
    """Return a mean with its 95 % bootstrap interval."""
    low, high = bootstrap(values.tolist())
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    main(parser.parse_args().searches)
