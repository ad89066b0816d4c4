"""CNN cells made of modules: a blueprint that calls formulas, which may be called as often as it likes.

    a = norm(conv3(relu(x))) + x
    b = max3(x)
    out = b(a(x)) + a(x)

Modules have the words of the space `convolutional` and one argument; the blueprint joins what they give.
Each call has weights of its own. The blueprint is every cell of the stack that `gp_cells.networks.layers`
describes, so that by the same recipe it is a network of as many cells as a genome of the space
`convolutional` is; where a reduction is wanted, its windows have strides.

The genomes are those of CoDeepNEAT (Miikkulainen et al. 2017, https://arxiv.org/abs/1703.00548). What
differs: a blueprint and a module are formulas, and so trees, where theirs are graphs of layers; a module's
sizes are not its own, but those of the stack; and one blueprint is repeated, where theirs is the network.
With `reductions: 0` and one layer it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Function, Language
from gp_cells.genomes.modules import ModularFormulas
from gp_cells.genomes.terms import Term, heads, height, size
from gp_cells.spaces import maps
from gp_cells.spaces.maps import OPERATIONS, Maps

if TYPE_CHECKING:
    from gp_cells.networks.convolutional import ConvolutionalNetwork

JOINS = ("add", "concat")

KIND = ModularFormulas(output="out", named=tuple("abcdefgh"), inputs=("x",), joins=JOINS)

LANGUAGE = Language(
    name="modular",
    version="1",
    functions=(*maps.FUNCTIONS, *(Function(name, (Maps,), Maps) for name in KIND.named)),
    kind=KIND,
    formula=Maps,
    leaf=Maps,
)

LONGEST = 3  # operations in a fresh module


@dataclass(frozen=True)
class Modular:
    """CNN cells of modules and a blueprint; the settings limit a search, and shape the network."""

    reads: ClassVar[tuple[Inputs, ...]] = maps.READS
    engines: ClassVar[tuple[str, ...]] = maps.ENGINES
    language: ClassVar[Language] = LANGUAGE
    projections: ClassVar[Sequence[str]] = ()  # what is learned is in the words

    words: tuple[str, ...] = setting(
        (
            *("add", "concat", "mul", "squeeze", "conv1", "conv3", "norm", "relu"),
            *("sep3", "sep5", "sep7", "dil3", "conv1x7_7x1", "avg3", "max3"),
        ),
        "what a search may write in a module; add and concat are the blueprint's too",
        choices=[function.name for function in maps.FUNCTIONS],
    )
    modules: int = setting(
        4, "most modules of one genome", unit="modules", low=1, high=len(KIND.named)
    )
    calls: int = setting(6, "most calls in a blueprint", unit="calls", low=1, high=16)
    max_depth: int = setting(
        8,
        "deepest module or blueprint; a single leaf has depth 0",
        low=LONGEST + 1,
        high=LANGUAGE.max_depth,
    )
    max_nodes: int = setting(
        24,
        "most nodes in a module, or in a blueprint",
        unit="nodes",
        low=8,
        high=LANGUAGE.max_nodes,
    )
    reductions: int = maps.reductions_setting()
    stem: int = maps.stem_setting()
    max_memory_mb: float = maps.max_memory_setting()

    def __post_init__(self) -> None:
        check_settings(self, "modular")
        if "add" not in self.words:
            raise SettingError("modular.words: add must be there")
        if not self._operations:
            wanted = ", ".join(OPERATIONS)
            raise SettingError(f"modular.words: one of {wanted} must be there")
        if ("mul" in self.words) != ("squeeze" in self.words):
            raise SettingError("modular.words: mul and squeeze go together")

    @property
    def functions(self) -> tuple[str, ...]:
        """The words, and as many modules as a genome may have."""
        return (*self.words, *KIND.named[: self.modules])

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The hand-designed blueprints with their modules: name to `.cell` file."""
        folder = Path(__file__).parent / "blueprints"
        return {path.stem: path for path in sorted(folder.glob("*.cell"))}

    @property
    def _operations(self) -> tuple[str, ...]:
        return tuple(name for name in OPERATIONS if name in self.words)

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return modules of one to three operations, and a blueprint of some calls of them.

        Both are drawn alike: what is left to be used stands half the time before the rest, half the time
        beside it. Modules that are not called fall away later.
        """
        names = KIND.named[: int(rng.integers(1, self.modules + 1))]
        joins = [name for name in JOINS if name in self.words]
        modules = [
            (name, _drawn(int(rng.integers(1, LONGEST + 1)), self._operations, joins, rng))
            for name in names
        ]
        calls = int(rng.integers(1, self.calls + 1))
        return [*modules, (KIND.output, _drawn(calls, names, joins, rng))]

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome: within limits, its modules all there.

        Its network, small as it may be set, has no more parameters than any machine trains.
        """
        formulas = dict(genome.formulas)
        blueprint, modules = formulas[KIND.output], set(formulas) - {KIND.output}
        calls = Counter(head for head in heads(blueprint) if head in KIND.named)
        return (
            0 < len(modules) <= self.modules
            and set(calls) == modules
            and calls.total() <= self.calls
            and all(height(term) <= self.max_depth for term in formulas.values())
            and all(size(term) <= self.max_nodes for term in formulas.values())
            and maps.is_trainable(genome)
        )

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of the whole network; see `Space.count`."""
        return maps.count(self, genome, form, recipe)

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> ConvolutionalNetwork:
        """Return stacked blueprints between images and predictions; see `maps.network`."""
        return maps.network(self, genome, form, recipe, engine, precision)


def _drawn(uses: int, words: Sequence[str], joins: Sequence[str], rng: np.random.Generator) -> Term:
    """Return a term that uses some words, drawn, so often in all, one after another or side by side."""
    if uses == 0:
        return ("x",)
    word = words[int(rng.integers(len(words)))]
    if rng.random() < 0.5:
        return (word, _drawn(uses - 1, words, joins, rng))
    beside = int(rng.integers(uses))
    join = joins[int(rng.integers(len(joins)))]
    before = _drawn(uses - 1 - beside, words, joins, rng)
    return (join, (word, before), _drawn(beside, words, joins, rng))
