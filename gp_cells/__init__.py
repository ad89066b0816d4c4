"""gp-cells: evolve network cells as formulas, compare them fairly, and keep the whole record.

    import gp_cells
    genome = gp_cells.parse(text, space="recurrent")
    cell = gp_cells.build(genome, inputs=128, units=256)
    output, state = cell(x)
    results = gp_cells.Results("results")
    trials, best = results.table("trials"), results.best(task="bach_chorales")
    results = gp_cells.run("config/digits.yaml")      # a small benchmark, in this process

Importing the package itself imports next to nothing: every trial's command does, and the Snakefile in each
cluster job.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which takes its time to import

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from torch import nn

    from gp_cells.config.choose import SettingError
    from gp_cells.config.files import RecordError
    from gp_cells.config.refusal import Refusal
    from gp_cells.genomes.genome import Genome, GenomeError
    from gp_cells.report.drawing import Drawing
    from gp_cells.results import Results
    from gp_cells.tasks.task import DataError

__all__ = [
    "DataError",
    "GenomeError",
    "RecordError",
    "Refusal",
    "Results",
    "SettingError",
    "build",
    "draw",
    "parse",
    "run",
]

# What the input causes, each with the module that it is of; all are kinds of `Refusal`.
ERRORS = {
    "DataError": "gp_cells.tasks.task",
    "GenomeError": "gp_cells.genomes.genome",
    "RecordError": "gp_cells.config.files",
    "Refusal": "gp_cells.config.refusal",
    "SettingError": "gp_cells.config.choose",
}


def __getattr__(name: str) -> object:
    """Return a class by its name, imported when it is asked for."""
    if name == "Results":
        from gp_cells.results import Results

        return Results
    if name not in ERRORS:
        raise AttributeError(f"module 'gp_cells' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(ERRORS[name]), name)


def parse(text: str, space: str = "recurrent") -> Genome:
    """Return the genome that a text spells in a search space.

    Raises:
        GenomeError: the text is refused; the message says where and why.
        SettingError: there is no such space.
    """
    from gp_cells.config.choose import choose
    from gp_cells.genomes.genome import parse as parse_in
    from gp_cells.spaces import SPACES

    return parse_in(text, choose("spaces", SPACES, space, {}).language)


def build(genome: Genome, inputs: int, units: int) -> nn.Module:
    """Return a trainable layer: (time, batch, inputs) → (time, batch, units) and the last state.

    Raises:
        ValueError: the genome is no recurrent cell.
    """
    from gp_cells.networks.engine import build as build_cell

    if not genome.language.recurrent:
        raise ValueError(
            f"build makes recurrent layers, this genome is {genome.language.name}; its space has "
            "`network(genome, form, recipe, engine, device, precision)`"
        )
    return build_cell(genome, inputs, units)


def draw(genome: Genome) -> Drawing:
    """Return a genome's drawing, which a notebook shows; `str` of it is SVG."""
    from gp_cells.report.drawing import Drawing
    from gp_cells.report.drawing import draw as draw_genome

    return Drawing(draw_genome(genome))


def run(config: Mapping[str, Any] | str | Path) -> Results:
    """Run a benchmark in this process, one trial after the other, and return its results.

    `config` is what a config file holds, or its path. Below results/ of the current folder come the files
    of the workflow, of the same bytes; what has ended is kept, and the same call goes on.

    Raises:
        SettingError: the config is refused.
        DataError: the data of a task cannot be read or used.
        KeyboardInterrupt: it was interrupted; a checkpoint is kept.
    """
    from gp_cells.in_process import run as run_here

    return run_here(config)
