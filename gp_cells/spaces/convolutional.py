"""CNN cells as formulas over feature maps: a normal cell and a reduction, stacked to a network.

A formula may read `x`, the output of the cell before, `skip`, that of the one before it, and named
formulas of its own cell. Each convolution in the text has weights of its own; a named formula is one
value however often it is read. `gp_cells.networks.layers` describes how cells are stacked and what is
done where shapes do not fit.

Fresh genomes are those of the NASNet search space (Zoph et al. 2018, https://arxiv.org/abs/1707.07012):
each cell a graph of pairwise sums of operations on earlier values, unread values concatenated at the end.
Variation then may write anything that the language has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.choices import Chosen, Options, drawn_choices
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language
from gp_cells.genomes.supernets import CHOICE, is_supernet
from gp_cells.genomes.terms import Term, heads, height, size
from gp_cells.spaces import maps
from gp_cells.spaces.maps import FUNCTIONS, OPERATIONS, Maps

if TYPE_CHECKING:
    from gp_cells.networks.convolutional import ConvolutionalNetwork


# One of several, of which training tells how good each is; only a supernet has it.
OF_SUPERNETS = (Function(CHOICE, (Maps, Maps), Maps, commutative=True, associative=True),)

NO_OPERATION = "none"  # on an earlier value, which then is summed as it is

KIND = GraphFormulas(
    outputs=("normal", "reduction"),
    named=tuple("abcdefghijklmnopqrstuvw"),
    inputs=("x", "skip"),
)

LANGUAGE = Language(
    name="convolutional",
    version="1",
    functions=(*FUNCTIONS, *OF_SUPERNETS),
    kind=KIND,
    formula=Maps,
    leaf=Maps,
)


@dataclass(frozen=True)
class Convolutional:
    """CNN cells; the settings limit what a search may write, and shape the network."""

    reads: ClassVar[tuple[Inputs, ...]] = maps.READS
    engines: ClassVar[tuple[str, ...]] = maps.ENGINES
    language: ClassVar[Language] = LANGUAGE
    projections: ClassVar[Sequence[str]] = ()  # what is learned is in the functions

    functions: tuple[str, ...] = setting(
        (
            *("add", "concat", "mul", "squeeze", "conv1", "conv3", "norm", "relu"),
            *("sep3", "sep5", "sep7", "dil3", "conv1x7_7x1", "avg3", "max3"),
        ),
        "what a search may write",
        choices=[function.name for function in FUNCTIONS],
    )
    blocks: int = setting(
        5, "pairwise sums in each cell of a fresh genome", unit="sums", low=1, high=9
    )
    max_formulas: int = setting(
        16, "formulas of both cells together", unit="formulas", low=2, high=len(LANGUAGE.names)
    )
    max_depth: int = setting(
        10, "deepest formula; a single leaf has depth 0", low=3, high=LANGUAGE.max_depth
    )
    max_nodes: int = setting(
        40, "most nodes in one formula", unit="nodes", low=7, high=LANGUAGE.max_nodes
    )
    reductions: int = maps.reductions_setting()
    stem: int = maps.stem_setting()
    max_memory_mb: float = maps.max_memory_setting()

    def __post_init__(self) -> None:
        check_settings(self, "convolutional")
        for needed in ("add", "concat", "conv1", "norm", "relu"):  # of which fresh genomes are made
            if needed not in self.functions:
                raise SettingError(f"convolutional.functions: {needed} must be there")
        if not set(OPERATIONS) & set(self.functions):
            wanted = ", ".join(OPERATIONS)
            raise SettingError(f"convolutional.functions: one of {wanted} must be there")
        if ("mul" in self.functions) != ("squeeze" in self.functions):
            raise SettingError("convolutional.functions: mul and squeeze go together")

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed and published blocks: name to `.cell` file."""
        folder = Path(__file__).parent / "blocks"
        return {path.stem: path for path in sorted(folder.glob("*.cell"))}

    @property
    def supernets(self) -> Mapping[str, Path]:
        """The supernets of this space: name to `.cell` file."""
        folder = Path(__file__).parent / "supernets"
        return {path.stem: path for path in sorted(folder.glob("*.cell"))}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return both cells, drawn as in the NASNet search space.

        Each begins with `x` and `skip` brought to F maps. Then `blocks` times: two earlier values, an
        operation or none for each, and their sum.
        """
        return self._formulas(drawn_choices(self.choices, rng))

    @property
    def choices(self) -> Options:
        """The two values that each sum of a fresh genome reads, and the operation on each."""
        operations = (NO_OPERATION, *(name for name in OPERATIONS if name in self.functions))
        return {
            f"{output} {place} {what} {side}": of
            for output, names in self._names().items()
            for place in names[2:]
            for side in ("left", "right")
            for what, of in (("reads", names[: names.index(place)]), ("operation", operations))
        }

    def chosen_genome(self, chosen: Chosen) -> Genome | None:
        """Return the genome of some choices, None if a search may not propose it; see `FixedChoices`."""
        formulas = self._formulas(chosen)
        genome = Genome(
            LANGUAGE, tuple((name, term) for name, term in formulas if term)
        ).canonical()
        return genome if self.admits(genome) else None

    def _names(self) -> dict[str, tuple[str, ...]]:
        """Return the names of each cell's two inputs and sums."""
        count = self.blocks + 2
        return {
            output: KIND.named[i * count : (i + 1) * count] for i, output in enumerate(KIND.outputs)
        }

    def _formulas(self, chosen: Chosen) -> list[tuple[str, Term | None]]:
        return [
            formula
            for output, names in self._names().items()
            for formula in _cell(output, names, chosen)
        ]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome: within limits, each cell reads `x`.

        Its network, small as it may be set, has no more parameters than any machine trains. A supernet is
        none that a search may write.
        """
        terms = [term for _, term in genome.formulas]
        cells = KIND.parts(genome.formulas).values()
        return (
            not is_supernet(genome)
            and len(terms) <= self.max_formulas
            and all(height(term) <= self.max_depth for term in terms)
            and all(size(term) <= self.max_nodes for term in terms)
            and all(any("x" in heads(term) for _, term in cell) for cell in cells)
            and maps.is_trainable(genome)
        )

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of the whole network; see `Space.count`."""
        return maps.count(self, genome, form, recipe)

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> ConvolutionalNetwork:
        """Return stacked cells between images and predictions; see `maps.network`."""
        return maps.network(self, genome, form, recipe, engine, precision)


def _cell(output: str, names: Sequence[str], chosen: Chosen) -> list[tuple[str, Term | None]]:
    """Return a cell of the NASNet search space with what was chosen for it."""
    cell: list[tuple[str, Term | None]] = [
        (name, ("norm", ("conv1", ("relu", (given,)))))
        for name, given in zip(names, KIND.inputs, strict=False)
    ]
    unread = set(names)
    for name in names[2:]:
        sides: list[Term] = []
        for side in ("left", "right"):
            read = chosen[f"{output} {name} reads {side}"]
            operation = chosen[f"{output} {name} operation {side}"]
            unread.discard(read)
            sides.append((read,) if operation == NO_OPERATION else (operation, (read,)))
        cell.append((name, ("add", *sides)))
    first, *others = [name for name in names if name in unread]
    joined: Term = (first,)
    for name in others:
        joined = ("concat", joined, (name,))
    return [*cell, (output, joined)]
