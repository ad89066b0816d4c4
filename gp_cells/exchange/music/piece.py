"""A piece with a beginning that was given and a continuation that a network made."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gp_cells.tasks.music import Note


@dataclass(frozen=True)
class Piece:
    """What is played, and beside it how the piece goes on as it was written.

    Both are the same up to `given` quarters; `title` says in a line what the piece is.
    """

    title: str
    given: Fraction
    played: tuple[Note, ...]
    written: tuple[Note, ...]

    @property
    def parts(self) -> dict[str, tuple[Note, ...]]:
        """Both, by a word that says which."""
        return {"composed": self.played, "as written": self.written}

    @property
    def pitches(self) -> range:
        """All MIDI numbers from the lowest that sounds to the highest; 60 if none does."""
        sounding = [note.pitch for note in (*self.played, *self.written)] or [60]
        return range(min(sounding), max(sounding) + 1)

    @property
    def quarters(self) -> Fraction:
        """Where the last note ends."""
        return max((note.end for note in (*self.played, *self.written)), default=self.given)
