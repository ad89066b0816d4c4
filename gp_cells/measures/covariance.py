"""What two zero-cost scores share: how unlike each other some rows of numbers are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STABLE = 1e-5  # added to each eigenvalue, as Mellor et al. 2021 do


def spread(rows: Tensor) -> float:
    """Return −Σ ln(λ + k) + 1 / (λ + k) of the correlations between rows, λ their eigenvalues.

    NaN of fewer than two rows, or where one has no variance or is not finite.
    """
    import torch

    rows = rows.double()
    rows = rows - rows.mean(1, keepdim=True)
    lengths = rows.norm(dim=1)
    if len(rows) < 2 or not bool((lengths > 0).all()) or not bool(lengths.isfinite().all()):
        return math.nan
    rows = rows / lengths[:, None]
    eigenvalues = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0) + STABLE
    return -(eigenvalues.log() + 1 / eigenvalues).sum().item()
