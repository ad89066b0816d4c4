"""Bridges to other benchmarks: their architectures as our formulas, our results in their layouts."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.files import written_beside
from gp_cells.config.refusal import printable
from gp_cells.exchange.bridges import darts_rnn, nas_bench_nlp
from gp_cells.exchange.bridges.imported import BridgeError, Imported

__all__ = ["SOURCES", "BridgeError", "Imported", "import_file"]

LONGEST_NAME = 100  # letters of a cell's name, of which file systems allow at most 255 bytes

Source = tuple[Callable[[Path], Iterator[tuple[str, Any]]], Callable[[Any], Imported]]

SOURCES: Mapping[str, Source] = {
    "nas_bench_nlp": (nas_bench_nlp.read, nas_bench_nlp.from_recipe),
    "darts_rnn": (darts_rnn.read, darts_rnn.from_call),
}


def import_file(source: str, path: Path, folder: Path) -> list[str]:
    """Write every architecture of a file as a `.cell` file, and return a line on each and on all.

    Raises:
        BridgeError: the file is not of this source, or none of it can be said in our formulas.
        RecordError: the file cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise BridgeError(f"{folder} is a file; expected a folder to write to")
    read, imported = SOURCES[source]
    lines, written, refused, taken = [], 0, 0, set[str]()
    for found, original in read(path):
        name = _free_name(found, taken)
        try:
            genome = imported(original).genome.canonical()
            cell = folder / f"{name}.cell"
            text = f"# {name} of {source}, imported; space {genome.language.name}\n{genome}\n"
            _write(cell, text)
        except BridgeError as error:
            refused += 1
            lines.append(f"{name}: refused: {printable(' '.join(str(error).split()))}")
            continue
        written += 1
        lines.append(f"{name}: {genome.architecture_id} {cell}")
    if not written:
        raise BridgeError("; ".join(lines) or f"{path} has no architecture of {source}")
    lines.append(f"{written} of {written + refused} are formulas of space {genome.language.name}")
    return lines


def _free_name(found: str, taken: set[str]) -> str:
    """Return a name for a file that no other has, not even in capitals, numbered from the second on."""
    base = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", found)).strip(".") or "cell"
    base, names = base[:LONGEST_NAME], itertools.count(2)
    name = base
    while name.casefold() in taken:
        name = f"{base}-{next(names)}"
    taken.add(name.casefold())
    return name


def _write(cell: Path, text: str) -> None:
    """Write a cell, but never over another one, say of another file that was imported before."""
    if cell.exists() and cell.read_bytes() != text.encode():
        raise BridgeError(f"{cell} is there already with another text; name another folder")
    with written_beside(cell) as partial:
        partial.write_text(text, encoding="utf-8")
