"""End every trial after the same number of epochs: the rule that every other one has to beat.

After Egele, Mohr, Viering and Balaprakash 2024, https://arxiv.org/abs/2404.04111, whose i-Epoch was hardly
ever behind successive halving, extrapolated curves and prior-fitted networks. There the best are trained
on to their end afterwards, as a run's finalists are here.
"""

from __future__ import annotations

from dataclasses import dataclass

from gp_cells.config.choose import check_settings, setting
from gp_cells.stopping.stopper import Curve, Learned, Stop, cut


@dataclass(frozen=True)
class IEpoch:
    """Stops every trial after the same share of its epochs; the search reads its best loss so far."""

    share: float = setting(0.3, "of a trial's epochs that it has, rounded up", low=0.01, high=1)

    def __post_init__(self) -> None:
        check_settings(self, "i_epoch")

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        epoch = self.ends(curve.epochs)
        if len(curve.losses) < epoch:
            return None
        return Stop("same_epoch", f"all end after epoch {epoch} of {curve.epochs}")

    def ends(self, epochs: int) -> int:
        """Return the epoch after which all trials end."""
        return cut(self.share, epochs)
