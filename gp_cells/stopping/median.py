"""Stop a trial that is worse than half of the trials before it were, by Google Vizier's median rule.

Golovin, Solnik, Moitra, Kochanski, Karro and Sculley 2017, https://doi.org/10.1145/3097983.3098043: a trial
ends where its best value is worse than the median of the running averages that the others had by then.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.config.choose import check_settings, setting
from gp_cells.stopping.stopper import Curve, Learned, Stop, cut, rounded


@dataclass(frozen=True)
class Median:
    """Stops a trial whose best loss is worse than the median of earlier trials' mean loss until then."""

    share: float = setting(0.2, "of a trial's epochs before which it is not stopped", low=0, high=1)
    least: int = setting(
        5, "earlier trials that reached an epoch, to judge by", unit="trials", low=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "median")

    def learn(self, history: Sequence[Curve]) -> Mapping[str, Any] | None:
        """Return the median of the mean losses until each epoch; see `Stopper`."""
        longest = max((len(curve.losses) for curve in history), default=0)
        medians = []
        for epoch in range(1, longest + 1):
            reached = [curve.losses[:epoch] for curve in history if len(curve.losses) >= epoch]
            if len(reached) < self.least:
                break
            medians.append(rounded(statistics.median(statistics.fmean(of) for of in reached)))
        return {"medians": medians} if medians else None

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        epoch, medians = len(curve.losses), (learned or {}).get("medians", ())
        if epoch < cut(self.share, curve.epochs) or epoch > len(medians):
            return None
        best, usual = min(curve.losses), medians[epoch - 1]
        if best <= usual:
            return None
        return Stop("worse_than_median", f"best loss {best:.4g}, the median of others {usual:.4g}")
