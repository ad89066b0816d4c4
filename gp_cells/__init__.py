"""gp-cells: evolve network cells as formulas, compare them fairly, and keep the whole record.

    import gp_cells
    genome = gp_cells.parse(text, space="recurrent")
    cell = gp_cells.build(genome, inputs=128, units=256)
    output, state = cell(x)
    results = gp_cells.Results("results")
    trials, best = results.table("trials"), results.best(task="bach_chorales")

Importing the package itself imports nothing heavy: the Snakefile does so in every cluster job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import nn

    from gp_cells.config.choose import SettingError
    from gp_cells.config.files import RecordError
    from gp_cells.config.refusal import Refusal
    from gp_cells.genomes.genome import Genome, GenomeError
    from gp_cells.tabular.replay import Fitness, Missing
    from gp_cells.tabular.stored import Stored
    from gp_cells.tasks.task import DataError

__all__ = [
    "DataError",
    "GenomeError",
    "RecordError",
    "Refusal",
    "Results",
    "SettingError",
    "build",
    "parse",
]

# What the input causes, each with the module that it is of; all are kinds of `Refusal`.
ERRORS = {
    "DataError": "gp_cells.tasks.task",
    "GenomeError": "gp_cells.genomes.genome",
    "RecordError": "gp_cells.config.files",
    "Refusal": "gp_cells.config.refusal",
    "SettingError": "gp_cells.config.choose",
}


def __getattr__(name: str) -> Any:
    """Return an error by its name, imported lazily: the module of genomes imports deap."""
    if name not in ERRORS:
        raise AttributeError(f"module 'gp_cells' has no attribute {name!r}")
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


@dataclass(frozen=True)
class Results:
    """The tables of the runs in a results folder."""

    folder: str | Path = "results"

    def table(self, name: str) -> pa.Table:
        """Return a table of all runs; see results/README.md for the names and columns.

        Raises:
            RecordError: there is no such table, or a file cannot be read.
        """
        from gp_cells.tables.parquet import read_tables

        return read_tables(Path(self.folder), name)

    def query(self, sql: str) -> pa.Table:
        """Return the answer to SQL by DuckDB, each table being a view of its name.

        Raises:
            RecordError: there are no tables.
            SettingError: DuckDB refuses the SQL.
        """
        from gp_cells.tables.query import ask

        return ask(Path(self.folder), sql)

    def best(self, task: str | None = None, max_params: int | None = None) -> pa.Table:
        """Return the architectures of each run, the lowest mean validation loss first.

        `gp_cells.tables.query.best` says which trials count.

        Raises:
            RecordError: there is no such task.
        """
        from gp_cells.tables.query import best

        return best(Path(self.folder), task, max_params)

    def curve(self, trial: str) -> pa.Table:
        """Return the learning curve of a trial: `RUN/CANDIDATE`, or a trial_id or its first letters.

        Raises:
            RecordError: there is no such trial, or more than one.
        """
        from gp_cells.tables.query import curve

        return curve(Path(self.folder), trial)

    def lineage(self, trial: str) -> pa.Table:
        """Return a trial's candidate and all its ancestors, generation by generation.

        Raises:
            RecordError: there is no such trial, or more than one.
        """
        from gp_cells.tables.query import lineage

        return lineage(Path(self.folder), trial)

    def stored(self, task: str, benchmark: str | None = None) -> Stored:
        """Return what is stored of a task, by its label in the config, as a tabular benchmark.

        `stored.answer(genome.architecture_id)` gives validation loss, spread over seeds, epochs and
        seconds of an architecture, or None where it was never trained.

        Raises:
            RecordError: there is no such task, or its runs were not all trained alike.
        """
        from gp_cells.tabular.stored import stored_of

        return stored_of(Path(self.folder), task, benchmark)

    def replay(
        self,
        config: Mapping[str, Any],
        workers: int = 1,
        fitness: Fitness = "own",
        missing: Missing = "refuse",
    ) -> pa.Table:
        """Return the outcomes of a config's runs, played on stored results; nothing is trained.

        A row a candidate; `gp_cells.tabular.replay.COLUMNS` has the columns with their units, and
        `gp_cells.tabular.replay.Replay` what the options mean.

        Raises:
            SettingError: the config or one of its plug-ins is refused.
            RecordError: nothing is stored that was trained as the config says, or a run leaves it.
        """
        from gp_cells.config.plan import read_plan
        from gp_cells.tabular.replay import Replay, as_table

        player = Replay(Path(self.folder), workers, fitness, missing)
        runs = [player.run(run) for run in read_plan(config).runs.values()]
        return as_table(player, runs)
