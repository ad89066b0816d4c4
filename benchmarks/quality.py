"""Measure what a lag costs a search: python benchmarks/quality.py [--seeds N]

The same search by `gp`, 24 waves of 8, with lag 1, 2, 4 and 8, over many seeds. Nothing is trained: a
genome's loss is how unlike it is in shape to a hand-designed cell (`gp_cells.genomes.similarity.distance`,
from 0, the same shape, to 1), a landscape in closed form that evolution can climb and that costs
nothing. So the table shows how much later news costs the strategy at equal evaluations, not how good
its cells are. Random search, which reads no losses, is the yardstick.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np

from gp_cells.compare.intervals import bootstrap
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.similarity import distance
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import STRATEGIES
from gp_cells.tabular.truth import Row, play

WAVES, SLOTS = 24, 8
TARGETS = ("lstm", "nascell")
SPACE = Recurrent()


def target(name: str) -> Genome:
    """Return a hand-designed cell."""
    return parse(SPACE.baselines[name].read_text(encoding="utf-8"), SPACE.language)


def search(name: str, strategy: str, lag: int, seed: int) -> list[float]:
    """Return the best loss after each wave of a search whose waves see nothing newer than the lag."""
    goal, chosen = target(name), STRATEGIES[strategy]()
    table = lambda genome: Row(distance(genome, goal))  # noqa: E731
    history = play(chosen, SPACE, table, [SLOTS] * WAVES, lag, seed)
    best = np.minimum.accumulate([outcome.fitness for outcome in history])
    return best[SLOTS - 1 :: SLOTS].tolist()


def main(seeds: int) -> None:
    """Print the mean best loss by lag, at half and at all evaluations."""
    kinds = [("gp", 1), ("gp", 2), ("gp", 4), ("gp", 8), ("random", 1)]
    print(f"{'':24} {WAVES * SLOTS // 2:>24} {WAVES * SLOTS:>24} evaluations")
    with ProcessPoolExecutor() as pool:
        for name, (strategy, lag) in product(TARGETS, kinds):
            jobs = [(name, strategy, lag, seed) for seed in range(1, seeds + 1)]
            best = np.array(list(pool.map(search, *zip(*jobs, strict=True))))
            cells = []
            for losses in (best[:, WAVES // 2 - 1], best[:, -1]):
                low, high = bootstrap(losses.tolist())
                cells.append(f"{losses.mean():8.3f} [{low:.3f}, {high:.3f}]")
            print(
                f"{name + ', ' + strategy + f' lag {lag}':24} {cells[0]:>24} {cells[1]:>24}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    main(parser.parse_args().seeds)
