"""Stop a trial once a parametric curve through its losses has settled, after PENGUIN and A4NN.

Rorabaugh, Caíno-Lores, Johnston and Taufer 2022, https://doi.org/10.1109/TPDS.2022.3140681, and A4NN
(Channing, Patel, Olaya et al. 2023, https://doi.org/10.1145/3605573.3605604). After every epoch the curve
is fitted to all losses so far and read at the last epoch; once the last `window` of these predictions lie
within `tolerance` of their median, training ends. What differs:

- The tolerance is a share of what the losses have covered so far, so that no unit is assumed, and the
  functions are fitted on a grid (`functions.py`), where an optimiser may fail.
- No trial ends before `share` of its epochs, so that one that begins to learn late has its time.
- A prediction counts only if it promises no more than was already gained, from a curve that the function
  describes, and while this does not turn: of the last three losses one has to be near the best.
- A curve without a trend is not taken for one that has settled. It ends as `never_learns`, after half its
  epochs and if the training loss brings nothing new either.
- The prediction is of the best loss, which is never above the best observed.

Predictions rank candidates worse than a plain cut of equal cost in the published data, so the search reads
what was observed unless `reads` says otherwise.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.stopping.functions import FUNCTIONS, Fitted, fit
from gp_cells.stopping.stopper import Curve, Learned, Stop, cut, rounded

LATELY = 3  # epochs of which one has to be near the best, else the curve turns
FEWEST = 4  # epochs before anything is said
UNLIKE = 0.25  # of what the losses have covered, that a curve may be off by in the mean
WITHOUT_LEARNING = 0.5  # of the epochs that one without a trend is given


@dataclass(frozen=True)
class Parametric:
    """Stops a trial once a parametric curve, fitted after every epoch, predicts the same end again."""

    function: str = setting("exp3", "of the index of parametric curves, such as pow3 or wbl4")
    window: int = setting(3, "predictions that have to agree", unit="epochs", low=2)
    tolerance: float = setting(
        0.01, "of what the losses have covered, that predictions may differ by", low=1e-6, high=1
    )
    share: float = setting(0.3, "of a trial's epochs before which it does not end", low=0, high=1)
    patience: int = setting(
        5,
        "epochs without a new lowest training loss that end a trial without a trend",
        unit="epochs",
        low=1,
    )
    reads: Literal["observed", "predicted"] = setting(
        "observed", "which loss the search reads of a trial"
    )

    def __post_init__(self) -> None:
        check_settings(self, "parametric")
        if self.function not in FUNCTIONS:
            raise SettingError(
                f"parametric.function: there is no {self.function!r}; choose one of {', '.join(FUNCTIONS)}"
            )

    def stop(self, curve: Curve, learned: Learned | None) -> Stop | None:
        """Return why the trial should end, or None; see `Stopper.stop`."""
        losses = np.asarray(curve.losses, dtype=float)
        epoch = len(losses)
        covered = float(losses.max() - losses.min())
        if epoch < max(FEWEST, cut(self.share, curve.epochs)):
            return None
        if not has_trend(losses):
            return self._without_learning(curve)
        fits = [fit(self.function, losses[:end]) for end in self._window(epoch)]
        if fits[-1] is None or turns(losses, self.tolerance * covered + fits[-1].error):
            return None
        predictions = [_read(fitted, curve.epochs, covered) for fitted in fits]
        lowest = losses.min() - covered
        valid = [of for of in predictions if of is not None and lowest <= of]
        if len(valid) < self.window:
            return None
        middle = statistics.median(valid)
        if max(abs(of - middle) for of in valid) > self.tolerance * covered:
            return None
        predicted = rounded(min(valid[-1], float(losses.min())))
        reason = f"{self.window} predictions of epoch {curve.epochs} agree: {predicted:.4g}"
        return Stop("converged", reason, predicted if self.reads == "predicted" else None)

    def predict(self, curve: Curve) -> float | None:
        """Return the best loss in all epochs, None where the function does not tell; see `Stopper`."""
        losses = np.asarray(curve.losses, dtype=float)
        if len(losses) < FEWEST or not np.isfinite(losses).all() or not has_trend(losses):
            return None
        lowest, covered = float(losses.min()), float(losses.max() - losses.min())
        ahead = _read(fit(self.function, losses), curve.epochs, covered)
        return None if ahead is None or ahead < lowest - covered else rounded(min(ahead, lowest))

    def _window(self, epoch: int) -> range:
        return range(max(1, epoch - self.window + 1), epoch + 1)

    def _without_learning(self, curve: Curve) -> Stop | None:
        """Return why a curve without a trend ends, None while it has time or its training loss falls."""
        epoch, train = len(curve.losses), np.asarray(curve.train_losses, dtype=float)
        if epoch < max(self.patience + 1, cut(WITHOUT_LEARNING, curve.epochs)):
            return None
        known = train[np.isfinite(train)]
        # a trial that went on from another knows its own alone, too few of which tell nothing
        if 0 < len(known) <= self.patience:
            return None
        if len(known) and known[-self.patience :].min() < known[: -self.patience].min():
            return None
        return Stop("never_learns", f"no trend in {epoch} epochs, nor a new lowest training loss")


def _read(fitted: Fitted | None, epochs: int, covered: float) -> float | None:
    """Return the loss that a fitted curve comes to in the last epoch, None if it is no likeness."""
    if fitted is None or fitted.error > UNLIKE * covered:
        return None
    ahead = float(fitted.at([epochs])[0])
    return ahead if np.isfinite(ahead) else None


def turns(losses: np.ndarray, margin: float) -> bool:
    """Return whether the last losses are all above the best by more than a margin."""
    return bool(losses[-LATELY:].min() > losses.min() + margin)


def has_trend(losses: np.ndarray) -> bool:
    """Return whether losses lead anywhere: the later half differs from the first by more than chance.

    By Welch's t of the two halves, whose bound of 3 is one in a hundred or less from eight epochs on.
    """
    half = len(losses) // 2
    first, second = losses[:half], losses[-half:]
    difference = abs(float(second.mean() - first.mean()))
    error = float(np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / half)) if half > 1 else 0.0
    steps = np.sign(np.diff(losses))
    return difference > 3 * error or abs(steps.sum()) == len(steps)
