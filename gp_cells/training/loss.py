"""What predictions are worth: losses in nats, errors, and a guess to start from.

Predictions are (…, outputs), targets the same for `keys` and `numbers`, or (…) int64 for `classes`; counted
is (…), 1 where a target counts and 0 where it does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gp_cells.config.recipe import Form


def summed_loss(form: Form, predicted: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    """Return the loss, summed over all counted targets.

    It is the negative log-likelihood in nats: of `keys` summed over them, of `classes` the one that is
    right. Of `numbers` it is the squared error, averaged over them; standardised as they are,
    always guessing the mean has a loss of 1.
    """
    if form.targets == "classes":
        flat = predicted.flatten(0, -2), targets.flatten()
        return (functional.cross_entropy(*flat, reduction="none") * counted.flatten()).sum()
    if form.targets == "numbers":
        return ((predicted - targets).square().mean(-1) * counted).sum()
    each = functional.binary_cross_entropy_with_logits(predicted, targets, reduction="none")
    return (each.sum(-1) * counted).sum()


def smoothed_loss(summed: Tensor, predicted: Tensor, counted: Tensor, share: float) -> Tensor:
    """Return the summed loss of `classes` against targets of which a share is spread over all classes.

    Label smoothing, Szegedy et al. 2016 (https://arxiv.org/abs/1512.00567); `summed` is the loss without.
    """
    spread = -functional.log_softmax(predicted, -1).mean(-1)
    return (1 - share) * summed + share * (spread * counted).sum()


def summed_errors(form: Form, predicted: Tensor, targets: Tensor, counted: Tensor) -> float:
    """Return how many counted classes are not the most probable one; NaN for keys and numbers."""
    if form.targets != "classes":
        return math.nan
    return float(((predicted.argmax(-1) != targets) * counted).sum())


def ignorant_loss(form: Form) -> float:
    """Return the loss of a guess that knows nothing: every outcome alike, every number the mean."""
    return {
        "keys": form.outputs * math.log(2),
        "classes": math.log(form.outputs),
        "numbers": 1.0,
    }[form.targets]


def first_guess(form: Form, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    """Return the (outputs,) predictions of the marginal (class-frequency) predictor.

    `batches` are pairs of targets and counted. Every trial's output bias starts here: nearly all keys
    are silent nearly always, and learning that first would cost each candidate several epochs. One
    count is added to each outcome.
    """
    counts, total = np.zeros(form.outputs), 0.0
    for targets, counted in batches:
        chosen = targets[counted > 0]
        total += float(len(chosen))
        if form.targets == "classes":
            counts += np.bincount(chosen, minlength=form.outputs)
        else:
            counts += chosen.sum(0)
    if form.targets == "classes":
        guess = np.log((counts + 1) / (total + form.outputs))
    elif form.targets == "keys":
        guess = np.log((counts + 1) / (total - counts + 1))
    else:
        guess = counts / total
    return torch.from_numpy(guess.astype(np.float32))
