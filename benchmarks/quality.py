"""Measure what a lag costs a search: python benchmarks/quality.py [--seeds N] [--lags N …] [--landscapes …]

The same searches of 24 waves of 8 with several lags, at equal evaluations. Nothing is trained. Landscapes:

    lstm, nascell    a genome's loss is how unlike it is in shape to that hand-designed cell
                     (`gp_cells.genomes.similarity.distance`, from 0, the same shape, to 1)
    nas_bench_201, cora
                     complete tables of trained architectures: validation error in points above the
                     best there is

A line has the mean over seeds and its 95 % bootstrap interval; `- lag 1` is the mean difference
to the search with lag 1 and the same seed: above 0, the lag costs something. Random search, which reads no
losses, is the yardstick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from gp_cells.compare.intervals import bootstrap
from gp_cells.genomes.genome import parse
from gp_cells.genomes.similarity import distance
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Strategy
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.gp import GP
from gp_cells.strategies.random import Random
from gp_cells.tabular.truth import Row, Table, nas_bench_201, nas_bench_graph, play

WAVES, SLOTS = 24, 8
LAGS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Landscape:
    """What is searched, the loss of each genome, the least of all, and what losses are shown times."""

    space: Vocabulary
    table: Table
    least: float = 0.0
    scale: float = 1.0


def like(name: str) -> Landscape:
    """Return the landscape of distances to a hand-designed cell."""
    space = Recurrent()
    goal = parse(space.baselines[name].read_text(encoding="utf-8"), space.language)
    return Landscape(space, lambda genome: Row(distance(genome, goal)))


def complete_201() -> Landscape:
    """Return NAS-Bench-201's cells."""
    least = min(row.fitness for row in nas_bench_201.rows())
    return Landscape(nas_bench_201.NASBench201(), nas_bench_201.table, least, 100)


def cora() -> Landscape:
    """Return NAS-Bench-Graph on Cora."""
    least = min(row.fitness for row in nas_bench_graph.rows("cora"))
    return Landscape(nas_bench_graph.NASBenchGraph(), nas_bench_graph.table("cora"), least, 100)


LANDSCAPES: dict[str, Callable[[], Landscape]] = {
    "lstm": lambda: like("lstm"),
    "nascell": lambda: like("nascell"),
    "nas_bench_201": complete_201,
    "cora": cora,
}
SEARCHES: dict[str, Strategy] = {
    "gp": GP(),
    "aging": Aging(population=10, sample=3, mutations=("replace", "insert", "shrink")),
    "random": Random(),
}


@cache
def landscape(name: str) -> Landscape:
    """Return a landscape, made once a process."""
    return LANDSCAPES[name]()


def search(name: str, strategy: str, lag: int, seed: int) -> tuple[float, float]:
    """Return how far from the least the best is, after half of the waves and after all."""
    of = landscape(name)
    history = play(SEARCHES[strategy], of.space, of.table, (SLOTS,) * WAVES, lag, seed)
    best = np.minimum.accumulate([outcome.fitness for outcome in history])
    half, end = best[WAVES // 2 * SLOTS - 1], best[-1]
    return of.scale * (half - of.least), of.scale * (end - of.least)


def rows(
    name: str, pool: ProcessPoolExecutor, seeds: int, lags: Sequence[int]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each search of a landscape, (seeds, 2), and what each lag adds to that with the first."""
    for strategy in SEARCHES:
        first = np.zeros((seeds, 2))
        for lag in lags if strategy != "random" else lags[:1]:
            jobs = [(name, strategy, lag, seed) for seed in range(1, seeds + 1)]
            best = np.array(list(pool.map(search, *zip(*jobs, strict=True))))
            yield f"{name}, {strategy} lag {lag}", best
            if lag == lags[0]:
                first = best
            else:
                yield f"{name}, {strategy} lag {lag} - lag {lags[0]}", best - first


def main(seeds: int, lags: Sequence[int], names: Sequence[str]) -> None:
    """Print the mean best loss by lag, at half and at all evaluations."""
    print(f"{'':40} {'half of the waves':>26} {'all waves':>26}")
    with ProcessPoolExecutor() as pool:
        for name in names:
            for what, values in rows(name, pool, seeds, lags):
                cells = []
                for losses in values.T:
                    low, high = bootstrap(losses)
                    cells.append(f"{losses.mean():8.4f} [{low:.4f}, {high:.4f}]")
                print(f"{what:40} {cells[0]:>26} {cells[1]:>26}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--lags", type=int, nargs="+", default=LAGS)
    parser.add_argument("--landscapes", nargs="+", choices=LANDSCAPES, default=list(LANDSCAPES))
    options = parser.parse_args()
    main(options.seeds, options.lags, options.landscapes)
