"""Hidden covariance, a zero-cost score: how differently a recurrent network remembers each sequence.

Serianni and Kalita 2023, https://arxiv.org/abs/2306.00288: as `jacobian_covariance`, of the outputs of the
last recurrent layer at all steps. One pass without gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gp_cells.config.choose import check_settings, setting
from gp_cells.measures.covariance import spread
from gp_cells.measures.measure import Column, Subject


@dataclass(frozen=True)
class HiddenCovariance:
    """How differently first weights remember each sequence: Serianni and Kalita 2023."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "hidden_covariance",
            "",
            "zero-cost score: how alike outputs of cells are; recurrent",
            predicts=True,
        ),
    )

    samples: int = setting(16, "of a training batch that are looked at", unit="sequences", low=2)

    def __post_init__(self) -> None:
        check_settings(self, "hidden_covariance")

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return the score; None of a network without steps."""
        import torch

        if not subject.form.has_steps:
            return {"hidden_covariance": None}
        inputs = subject.samples(self.samples)
        with torch.no_grad():
            _, _, activations = subject.untrained.eval().activations(inputs, None)
        rows = activations[-1].movedim(subject.form.batch_axis, 0).flatten(1)
        return {"hidden_covariance": spread(rows)}
