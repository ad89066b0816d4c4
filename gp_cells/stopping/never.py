"""Train every candidate for all epochs: the rule to measure other stopping rules against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Never:
    """Never stops a trial."""

    def reason_to_stop(self, losses: Sequence[float]) -> str | None:
        """Return None; see `Stopper.reason_to_stop`."""
        return None
