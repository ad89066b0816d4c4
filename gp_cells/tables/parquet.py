"""The tables of a run as Parquet files: read and written.

One file a table and run, `results/tables/<table>/run=<run>/part.parquet`, plain Parquet with zstd;
the column `run` is the folder's name (a Hive partition), which every reader of folders adds by itself.
A release (`exchange.release`) has one file a table instead, `tables/<table>.parquet`, and is read alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gp_cells.config.files import RecordError, written_beside
from gp_cells.tables import version_1
from gp_cells.tables.failures import failure_of
from gp_cells.tables.names import ADDED_LATER, TABLES, TABLES_ADDED_LATER, VERSION
from gp_cells.tables.schemas import TEXT, schema


def read_tables(results: Path, table: str, runs: Iterable[str] | None = None) -> pa.Table:
    """Read one table of all runs, or of those named.

    Tables of the version before come as those of today; see `version_1`.

    Raises:
        RecordError: no such table, or a file that cannot be read.
    """
    if table not in TABLES:
        raise RecordError(f"there is no table {table!r}; choose one of {', '.join(TABLES)}")
    if released_file(results, table).is_file():
        whole = _read(results, table, None)
        wanted = None if runs is None else pa.array(list(runs), TEXT)
        return whole if wanted is None else whole.filter(pc.is_in(whole["run"], wanted))
    # Not the folders: Snakemake makes one before its file is there, that of another benchmark too.
    files = (results / "tables" / table).glob("run=*/part.parquet")
    found = sorted(path.parent.name.removeprefix("run=") for path in files)
    wanted_runs = found if runs is None else list(runs)
    if table in TABLES_ADDED_LATER:
        wanted_runs = [run for run in wanted_runs if run in found]
    parts = [_read(results, table, run) for run in wanted_runs]
    return pa.concat_tables(parts) if parts else schema(table).empty_table()


def released_file(release: Path, table: str) -> Path:
    """Return where a release has a table."""
    return release / "tables" / f"{table}.parquet"


def run_file(results: Path, table: str, run: str) -> Path:
    """Return where a results folder has a run's part of a table."""
    return results / "tables" / table / f"run={run}" / "part.parquet"


def _read(results: Path, table: str, run: str | None) -> pa.Table:
    """Read a run's part of a table, or a release's whole table, with the columns of today."""
    part, path = _stored(results, table, run)
    version = (part.schema.metadata or {}).get(b"schema_version", VERSION.encode()).decode()
    if version == version_1.OLD_VERSION:
        part = version_1.upgraded(table, part, lambda other: _stored(results, other, run)[0])
    elif version != VERSION:
        raise RecordError(
            f"{path} is of version {version} of the tables; this gp-cells reads versions "
            f"{version_1.OLD_VERSION} and {VERSION}, so use the one that wrote it"
        )
    if table == "trials" and "failure" not in part.column_names:
        part = _with_failures(part)
    for name in ADDED_LATER.get(table, ()):
        if name not in part.column_names:
            kind = schema(table).field(name).type
            part = part.append_column(name, pa.nulls(part.num_rows, kind))
    missing = [name for name in schema(table).names if name not in part.column_names]
    if missing:
        raise RecordError(f"{path}: {table} has no column {missing[0]!r}; tabulate the run again")
    return part.select(schema(table).names).cast(schema(table))


def _with_failures(trials: pa.Table) -> pa.Table:
    ended = (trials[name].to_pylist() for name in ("status", "reason"))
    failures = list(itertools.starmap(failure_of, zip(*ended, strict=True)))
    for i, name in enumerate(("failure", "failure_epoch")):
        column = pa.array([of[i] for of in failures], schema("trials").field(name).type)
        trials = trials.append_column(name, column)
    return trials


def _stored(results: Path, table: str, run: str | None) -> tuple[pa.Table, Path]:
    """Read a file of a table as it is, and say which; a part of one run is given the column `run`."""
    path = released_file(results, table) if run is None else run_file(results, table, run)
    try:
        part = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path} cannot be read ({error})") from error
    if run is not None:
        part = part.append_column("run", pa.array([run] * part.num_rows, TEXT))
    return part, path


def write_rows(results: Path, table: str, run: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Write one table of one run; the run is in the folder's name, as Hive partitions have it."""
    whole = schema(table)
    columns = [
        pa.array([record[field.name] for record in records], field.type, from_pandas=False)
        for field in whole
    ]
    part = pa.table(columns, schema=whole).drop_columns("run")
    with written_beside(run_file(results, table, run)) as partial:
        pq.write_table(part, partial, compression="zstd")


def find_genome(results: Path, name: str) -> str:
    """Return the formulas of an architecture by its id or that of a trial, or the start of either.

    A trial may also be called `RUN/CANDIDATE`.

    Raises:
        RecordError: none or more than one architecture of the tables is meant.
    """
    genomes = {
        row["architecture_id"]: row["genome"]
        for row in read_tables(results, "architectures").to_pylist()
    }
    found = {id_ for id_ in genomes if id_.startswith(name)} or {
        row["architecture_id"]
        for row in read_tables(results, "trials").to_pylist()
        if row["trial_id"].startswith(name) or f"{row['run']}/{row['candidate']}" == name
    }
    if len(found) != 1:
        known = f"{len(found)} architectures in {results}/tables are called so"
        raise RecordError(f"{name!r} is no file, no baseline's name, and {known}")
    return genomes[found.pop()]
