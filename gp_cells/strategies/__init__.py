"""Strategies: from what has been measured to the genomes to train next; one file each."""

from collections.abc import Mapping

from gp_cells.strategies.aging import Aging
from gp_cells.strategies.baselines import Baselines
from gp_cells.strategies.gp import GP
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.strategies.random import Random
from gp_cells.strategies.strategy import Outcome, Proposal, Strategy

STRATEGIES: Mapping[str, type[Strategy]] = {
    "baselines": Baselines,  # hand-designed cells
    "random": Random,  # independent random genomes
    "gp": GP,  # Rawal & Miikkulainen 2018
    "aging": Aging,  # Real et al. 2019
    "nsga2": NSGA2,  # Deb et al. 2002
}

__all__ = ["STRATEGIES", "Outcome", "Proposal", "Strategy"]
