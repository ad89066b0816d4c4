"""Cut every trial at the same share of its epochs; read what earlier curves make one expect.

The idea of Meta-LSTM (Rawal and Miikkulainen 2018, https://arxiv.org/abs/1803.04439), which predicts a
node's loss in epoch 40 from its first 10, in the size that a run of some hundred candidates can feed. The
first candidates are trained to their end, and later on the control group is, so that there is always more
to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.config.choose import check_settings, setting
from gp_cells.stopping.regression import fit, predict
from gp_cells.stopping.stopper import Curve, Learned, Stop, cut


@dataclass(frozen=True)
class LearnedRule:
    """Stops every trial after the same share of its epochs; the search reads a regression's prediction."""

    share: float = setting(0.3, "of a trial's epochs that it has, rounded up", low=0.01, high=1)
    least: int = setting(
        20, "whole curves to learn from, until then no trial is stopped", unit="trials", low=8
    )
    penalty: float = setting(
        1.0, "of the ridge regression, on features with deviation 1", unit="squared weights", low=0
    )

    def __post_init__(self) -> None:
        check_settings(self, "learned")

    def learn(self, history: Sequence[Curve]) -> Mapping[str, Any] | None:
        """Return the regression, None while there are too few whole curves; see `Stopper`."""
        epochs = max((curve.epochs for curve in history), default=0)
        return fit(history, cut(self.share, epochs), self.penalty, self.least)

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        if learned is None or len(curve.losses) < learned["epoch"]:
            return None
        predicted = predict(curve, learned)
        if predicted is None:
            return None
        return Stop("predicted", f"best loss {predicted:.4g} predicted", predicted)

    def read(self, curve: Curve, learned: Learned | None) -> float:
        """Return the loss that the search is to read; see `Stopper`."""
        predicted = predict(curve, learned)
        return min(curve.losses) if predicted is None else predicted
