"""Bridges to other benchmarks: their architectures as our formulas, our results in their layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.files import written_beside
from gp_cells.exchange.bridges import darts_rnn, nas_bench_nlp
from gp_cells.exchange.bridges.imported import BridgeError, Imported

__all__ = ["SOURCES", "BridgeError", "Imported", "import_file"]

Source = tuple[Callable[[Path], Iterator[tuple[str, Any]]], Callable[[Any], Imported]]

SOURCES: Mapping[str, Source] = {
    "nas_bench_nlp": (nas_bench_nlp.read, nas_bench_nlp.from_recipe),
    "darts_rnn": (darts_rnn.read, darts_rnn.from_genotype),
}


def import_file(source: str, path: Path, folder: Path) -> list[str]:
    """Write every architecture of a file as a `.cell` file, and return a line on each and on all.

    Raises:
        BridgeError: the file is not of this source, or none of it can be said in our formulas.
    """
    read, imported = SOURCES[source]
    lines, written, refused = [], 0, 0
    for name, original in read(path):
        try:
            genome = imported(original).genome.canonical()
        except BridgeError as error:
            refused += 1
            lines.append(f"{name}: refused: {error}")
            continue
        written += 1
        cell = folder / f"{name}.cell"
        text = f"# {name} of {source}, imported; space {genome.language.name}\n{genome}\n"
        with written_beside(cell) as partial:
            partial.write_text(text)
        lines.append(f"{name}: {genome.architecture_id} {cell}")
    if not written:
        raise BridgeError("; ".join(lines) or f"{path} has no architecture of {source}")
    lines.append(f"{written} of {written + refused} are formulas of space {genome.language.name}")
    return lines
