"""What a search may write: the part of a space that strategies and variation need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term


class Vocabulary(Protocol):
    """What a search may write: all that strategies know of a space."""

    @property
    def language(self) -> Language:
        """Everything that a genome of this space may say; hand-designed cells may use all of it."""
        ...

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that a search draws from."""
        ...

    @property
    def projections(self) -> Sequence[str]:
        """The leaves with learned weights that a search draws from, e.g. gate1 … gate8."""
        ...

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed genomes of this space: name to `.cell` file."""
        ...

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return the formulas of a fresh genome in order, None for those to be drawn at random."""
        ...

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome."""
        ...


def is_fixed(space: Vocabulary) -> bool:
    """Return whether a child in this space is its first parent, so that only its training is searched."""
    return bool(getattr(space, "fixed", False))


def drawn_functions(space: Vocabulary, name: str, written: Collection[str]) -> tuple[str, ...]:
    """Return the functions that a search may write in formula `name`, of those that it draws from."""
    why_not = space.language.kind.why_not
    return tuple(of for of in space.functions if why_not(of, name, written) is None)


def drawn_leaves(space: Vocabulary, name: str, written: Sequence[str]) -> list[str]:
    """Return the leaves that formula `name` may read, given names as often as all projections."""
    given = space.language.kind.readable(name, written)
    share = max(1, len(space.projections) // len(given)) if given else 0
    return [*space.projections, *given * share]
