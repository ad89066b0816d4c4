"""Jacobian covariance, a zero-cost score: how differently the output changes with each of some inputs.

`jacob_cov` of Mellor et al. 2021, https://arxiv.org/abs/2006.04647, first version: with λ the eigenvalues
of the correlations between inputs' Jacobians, −Σ ln(λ + k) + 1 / (λ + k). One pass, forward and backward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gp_cells.config.choose import check_settings, setting
from gp_cells.measures.covariance import spread
from gp_cells.measures.measure import Column, Subject


@dataclass(frozen=True)
class JacobianCovariance:
    """How differently the output of first weights changes with each input: Mellor et al. 2021."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "jacobian_covariance",
            "",
            "zero-cost score: how alike inputs' Jacobians are",
            predicts=True,
        ),
    )

    samples: int = setting(
        16, "of a training batch that are looked at", unit="sequences or images", low=2
    )

    def __post_init__(self) -> None:
        check_settings(self, "jacobian_covariance")

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return the score, NaN where inputs change nothing."""
        import torch

        network = subject.untrained.without_dropout().train()  # norms by the batch
        given = network.embed(subject.samples(self.samples)).detach().requires_grad_()
        predicted, _ = network(given, None, None)
        (jacobian,) = torch.autograd.grad(predicted.sum(), given)
        rows = jacobian.movedim(subject.form.batch_axis, 0).flatten(1)
        return {"jacobian_covariance": spread(rows)}
