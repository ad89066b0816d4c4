"""Stopping rules: when to end a trial early; one file each."""

from collections.abc import Mapping

from gp_cells.stopping.ensemble import Ensemble
from gp_cells.stopping.i_epoch import IEpoch
from gp_cells.stopping.learned import LearnedRule
from gp_cells.stopping.median import Median
from gp_cells.stopping.never import Never
from gp_cells.stopping.parametric import Parametric
from gp_cells.stopping.patience import Patience
from gp_cells.stopping.stopper import Stopper

STOPPERS: Mapping[str, type[Stopper]] = {
    "ensemble": Ensemble,  # a cut, read by a proved prediction
    "i_epoch": IEpoch,  # a cut
    "learned": LearnedRule,  # a cut, read by a regression on earlier curves
    "median": Median,  # worse than half of those before it
    "never": Never,  # all epochs
    "parametric": Parametric,  # a fitted curve has settled
    "patience": Patience,  # no improvement for a while
}

__all__ = ["STOPPERS", "Stopper"]
