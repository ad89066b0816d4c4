"""SQL over the tables, and the questions that are asked most, with answers worked out by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gp_cells import Results
from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.tables.parquet import write_rows
from gp_cells.tables.query import find_trial
from gp_cells.tables.schemas import SCHEMAS, schema

ROOT = Path(__file__).parents[2]
GP, RANDOM = "b-notes-gp-s1", "b-text-random-s1"
LOST = 2.0  # of the trial whose learning rate was not chosen

# (candidate, architecture, role, chosen, fitness), of gp's run
TRIALS = [
    ("w000-00", "aa", "search", None, 4.0),
    ("w000-01", "bb", "search", None, 3.5),
    ("w001-00", "cc", "search", None, 3.0),
    ("w001-01", "dd", "search", None, None),
    ("w002-00", "aa", "search", None, 3.75),
    ("r00-0-0", "cc", "replicate", True, 3.25),
    ("r00-0-1", "cc", "replicate", True, 3.5),
    ("r00-1-0", "cc", "replicate", False, LOST),
    ("r01-0-0", "bb", "replicate", True, 2.5),
    ("r01-0-1", "bb", "replicate", True, None),
]
PARENTS = [  # (child, parent, parent_number)
    ("w001-00", "w000-01", 0),
    ("w001-00", "w000-00", 1),
    ("w002-00", "w001-00", 0),
    ("w002-00", "w000-01", 1),
]
SIZES = {"aa": 100, "bb": 200, "cc": 300, "dd": 50}


def write(results: Path, run: str, table: str, rows: list[dict[str, Any]]) -> None:
    empty = dict.fromkeys(schema(table).names)
    write_rows(results, table, run, [{**empty, "run": run, **row} for row in rows])


def write_run(results: Path, run: str, trials: list[tuple[Any, ...]]) -> None:
    """Write a run's tables with nothing in them but what the answers depend on."""
    _, task, strategy, _ = run.split("-")
    write(results, run, "runs", [{"task": task, "strategy": strategy}])
    architectures = [
        {"architecture_id": a, "network_parameters": n, "genome": f"genome {a}"}
        for a, n in SIZES.items()
    ]
    write(results, run, "architectures", architectures)
    rows = [
        {"candidate": c, "architecture_id": a, "role": role, "chosen": chosen, "fitness": fitness}
        | {"trial_id": f"{i:02d}" * 16 if run == GP else "f" * 32, "learning_rate": 0.01}
        | {"parameters": SIZES[a], "network_parameters": 10 * SIZES[a]}
        for i, (c, a, role, chosen, fitness) in enumerate(trials)
    ]
    write(results, run, "trials", rows)
    searched = [row for row in rows if row["role"] == "search"]
    named = ("candidate", "architecture_id", "fitness", "trial_id")
    write(
        results,
        run,
        "candidates",
        [{key: r[key] for key in named} | {"wave": int(r["candidate"][1:4])} for r in searched],
    )
    curves = [
        {"trial_id": row["trial_id"], "epoch": epoch, "valid_loss": float(10 - epoch)}
        for row in rows
        for epoch in (2, 1, 3)
    ]
    write(results, run, "curves", curves)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("it's [all] made up")
    write_run(folder, GP, TRIALS)
    write_run(folder, RANDOM, [("w000-00", "aa", "search", None, 9.0)])
    edges = [{"child": c, "parent": p, "parent_number": n} for c, p, n in PARENTS]
    write(folder, GP, "lineage", edges)
    return folder


# --- SQL ------------------------------------------------------------------------------------------


def test_every_table_is_a_view_with_the_columns_of_the_dictionary(results: Path) -> None:
    written = [name for name in SCHEMAS if (results / "tables" / name).exists()]
    assert len(written) == 6
    for name in written:
        answer = Results(results).query(f"select * from {name}")
        assert sorted(answer.column_names) == sorted(schema(name).names)
        assert answer.column_names[0] == "run"


def test_a_run_whose_folder_has_no_file_yet_is_not_in_the_views(
    results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path / "results")
    (tmp_path / "results/tables/runs/run=b-text-random-s2").mkdir()
    runs = Results(tmp_path / "results").query("select run from runs order by run")
    assert runs["run"].to_pylist() == [GP, RANDOM]


def test_a_run_called_like_a_number_stays_a_text(tmp_path: Path) -> None:
    write(tmp_path, "2024", "runs", [{"task": "notes"}])
    assert Results(tmp_path).query("select run from runs")["run"].to_pylist() == ["2024"]


def test_the_command_prints_a_table(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert query(results, "select task, count(*) as n from runs group by task") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["│", "notes", "│", "1", "│"] in rows and ["│", "task", "│", "n", "│"] in rows


def test_a_table_in_a_pipe_has_all_rows_and_all_columns(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = ", ".join(f"'{'x' * 30}' as column_{i}" for i in range(30))
    assert query(results, f"select {wide}, i from range(12000) t(i)") == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert "column_29" in head and len(rows) == 12000 and rows[-1].endswith("11999 │")
    assert "…" not in rows[0]


def test_a_pipe_that_is_closed_is_no_fault(results: Path) -> None:
    command = [sys.executable, "-m", "gp_cells", "query", "from range(100000)"]
    with subprocess.Popen(
        [*command, "--results", str(results)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_the_command_prints_all_rows_as_csv(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "select candidate, fitness from trials where architecture_id = 'dd' or fitness = 9"
    assert query(results, sql + " order by fitness", "--format", "csv") == 0
    assert capsys.readouterr().out == "candidate,fitness\nw000-00,9.0\nw001-01,\n"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selec 1", ["syntax error", "selec"]),
        ("select * from trails", ["trails does not exist", "trials"]),
        ("select speed from trials", ["speed", "not found"]),
        ("select error('dividing')", ["dividing"]),
        ("-- nothing", ["no SQL to answer"]),
    ],
)
def test_sql_that_cannot_be_answered_is_refused_in_one_line(
    results: Path, capsys: pytest.CaptureFixture[str], sql: str, words: list[str]
) -> None:
    assert query(results, sql) == 2
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert line.startswith("gp-cells query: ") and not said.out
    assert [word for word in words if word not in line] == []
    with pytest.raises(SettingError):
        Results(results).query(sql)


@pytest.mark.parametrize("folder", ["", "none"])
def test_a_folder_without_tables_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    assert query(tmp_path / folder, "select 1") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("has no tables; run a benchmark to its end first")


def test_a_broken_file_is_refused_in_one_line_that_names_it(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(results, tmp_path / "results")
    broken = tmp_path / f"results/tables/trials/run={RANDOM}/part.parquet"
    broken.write_bytes(broken.read_bytes()[:100])
    assert query(tmp_path / "results", "select * from trials") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert str(broken) in line


def test_a_query_from_the_shell_says_nothing_beside_its_answer_and_imports_nothing_heavy(
    results: Path,
) -> None:
    program = (
        "import sys; from gp_cells.cli import main; status = main(sys.argv[1:])\n"
        "assert not {'torch', 'deap', 'pyarrow', 'numpy'} & sys.modules.keys()\n"
        "sys.exit(status)"
    )
    sql = ["query", "select count(*) as n from trials", "--format", "csv"]
    done = subprocess.run(
        [sys.executable, "-c", program, *sql, "--results", str(results)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"n\n{len(TRIALS) + 1}\n", "")


def query(results: Path, sql: str, *options: str) -> int:
    return main(["query", sql, "--results", str(results), *options])


# --- the flat view, and what columns mean ---------------------------------------------------------


def test_results_join_what_most_questions_ask_for(tmp_path: Path) -> None:
    trials = [
        ("w000-00", "aa", "search", None, 4.0),
        ("r00-1-2", "aa", "replicate", True, 3.0),
    ]
    write_run(tmp_path, GP, trials)
    final = {"seeds": [101, 102, 103], "learning_rate_factors": [0.5, 2.0]}
    told = {"finalists": final, "data": {"targets": {"train": 70, "valid": 20}}}
    told["task"] = {"settings": {"recipe": {"learning_rate": 0.01}}}
    run = {"benchmark": "b", "task": "notes", "strategy": "gp", "seed": 7}
    write(tmp_path, GP, "runs", [{**run, "settings": json.dumps(told)}])
    bred = {"candidate": "w000-00", "architecture_id": "aa", "operator": "shrink+cross+insert"}
    write(tmp_path, GP, "candidates", [bred])
    tested = {"trial_id": "01" * 16, "test_loss": 3.5, "test_error": 0.25}
    write(tmp_path, GP, "test", [tested])

    searched, replicate = (
        Results(tmp_path).query("from results order by role desc, candidate").to_pylist()
    )
    shared = {"benchmark": "b", "task": "notes", "strategy": "gp", "search_seed": 7}
    shared |= {"parameters": 100, "network_parameters": 1000, "train_targets": 70}
    assert searched.items() >= {**shared, "seed": 7, "rate_factor": 1.0}.items()
    assert searched["operators"] == "cross+insert+shrink"
    assert (searched["valid_loss"], searched["test_loss"]) == (4.0, None)
    assert replicate.items() >= {**shared, "seed": 103, "rate_factor": 2.0}.items()
    assert (replicate["valid_loss"], replicate["test_loss"]) == (3.0, 3.5)
    assert (replicate["test_error"], replicate["valid_targets"]) == (0.25, 20)


def test_each_column_of_each_table_and_view_says_what_it_means() -> None:
    reference = Results(ROOT / "results/reference")
    told = reference.query("from columns").to_pylist()

    of_tables = {(name, column) for name in SCHEMAS for column in schema(name).names}
    of_views = {
        (view, name)
        for view in ("results", "texts")
        for name in reference.query(f"from {view} limit 0").column_names
    }
    assert {(row["table_name"], row["column_name"]) for row in told} == of_tables | of_views
    assert all(row["description"] and row["type"] for row in told)
    loss = next(row for row in told if row["column_name"] == "test_loss")
    assert (loss["unit"], loss["direction"]) == ("nats", "minimised")


def test_results_have_each_trial_of_a_published_set_once() -> None:
    reference = Results(ROOT / "results/reference")
    sql = "select count(*) as n, count(distinct run || candidate) as named from {}"
    trials = reference.query(sql.format("trials")).to_pylist()

    assert reference.query(sql.format("results")).to_pylist() == trials
    seeds = reference.query("select distinct seed from results where chosen order by seed")
    assert seeds["seed"].to_pylist() == [101, 102, 103]


# --- which trial ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [f"{GP}/w002-00", "04" * 16, "040404"])
def test_a_trial_is_found_by_run_and_candidate_or_by_the_start_of_its_id(
    results: Path, name: str
) -> None:
    found = find_trial(results, name)
    assert (found["run"], found["candidate"]) == (GP, "w002-00")
    assert found.keys() == set(schema("trials").names)


@pytest.mark.parametrize("name", ["w002-00", f"{GP}/w009-99", "0", "04040", "040409"])
def test_a_name_that_is_no_single_trial_is_refused(results: Path, name: str) -> None:
    with pytest.raises(RecordError, match=r"trials in .* give a run and a candidate"):
        find_trial(results, name)


# --- the questions asked most ---------------------------------------------------------------------


def test_a_curve_is_that_of_the_trial_by_epoch(results: Path) -> None:
    curve = Results(results).curve(f"{GP}/w002-00")
    assert curve["epoch"].to_pylist() == [1, 2, 3]
    assert curve["valid_loss"].to_pylist() == [9.0, 8.0, 7.0]
    assert set(curve["trial_id"].to_pylist()) == {"04" * 16}


def test_finalists_are_ranked_by_mean_validation_loss_above_what_the_search_alone_trained(
    results: Path,
) -> None:
    best = Results(results).best(task="notes").to_pylist()
    told = ("architecture_id", "role", "valid_loss", "seeds", "failed", "candidate")
    assert [tuple(row[key] for key in told) for row in best] == [
        ("cc", "replicate", 3.375, 2, 0, "r00-0-0"),  # not 2.0, of a rate that was not chosen
        ("bb", "replicate", 2.5, 2, 1, "r01-0-0"),
        ("aa", "search", 3.875, 2, 0, "w002-00"),  # of the search alone, so below all finalists
    ]


def test_the_best_are_of_one_task_or_all_and_no_larger_than_asked(results: Path) -> None:
    everything = Results(results).best()
    assert everything["task"].to_pylist() == ["notes", "notes", "notes", "text"]
    small = Results(results).best(max_params=200)
    assert small["architecture_id"].to_pylist() == ["bb", "aa", "aa"]
    assert small["parameters"].to_pylist() == [200, 100, 100]  # the cell's, as in summaries
    assert Results(results).best(task="text", max_params=99).num_rows == 0


def test_a_task_that_no_run_has_is_refused_with_those_there_are(results: Path) -> None:
    with pytest.raises(RecordError, match="there is no task 'bach'; choose one of notes, text"):
        Results(results).best(task="bach")


def test_the_lineage_has_each_ancestor_once_by_its_nearest_generation(results: Path) -> None:
    lineage = Results(results).lineage(f"{GP}/w002-00").to_pylist()
    assert [(row["generation"], row["candidate"], row["parents"]) for row in lineage] == [
        (0, "w002-00", ["w001-00", "w000-01"]),
        (1, "w000-01", None),
        (1, "w001-00", ["w000-01", "w000-00"]),
        (2, "w000-00", None),
    ]
    assert [row["genome"] for row in lineage] == [f"genome {a}" for a in ("aa", "bb", "cc", "aa")]


def test_the_lineage_of_a_replicate_is_that_of_its_architecture_in_the_search(
    results: Path,
) -> None:
    lineage = Results(results).lineage(f"{GP}/r00-0-1")
    assert lineage["candidate"].to_pylist() == ["w001-00", "w000-00", "w000-01"]
