"""Stopping rules: when to end a trial early; one file each."""

from collections.abc import Mapping

from gp_cells.stopping.never import Never
from gp_cells.stopping.patience import Patience
from gp_cells.stopping.stopper import Stopper

STOPPERS: Mapping[str, type[Stopper]] = {
    "never": Never,  # all epochs
    "patience": Patience,  # no improvement for a while
}

__all__ = ["STOPPERS", "Stopper"]
