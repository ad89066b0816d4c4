"""Supernets: genomes with the word `choice(a, b, …)`, which stand for every genome that picks one of each.

A choice is numbered by where it stands in the canonical form, and so are its alternatives. A pick names an
alternative of each choice; one of a choice that lies in an alternative that was not picked says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.terms import NodePath, Term, heads, members

CHOICE = "choice"
TRIES = 100  # draws of a pick that is not drawn yet, for each that is wanted

Place: TypeAlias = tuple[str, NodePath]  # a formula's name, and a path in it
Picks: TypeAlias = tuple[int, ...]


def is_supernet(genome: Genome) -> bool:
    """Return whether a genome has a choice."""
    return any(CHOICE in heads(term) for _, term in genome.formulas)


def choices(genome: Genome) -> dict[Place, tuple[Term, ...]]:
    """Return the alternatives of each choice of a genome's canonical form, by its place."""
    return {
        (name, path): tuple(member for _, member in members(term))
        for name, whole in genome.canonical().formulas
        for path, term in _choices_in(whole, ())
    }


def _choices_in(term: Term, path: NodePath) -> Iterator[tuple[NodePath, Term]]:
    parts: list[tuple[NodePath, Term]] = [((i,), child) for i, child in enumerate(term[1:])]
    if term[0] == CHOICE:
        yield path, term
        parts = members(term)
    for way, part in parts:
        yield from _choices_in(part, (*path, *way))


def derived(genome: Genome, picks: Sequence[int]) -> Genome:
    """Return the genome that picks an alternative of each choice, in canonical form."""
    number = {place: i for i, place in enumerate(choices(genome))}

    def picked(term: Term, name: str, path: NodePath) -> Term:
        if term[0] == CHOICE:
            way, member = members(term)[picks[number[name, path]]]
            return picked(member, name, (*path, *way))
        return (term[0], *(picked(child, name, (*path, i)) for i, child in enumerate(term[1:])))

    formulas = genome.canonical().formulas
    terms = tuple((name, picked(term, name, ())) for name, term in formulas)
    return Genome(genome.language, terms).canonical()


def drawn_picks(genome: Genome, count: int, rng: np.random.Generator) -> list[Picks]:
    """Return picks drawn uniformly whose genomes are all different, or as many as were found."""
    sizes = [len(of) for of in choices(genome).values()]
    found: dict[str, Picks] = {}
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        picks = tuple(int(rng.integers(size)) for size in sizes)
        found.setdefault(derived(genome, picks).architecture_id, picks)
    return list(found.values())


def skips(genome: Genome, picks: Sequence[int]) -> int:
    """Return how many picks of a genome compute nothing: a value that is passed on as it is."""
    return sum(
        len(alternatives[pick]) == 1
        for alternatives, pick in zip(choices(genome).values(), picks, strict=True)
    )
