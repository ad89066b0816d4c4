"""Introspectability: how far apart the classes are in a trained network's activations.

As XNAS has it in its code (https://github.com/LLNL/XNAS): the mean cosine distance between the classes'
summed activations, over pairs of classes; classes are the predicted ones, and those never predicted have
no part. Of images, activations are what all convolutions and non-linearities give. What differs: here
also what recurrent layers give, at each step that has a target; not the whole validation split, but its
batches up to a number of targets; and NaN, not minus infinity, if fewer than two classes are predicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.measures.measure import Column, Subject

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Introspectability:
    """How far apart the predicted classes are in the activations; `entanglement` is 1 less it."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "introspectability",
            "",
            "mean cosine distance of activations summed by predicted class, "
            "validation split, 0 to 2",
            "maximised",
            predicts=True,
        ),
    )

    targets: int = setting(
        1000, "of validation at which activations are looked at", unit="targets", low=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "introspectability")

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return it; None where the task has no classes."""
        if subject.form.targets != "classes":
            return {"introspectability": None}
        return {"introspectability": mean_distance(self.summed_activations(subject))}

    def summed_activations(self, subject: Subject) -> list[Tensor]:
        """Return the activations of each layer, summed by predicted class: (classes, units) each."""
        import torch
        from torch.nn.functional import one_hot

        network, form, device = subject.trained.eval(), subject.form, subject.device
        sums: list[Tensor] = []
        looked_at, state = 0, None
        present = torch.zeros(form.outputs, dtype=torch.bool, device=device)
        with torch.no_grad():
            for batch in subject.task.batches(subject.splits["valid"], None):
                inputs = torch.from_numpy(batch.inputs).to(device)
                before = state if batch.continues else None
                predicted, state, activations = network.activations(inputs, before)
                counts = torch.from_numpy(np.flatnonzero(batch.counted > 0)).to(device)
                classes = predicted.flatten(0, -2)[counts].argmax(-1)
                each = one_hot(classes, form.outputs).float()
                present |= each.sum(0) > 0
                steps = [of.flatten(0, 1) for of in activations] if form.has_steps else activations
                summed = [each.T @ of.flatten(1)[counts].float() for of in steps]
                sums = [a + b for a, b in zip(sums, summed, strict=True)] if sums else summed
                looked_at += len(classes)
                if looked_at >= self.targets:
                    break
        return [of[present].double() for of in sums]


def mean_distance(parts: list[Tensor]) -> float:
    """Return the mean of 1 − cosine over pairs of rows, each row the parts' rows side by side."""
    import torch

    products = sum((part @ part.T for part in parts), torch.zeros(()))
    lengths = products.diagonal().sqrt()
    first, second = torch.triu_indices(len(lengths), len(lengths), offset=1)
    cosines = products[first, second] / (lengths[first] * lengths[second])
    cosines = cosines[cosines.isfinite()]
    return 1 - cosines.mean().item() if len(cosines) else math.nan
