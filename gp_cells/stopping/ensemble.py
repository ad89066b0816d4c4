"""Cut every trial at the same share of its epochs; read a prediction where that is proved.

Uniform truncation ranks candidates about as well as any rule that ends some sooner than others (Egele et
al. 2024, https://arxiv.org/abs/2404.04111), since all are compared at one age. What can be won is in how
their curves are read. A regression on the control group's whole curves is believed only where it ranks
those curves, each predicted from the others, better than the best loss so far does, by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.config.choose import check_settings, setting
from gp_cells.stopping.regression import fit, predict
from gp_cells.stopping.stopper import Curve, Learned, Stop, cut


@dataclass(frozen=True)
class Ensemble:
    """Stops trials after the same share of their epochs; reads a proved prediction, else the best loss."""

    share: float = setting(0.3, "of a trial's epochs that it has, rounded up", low=0.01, high=1)
    least: int = setting(
        20, "whole curves, before which nothing is predicted", unit="trials", low=8
    )
    penalty: float = setting(
        1.0, "of the ridge regression, on features with deviation 1", unit="squared weights", low=0
    )
    proof: float = setting(
        2.0,
        "by which the prediction has to rank better than the cut",
        unit="standard errors",
        low=0,
    )

    def __post_init__(self) -> None:
        check_settings(self, "ensemble")

    def learn(self, history: Sequence[Curve]) -> Mapping[str, Any] | None:
        """Return the regression if it is proved, else None; see `Stopper`."""
        epochs = max((curve.epochs for curve in history), default=0)
        model = fit(history, cut(self.share, epochs), self.penalty, self.least)
        return model if model is not None and model["gain"] > self.proof else None

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        epoch = cut(self.share, curve.epochs)
        if len(curve.losses) < epoch:
            return None
        predicted = predict(curve, learned)
        return Stop("same_epoch", f"all end after epoch {epoch} of {curve.epochs}", predicted)

    def read(self, curve: Curve, learned: Learned | None) -> float:
        """Return the loss that the search is to read; see `Stopper`."""
        predicted = predict(curve, learned)
        if predicted is not None:
            return predicted
        return min(curve.losses[: cut(self.share, curve.epochs)])
