"""Several objectives at once, all minimised: Pareto fronts and hypervolumes, by moocore.

A point is one number an objective.
"""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

Point = tuple[float, ...]


def front(points: Sequence[Point]) -> list[int]:
    """Return which points no other dominates, in order; of equal ones the first."""
    if not points:
        return []
    return np.flatnonzero(moocore.is_nondominated(np.array(points))).tolist()


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume that some points dominate within a reference point.

    A point that is not better than the reference in every objective adds nothing.
    """
    return moocore.hypervolume(np.array(points), ref=reference) if points else 0.0
