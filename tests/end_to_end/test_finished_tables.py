"""The tables of real finished runs: self-describing, readable by any tool, and at one with each other."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from support.benchmark import Benchmark

from gp_cells.config.files import read_json
from gp_cells.tables.parquet import read_tables
from gp_cells.tables.schemas import SCHEMAS

PHYSICAL = {"_s": "s", "_mb": "MB", "_ms": "ms", "_j": "J"}


@pytest.fixture(scope="module")
def hopeless(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """A finished benchmark whose learning rate makes every candidate diverge."""
    hopeless = Benchmark(tmp_path_factory.mktemp("hopeless"))
    hopeless.config["benchmark"] = "hopeless"
    hopeless.config["tasks"]["bach"]["settings"]["recipe"]["learning_rate"] = 1e9
    search = {"waves": 1, "slots": 2, "lag": 1, "finalists": 1}
    hopeless.config["strategies"] = {"random": {"name": "random", "search": search}}
    hopeless.finish()
    return hopeless


@pytest.fixture(scope="module")
def rows(base: Benchmark) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of the finished benchmark."""
    return {name: read_tables(base.folder / "results", name).to_pylist() for name in SCHEMAS}


def parts(benchmark: Benchmark, table: str) -> list[Path]:
    """Return the files of a table."""
    return sorted((benchmark.folder / "results/tables" / table).glob("run=*/part.parquet"))


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_says_what_it_means_and_in_which_unit(base: Benchmark, table: str) -> None:
    assert len(parts(base, table)) == 2
    for path in parts(base, table):
        file = pq.ParquetFile(path)
        for field in file.schema_arrow:
            said = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
            assert said.get("description"), field.name
            for suffix, unit in PHYSICAL.items():
                if field.name.endswith(suffix):
                    assert said["unit"] == unit, field.name
            if field.name.endswith("_loss") or field.name == "fitness":
                assert said["unit"] == "nats"
        assert file.metadata.metadata[b"schema_version"]
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        columns = [group.column(i) for group in groups for i in range(group.num_columns)]
        assert {column.compression for column in columns} == {"ZSTD"}


@pytest.mark.parametrize("table", SCHEMAS)
def test_pandas_polars_and_duckdb_read_the_same_rows(base: Benchmark, table: str) -> None:
    folder = base.folder / "results/tables" / table
    glob = f"{folder}/*/part.parquet"
    whole = read_tables(base.folder / "results", table)
    by_duckdb = duckdb.sql(f"select * from read_parquet('{glob}', hive_partitioning=true)")
    assert by_duckdb is not None
    by_polars, by_pandas = pl.read_parquet(glob, hive_partitioning=True), pd.read_parquet(folder)
    names = sorted(whole.column_names)
    assert (
        sorted(by_duckdb.columns)
        == sorted(by_polars.columns)
        == sorted(map(str, by_pandas))
        == names
    )
    assert len(by_duckdb.fetchall()) == len(by_polars) == len(by_pandas) == whole.num_rows
    assert whole.num_rows > 0 or table == "assemblies"  # nothing here is made of parts
    for name in ("fitness", "valid_loss", "test_loss"):
        if name in names:
            losses = sorted(whole.column(name).to_pylist())
            assert sorted(by_polars[name].to_list()) == sorted(by_pandas[name].tolist()) == losses
            assert sorted(row[0] for row in by_duckdb.select(name).fetchall()) == losses


def test_every_planned_trial_is_one_row_and_every_candidate_has_one(
    base: Benchmark, rows: dict[str, list[dict[str, Any]]]
) -> None:
    folders = sorted(str(Path(row["file"]).parent) for row in rows["trials"])
    assert folders == sorted(base.plan.candidates())
    ids = [row["trial_id"] for row in rows["trials"]]
    assert len(set(ids)) == len(ids)
    searched = {row["trial_id"]: row for row in rows["trials"] if row["role"] == "search"}
    assert sorted(searched) == sorted(row["trial_id"] for row in rows["candidates"])
    for row in rows["candidates"]:
        trial = searched[row["trial_id"]]
        shared = ("run", "candidate", "architecture_id", "status", "fitness")
        assert {key: row[key] for key in shared} == {key: trial[key] for key in shared}


def test_every_trial_has_a_curve_of_its_epochs_and_is_what_its_fitness_file_says(
    base: Benchmark, rows: dict[str, list[dict[str, Any]]]
) -> None:
    for trial in rows["trials"]:
        curve = [row for row in rows["curves"] if row["trial_id"] == trial["trial_id"]]
        assert [row["epoch"] for row in curve] == list(range(1, trial["epochs"] + 1))
        fitness = read_json((base.folder / trial["file"]).with_name("fitness.json"))
        assert [row["valid_loss"] for row in curve] == [e["valid_loss"] for e in fitness["curve"]]
        assert trial["fitness"] == fitness["fitness"] == min(row["valid_loss"] for row in curve)
        assert curve[trial["best_epoch"] - 1]["valid_loss"] == trial["fitness"]
        assert trial["wall_s"] == pytest.approx(math.fsum(row["wall_s"] for row in curve))
    assert len(rows["curves"]) == sum(trial["epochs"] for trial in rows["trials"])


def test_every_id_in_one_table_is_found_in_the_table_it_points_to(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    runs = {row["run"] for row in rows["runs"]}
    assert {row["run"] for table in rows.values() for row in table} == runs
    architectures = {(row["run"], row["architecture_id"]) for row in rows["architectures"]}
    assert {(row["run"], row["architecture_id"]) for row in rows["trials"]} == architectures
    machines = {(row["run"], row["hardware_id"]) for row in rows["hardware"]}
    assert {(row["run"], row["hardware_id"]) for row in rows["trials"]} == machines
    chosen = {row["trial_id"] for row in rows["trials"] if row["chosen"]}
    assert {row["trial_id"] for row in rows["test"]} == chosen


def test_every_child_has_the_parents_its_operator_needs_from_earlier_waves(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    candidates = {(row["run"], row["candidate"]): row for row in rows["candidates"]}
    lags = {row["run"]: row["lag"] for row in rows["runs"]}
    assert rows["lineage"]
    for row in rows["lineage"]:
        child, parent = candidates[row["run"], row["child"]], candidates[row["run"], row["parent"]]
        assert parent["wave"] <= child["wave"] - lags[row["run"]]
        assert row["operator"] == child["operator"]
    for (run, name), candidate in candidates.items():
        numbers = [
            row["parent_number"]
            for row in rows["lineage"]
            if (row["run"], row["child"]) == (run, name)
        ]
        needed = {"sample": 0, "cross": 2}.get(candidate["operator"].partition("+")[0], 1)
        assert numbers == list(range(needed)), candidate


def test_best_so_far_is_the_lowest_fitness_up_to_each_candidate(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    for run in {row["run"] for row in rows["candidates"]}:
        fitness = [row["fitness"] for row in rows["candidates"] if row["run"] == run]
        best = [row["best_so_far"] for row in rows["candidates"] if row["run"] == run]
        assert best == [min(fitness[: i + 1]) for i in range(len(fitness))]


def test_a_diverged_candidate_is_a_row_with_null_fitness_and_no_test_loss(
    hopeless: Benchmark,
) -> None:
    tables = {name: read_tables(hopeless.folder / "results", name).to_pylist() for name in SCHEMAS}
    assert [row["candidate"] for row in tables["candidates"]] == ["w000-00", "w000-01"]
    assert {row["status"] for row in tables["trials"]} == {"diverged"}
    for row in (*tables["candidates"], *tables["trials"]):
        assert row["fitness"] is None
    assert all(row["reason"] for row in tables["trials"])
    assert tables["test"] == []


def test_a_benchmark_in_which_everything_diverged_still_ends_with_a_report(
    hopeless: Benchmark,
) -> None:
    folder = hopeless.folder / "results/report/hopeless"
    [task] = json.loads((folder / "comparison.json").read_text())["tasks"]
    assert [(row["valid_mean"], row["failed"]) for row in task["rows"]] == [(None, 1)]
    assert (folder / "index.html").stat().st_size > 1000
