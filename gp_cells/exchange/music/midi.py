"""A piece as a standard MIDI file, written by music21; the same piece gives the same bytes."""

from __future__ import annotations

from gp_cells.exchange.music.piece import Piece
from gp_cells.tasks.sources import installed

TEMPO = 80  # quarters a minute


def write(piece: Piece) -> bytes:
    """Return what is played as a MIDI file of one track.

    Raises:
        DataError: music21 is not installed.
    """
    installed("music21", "a MIDI file needs music21: pip install 'gp-cells[data]'")
    from music21 import note, stream, tempo
    from music21.midi.translate import streamToMidiFile

    part = stream.Part()
    part.insert(0, tempo.MetronomeMark(number=TEMPO))
    for start, end, pitch in piece.played:
        part.insert(start, note.Note(pitch, quarterLength=end - start))
    written: bytes = streamToMidiFile(part).writestr()
    return written
