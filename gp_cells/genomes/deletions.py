"""The genomes that lack one sub-formula of a genome, each with what is gone.

One is gone where a function of several arguments gives way to one of them, and so does without the others,
or a function of one argument to what it is of. They are the edits of the mutation `shrink`, all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome, written
from gp_cells.genomes.language import Language
from gp_cells.genomes.mutations import shrinkings
from gp_cells.genomes.terms import Term, grafted, heads, paths, size, subtree
from gp_cells.genomes.vocabulary import Vocabulary

LONGEST = 400  # characters that are kept of a text


@dataclass(frozen=True)
class Deletion:
    """A canonical genome, the texts of what it lacks, and of what that was a part of.

    Names in the texts are those of the genome that still had it.
    """

    genome: Genome
    deleted: str
    of: str


def deletions(space: Vocabulary, genome: Genome) -> list[Deletion]:
    """Return the legal genomes that lack one sub-formula of a genome, the smallest first, each once."""
    found: dict[str, Deletion] = {}
    for deletion in _all(space, genome):
        if deletion.genome.architecture_id != genome.architecture_id:
            found.setdefault(deletion.genome.architecture_id, deletion)

    def rank(deletion: Deletion) -> tuple[tuple[int, int], str]:
        return smallness(deletion.genome), deletion.genome.architecture_id

    return sorted(found.values(), key=rank)


def smallness(genome: Genome) -> tuple[int, int]:
    """Return how many nodes a genome has, and how many learned names."""
    terms = [term for _, term in genome.formulas]
    names = {head for term in terms for head in heads(term)}
    learned = sum(map(genome.language.is_learned, names))
    return sum(map(size, terms)), learned


def _all(space: Vocabulary, genome: Genome) -> Iterator[Deletion]:
    terms, language = list(genome.formulas), genome.language
    for i, (name, term) in enumerate(terms):
        for path in paths(term):
            part = subtree(term, path)
            for kept in shrinkings(space, name, term, path, terms):
                changed = (name, grafted(term, path, kept))
                smaller = legal(space, [*terms[:i], changed, *terms[i + 1 :]])
                if smaller is not None:
                    whole = written(part, language)
                    yield Deletion(smaller, _cut(_gone(part, kept, language)), _cut(whole))


def _gone(part: Term, kept: Term, language: Language) -> str:
    """Return what goes where one argument of a part takes its place."""
    others = list(part[1:])
    others.remove(kept)
    if others:
        return " and ".join(written(other, language) for other in others)
    function = language.by_name[part[0]]
    return function.pattern.format("…") if function.pattern else function.word


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
