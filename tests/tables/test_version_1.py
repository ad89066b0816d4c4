"""Tables of version 1: read as those of today, alone or beside them, and no other version."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gp_cells.config.files import RecordError
from gp_cells.tables.names import (
    ADDED_LATER,
    KEYS,
    SIZES,
    TABLES,
    TABLES_ADDED_LATER,
    VERSION,
)
from gp_cells.tables.parquet import read_tables, released_file, run_file, write_rows
from gp_cells.tables.query import ask
from gp_cells.tables.schemas import schema

REFERENCE = Path(__file__).parents[2] / "results/reference"
ENLARGED = {"units": 256}
# Columns of `trials` that version 1 had not.
ADDED = (
    "latency_s",
    "introspectability_s",
    "other_measures",
    "measure_failures",
    *ADDED_LATER["trials"],
)


def write_run(results, run, strategy="gp", recipe=None):
    """Write a run of a search's trial and a finalist's, of one architecture."""
    final = {"recipe": recipe} if recipe else {}
    settings = {"strategy": {"name": strategy, "settings": {}}, "finalists": final}
    sizes = dict(zip(SIZES, (1, 2, 3, 4, 5), strict=True))
    enlarged = {name: 100 * size for name, size in sizes.items()} if recipe else sizes
    trial = {"architecture_id": "aa", "status": "ok", "fitness": 1.0}
    rows = {
        "runs": [{"settings": json.dumps(settings), "searches": True, "schema_version": VERSION}],
        "architectures": [{"architecture_id": "aa", "genome": "h", "projections": 6, **sizes}],
        "trials": [
            {**trial, "candidate": "w000-00", "trial_id": f"{run} 0", **sizes},
            {**trial, "candidate": "r00-0-0", "trial_id": f"{run} 1", "finalist": 0, **enlarged},
        ],
    }
    for table, records in rows.items():
        empty = {**dict.fromkeys(schema(table).names), "run": run}
        write_rows(results, table, run, [{**empty, **record} for record in records])


def make_old(results, run, version="1"):
    """Rewrite the files of a run as version 1 had them."""
    for table in TABLES:
        path = run_file(results, table, run)
        if not path.is_file():
            continue
        part = pq.ParquetFile(path).read()
        metadata = {**part.schema.metadata, b"schema_version": version.encode()}
        if table == "architectures":
            part = part.drop_columns([*ADDED_LATER["architectures"]])
            old = {"activations": "kept", "projections": "gates"}
            part = part.rename_columns([old.get(name, name) for name in part.column_names])
        if table == "runs":
            part = part.drop_columns(["searches", "schema_version"])
            part = part.append_column("schema_version", [[version] * part.num_rows])
        if table == "trials":
            part = part.drop_columns([*SIZES, *ADDED])
        pq.write_table(part.replace_schema_metadata(metadata), path)


def both_ways(results, table, order):
    """Return the rows of a table as Arrow reads them and as SQL does, in one order."""
    arrow = read_tables(results, table).to_pylist()
    sql = ask(results, f"select * from {table}").to_pylist()
    return [
        [{name: repr(row[name]) for name in sorted(row)} for row in sorted(rows, key=order)]
        for rows in (arrow, sql)
    ]


@pytest.mark.parametrize("table", TABLES)
def test_arrow_and_sql_read_the_published_tables_alike(table):
    arrow, sql = both_ways(REFERENCE, table, lambda row: json.dumps(row, sort_keys=True))

    assert arrow == sql
    assert all({*row} == {*schema(table).names} for row in arrow)
    assert bool(arrow) == (table not in TABLES_ADDED_LATER)


def test_a_published_trial_has_the_sizes_of_its_architecture():
    said = {
        (row["run"], row["architecture_id"]): row["kept"]
        for row in pq.ParquetFile(released_file(REFERENCE, "architectures")).read().to_pylist()
    }
    trials = read_tables(REFERENCE, "trials").to_pylist()

    assert len(trials) == 2730
    assert all(t["activations"] == said[t["run"], t["architecture_id"]] for t in trials)


def test_in_the_published_runs_all_strategies_search_but_the_baselines():
    runs = read_tables(REFERENCE, "runs").to_pylist()

    assert {run["strategy"] for run in runs if not run["searches"]} == {"baselines"}
    assert {run["strategy"] for run in runs if run["searches"]} == {
        "aging",
        "gp",
        "nsga2",
        "random",
    }


@pytest.mark.parametrize("old", [("one",), ("one", "other")])
def test_runs_of_both_versions_side_by_side_are_read_alike(tmp_path, old):
    for run in ("one", "other"):
        write_run(tmp_path, run)
    expected = {table: both_ways(tmp_path, table, str)[0] for table in ("architectures", "trials")}
    for run in old:
        make_old(tmp_path, run)

    for table, rows in expected.items():
        arrow, sql = both_ways(tmp_path, table, str)
        assert arrow == sql == rows
    assert ask(tmp_path, "select count(*) as n from runs where searches")["n"].to_pylist() == [2]


def test_what_an_enlarged_finalist_counts_is_not_known_of_version_1(tmp_path):
    write_run(tmp_path, "one", recipe=ENLARGED)
    make_old(tmp_path, "one")

    expected = [("r00-0-0", None), ("w000-00", 5)]
    for rows in (
        read_tables(tmp_path, "trials").to_pylist(),
        ask(tmp_path, "select * from trials").to_pylist(),
    ):
        assert sorted((row["candidate"], row["activations"]) for row in rows) == expected


def test_tables_of_a_later_version_are_refused_with_those_that_can_be_read(tmp_path):
    write_run(tmp_path, "one")
    make_old(tmp_path, "one", version="3")

    with pytest.raises(RecordError, match=r"of version 3 .* reads versions 1 and 2"):
        read_tables(tmp_path, "trials")


def test_tables_from_before_a_column_was_added_have_null_in_it(tmp_path):
    for run in ("old", "new"):
        write_run(tmp_path, run)
    for table, added in (("trials", "cpu_capability"), ("architectures", "state_size")):
        path = run_file(tmp_path, table, "old")
        part = pq.ParquetFile(path).read()
        pq.write_table(part.drop_columns([*ADDED_LATER[table]]), path)

        key = KEYS[table][1]
        arrow, sql = both_ways(tmp_path, table, lambda row, key=key: (row["run"], row[key]))
        assert arrow == sql
        assert {row[added] for row in arrow} == {"None"}
