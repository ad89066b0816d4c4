"""Tabular benchmarks: complete tables of trained architectures, on which a search costs milliseconds.

No config names what is here, and nothing here trains: a strategy is proved on a table before it spends
anything. A table is a function from a genome to its row, its space what a search may write in it.
"""

from gp_cells.tabular.truth.play import Foretell, Row, Table, play

__all__ = ["Foretell", "Row", "Table", "play"]
