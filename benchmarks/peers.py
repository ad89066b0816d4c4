"""Hold our strategies against those of other libraries: python benchmarks/peers.py [--seeds N] [--arms A …]

Regret on a complete table of trained architectures, as in `benchmarks/strategies.py`, whose arms these are.
The figures of others were measured once, each library in an environment of its own, on the same table of
NAS-Bench-201 with 50 seeds, one by one where nothing else is said. They have no intervals.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from strategies import ARMS, EVALUATIONS, TRUTHS, regrets

from gp_cells.compare.intervals import bootstrap

PEERS = {  # mean regret after each of EVALUATIONS
    "local search (White et al.)": (0.178, 0.086, 0.013, 0.003),
    "Optuna, TPE": (0.276, 0.125, 0.056, 0.035),
    "Optuna, TPE, ten at a time, constant liar": (0.325, 0.099, 0.020, 0.002),
    "Syne Tune, regularised evolution (10, 10)": (0.319, 0.121, 0.039, 0.009),
    "CatCMA": (0.395, 0.161, 0.120, 0.083),
    "Optuna, NSGA-II": (0.424, 0.227, 0.098, 0.068),
    "pymoo, NSGA-II": (0.512, 0.269, 0.106, 0.062),
    "DEAP, (μ + λ)": (0.73, 0.41, 0.21, 0.14),
}


def row(name: str, cells: list[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join([name, *cells])} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--table", choices=TRUTHS, default=TRUTHS[0])
    parser.add_argument("--processes", type=int)
    options = parser.parse_args()
    print(row("regret", [f"{n} trained" for n in EVALUATIONS]))
    print(row("---", ["---"] * len(EVALUATIONS)))
    for name, figures in PEERS.items() if options.table == TRUTHS[0] else ():
        print(row(name, [f"{figure:.3f}" for figure in figures]))
    with ProcessPoolExecutor(options.processes) as pool:
        for arm in options.arms:
            jobs = [(options.table, arm, seed) for seed in range(1, options.seeds + 1)]
            found = np.array(list(pool.map(regrets, *zip(*jobs, strict=True))))
            cells = [(column.mean(), *bootstrap(column)) for column in found.T[:-1]]
            print(
                row(
                    f"`{arm}`", [f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, low, high in cells]
                ),
                flush=True,
            )
