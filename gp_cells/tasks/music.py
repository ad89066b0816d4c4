"""Music as notes, the names of a melody's steps, and what a task has whose sequences can be heard.

A step of a melody is a note or a rest with its length, in text its name and quarters: "G4 1", "F#4 1/2",
"rest 2". C4 is the MIDI number 60; every black key is called a sharp.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from gp_cells.tasks.task import Reading, Task

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
REST = "rest"


class Note(NamedTuple):
    """A note: its start and end in quarters from the beginning, and its MIDI number."""

    start: Fraction
    end: Fraction
    pitch: int


@runtime_checkable
class Music(Task, Protocol):
    """A task whose sequences are music that a network can go on with.

    Every step is a target, and a target is the input of the next step.
    """

    def notes(self, steps: np.ndarray, reading: Reading) -> list[Note]:
        """Return what targets, (time,) classes or (time, keys), sound like, in the order of time."""
        ...

    def length(self, steps: np.ndarray, reading: Reading) -> Fraction:
        """Return how many quarters they last, rests at their end too."""
        ...


def pitch_name(pitch: int) -> str:
    """Return the name of a MIDI number: C4 for 60."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def name_steps(melody: Sequence[Note]) -> list[str]:
    """Return the names of a melody's notes, and of the rests between them.

    Raises:
        ValueError: two notes sound at once.
    """
    names, now = [], melody[0].start
    for start, end, pitch in melody:
        if start < now:
            raise ValueError(f"two notes sound at {start} quarters")
        if start > now:
            names.append(f"{REST} {start - now}")
        names.append(f"{pitch_name(pitch)} {end - start}")
        now = end
    return names


def read_steps(names: Iterable[str]) -> tuple[list[Note], Fraction]:
    """Return the notes that steps of these names are, one after the other, and where the last step ends."""
    notes, now = [], Fraction(0)
    for step in names:
        name, _, length = step.partition(" ")
        end = now + Fraction(length)
        if name != REST:
            octave = name.lstrip("ABCDEFG#")
            pitch = 12 * (int(octave) + 1) + NAMES.index(name.removesuffix(octave))
            notes.append(Note(now, end, pitch))
        now = end
    return notes, now
