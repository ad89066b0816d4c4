"""A curve's best loss in the end, predicted by ridge regression on curves that were trained to their end.

The honest size of a learned predictor where a run has tens of curves: a few features of the first epochs,
and one closed form. Where every loss is positive it works in logarithms, so that units do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gp_cells.stopping.stopper import Curve, Learned, rounded

Array = NDArray[np.float64]
LAST = 2  # epochs whose losses are features


def fit(
    history: Sequence[Curve], epoch: int, penalty: float, least: int
) -> Mapping[str, Any] | None:
    """Return a regression from the first `epoch` epochs on the best loss, None of too few whole curves."""
    whole = [c for c in history if epoch < len(c.losses) == c.epochs]
    whole = [c for c in whole if np.isfinite([*c.losses, *c.train_losses]).all()]
    if len(whole) < least:
        return None
    logarithms = all(min(*c.losses, *c.train_losses) > 0 for c in whole)
    features = np.array([_features(c, epoch, logarithms) for c in whole])
    targets = np.array([_scaled([min(c.losses)], logarithms)[0] for c in whole])
    standard = _standardised(features)
    if standard is None:
        return None
    inputs, means, deviations = standard
    weights, centre = _solve(inputs, targets, penalty), float(targets.mean())
    return {
        "epoch": epoch,
        "logarithms": logarithms,
        "means": _all_rounded(means),
        "deviations": _all_rounded(deviations),
        "lowest": _all_rounded(features.min(axis=0)),
        "highest": _all_rounded(features.max(axis=0)),
        "weights": _all_rounded(weights),
        "centre": rounded(centre),
        "gain": rounded(_gain(inputs, targets, features[:, 0], penalty)),
    }


def predict(curve: Curve, model: Learned | None) -> float | None:
    """Return the best loss that a curve should come to, None without a model or if unlike its curves."""
    if model is None:
        return None
    epoch, logarithms = model["epoch"], model["logarithms"]
    seen = curve.until(epoch)
    known = [*seen.losses, *seen.train_losses[-LAST:]]
    if len(seen.losses) < epoch or not np.isfinite(known).all() or (logarithms and min(known) <= 0):
        return None
    features = np.clip(_features(seen, epoch, logarithms), model["lowest"], model["highest"])
    inputs = (features - np.array(model["means"])) / np.array(model["deviations"])
    value = float(inputs @ np.array(model["weights"])) + model["centre"]
    return rounded(min(float(np.exp(value)) if logarithms else value, min(seen.losses)))


def _features(curve: Curve, epoch: int, logarithms: bool) -> Array:
    """Return the best loss so far, and the last ones of validation and training, all (5,)."""
    first = max(0, epoch - LAST)
    lately = [*curve.losses[first:epoch], *curve.train_losses[first:epoch]]
    return _scaled([min(curve.losses[:epoch]), *lately], logarithms)


def _scaled(values: Sequence[float], logarithms: bool) -> Array:
    array = np.array(values, dtype=float)
    return np.log(array) if logarithms else array


def _standardised(features: Array) -> tuple[Array, Array, Array] | None:
    """Return features with mean 0 and deviation 1, and both; None if one is the same for all."""
    means, deviations = features.mean(axis=0), features.std(axis=0)
    if not (deviations > 1e-9 * (1 + np.abs(means))).all():
        return None
    return (features - means) / deviations, means, deviations


def _solve(inputs: Array, targets: Array, penalty: float) -> Array:
    square = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    weights: Array = np.linalg.solve(square, inputs.T @ (targets - targets.mean()))
    return weights


def _gain(inputs: Array, targets: Array, so_far: Array, penalty: float) -> float:
    """Return by how many standard errors the regression ranks better than the best loss so far does.

    Each curve is predicted from all others. What is averaged is, for each curve, the share of others that
    it is put on the right side of, by the regression less by the loss; its error takes curves as drawn
    independently, each in two places of every pair.
    """
    left_out = _left_out(inputs, targets, penalty)
    better = _right_sides(left_out, targets) - _right_sides(so_far, targets)
    error = 2 * better.std(ddof=1) / np.sqrt(len(better))
    return float(better.mean() / max(error, 1e-3))


def _left_out(inputs: Array, targets: Array, penalty: float) -> Array:
    """Return each target predicted from all others, by the closed form of ridge regression."""
    with_mean = np.hstack([inputs, np.ones((len(inputs), 1))])
    square = with_mean.T @ with_mean + penalty * np.diag([*np.ones(inputs.shape[1]), 0.0])
    hat = with_mean @ np.linalg.solve(square, with_mean.T)
    fitted = hat @ targets
    predicted: Array = targets - (targets - fitted) / np.maximum(1 - np.diag(hat), 1e-9)
    return predicted


def _right_sides(values: Array, targets: Array) -> Array:
    """Return for each of some values the share of the others that it is ordered with as the targets are."""
    signs = np.sign(values[:, None] - values[None]) * np.sign(targets[:, None] - targets[None])
    shares: Array = signs.sum(axis=1) / (len(values) - 1)
    return shares


def _all_rounded(values: Array) -> list[float]:
    return [rounded(float(value)) for value in values]
