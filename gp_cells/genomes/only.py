"""A space narrowed to some genomes that are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term
from gp_cells.genomes.vocabulary import Vocabulary


@dataclass(frozen=True)
class Only:
    """A space from which a search may propose some genomes only.

    A fresh genome is one of them, each as likely as the other. A child is legal if it is one of them; where
    they are `fixed`, it is its first parent, and nothing but its training is searched.
    """

    space: Vocabulary
    genomes: tuple[Genome, ...]
    fixed: bool = False
    ids: frozenset[str] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        if not self.genomes:
            raise SettingError("none of the architectures may be proposed in this space")
        ids = frozenset(genome.architecture_id for genome in self.genomes)
        object.__setattr__(self, "ids", ids)

    @property
    def language(self) -> Language:
        """See `Vocabulary`."""
        return self.space.language

    @property
    def functions(self) -> tuple[str, ...]:
        """See `Vocabulary`."""
        return self.space.functions

    @property
    def projections(self) -> Sequence[str]:
        """See `Vocabulary`."""
        return self.space.projections

    @property
    def baselines(self) -> Mapping[str, Path]:
        """See `Vocabulary`."""
        return self.space.baselines

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return the formulas of one of the genomes."""
        return [*self.genomes[rng.integers(len(self.genomes))].formulas]

    def admits(self, genome: Genome) -> bool:
        """Return whether a canonical genome is one of them."""
        return genome.architecture_id in self.ids
