"""Stop a trial whose validation loss has not improved for a number of epochs."""

from __future__ import annotations

from dataclasses import dataclass

from gp_cells.config.choose import check_settings, setting
from gp_cells.stopping.stopper import Curve, Learned, Stop


@dataclass(frozen=True)
class Patience:
    """Stops once `epochs` epochs in a row brought no loss lower by `margin`."""

    epochs: int = setting(10, "epochs without a better validation loss", unit="epochs", low=1)
    margin: float = setting(
        0.0, "a loss is better if it is lower by more than this", unit="the task's loss", low=0
    )

    def __post_init__(self) -> None:
        check_settings(self, "patience")

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        losses = curve.losses
        if len(losses) <= self.epochs:
            return None
        before, lately = min(losses[: -self.epochs]), min(losses[-self.epochs :])
        if lately < before - self.margin:
            return None
        return Stop("no_better", f"no better validation loss for {self.epochs} epochs")
