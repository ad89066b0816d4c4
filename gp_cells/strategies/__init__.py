"""Strategies: from what has been measured to the genomes to train next; one file each."""

from collections.abc import Mapping

from gp_cells.strategies.aging import Aging
from gp_cells.strategies.ask_tell import AskTell
from gp_cells.strategies.bananas import Bananas
from gp_cells.strategies.baselines import Baselines
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.strategies.codeepneat import CoDeepNEAT
from gp_cells.strategies.culling import Culling
from gp_cells.strategies.deap import Deap
from gp_cells.strategies.dictated import Dictated
from gp_cells.strategies.gp import GP
from gp_cells.strategies.halving import Halving
from gp_cells.strategies.imitate import Imitate
from gp_cells.strategies.local_search import LocalSearch
from gp_cells.strategies.minimise import Minimise
from gp_cells.strategies.neat import Neat
from gp_cells.strategies.nsga2 import NSGA2
from gp_cells.strategies.one_shot import OneShot
from gp_cells.strategies.pbt import PBT
from gp_cells.strategies.random import Random
from gp_cells.strategies.reinforce import Reinforce
from gp_cells.strategies.strategy import Outcome, Proposal, Strategy
from gp_cells.strategies.tournament import Tournament
from gp_cells.strategies.tpe import TPE
from gp_cells.strategies.transfer import Transfer

STRATEGIES: Mapping[str, type[Strategy]] = {
    "baselines": Baselines,  # hand-designed cells
    "random": Random,  # independent random genomes
    "gp": GP,  # Rawal & Miikkulainen 2018
    "aging": Aging,  # Real et al. 2019
    "bayesian": Bayesian,  # Ru et al. 2021
    "bananas": Bananas,  # White et al. 2021
    "nsga2": NSGA2,  # Deb et al. 2002
    "codeepneat": CoDeepNEAT,  # Miikkulainen et al. 2017
    "local_search": LocalSearch,  # White et al. 2021
    "deap": Deap,  # Fortin et al. 2012: operators by their names in DEAP's toolbox
    "tpe": TPE,  # Bergstra et al. 2011, as Optuna has it
    "ask_tell": AskTell,  # any searcher of Optuna's or Syne Tune's, or one's own
    "culling": Culling,  # as DENAS
    "pbt": PBT,  # Jaderberg et al. 2017
    "tournament": Tournament,  # LBANN's LTFB
    "neat": Neat,  # Stanley & Miikkulainen 2002, with backpropagation as Ha 2016
    "one_shot": OneShot,  # Cai et al. 2019, Liu et al. 2019, Dong and Yang 2019
    "halving": Halving,  # Jamieson and Talwalkar 2016, Li et al. 2018
    "reinforce": Reinforce,  # Zoph and Le 2017
    "imitate": Imitate,  # the same net, trained on the best: a language model of formulas
    "dictated": Dictated,  # what an author outside wrote, a language model above all
    "minimise": Minimise,  # backward elimination of sub-formulas, to the end of LEAF, Liang et al. 2019
    "transfer": Transfer,  # begins with cells found elsewhere, as Zoph et al. 2018
}

__all__ = ["STRATEGIES", "Outcome", "Proposal", "Strategy"]
