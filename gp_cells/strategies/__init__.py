"""Strategies: from what has been measured to the genomes to train next; one file each."""

from collections.abc import Mapping

from gp_cells.strategies.aging import Aging
from gp_cells.strategies.baselines import Baselines
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.strategies.culling import Culling
from gp_cells.strategies.dictated import Dictated
from gp_cells.strategies.gp import GP
from gp_cells.strategies.halving import Halving
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.strategies.pbt import PBT
from gp_cells.strategies.random import Random
from gp_cells.strategies.strategy import Outcome, Proposal, Strategy
from gp_cells.strategies.tournament import Tournament

STRATEGIES: Mapping[str, type[Strategy]] = {
    "baselines": Baselines,  # hand-designed cells
    "random": Random,  # independent random genomes
    "gp": GP,  # Rawal & Miikkulainen 2018
    "aging": Aging,  # Real et al. 2019
    "bayesian": Bayesian,  # Ru et al. 2021
    "nsga2": NSGA2,  # Deb et al. 2002
    "culling": Culling,  # as DENAS
    "pbt": PBT,  # Jaderberg et al. 2017
    "tournament": Tournament,  # LBANN's LTFB
    "halving": Halving,  # Jamieson and Talwalkar 2016, Li et al. 2018
    "dictated": Dictated,  # what an author outside wrote, a language model above all
}

__all__ = ["STRATEGIES", "Outcome", "Proposal", "Strategy"]
