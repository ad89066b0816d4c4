"""Recurrent cells as formulas over learned projections and memory cells.

The search draws from what Rawal and Miikkulainen 2018 (https://arxiv.org/abs/1803.04439) show: add,
mul, tanh, sigmoid, relu; leaves that mix input and last output with learned weights (`gate`), and
the raw memory cells. Hand-designed cells need a few more words, which a search may be given too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term
from gp_cells.spaces import steps

if TYPE_CHECKING:
    from gp_cells.networks.recurrent import RecurrentNetwork

LANGUAGE, MEMORIES = steps.CELLS, steps.MEMORIES


@dataclass(frozen=True)
class Recurrent:
    """Recurrent cells with memory cells; the settings limit what a search may write."""

    reads: ClassVar[tuple[Inputs, ...]] = steps.READS
    engines: ClassVar[tuple[str, ...]] = steps.ENGINES

    functions: tuple[str, ...] = setting(
        ("add", "mul", "tanh", "sigmoid", "relu"),
        "what a search may write; at least one of add, mul, sub",
        choices=[function.name for function in steps.FUNCTIONS],
        min_items=1,
    )
    leaves: tuple[str, ...] = steps.leaves_setting()
    memory_cells: int = setting(
        2, "most memory cells beside the output", unit="memory cells", low=1, high=len(MEMORIES)
    )
    max_gates: int = steps.max_gates_setting()
    max_depth: int = setting(8, "deepest formula; a single leaf has depth 0", low=3, high=15)
    max_nodes: int = setting(40, "most nodes in one formula", unit="nodes", low=7, high=128)
    redundant: bool = steps.redundant_setting()

    def __post_init__(self) -> None:
        check_settings(self, "recurrent")
        if not {"add", "mul", "sub"} & set(self.functions):
            raise SettingError("recurrent.functions: at least one of add, mul, sub must be there")

    @property
    def language(self) -> Language:
        """The whole language, with the widest limits, so that every published cell can be read."""
        return LANGUAGE

    @property
    def projections(self) -> Sequence[str]:
        """As many leaves of each family as the limit allows."""
        return steps.projections(self)

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed cells: name to `.cell` file."""
        folder = Path(__file__).parent / "cells"
        return {path.stem: path for path in sorted(folder.glob("*.cell"))}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return 1 to `memory_cells` memory cells and the output, all to be drawn.

        Memory cells that do not reach the output fall away later.
        """
        memories = MEMORIES[: rng.integers(1, self.memory_cells + 1)]
        return [(name, None) for name in (*memories, "h'")]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome; see `steps.admits`."""
        return steps.admits(self, genome)

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of one layer and of the network; see `Space.count`."""
        return steps.count(genome, form, recipe)

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> RecurrentNetwork:
        """Return recurrent layers between inputs and predictions; see `Space.network`."""
        return steps.network(genome, form, recipe, engine, device, precision)
