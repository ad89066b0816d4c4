"""What a search space is: the types that every space file is written against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language, Term

if TYPE_CHECKING:  # breeding does without torch
    from gp_cells.networks.network import Network


class Vocabulary(Protocol):
    """What a search may write: all that strategies know of a space."""

    @property
    def engines(self) -> tuple[str, ...]:
        """What can run networks of this space, by their names in the config."""
        ...

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


class Space(Vocabulary, Protocol):
    """A family of architectures: what a search may write of it, and how to build what is written."""

    @property
    def reads(self) -> tuple[Inputs, ...]:
        """The kinds of inputs that networks of this space are for."""
        ...

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return how large the network of a genome is, without building it.

        `parameters` and `multiply_adds` (an input step or image) of what the space searches for: one
        recurrent layer, or the whole of a convolutional network; `network_parameters` and
        `network_multiply_adds` of the whole; `kept`, the numbers that a step or image keeps for its
        gradient; and `nodes`, of all formulas.
        """
        ...

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> Network:
        """Return the network of a genome, its weights not drawn yet.

        Raises:
            SettingError: there is no such engine, or not with this device or precision.
        """
        ...
