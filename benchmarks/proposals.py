"""Measure what proposing a wave takes: python benchmarks/proposals.py [STRATEGY …] [--outcomes N]

CPU seconds of one wave of 16 after a history of random genomes, whose fitness is made up from their size,
in a process that has kept nothing from earlier waves.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from gp_cells.config import seeds
from gp_cells.genomes import variation
from gp_cells.genomes.fragments import fragments
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import STRATEGIES, Outcome

SLOTS = 16


def history_of(size: int, space: Recurrent) -> list[Outcome]:
    """Return outcomes of random genomes, each once, in waves of `SLOTS`."""
    known: dict[str, Outcome] = {}
    for number in range(size):
        rng = seeds.generator(purpose="history", number=number)
        genome = variation.sample_new(space, rng, known)
        wave, slot = divmod(number, SLOTS)
        fitness = 1 + len(fragments(genome, 1)[1]) / 100 + 0.01 * float(rng.random())
        known[genome.architecture_id] = Outcome(
            candidate=f"w{wave:03d}-{slot:02d}",
            wave=wave,
            genome=str(genome),
            architecture_id=genome.architecture_id,
            status="ok",
            fitness=fitness,
        )
    return list(known.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strategies", nargs="*", default=["bayesian"])
    parser.add_argument("--outcomes", type=int, default=1000)
    options = parser.parse_args()
    space = Recurrent()
    history = history_of(options.outcomes, space)
    sizes = [len(str(outcome.genome)) for outcome in history]
    print(f"{len(history)} outcomes, genomes of {np.median(sizes):.0f} characters in the median")
    for name in options.strategies:
        strategy = STRATEGIES[name]()
        fragments.cache_clear()
        before = time.process_time()
        wave = history[-1].wave + 1
        proposals = strategy.propose(history, wave, SLOTS, space, 1)
        print(f"{name}: {len(proposals)} proposals in {time.process_time() - before:.1f} CPU s")
