"""Decoder blocks as formulas over a residual stream: what mixes over time, and what works at each step.

A genome has two formulas that end two parts, `mixer` and `mlp`. Both read `x`, the stream, and named
values of their own part; the value of the mixer is the stream that the mlp reads, and that of the mlp
what the next layer reads. Every learned word in the text has weights of its own, a name is one value
however often it is read, and how a word is computed is never in the text. All words are causal, so that a
block that looks ahead cannot be written (`gp_cells.spaces.words`).

Primer (So et al. 2021, https://arxiv.org/abs/2109.08668), the Evolved Transformer and einspace all begin
their searches with published designs; fresh genomes here are such blocks after a few typed edits, or
drawn from scratch if none is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gp_cells.config.choose import SettingError, check_settings, setting
from gp_cells.config.files import read_text
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.edits import edited
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.growth import grow
from gp_cells.genomes.kinds import GraphFormulas
from gp_cells.genomes.language import Function, Language
from gp_cells.genomes.terms import Term, heads, height, size
from gp_cells.networks import block
from gp_cells.networks.block import Sizes
from gp_cells.networks.program import Program, compile_program
from gp_cells.spaces import steps, words

if TYPE_CHECKING:
    from gp_cells.networks.decoder import DecoderNetwork

KIND = GraphFormulas(
    outputs=("mixer", "mlp"),
    named=tuple("abcdefghijklmnopqrstuvw"),
    inputs=("x", *words.FADED),
)

LANGUAGE = Language(
    name="decoder",
    version="1",
    functions=words.FUNCTIONS,
    kind=KIND,
    formula=words.STREAM.any,
    leaf=words.STREAM.mixed,
    typed_inputs=tuple((name, words.Fades) for name in words.FADED),
    typed_names=True,
)

FOLDER = Path(__file__).parent / "decoder_blocks"
BLOCKS = tuple(sorted(path.stem for path in FOLDER.glob("*.cell")))
WORDS = tuple(LANGUAGE.spelt)
USUAL = tuple(word for word in WORDS if word not in {f.name for f in words.CELL_WORDS})
PROBE = Sizes(128, 4, 128)  # of the blocks that a search compares before it knows a recipe
EDITS = ("replace", "insert", "shrink", "share")
TRIES = 100  # edits of a fresh genome before it is given up


@dataclass(frozen=True)
class Decoder:
    """Blocks of a decoder; the settings limit what a search may write, and shape the network."""

    reads: ClassVar[tuple[Inputs, ...]] = ("frames", "symbols")
    engines: ClassVar[tuple[str, ...]] = steps.ENGINES
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    projections: ClassVar[Sequence[str]] = ()  # what is learned is in the words
    counts_state: ClassVar[bool] = True

    words: tuple[str, ...] = setting(
        USUAL,
        "what a search may write; the names of recurrent cells are words too",
        choices=WORDS,
        min_items=1,
    )
    cells: tuple[str, ...] = setting(
        (),
        "recurrent cells as mixers, each the text of its formulas; a search may write the word cell_ID, "
        "ID being the first eight letters of the cell's architecture_id",
    )
    start: tuple[str, ...] = setting(
        ("gpt",),
        "blocks, of one of which each fresh genome is made by edits: names in "
        "gp_cells/spaces/decoder_blocks, or the texts of their formulas; none: from scratch",
    )
    edits: int = setting(
        4, "most edits of a fresh genome; 1 at least", unit="edits", low=1, high=64
    )
    max_formulas: int = setting(
        12, "formulas of both parts together", unit="formulas", low=2, high=len(LANGUAGE.names)
    )
    max_depth: int = setting(
        12, "deepest formula; a single leaf has depth 0", low=3, high=LANGUAGE.max_depth
    )
    max_nodes: int = setting(
        40, "most nodes in one formula", unit="nodes", low=7, high=LANGUAGE.max_nodes
    )
    max_scores: int = setting(2, "most attentions in one block", unit="products of heads", low=0)
    heads: int = setting(4, "heads that a stream is split into", unit="heads", low=1)
    context: int = setting(
        128,
        "length of the sequences for which attention is counted, and what grows with them",
        unit="steps",
        low=1,
    )
    most_parameters: float = setting(
        1.25, "most that a block may learn, in numbers of the GPT block; 0: no limit", low=0
    )
    most_state: float = setting(
        0.0,
        "most that a block may carry over time, in numbers of the GPT block's cache; 0: no limit",
        low=0,
    )
    carries: bool = setting(
        False,
        "whether a batch goes on from the one before, where a task has it; refused to blocks whose "
        "memory grows with time. Else each batch is a window of its own",
    )

    def __post_init__(self) -> None:
        check_settings(self, "decoder")
        try:
            own_cells(self.cells)
        except GenomeError as error:
            raise SettingError(f"decoder.cells: {error}") from error
        for text in self.start:
            self._beginning(text)

    @property
    def language(self) -> Language:
        """The language of all blocks, and the words of cells that the settings bring."""
        return _language(tuple(own_cells(self.cells)))

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that the words stand for, on values of every shape."""
        usual = (function.name for word in self.words for function in LANGUAGE.spelt[word])
        return (*usual, *own_cells(self.cells))

    @property
    def baselines(self) -> Mapping[str, Path]:
        """The published blocks: name to `.cell` file."""
        return {name: FOLDER / f"{name}.cell" for name in BLOCKS}

    def sketch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return a published block after 1 to `edits` edits, or both parts drawn from scratch."""
        if not self.start:
            return self._scratch(rng)
        genome = self._beginning(self.start[int(rng.integers(len(self.start)))])
        for _ in range(int(rng.integers(1, self.edits + 1))):
            found = edited(self, genome, rng, EDITS, TRIES)
            genome = genome if found is None else found[0]
        return [*genome.formulas]

    def _beginning(self, text: str) -> Genome:
        """Return the block that an item of `start` is, a name or formulas.

        Raises:
            SettingError: it is neither.
        """
        if text in BLOCKS:
            return published(text)
        if "=" not in text:
            known = ", ".join(BLOCKS)
            raise SettingError(
                f"decoder.start: there is no block {text!r}; write formulas, or choose one of {known}"
            )
        try:
            return _written(text, tuple(own_cells(self.cells)))
        except GenomeError as error:
            raise SettingError(f"decoder.start: {error}") from error

    def _scratch(self, rng: np.random.Generator) -> list[tuple[str, Term | None]]:
        """Return parts that add to the stream what is drawn of it and of its norm."""
        parts: list[tuple[str, Term | None]] = []
        for output, name in zip(KIND.outputs, KIND.named, strict=False):
            language, leaves = self.language, (name, "x")
            types = language.types([(name, ("norm", ("x",)))])
            depth = int(rng.integers(2, 6))
            drawn = grow(language, self.functions, language.formula, depth, leaves, types, rng)
            whole: Term = ("x",) if drawn is None else ("add", ("x",), drawn)
            parts += [(name, ("norm", ("x",))), (output, whole)]
        return parts

    def admits(self, genome: Genome) -> bool:
        """Return whether a search may propose a canonical genome.

        Within limits, each part reads `x`, and at a width of 128 it learns and carries no more than
        allowed.
        """
        terms = [term for _, term in genome.formulas]
        used = [head for term in terms for head in heads(term)]
        parts = KIND.parts(genome.formulas).values()
        return (
            len(terms) <= self.max_formulas
            and all(height(term) <= self.max_depth for term in terms)
            and all(size(term) <= self.max_nodes for term in terms)
            and all(any("x" in heads(term) for _, term in part) for part in parts)
            and sum(used.count(name) for name in words.DOTS) <= self.max_scores
            and self._excess(genome, self._with_cells(PROBE)) is None
        )

    def _excess(self, genome: Genome, sizes: Sizes) -> str | None:
        """Return what a block has more of than it may, or None."""
        own, gpt = block.totals(genome, sizes), block.totals(published("gpt"), sizes)
        limits = (
            ("parameters", "most_parameters", self.most_parameters),
            ("state", "most_state", self.most_state),
        )
        for name, called, most in limits:
            if most and own[name] > most * gpt[name]:
                return (
                    f"the block has {own[name]:,} numbers of {name}, {own[name] / gpt[name]:.2f} "
                    f"times the GPT block's {gpt[name]:,}; decoder.{called} allows {most:g}"
                )
        return None

    def _with_cells(self, sizes: Sizes) -> Sizes:
        return dataclasses.replace(sizes, cells=_programs(self.cells))

    def _sizes(self, recipe: Recipe) -> Sizes:
        """Return the sizes that a recipe asks for.

        Raises:
            SettingError: the width cannot be split into heads.
        """
        if recipe.units % self.heads:
            raise SettingError(
                f"decoder.heads: {recipe.units} units cannot be split into {self.heads} heads; "
                "choose a number of heads that divides recipe.units"
            )
        return self._with_cells(Sizes(recipe.units, self.heads, self.context))

    def count(self, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
        """Return the sizes of one block and of the network; see `Space.count`."""
        own = block.totals(genome, self._sizes(recipe))
        units, layers = recipe.units, recipe.layers
        into = units * form.features + (units if form.inputs != "symbols" else 0)
        shared = form.inputs == "symbols" and recipe.tied
        output = units * form.outputs
        around = (0 if shared else into) + units + output + form.outputs
        first = 0 if form.inputs == "symbols" else units * form.features
        return {
            "parameters": own["parameters"],
            "multiply_adds": own["multiply_adds"],
            "network_parameters": layers * own["parameters"] + around,
            "network_multiply_adds": layers * own["multiply_adds"] + first + output,
            "state_size": own["state"],
            "cache_per_token": own["growth"],
            "kept": layers * own["kept"] + form.outputs,
            "nodes": sum(size(term) for _, term in genome.formulas),
        }

    def network(
        self, genome: Genome, form: Form, recipe: Recipe, engine: str, device: str, precision: str
    ) -> DecoderNetwork:
        """Return layers of the block between inputs and predictions; see `Space.network`.

        Raises:
            SettingError: the block is too large, or has a memory that grows and is to carry it over; or
                the machinery is not there.
        """
        from gp_cells.networks.decoder import DecoderNetwork

        if engine not in self.engines:
            raise SettingError(f"there is no engine {engine!r}; choose one of compiled, eager")
        if engine == "compiled" and device != "cpu":
            raise SettingError("decoder blocks are compiled for the cpu; choose the engine eager")
        if precision != "float32":
            raise SettingError(f"decoder blocks have float32, not {precision}")
        sizes = self._sizes(recipe)
        if excess := self._excess(genome, sizes):
            raise SettingError(excess)
        if self.carries and block.totals(genome, sizes)["growth"]:
            raise SettingError(
                "decoder.carries: the block's memory grows with each step; set it to false"
            )
        return DecoderNetwork(
            genome, form, recipe, sizes, _all_cells(self.cells), self.carries, engine
        )


@cache
def published(name: str) -> Genome:
    """Return a published block."""
    return parse(read_text(FOLDER / f"{name}.cell"), LANGUAGE)


@cache
def _written(text: str, cells: tuple[str, ...]) -> Genome:
    return parse(text, _language(cells)).canonical()


@cache
def own_cells(texts: tuple[str, ...]) -> Mapping[str, Genome]:
    """Return recurrent cells by the words that they are; the same cell is the same word everywhere.

    Raises:
        GenomeError: a text is no recurrent cell.
    """
    found = [parse(text, steps.CELLS) for text in texts]
    return {f"cell_{genome.architecture_id[:8]}": genome for genome in found}


@cache
def _language(names: tuple[str, ...]) -> Language:
    stream = words.STREAM
    own = (Function(name, (stream.any,), stream.mixed) for name in names)
    return dataclasses.replace(LANGUAGE, functions=(*words.FUNCTIONS, *own)) if names else LANGUAGE


@cache
def _all_cells(texts: tuple[str, ...]) -> Mapping[str, Genome]:
    """Return all recurrent cells that are words, by their names."""
    names = [function.name for function in words.CELL_WORDS]
    known = {n: parse(read_text(words.CELLS / f"{n}.cell"), steps.CELLS) for n in names}
    return {**known, **own_cells(texts)}


@cache
def _programs(texts: tuple[str, ...]) -> Mapping[str, Program]:
    return {name: compile_program(genome) for name, genome in _all_cells(texts).items()}
