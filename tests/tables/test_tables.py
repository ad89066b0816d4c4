from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gp_cells import Results
from gp_cells.compare import compare, read_comparison
from gp_cells.compare.summary import aligned, cell_name, short_id, summary
from gp_cells.config.files import RecordError
from gp_cells.config.objectives import OBJECTIVES
from gp_cells.config.plan import trial_folder
from gp_cells.tables.names import KEYS, TABLES
from gp_cells.tables.parquet import find_genome, read_tables, write_rows
from gp_cells.tables.schemas import MAXIMISED, MINIMISED, SCHEMAS, dictionary, schema, schemas

ROOT = Path(__file__).parents[2]
LSTM = "c' = c * sigmoid(gate1) + sigmoid(gate2) * tanh(gate3)\nh' = sigmoid(gate4) * tanh(c')"

PARAMETERS = {"aa": 10, "ab": 5}

SETTINGS = {
    "strategy": {"name": "s", "settings": {}},
    "search": {"waves": 1, "slots": 4, "finalists": 2},
    **{part: {} for part in ("task", "space", "data", "training", "finalists")},
    "stopping": {"name": "never"},
}


def row(table: str, **given: object) -> dict[str, object]:
    return {**dict.fromkeys(schema(table).names), **given}


def write(results: Path, table: str, *rows: dict[str, object]) -> None:
    write_rows(results, table, "b-t-s-s1", [row(table, run="b-t-s-s1", **given) for given in rows])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "runs",
        {"task": "t", "strategy": "s", "searches": True, "seed": 1, "references": '{"uni": 9.0}'}
        | {"settings": json.dumps(SETTINGS), "data_hash": "0"},
    )
    for table in ("lineage", "curves", "hardware"):
        write(tmp_path, table)
    searched: list[dict[str, Any]] = [
        {"candidate": f"w000-0{i}", "architecture_id": architecture, "fitness": loss}
        for i, (architecture, loss) in enumerate(
            [("aa", 1.0), ("ab", 2.0), ("aa", 1.5), ("ab", None)]
        )
    ]
    write(tmp_path, "candidates", *searched)
    write(
        tmp_path,
        "architectures",
        {"architecture_id": "aa", "name": "lstm", "genome": LSTM},
        {"architecture_id": "ab", "genome": "h' = tanh(gate1)"},
    )
    trials = [
        ("0", 0, "aa", 2.0, True),
        ("1", 0, "aa", 3.0, True),
        ("2", 0, "aa", 1.0, False),  # another learning rate than the chosen one
        ("3", 1, "ab", 2.25, True),
        ("4", 1, "ab", None, True),  # failed
    ]
    write(
        tmp_path,
        "trials",
        *(
            {"trial_id": i, "finalist": f, "architecture_id": a, "fitness": loss, "chosen": c}
            | {"learning_rate": 0.01, "parameters": PARAMETERS[a]}
            for i, f, a, loss, c in trials
        ),
        *(
            {**trial, "trial_id": f"s{i}", "role": "search", "epochs": 1}
            | {"parameters": PARAMETERS[trial["architecture_id"]]}
            for i, trial in enumerate(searched)
        ),
    )
    write(
        tmp_path, "test", {"trial_id": "0", "test_loss": 2.5}, {"trial_id": "1", "test_loss": 3.5}
    )
    return tmp_path


def test_the_dictionary_in_results_is_the_one_of_the_code() -> None:
    assert (ROOT / "results/README.md").read_text().endswith(dictionary(schemas()))


def test_every_table_that_is_named_has_columns_and_no_other() -> None:
    assert tuple(SCHEMAS) == TABLES


@pytest.mark.parametrize(
    ("rules", "names"), [("tables.smk", "TABLES"), ("readme.smk", "OLD_TABLES")]
)
def test_the_rules_take_the_one_list_of_tables(rules: str, names: str) -> None:
    text = (ROOT / "rules" / rules).read_text()
    assert f"from gp_cells.tables.names import {names}" in text and f"table={names}" in text
    assert not any(f'"{table}"' in text for table in TABLES)


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_has_a_meaning_and_every_physical_quantity_its_unit(table: str) -> None:
    for field in schema(table):
        assert field.metadata[b"description"]
        for suffix, unit in (("_s", b"s"), ("_mb", b"MB"), ("_loss", b"nats")):
            if field.name.endswith(suffix):
                assert field.metadata[b"unit"] == unit, field.name


def test_every_objective_and_every_loss_and_error_says_which_way_is_better() -> None:
    columns = {field.name for table in SCHEMAS for field in schema(table)}
    assert columns >= MINIMISED | MAXIMISED
    judged = {name for name in columns if name.endswith(("_loss", "_error"))}
    assert judged | ({*OBJECTIVES} & columns) <= MINIMISED
    assert schema("trials").field("fitness").metadata[b"direction"] == b"minimised"
    assert schema("trials").field("introspectability").metadata[b"direction"] == b"maximised"
    assert schema("trials").field("seed").metadata[b"direction"] == b""


@pytest.mark.parametrize("table", SCHEMAS)
def test_what_tells_rows_apart_are_columns_of_the_table(table: str) -> None:
    assert {*KEYS[table]} <= {*schema(table).names}


def test_what_was_not_measured_is_null_and_what_is_not_a_number_is_nan(tmp_path: Path) -> None:
    write(tmp_path, "curves", {"valid_loss": None}, {"valid_loss": float("nan")})
    column = read_tables(tmp_path, "curves").column("valid_loss")
    assert [value.is_valid for value in column] == [False, True]
    assert column.type == pa.float64()


def test_a_comparison_takes_the_chosen_learning_rate_and_counts_what_failed(results: Path) -> None:
    whole, failed = compare(results, "b", ["b-t-s-s1"])["tasks"][0]["rows"]
    assert (whole["name"], whole["valid_mean"], whole["test_mean"]) == ("lstm", 2.5, 3.0)
    assert (whole["seeds"], whole["failed"]) == (2, 0)
    assert (failed["name"], failed["valid_mean"], failed["test_mean"]) == (None, 2.25, None)
    assert (failed["seeds"], failed["failed"]) == (2, 1)


def test_a_comparison_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text('{"benchmark": "b", "tasks": []}')
    with pytest.raises(RecordError, match="earlier version of gp-cells; delete it and run again"):
        read_comparison(tmp_path / "comparison.json")


def test_a_search_for_one_objective_has_no_front(results: Path) -> None:
    assert compare(results, "b", ["b-t-s-s1"])["tasks"][0]["fronts"] == []


def test_a_search_for_several_objectives_has_its_front_and_hypervolume(results: Path) -> None:
    settings = {"objectives": ["fitness", "parameters"], "reference_point": [3.0, 12.0]}
    run = read_tables(results, "runs").to_pylist()[0]
    run["settings"] = json.dumps({**SETTINGS, "strategy": {"name": "s", "settings": settings}})
    write_rows(results, "runs", run["run"], [run])
    comparison = compare(results, "b", ["b-t-s-s1"])
    [front] = comparison["tasks"][0]["fronts"]
    assert front["points"] == [
        {"candidate": "w000-00", "values": [1.0, 10.0]},
        {"candidate": "w000-01", "values": [2.0, 5.0]},
    ]
    assert front["hypervolume"] == 2 * 2 + 1 * 5  # left of the second point, and right of it
    comparison["tasks"][0]["loss_unit"] = "nats per frame"
    said = "s (seed 1): 2 on the front of fitness, parameters; hypervolume 9 within (3, 12)"
    assert said in summary(comparison)


def test_a_summary_shows_each_finalist_the_references_and_the_best_formulas(results: Path) -> None:
    comparison = compare(results, "b", ["b-t-s-s1"])
    comparison["tasks"][0]["loss_unit"] = "nats per frame"
    text = summary(comparison)
    assert "lstm" in text
    assert "s (seed 1, no. 2)" in text
    assert "reference: uni" in text
    assert "h' = tanh(gate1)" in text


def test_a_summary_names_the_id_of_each_finalist_and_what_to_do_with_it(results: Path) -> None:
    comparison = compare(results, "b", ["b-t-s-s1"])
    rows = comparison["tasks"][0]["rows"]
    text = summary(comparison, results)
    for row in rows:
        [line] = [line for line in text.splitlines() if line.startswith(f"  {cell_name(row)} ")]
        assert short_id(row["trial_id"]) in line
    again = f"gp-cells rerun {short_id(rows[1]['trial_id'])} --results {results}"
    assert again in text
    assert "gp-cells export" not in text  # there is no record to export from
    place = Path(trial_folder(*rows[1]["trial"].split("/"))).relative_to("results")
    record = results / place / "trial.h5"
    record.parent.mkdir(parents=True)
    record.touch()
    assert again.replace("rerun", "export") in summary(comparison, results)


def test_columns_of_a_table_are_as_wide_as_their_longest_word() -> None:
    assert aligned([["a", "1"], ["long", "22", "more"]]) == ["a      1", "long  22  more"]


def test_a_genome_is_found_by_the_start_of_its_id(results: Path) -> None:
    assert find_genome(results, "aa") == LSTM


def test_a_genome_is_found_by_a_trial_of_it(results: Path) -> None:
    trial = read_tables(results, "trials").to_pylist()[0]
    of = {row["architecture_id"]: row for row in read_tables(results, "architectures").to_pylist()}
    expected = of[trial["architecture_id"]]["genome"]
    assert find_genome(results, trial["trial_id"]) == expected


def test_a_genome_is_found_by_a_run_and_a_candidate() -> None:
    reference = ROOT / "results/reference"
    trial = read_tables(reference, "trials").to_pylist()[-1]
    by_id = find_genome(reference, trial["architecture_id"])
    assert find_genome(reference, f"{trial['run']}/{trial['candidate']}") == by_id


@pytest.mark.parametrize("start", ["a", "x"])
def test_an_id_that_fits_none_or_several_is_refused(results: Path, start: str) -> None:
    with pytest.raises(RecordError, match=r"architectures in .* are called so"):
        find_genome(results, start)


def test_an_unknown_table_is_refused_with_those_there_are(results: Path) -> None:
    with pytest.raises(RecordError, match="there is no table 'trails'; choose one of runs"):
        Results(results).table("trails")


def test_a_run_whose_folder_has_no_file_yet_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "runs", {})
    (tmp_path / "tables/runs/run=b-t-s-s2").mkdir()
    assert read_tables(tmp_path, "runs")["run"].to_pylist() == ["b-t-s-s1"]
