"""Prove the strategies on known truth: python benchmarks/strategies.py [--seeds N] [--front-seeds N]

Searches are played against complete tables of trained architectures (`gp_cells.tabular.truth`). The first
table has the regret: how much worse the best found is than the best there is, in percentage points of
accuracy, mean over seeds with its 95 % bootstrap interval. The second has the share of the true
front's hypervolume that a search has found, median and worst over seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np

from gp_cells.compare import pareto
from gp_cells.compare.intervals import bootstrap
from gp_cells.genomes.genome import parse
from gp_cells.strategies import Outcome, Strategy
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.bananas import Bananas
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.strategies.deap import Deap
from gp_cells.strategies.gp import GP
from gp_cells.strategies.imitate import Imitate
from gp_cells.strategies.local_search import LocalSearch
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.strategies.random import Random
from gp_cells.strategies.reinforce import Reinforce
from gp_cells.tabular.truth import Row, play
from gp_cells.tabular.truth.known import least
from gp_cells.tabular.truth.known import truth as truth_of

# --- one objective --------------------------------------------------------------------------------

EVALUATIONS = (50, 100, 200, 300)
# Where a space has one shape the other mutations give nothing legal, and only take time.
ARMS: dict[str, tuple[Strategy, int, int]] = {  # strategy, slots, lag
    "random": (Random(), 1, 1),
    "local_search": (LocalSearch(mutations=("replace",)), 1, 1),
    "local_search, 10 slots": (LocalSearch(mutations=("replace",)), 10, 1),
    "aging": (Aging(population=10, sample=3, mutations=("replace",)), 1, 1),
    "aging, its defaults": (Aging(mutations=("replace",)), 1, 1),
    "aging, its defaults, 10 slots": (Aging(mutations=("replace",)), 10, 1),
    "aging, 10 slots, lag 2": (Aging(population=10, sample=3, mutations=("replace",)), 10, 2),
    "gp, 10 slots": (GP(), 10, 1),
    "nsga2 by fitness, 10 slots": (NSGA2(("fitness",), (1.0,), mutations=("replace",)), 10, 1),
    "deap, 10 slots": (Deap(), 10, 1),
    "deap's eaSimple, 10 slots": (Deap(algorithm="eaSimple"), 10, 1),
}
MODELLED: dict[str, tuple[Strategy, int, int]] = {  # a search takes seconds, so only if asked for
    "bayesian, 10 slots": (Bayesian(mutations=("replace",)), 10, 1),
    "bananas, 10 slots": (Bananas(mutations=("replace",)), 10, 1),
    "reinforce, 10 slots": (Reinforce(), 10, 1),
    "imitate, 10 slots": (Imitate(), 10, 1),
}
TRUTHS = ("nas_bench_201", "nas_bench_graph_cora")


def regrets(truth: str, arm: str, seed: int) -> list[float]:
    """Return the regret after each number of evaluations, and at the end that on the test split."""
    known, (strategy, slots, lag) = truth_of(truth), {**ARMS, **MODELLED}[arm]
    waves = EVALUATIONS[-1] // slots
    history = play(strategy, known.space, known.table, [slots] * waves, lag, seed)
    lowest, lowest_test = least(truth)
    losses = np.minimum.accumulate([outcome.fitness for outcome in history])
    chosen = min(history, key=lambda outcome: outcome.fitness)
    test = known.table(parse(chosen.genome, known.space.language)).test
    assert test is not None  # these tables have one in every row
    return [100 * (losses[n - 1] - lowest) for n in EVALUATIONS] + [100 * (test - lowest_test)]


def print_regrets(
    pool: ProcessPoolExecutor, seeds: int, truths: Sequence[str], arms: Sequence[str]
) -> None:
    """Print the mean regrets, and by how much `random`'s are larger than those of the others."""
    columns = [f"{n} evaluations" for n in EVALUATIONS] + ["test, at the end"]
    print("".join([f"{'regret in points of accuracy':38}", *(f"{c:>24}" for c in columns)]))
    for truth in truths:
        found = {}
        for arm in arms:
            jobs = [(truth, arm, seed) for seed in range(1, seeds + 1)]
            found[arm] = np.array(list(pool.map(regrets, *zip(*jobs, strict=True))))
            print_means(f"{truth}, {arm}", found[arm])
        if {"random", "aging"} <= set(arms):
            print_means(f"{truth}, random - aging", found["random"] - found["aging"])


def print_means(name: str, values: np.ndarray) -> None:
    """Print the mean and interval of each column."""
    cells = []
    for column in values.T:
        low, high = bootstrap(column)
        cells.append(f"{column.mean():8.3f} [{low:.3f}, {high:.3f}]")
    print("".join([f"{name:38}", *(f"{cell:>24}" for cell in cells)]), flush=True)


# --- several objectives ---------------------------------------------------------------------------

FRONT_EVALUATIONS = (100, 200, 500, 1000)
SLOTS = 20
FRONTS: list[tuple[str, str, pareto.Point]] = [  # the second objective, and the reference point
    ("nas_bench_201", "drift_error", (0.1, 0.25)),  # about the medians of the table, here and below
    ("nas_bench_201", "parameters", (0.1, 350e3)),
    ("nas_bench_graph_photo", "latency_s", (0.1, 0.005)),
    ("nas_bench_graph_arxiv", "latency_s", (0.28, 0.06)),
    ("nas_bench_201", "parameters", (0.2, 1.6e6)),  # worse than nearly every cell
]


def points(found: Sequence[Row | Outcome], second: str) -> list[pareto.Point]:
    """Return fitness and a second objective."""
    values = ((one.fitness, one.objectives[second]) for one in found)
    return [(fitness, value) for fitness, value in values if value is not None]


@cache
def true_volume(truth: str, second: str, reference: pareto.Point) -> float:
    """Return the hypervolume of everything in a table."""
    return pareto.hypervolume(points(truth_of(truth).rows(), second), reference)


def shares(truth: str, second: str, reference: pareto.Point, arm: str, seed: int) -> list[float]:
    """Return the share of the true hypervolume that was found after each number of evaluations."""
    known = truth_of(truth)
    evolved = NSGA2(("fitness", second), reference, population=SLOTS, mutations=("replace",))
    strategy = evolved if arm == "nsga2" else Random()
    waves = FRONT_EVALUATIONS[-1] // SLOTS
    history = play(strategy, known.space, known.table, [SLOTS] * waves, 1, seed)
    whole = true_volume(truth, second, reference)
    return [
        pareto.hypervolume(points(history[:n], second), reference) / whole
        for n in FRONT_EVALUATIONS
    ]


def print_shares(pool: ProcessPoolExecutor, seeds: int) -> None:
    """Print the shares of the true hypervolume, median and worst over seeds."""
    columns = [f"{n} evaluations" for n in FRONT_EVALUATIONS]
    print(
        "".join([f"\n{'share of hypervolume: median (worst)':68}", *(f"{c:>20}" for c in columns)])
    )
    for truth, second, reference in FRONTS:
        for arm in ("random", "nsga2"):
            jobs = [(truth, second, reference, arm, seed) for seed in range(1, seeds + 1)]
            found = np.array(list(pool.map(shares, *zip(*jobs, strict=True))))
            cells = [f"{np.median(of):.3f} ({of.min():.3f})" for of in found.T]
            name = f"{truth}, {second}, reference {reference}, {arm}"
            print("".join([f"{name:68}", *(f"{cell:>20}" for cell in cells)]), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--front-seeds", type=int, default=30)
    parser.add_argument("--truths", nargs="+", default=TRUTHS, choices=TRUTHS)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=[*ARMS, *MODELLED])
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        print_regrets(pool, options.seeds, options.truths, options.arms)
        if options.front_seeds:
            print_shares(pool, options.front_seeds)
