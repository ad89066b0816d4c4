"""The tables of a results folder, from Python: `gp_cells.Results("results")`.

What a method needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from gp_cells.tabular.replay import Fitness, Missing
    from gp_cells.tabular.stored import Stored


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
