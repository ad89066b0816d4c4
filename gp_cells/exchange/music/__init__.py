"""A network goes on with a piece of music, which becomes a MIDI file and a piano roll."""

from gp_cells.exchange.music.compose import Continuation, compose

__all__ = ["Continuation", "compose"]
