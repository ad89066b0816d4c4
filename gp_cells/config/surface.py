"""The plane as a trained network sees it, of tasks whose rows are two numbers and whose classes are two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SIDE = 40  # cells of the grid, each way
MOST_POINTS = 400


@dataclass(frozen=True, kw_only=True)
class Surface:
    """How probable the second class is in each cell of a grid, and some points that it was trained on.

    `low` and `high` are the ends of both numbers. `second` has a byte a cell, line by line from the lowest
    second number, and `points` three a point: both numbers between the ends, and the class; in hexadecimal.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    second: str
    points: str = ""

    @property
    def shares(self) -> list[list[float]]:
        """The probabilities, from 0 to 1, a list for each line."""
        cells = bytes.fromhex(self.second)
        lines = (cells[i : i + SIDE] for i in range(0, len(cells), SIDE))
        return [[cell / 255 for cell in line] for line in lines]

    def placed(self) -> Iterator[tuple[float, float, int]]:
        """Yield the points, both numbers as shares of the way from low to high, and their classes."""
        stored = bytes.fromhex(self.points)
        for i in range(0, len(stored), 3):
            first, second, number = stored[i : i + 3]
            yield first / 255, second / 255, number
