"""The files of one's own that a search reads beside its history: what its strategy's settings name.

The rules watch them as inputs, so this imports neither torch nor deap.
"""

from __future__ import annotations

from pathlib import Path

from gp_cells.config.plan import Run, wave_name

LINES = ".jsonl"  # what the name of a file of proposals ends in


def proposals_file(named: str, wave: int) -> Path:
    """Return the file that a wave's proposals are read from: in a run's folder, or one for all waves."""
    return Path(named) if named.endswith(LINES) else Path(named, f"{wave_name(wave)}{LINES}")


def folder_of_run(named: str, run: str) -> str:
    """Return what a run reads its proposals from: its own folder, or the one file of all runs."""
    return named if named.endswith(LINES) else f"{named}/{run}"


def own_files(run: Run, wave: int) -> list[str]:
    """Return the files of one's own that a wave of a run is bred from, of those that are there.

    One that is not there yet is no input: the job says what is missing, and that it may be put there.
    Names with braces are left out, which Snakemake takes for wildcards and cannot watch.
    """
    named = run.config.strategy.settings.get("proposals")
    if named is None:
        return []
    path = proposals_file(folder_of_run(named, run.name), wave)
    return [str(path)] if path.is_file() and not set(str(path)) & set("{}") else []
