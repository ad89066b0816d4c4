"""Stop a trial whose validation loss has not improved for a number of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gp_cells.config.choose import check_range


@dataclass(frozen=True)
class Patience:
    """Stops once `epochs` epochs in a row brought no loss lower by `margin` nats."""

    epochs: int = 10
    margin: float = 0.0

    def __post_init__(self) -> None:
        check_range("patience.epochs", self.epochs, 1)
        check_range("patience.margin", self.margin, 0)

    def reason_to_stop(self, losses: Sequence[float]) -> str | None:
        """Return why the trial should end, or None; see `Stopper.reason_to_stop`."""
        if len(losses) <= self.epochs:
            return None
        before, lately = min(losses[: -self.epochs]), min(losses[-self.epochs :])
        if lately < before - self.margin:
            return None
        return f"no better validation loss for {self.epochs} epochs"
