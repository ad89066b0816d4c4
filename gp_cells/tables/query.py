"""Answers from the tables: SQL over their Parquet files, and the questions that are asked most.

DuckDB reads of each file what an answer needs. A process that asks one question and goes imports
neither torch nor deap nor pyarrow for it, since they would take longer than the answer
(benchmarks/commons.py).
"""

from __future__ import annotations

import contextlib
import csv
import glob
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.tables import failures, flat, version_1
from gp_cells.tables.names import ADDED_LATER, TABLES_ADDED_LATER
from gp_cells.tables.printing import print_table

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

PART = "run=*/part.parquet"  # of a table, in its folder
SHORTEST = 6  # letters of a trial_id that stand for it

BEST = """
select
    task, run, arg_min(candidate, fitness) as candidate, any_value(name) as name, role,
    avg(fitness) as valid_loss, min(fitness) as valid_min, max(fitness) as valid_max,
    count(*) as seeds, count(*) - count(fitness) as failed,
    any_value(learning_rate) as learning_rate, any_value(trials.parameters) as parameters,
    any_value(trials.network_parameters) as network_parameters,
    architecture_id, any_value(genome) as genome
from trials join runs using (run) join architectures a using (run, architecture_id)
where (role = 'search' or chosen)
    and ($task::varchar is null or task = $task)
    and ($max_params::bigint is null or trials.parameters <= $max_params)
group by task, run, architecture_id, role
having count(fitness) > 0
qualify row_number() over (partition by run, architecture_id order by role) = 1
order by role = 'search', failed > 0, valid_loss, run, architecture_id
"""

LINEAGE = """
with recursive ancestors as (
    select $candidate as candidate, 0 as generation
    union
    select parent, generation + 1
    from ancestors join lineage on child = candidate and run = $run
), nearest as (
    select candidate, min(generation) as generation from ancestors group by candidate
), descent as (
    select child as candidate, list(parent order by parent_number) as parents
    from lineage where run = $run group by child
)
select generation, candidate, wave, operator, parents, fitness, architecture_id, genome
from nearest join candidates using (candidate) left join descent using (candidate)
    join architectures using (run, architecture_id)
where run = $run order by generation, candidate
"""


def ask(results: Path, sql: str, **parameters: Any) -> pa.Table:
    """Return the answer to SQL over the tables, each of them a view of its name.

    Raises:
        RecordError: there are no tables.
        SettingError: DuckDB refuses the SQL, or a file that it reads.
    """
    with _asked(results, sql) as connection:
        return connection.sql(sql, params=parameters).to_arrow_table()


def show(results: Path, sql: str, form: str) -> None:
    """Print the answer to SQL over the tables, as a `table` or as `csv`.

    A table on a terminal is cut to what it can show; in a pipe or file it has all rows and columns.

    Raises:
        RecordError: there are no tables.
        SettingError: DuckDB refuses the SQL, or a file that it reads.
    """
    with _asked(results, sql) as connection:
        if form == "table":
            print_table(connection.sql(sql))
            return
        answer = connection.execute(sql)
        lines = csv.writer(sys.stdout, lineterminator="\n")
        lines.writerow(column[0] for column in answer.description)
        lines.writerows(iter(answer.fetchone, None))


def connect(results: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection that has each table as a view of its name, and the view `results` (`flat`).

    Tables of the version before are views with the columns of today; see `version_1`.

    Raises:
        RecordError: there are no tables.
    """
    connection = duckdb.connect()
    sources = _sources(results)
    if not sources:
        raise RecordError(f"{results}/tables has no tables; run a benchmark to its end first")
    old, new = _by_version(connection, results, sources)
    selected = {table: [f"select * from {source}"] for table, source in new.items()}
    for table, sql in version_1.selections(old).items():
        selected.setdefault(table, []).append(sql)
    for table, types in TABLES_ADDED_LATER.items():
        nothing = ", ".join(f"null::{kind} as {name}" for name, kind in types.items())
        selected.setdefault(table, [f"select {nothing} where false"])
    for table, parts in sorted(selected.items()):
        if table in ADDED_LATER:
            columns = [f"null::{kind} as {name}" for name, kind in ADDED_LATER[table].items()]
            parts = [*parts, f"select {', '.join(columns)} where false"]
        whole = " union all by name ".join(f"({sql})" for sql in parts)
        # of tables from before they were columns, and the same of others
        told = f" replace ({failures.columns_in_sql()})" if table == "trials" else ""
        connection.execute(
            f"create view {table} as select run, * exclude (run){told} from ({whole})"
        )
    flat.add_results(connection, selected)
    flat.add_texts(connection, selected)
    return connection


def _sources(results: Path) -> dict[str, str]:
    """Return, for each table that is there, the SQL that reads all of its files."""
    found = {
        path.stem: _source([_escaped(path, results)]) for path in results.glob("tables/*.parquet")
    }
    for folder in results.glob("tables/*"):
        if any(folder.glob(PART)):
            found[folder.name] = _source([_escaped(folder / PART, results)], is_hive=True)
    return found


def _source(files: Sequence[str], is_hive: bool = False) -> str:
    named = "union_by_name = true, hive_partitioning = true, hive_types = {'run': varchar}"
    hive = f", {named}" if is_hive else ""  # by name: some files may lack a column of later
    return f"read_parquet([{', '.join(files)}]{hive})"


def _escaped(files: Path, results: Path) -> str:
    """Return a pattern of files as SQL has it; in the name of the results' folder nothing is one."""
    path = f"{glob.escape(str(results))}/{files.relative_to(results)}".replace("'", "''")
    return f"'{path}'"


def _by_version(
    connection: duckdb.DuckDBPyConnection, results: Path, sources: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the sources of the version before, and those of today; either may be empty."""
    if "runs" not in sources:
        return {}, sources
    sql = f"select run, schema_version = '{version_1.OLD_VERSION}' from {sources['runs']}"
    is_old = dict(connection.execute(sql).fetchall())
    if len({*is_old.values()}) < 2:
        return (sources, {}) if any(is_old.values()) else ({}, sources)
    split: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for table in sources:
        files = sorted((results / "tables" / table).glob(PART))
        for version, into in split.items():
            own = [
                _escaped(path, results)
                for path in files
                if is_old.get(path.parent.name.removeprefix("run="), False) == version
            ]
            if own:
                into[table] = _source(own, is_hive=True)
    return split[True], split[False]


@contextlib.contextmanager
def _asked(results: Path, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        if not duckdb.extract_statements(sql):
            raise SettingError("there is no SQL to answer")
        connection = connect(results)
        if re.search(r"\bcolumns\b", sql, re.IGNORECASE):
            flat.add_columns(connection)
        yield connection
    except duckdb.Error as error:
        raise SettingError(" ".join(str(error).split())) from error


def find_trial(results: Path, name: str, *columns: str) -> Row:
    """Return the row of `trials`, or some columns of it, that a name stands for.

    The name is `RUN/CANDIDATE`, or a trial_id or its first letters.

    Raises:
        RecordError: there is no such trial, or more than one.
    """
    run, _, candidate = name.rpartition("/")
    meant = {"run": run, "candidate": candidate} if run else {"start": name}
    by_start = f"starts_with(trial_id, $start) and len($start) >= {SHORTEST}"
    found = ask(
        results,
        f"select {', '.join(columns) or '*'} from trials"
        f" where {'run = $run and candidate = $candidate' if run else by_start}",
        **meant,
    )
    if found.num_rows != 1:
        raise RecordError(
            f"{found.num_rows} trials in {results}/tables are {name!r}; give a run and a candidate "
            "as RUN/w000-00, or a trial_id"
        )
    row: Row = found.to_pylist()[0]
    return row


def curve(results: Path, name: str) -> pa.Table:
    """Return the rows of `curves` of a trial, called as in `find_trial`, by epoch."""
    return ask(
        results,
        "select * from curves where run = $run and trial_id = $trial_id order by epoch",
        **find_trial(results, name, "run", "trial_id"),
    )


def best(results: Path, task: str | None = None, max_params: int | None = None) -> pa.Table:
    """Return the finalists of each run by their mean validation loss, the lowest first, then the others.

    A finalist counts with its fresh seeds at its best learning rate. Below all finalists, and ranked among
    themselves, come the architectures that were trained in the search alone, whose loss is of other
    seeds, was selected on and is a little too good: `role` and `seeds` say which. In each part those
    with a failed trial come last, and those with no other are left out. `candidate` is the best trial.
    At most `max_params` are the `parameters`, those of the cell as the summary and the page have them.

    Raises:
        RecordError: there is no such task.
    """
    if task is not None:
        tasks = ask(results, "select distinct task from runs order by task")["task"].to_pylist()
        if task not in tasks:
            raise RecordError(f"there is no task {task!r}; choose one of {', '.join(tasks)}")
    return ask(results, BEST, task=task, max_params=max_params)


def lineage(results: Path, name: str) -> pa.Table:
    """Return a candidate and all its ancestors, each once, generation by generation.

    The candidate is generation 0, its parents are 1; an ancestor reachable by several paths gets its
    shortest distance. A trial named as in `find_trial` that is a finalist's replicate stands for its
    architecture's best candidate in the search.
    """
    trial = find_trial(results, name, "run", "candidate", "role", "architecture_id")
    own = trial["candidate"]
    if trial["role"] == "replicate":
        searched = ask(
            results,
            "select candidate from candidates where run = $run and architecture_id = $architecture"
            " order by fitness, candidate limit 1",
            run=trial["run"],
            architecture=trial["architecture_id"],
        )
        own = searched["candidate"].to_pylist()[0]
    return ask(results, LINEAGE, run=trial["run"], candidate=own)
