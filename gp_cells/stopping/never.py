"""Train every candidate for all epochs: the rule to measure other stopping rules against."""

from __future__ import annotations

from dataclasses import dataclass

from gp_cells.stopping.stopper import Curve, Learned, Stop


@dataclass(frozen=True)
class Never:
    """Never stops a trial."""

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return None; see `Stopper.stop`."""
        return None
