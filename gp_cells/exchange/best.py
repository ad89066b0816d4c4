"""The best architectures that searches found on a task, as `.cell` files that say where they come from.

The best are those with the lowest validation loss of a search's trial, each architecture once;
hand-designed ones that a run only lists are left out. The lowest of many losses is too low by chance, so
what a cell is worth shows where it is trained again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gp_cells.compare.records import chosen_benchmark, runs_of
from gp_cells.config.cell_files import CELL, heading
from gp_cells.config.files import RecordError, written_beside
from gp_cells.tables.parquet import read_tables

Row = dict[str, Any]


def write_best(
    results: Path, benchmark: str | None, task: str, top: int, folder: Path
) -> list[str]:
    """Write the best architectures of a task, best first, and return a line on each.

    Raises:
        RecordError: there is no such benchmark or task, it has fewer architectures, or the folder has other
            cells already, which a search that begins with the folder would begin with too.
    """
    rows, unit = _best(results, chosen_benchmark(results, benchmark), task)
    if not 1 <= top <= len(rows):
        raise RecordError(
            f"--top: expected 1 to {len(rows)}, the architectures trained on {task}, got {top}"
        )
    width = max(2, len(str(top)))
    texts = {
        folder / f"{task}-{rank:0{width}}{CELL}": _text(task, row, unit)
        for rank, row in enumerate(rows[:top], start=1)
    }
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"{folder} is a file; expected a folder to write to")
    for cell in sorted(folder.glob(f"*{CELL}")):
        if cell not in texts or cell.read_bytes() != texts[cell].encode():
            raise RecordError(f"{cell} is there already and another cell; name an empty folder")
    for cell, text in texts.items():
        with written_beside(cell) as partial:
            partial.write_text(text, encoding="utf-8")
    return [
        f"{cell}: {row['fitness']:.6g} {unit}, {row['architecture_id']}"
        for cell, row in zip(texts, rows, strict=False)
    ]


def _best(results: Path, benchmark: str, task: str) -> tuple[list[Row], str]:
    """Return the architectures that searches trained on a task, best first, and the unit of the loss."""
    names = runs_of(results, benchmark)
    runs = read_tables(results, "runs", names).to_pylist()
    of_task = {row["run"]: row for row in runs if row["task"] == task and row["searches"]}
    if not of_task:
        known = ", ".join(sorted({row["task"] for row in runs if row["searches"]})) or "none"
        raise RecordError(f"{benchmark} has no search on the task {task!r}; choose one of {known}")
    genomes = {
        row["architecture_id"]: row["genome"]
        for row in read_tables(results, "architectures", list(of_task)).to_pylist()
    }
    found: dict[str, Row] = {}
    for row in _ranked(read_tables(results, "candidates", list(of_task)).to_pylist()):
        of_run = of_task[row["run"]]
        row |= {"genome": genomes[row["architecture_id"]], "space": of_run["space"]}
        found.setdefault(row["architecture_id"], row)
    return [*found.values()], next(iter(of_task.values()))["loss_unit"]


def _ranked(candidates: Sequence[Row]) -> list[Row]:
    trained = [row for row in candidates if row["fitness"] is not None]
    return sorted(trained, key=lambda row: (row["fitness"], row["run"], row["candidate"]))


def _text(task: str, row: Row, unit: str) -> str:
    source = f"{row['run']}/{row['candidate']}, validation loss {row['fitness']:.6g} {unit}"
    return (
        f"{heading(task, source)}\n"
        f"# trial {row['trial_id']}, architecture {row['architecture_id']}, space {row['space']}\n"
        f"{row['genome'].strip()}\n"
    )
