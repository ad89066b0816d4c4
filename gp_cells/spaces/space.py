"""What a search space is: the types that every space file is written against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.vocabulary import Vocabulary

if TYPE_CHECKING:  # breeding does without torch
    from gp_cells.networks.network import Network


class Space(Vocabulary, Protocol):
    """A family of architectures: what a search may write of it, and how to build what is written.

    One whose settings are for data of one form has a method `misfit`, which returns what of a form is
    otherwise, "" if nothing is; see `space_misfit`. One whose networks are not for every device or
    precision has class variables `devices` and `precisions`; see `machinery_of`.
    """

    @property
    def engines(self) -> tuple[str, ...]:
        """What can run networks of this space, by their names in the config."""
        ...

    @property
    def reads(self) -> tuple[Inputs, ...]:
        """The kinds of inputs that networks of this space are for."""
        ...

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return how large the network of a genome is, without building it.

        `parameters` and `multiply_adds` (an input step or image) of what the space searches for: one
        recurrent layer, or the whole of a convolutional network; `network_parameters` and
        `network_multiply_adds` of the whole; `kept`, the numbers that a step or image keeps for its
        gradient; and `nodes`, of all formulas. One that counts what is carried over time adds
        `state_size`, the numbers that what is searched for keeps of one sequence, and `cache_per_token`,
        how many of them come with each step; it says so by a class variable `counts_state = True`.
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


def machinery_of(space: Space) -> Mapping[str, tuple[str, ...]]:
    """Return what can run networks of a space, by the key of a config's `training`."""
    return {
        "engine": space.engines,
        "device": getattr(space, "devices", ("cpu", "cuda")),
        "precision": getattr(space, "precisions", ("float32", "bfloat16")),
    }


def counts_state(space: Space) -> bool:
    """Return whether a space counts what its architectures carry over time; see `Space.count`."""
    return bool(getattr(space, "counts_state", False))


def space_misfit(space: Space, form: Form) -> str:
    """Return what of a data's form a space's settings are not for, "" if they are."""
    told: Callable[[Form], str] | None = getattr(space, "misfit", None)
    return "" if told is None else told(form)
