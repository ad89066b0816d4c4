"""Hold strategies against random search on real training: python benchmarks/training.py TASK [--seeds N]

TASK is `japanese_vowels`, recurrent cells, or `digits`, CNN cells; both with a short recipe, so that a
candidate trains in about a second. Every strategy has the same 32 candidates a search and the same seeds;
what counts is the best validation loss found, paired by seed. Printed are the means, the differences to
random search with their 95 % bootstrap interval, and Wilcoxon's signed-rank test, whichever way it goes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from gp_cells.compare.intervals import bootstrap
from gp_cells.config import seeds
from gp_cells.config.recipe import Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.spaces import Space
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.stopping.never import Never
from gp_cells.strategies import Strategy
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.gp import GP
from gp_cells.strategies.random import Random
from gp_cells.tabular.truth import Row, play
from gp_cells.tasks import Task
from gp_cells.tasks.digits import Digits
from gp_cells.tasks.japanese_vowels import JapaneseVowels
from gp_cells.training.train import NoCheckpoints, Setup, train
from gp_cells.training.trial import set_up_torch

WAVES, SLOTS = 8, 4
MUTATIONS = ("replace", "insert", "shrink", "share")
STRATEGIES: Mapping[str, Strategy] = {
    "random": Random(),
    "aging": Aging(population=8, sample=3, mutations=MUTATIONS),
    "gp": GP(active_species=3),
}
TRIALS: Mapping[str, tuple[Task, Space, str]] = {
    "japanese_vowels": (
        JapaneseVowels(recipe=Recipe(units=16, batch_size=16, epochs=6, learning_rate=0.01)),
        Recurrent(),
        "compiled",
    ),
    "digits": (
        Digits(Recipe(units=4, batch_size=64, epochs=4, learning_rate=0.01)),
        Convolutional(blocks=2, reductions=1),
        "eager",
    ),
}


def best_losses(task: Task, space: Space, engine: str, seed: int) -> dict[str, float]:
    """Return the best validation loss that each strategy finds with a seed."""
    data = task.read()
    known: dict[str, Row] = {}  # strategies that propose the same genome need train it once

    def trained(genome: Genome) -> Row:
        if genome.architecture_id not in known:
            setup = Setup(
                genome=genome,
                space=space,
                task=task,
                form=data.form,
                learning_rate=task.recipe.learning_rate,
                seed=seeds.derive(seed=seed, purpose="trial"),
                stopper=Never(),
                time_limit_s=600,
                engine=engine,
            )
            finished = train(setup, data.splits, NoCheckpoints())
            loss = math.inf if finished.fitness is None else finished.fitness
            known[genome.architecture_id] = Row(loss, finished.status)
        return known[genome.architecture_id]

    found = {}
    for name, strategy in STRATEGIES.items():
        outcomes = play(strategy, space, trained, [SLOTS] * WAVES, 1, seed)
        found[name] = min(outcome.fitness for outcome in outcomes)
    return found


def show(rows: list[dict[str, float]]) -> None:
    """Print each strategy's mean, and what sets it apart from random search."""
    print(f"{'':10} {'mean best':>10} {'minus random':>14} {'95 %':>20} {'better':>8} {'p':>8}")
    random = np.array([row["random"] for row in rows])
    for name in STRATEGIES:
        own = np.array([row[name] for row in rows])
        line = f"{name:10} {own.mean():>10.4f}"
        if name != "random":
            apart: Any = own - random
            low, high = bootstrap(apart)
            p = wilcoxon(apart).pvalue if np.any(apart) else 1.0
            line += f" {apart.mean():>14.4f} {f'[{low:.4f}, {high:.4f}]':>20}"
            line += f" {int((apart < 0).sum()):>5}/{len(rows)} {p:>8.3f}"
        print(line)


def main() -> None:
    """Search with every strategy and seed, and print what came out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=TRIALS)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    set_up_torch(1)
    rows = []
    for seed in range(1, options.seeds + 1):
        rows.append(best_losses(*TRIALS[options.task], seed))
        print(seed, {name: round(loss, 4) for name, loss in rows[-1].items()}, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
