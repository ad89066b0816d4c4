"""The engine: a genome becomes a trainable module, through one door."""

from __future__ import annotations

from gp_cells.engine.eager import Cell
from gp_cells.engine.program import compile_program
from gp_cells.genome import Genome


def build(genome: Genome, inputs: int, units: int) -> Cell:
    """Return a recurrent layer of a genome's cell: (time, batch, inputs) → (time, batch, units)."""
    return Cell(compile_program(genome), inputs, units)
