"""Spaces whose genomes are a fixed number of choices among named options, as hyper-parameters are.

What of a space's genomes cannot be said so is out of reach of whoever chooses: a space may write far more
than the template that its choices fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary

Options = Mapping[str, tuple[str, ...]]  # by the name of each choice, in a fixed order
Chosen = Mapping[str, str]


@runtime_checkable
class FixedChoices(Protocol):
    """What a space has beside its vocabulary if choices make its genomes."""

    @property
    def choices(self) -> Options:
        """The options of each choice, which do not depend on other choices."""
        ...

    def chosen_genome(self, chosen: Chosen) -> Genome | None:
        """Return the canonical genome that options make, None if a search may not propose it."""
        ...


def choices_of(space: Vocabulary) -> FixedChoices:
    """Return a space as one of fixed choices.

    Raises:
        SettingError: it has none.
    """
    if isinstance(space, FixedChoices):
        return space
    raise SettingError(
        f"the space {type(space).__name__} has no fixed choices, so no hyper-parameter search can write "
        "its genomes; choose another strategy, as gp or local_search"
    )


def drawn_choices(options: Options, rng: np.random.Generator) -> dict[str, str]:
    """Return an option of each choice, uniformly and in their order."""
    return {name: of[int(rng.integers(len(of)))] for name, of in options.items()}
