"""What a search space is: the type that every space file is written against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from gp_cells.genome import Genome
from gp_cells.language import Language


class Space(Protocol):
    """A family of architectures: its language, and what a search may write in it."""

    @property
    def language(self) -> Language:
        """Everything that a genome of this space may say; hand-designed cells may use all of it."""
        ...

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that a search draws from."""
        ...

    @property
    def leaves(self) -> tuple[str, ...]:
        """The leaf families that a search draws from, e.g. `gate`."""
        ...

    @property
    def memory_cells(self) -> int:
        """The most memory cells beside the output that a search writes."""
        ...

    @property
    def max_gates(self) -> int:
        """The most projections of one family that a search writes."""
        ...

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed genomes of this space: name to `.cell` file."""
        ...

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome."""
        ...
