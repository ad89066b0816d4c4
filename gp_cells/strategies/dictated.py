"""Proposals that somebody else wrote: texts from a file, so that any outside author can search.

The author, a person or a language model, is asked by what `gp-cells prompt RUN` writes before a wave, and
answers with a file of JSON Lines, a genome's text each. The file is the input, and its hash is kept with
every candidate: so a search by an author that nobody can ask again is run again from its files.

Each text goes through the parser and the space's admission, as those of every other strategy do. A text
that is refused is recorded with its place and the reason in the note of the candidate that comes next, and
the next text takes the slot; a wave whose file has too few stops the run until there are more lines. So a
refusal costs its author an attempt and no training, and the share of valid texts is told apart from what
the trained ones are worth.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gp_cells.config import seeds
from gp_cells.config.choose import REQUIRED, SettingError, setting
from gp_cells.config.files import RecordError, canonical_json, content_hash, read_text
from gp_cells.config.own_files import LINES, folder_of_run, proposals_file
from gp_cells.config.records import Search
from gp_cells.config.refusal import printable
from gp_cells.config.typed_json import decode, encode
from gp_cells.genomes.edits import legal
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.terms import heads, height, size
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies.strategy import NOTE_SIZE, Outcome, Proposal

LONGEST_NAME, LONGEST_REASON = 120, 200  # characters of an author, and of a reason in a note


@dataclass(frozen=True, kw_only=True)
class Dictation:
    """One line of a file: a genome's text, who or what wrote it, and when.

    `prompt` is the hash of what the author was asked, as `gp-cells prompt` prints it, or empty; `parents`
    are the candidates that the author says it was made from. A file for all waves has to say the `wave`.
    """

    text: str
    author: str
    date: str
    prompt: str = ""
    parents: tuple[str, ...] = ()
    wave: int | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.author) <= LONGEST_NAME:
            raise SettingError(f"author: expected 1 to {LONGEST_NAME} characters")
        if len(self.prompt) > LONGEST_NAME:
            raise SettingError(f"prompt: expected a hash, got {len(self.prompt)} characters")
        try:
            datetime.datetime.fromisoformat(self.date)
        except ValueError as error:
            raise SettingError(f"date: expected 2026-01-31 or a time with it: {error}") from error


@dataclass(frozen=True)
class Dictated:
    """Proposes what an author outside wrote: genomes as texts, of a file for each wave."""

    proposals: str = setting(
        REQUIRED,
        "a folder, in which wave 3 of a run is RUN/003.jsonl, or one file for all waves of every run, "
        "NAME.jsonl, whose lines name their wave; from where snakemake runs",
    )

    def in_run(self, run: str) -> Dictated:
        """Return the same with the folder of a run; see `strategy.in_run`."""
        return dataclasses.replace(self, proposals=folder_of_run(self.proposals, run))

    @property
    def _is_one_file(self) -> bool:
        return self.proposals.endswith(LINES)

    def file(self, wave: int) -> Path:
        """Return the file that a wave is read from."""
        return proposals_file(self.proposals, wave)

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse one file for all waves that is missing, broken or too short; see `Strategy.check`.

        Of a folder nothing is known beforehand: its files are written while the search goes on.
        """
        if self._is_one_file:
            for wave, slots in enumerate(search.widths):
                self._read(wave, slots, space, None)

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return what a wave's file proposes, its first valid texts in order; see `Strategy.propose`.

        Raises:
            RecordError: there is no such file, it is broken, or too few of its texts are valid.
        """
        return self._read(wave, slots, space, {outcome.candidate for outcome in history})

    def _read(
        self, wave: int, slots: int, space: Vocabulary, seen: Collection[str] | None
    ) -> list[Proposal]:
        """Return a wave's proposals; `seen` are the candidates that may be parents, None: any."""
        dictations = read_dictations(self.file(wave), wave, self._is_one_file, self.proposals)
        digest = content_hash([encode(of) for _, of in dictations])
        allowed = words_of(space)
        found: list[tuple[int, Dictation, Genome, list[Mapping[str, Any]]]] = []
        refused: list[Mapping[str, Any]] = []
        for line, dictation in dictations:
            if len(found) == slots:
                break
            try:
                genome = admitted(dictation, space, allowed, seen)
            except GenomeError as error:
                refused.append(_refusal(line, dictation, error))
                continue
            found.append((line, dictation, genome, refused))
            refused = []
        if len(found) < slots:
            raise RecordError(self._too_few(wave, slots, len(found), refused))
        left = len(dictations) - sum(1 + len(before) for *_, before in found)
        return [
            Proposal(
                genome,
                "dictated",
                dictation.parents,
                note=_note(line, dictation, digest, before, left if of is found[-1] else 0),
            )
            for of in found
            for line, dictation, genome, before in [of]
        ]

    def _too_few(
        self, wave: int, slots: int, found: int, refused: Sequence[Mapping[str, Any]]
    ) -> str:
        said = (
            f"; line {refused[-1]['line']} is refused: {refused[-1]['reason']}" if refused else ""
        )
        return (
            f"wave {wave}: expected {slots} genomes in {self.file(wave)}, one for each slot, got "
            f"{found}{said}; add lines at its end and run again"
        )


def read_dictations(
    path: Path, wave: int, of_all_waves: bool, folder: str
) -> list[tuple[int, Dictation]]:
    """Return the lines of a file that are of a wave, each with its number from 1.

    Raises:
        RecordError: there is no such file, or a line is no dictation; says which and what to do.
    """
    if not path.is_file():
        asked = (
            "" if of_all_waves else f"; `gp-cells prompt {Path(folder).name}` writes what to ask"
        )
        raise RecordError(
            f"wave {wave}: expected its proposals in {path}, and there is no such file{asked}; put the "
            "answer there and run again"
        )
    found = []
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        place = f"{path}: line {number}"
        try:
            value = json.loads(text)
        except ValueError as error:
            raise RecordError(f"{place}: expected an object in JSON, {error}") from error
        try:
            dictation = decode(Dictation, value, place)
        except SettingError as error:
            raise RecordError(f"{place}: {error}") from error
        if of_all_waves and dictation.wave is None:
            raise RecordError(f"{place}: expected the key wave in a file for all waves")
        if dictation.wave in (wave, None):
            found.append((number, dictation))
        elif not of_all_waves:
            raise RecordError(f"{place}: it is of wave {dictation.wave}, and the file of {wave}")
    return found


def words_of(space: Vocabulary) -> frozenset[str]:
    """Return the functions and learned leaves that a search draws, and its fresh genomes begin with."""
    sketch = space.sketch(seeds.generator(purpose="words"))
    written = (head for _, term in sketch if term is not None for head in heads(term))
    return frozenset((*space.functions, *space.projections, *written))


def admitted(
    dictation: Dictation,
    space: Vocabulary,
    allowed: Collection[str],
    seen: Collection[str] | None,
) -> Genome:
    """Return the canonical genome of a text that a search may propose.

    Raises:
        GenomeError: the text is none, the space does not admit it, or a parent is unknown.
    """
    language = space.language
    whole = parse(dictation.text, language).canonical()
    terms = [term for _, term in whole.formulas]
    for head in (head for term in terms for head in heads(term)):
        is_drawn = head in language.by_name or language.is_learned(head)
        if is_drawn and head not in allowed:
            raise GenomeError(f"{head} is not among the words of this search")
    genome = legal(space, list(whole.formulas))
    if genome is None:
        raise GenomeError(
            f"the space admits no such genome ({len(terms)} formulas, at most "
            f"{max(map(height, terms))} deep and of {max(map(size, terms))} nodes); see its limits"
        )
    unknown = [name for name in dictation.parents if seen is not None and name not in seen]
    if unknown:
        raise GenomeError(f"parents: there is no candidate {unknown[0]:.40} that this wave can see")
    return genome


def _refusal(line: int, dictation: Dictation, error: GenomeError) -> Mapping[str, Any]:
    """Return what is kept of a refused text: without the list of all names, which the prompt has."""
    reason = printable(str(error)).partition("; known names")[0][:LONGEST_REASON]
    return {
        "line": line,
        "author": dictation.author,
        "prompt": dictation.prompt,
        "reason": reason,
    }


def _note(
    line: int,
    dictation: Dictation,
    digest: str,
    refused: Sequence[Mapping[str, Any]],
    left: int,
) -> dict[str, Any]:
    """Return what is kept of a text, the texts that were refused before it, and those left over after."""
    told = list(refused)
    while True:
        note = {
            "author": dictation.author,
            "date": dictation.date,
            "prompt": dictation.prompt,
            "line": line,
            "file": digest,
            "refused": told,
            "refused_untold": len(refused) - len(told),
            "left_over": left,
        }
        if len(canonical_json(note)) <= NOTE_SIZE:
            return note
        told = told[:-1]
