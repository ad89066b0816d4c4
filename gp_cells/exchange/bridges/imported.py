"""What every import from another benchmark gives, and its one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gp_cells.config.refusal import Refusal
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term

Weight = tuple[
    str, str, str
]  # a node of the original, what it multiplies or "bias", our projection


class BridgeError(Refusal):
    """What is no architecture of the other benchmark, or what our formulas cannot say: one line."""


@dataclass(frozen=True)
class Imported:
    """An architecture in our formulas, and which of our projections holds which original weight.

    A projection's number is that in `genome`, as it is written; canonical form numbers them again.
    """

    genome: Genome
    weights: tuple[Weight, ...]


def genome_of(formulas: Sequence[tuple[str, Term]], language: Language) -> Genome:
    """Return the genome of some formulas.

    Raises:
        BridgeError: one is too large or too deep for the language, or of a wrong type.
    """
    for name, term in formulas:
        nodes, depth = _size(term, {})
        if nodes > language.max_nodes or depth > language.max_depth:
            raise BridgeError(
                f"{name} has {nodes:,} nodes and is {depth} deep; {language.name} allows "
                f"{language.max_nodes} and {language.max_depth}"
            )
    genome = Genome(language, tuple(formulas))
    try:
        parse(str(genome), language)
    except GenomeError as error:
        raise BridgeError(str(error)) from error
    return genome


def _size(term: Term, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return nodes and depth of a term, whose equal parts may be one object many times over."""
    if id(term) not in known:
        parts = [_size(child, known) for child in term[1:]]
        depth = 1 + max((deep for _, deep in parts), default=-1)
        known[id(term)] = 1 + sum(nodes for nodes, _ in parts), depth
    return known[id(term)]


@dataclass
class Numbers:
    """Hands out learned projections, each family counted from 1.

    Raises:
        BridgeError: a language has no more of a family.
    """

    language: Language
    counts: dict[str, int]

    def next(self, family: str) -> str:
        """Return the next projection of a family."""
        allowed = dict((*self.language.leaves, *self.language.weighted))[family]
        self.counts[family] = self.counts.get(family, 0) + 1
        if self.counts[family] > allowed:
            raise BridgeError(f"it needs more than {allowed} of {family}, which is all there are")
        return f"{family}{self.counts[family]}"


def sum_of(terms: Iterable[Term]) -> Term:
    """Return the sum of one or more terms, from the left."""
    first, *others = terms
    for other in others:
        first = ("add", first, other)
    return first
