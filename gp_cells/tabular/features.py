"""What a genome looks like, as numbers that a surrogate learns from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Language
from gp_cells.genomes.terms import Term, family_of, heads, height, size, unprimed

SQUASHING = ("tanh", "sigmoid", "relu", "leaky_relu")


def features(genome: Genome, counts: Mapping[str, int]) -> dict[str, float]:
    """Return the features of an architecture, by name; one that it does not have is 0 and left out.

    Of its canonical form: how often each function, kind of projection, input and state occurs, and
    each of them right below each other; the kind at the root of each output; how many projections of
    each kind and how many formulas there are; depth and nodes; how many memory cells reach their own
    next value, and how many without a squashing between. `counts` are its sizes, as of `Space.count`,
    and come in as their logarithms.
    """
    formulas = genome.canonical().formulas
    language = genome.language
    found: Counter[str] = Counter()
    for name, term in formulas:
        found.update(_kind(head, language) for head in heads(term))
        found.update(f"{above} over {below}" for above, below in _edges(term, language))
        if name in language.kind.outputs:
            found[f"{_kind(term[0], language)} at the root"] += 1
    projections = {
        head for _, term in formulas for head in heads(term) if language.is_learned(head)
    }
    found.update(f"distinct {family_of(head)}" for head in projections)
    found["formulas"] = len(formulas)
    found["nodes"] = sum(size(term) for _, term in formulas)
    found["depth"] = max(height(term) for _, term in formulas)
    if language.kind.states:
        found["kept"] = sum(unprimed(name) in heads(term) for name, term in formulas)
        found["kept unsquashed"] = sum(_reaches(term, unprimed(name)) for name, term in formulas)
    sizes = {f"log {name}": math.log1p(count) for name, count in counts.items()}
    return {**{name: float(count) for name, count in found.items()}, **sizes}


def _kind(head: str, language: Language) -> str:
    """Return what a name is, whatever its number: names of states and formulas mean nothing."""
    if language.is_learned(head):
        return family_of(head)
    if head in language.kind.states:
        return "output before" if f"{head}'" in language.kind.outputs else "memory before"
    return "formula" if head in language.names else head


def _edges(term: Term, language: Language) -> Iterator[tuple[str, str]]:
    for child in term[1:]:
        yield _kind(term[0], language), _kind(child[0], language)
        yield from _edges(child, language)


def _reaches(term: Term, state: str) -> bool:
    """Return whether a state is in a term with no squashing above it."""
    if term[0] in SQUASHING:
        return False
    return term == (state,) or any(_reaches(child, state) for child in term[1:])
