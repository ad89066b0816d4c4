"""What a release holds, and that others can use it."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import yaml
from prov.model import ProvDocument

from gp_cells import Results
from gp_cells.cli import main
from gp_cells.cli.command import GROUPS
from gp_cells.compare import compare
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.plan import read_plan
from gp_cells.exchange.release import publish, workflow
from gp_cells.exchange.release.crate import STEPS
from gp_cells.exchange.release.facts import Facts
from gp_cells.exchange.release.pages import citation
from gp_cells.tables.parquet import read_tables, write_rows
from gp_cells.tables.query import find_trial
from gp_cells.tables.schemas import SCHEMAS

RUN = "made_up-bach_chorales-gp-s1"
OF_MACHINES = {"host", "hardware_id", "file"}  # columns that a release has otherwise


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(folder: Path, table: str, *without: str) -> list[str]:
    """Return the rows of a table but for some columns, as text since NaN is not NaN."""
    found = read_tables(folder, table).drop_columns(list(without)).to_pylist()
    return sorted(map(repr, found))


def changed(results: Path, folder: Path, table: str, **values: Any) -> Path:
    """Copy the tables of gp's first run to a folder, with other values in all rows of one."""
    for name in SCHEMAS:
        found = read_tables(results, name, [RUN]).to_pylist()
        write_rows(folder, name, RUN, [{**r, **(values if name == table else {})} for r in found])
    return folder


# --- the bytes ------------------------------------------------------------------------------------


def test_the_same_tables_published_twice_are_the_same_bytes(
    results: Path, release: Path, tmp_path: Path
) -> None:
    publish(results, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(release)


def test_a_release_published_anew_is_the_same_bytes(release: Path, tmp_path: Path) -> None:
    publish(release, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(release)


def test_sha256sum_finds_every_file_as_it_was_published(release: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    said = subprocess.run(command, cwd=release, capture_output=True, text=True, check=True).stdout
    told = {line.removesuffix(": OK") for line in said.splitlines()}
    assert told | {"SHA256SUMS"} == contents(release).keys()


# --- how it is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["pandas", "polars", "DuckDB"])
def test_the_loader_of_the_readme_prints_every_run(release: Path, tool: str) -> None:
    text = (release / "README.md").read_text().partition(f"\n{tool}:\n\n")[2]
    code = re.match(r"(?:    .*\n)+", text)
    assert code is not None
    lines = [line.removeprefix("    ") for line in code.group().splitlines()]
    assert len(lines) == 3
    command = [sys.executable, "-c", "\n".join(lines)]
    said = subprocess.run(command, cwd=release, capture_output=True, text=True, check=True).stdout
    assert RUN[:20] in said


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_release_is_read_as_the_results_it_was_made_from(
    results: Path, release: Path, table: str
) -> None:
    without = sorted(OF_MACHINES & {*read_tables(results, table).column_names})
    assert rows(release, table, *without) == rows(results, table, *without)
    [counted] = Results(release).query(f"select count(*) as n from {table}").to_pylist()
    assert counted["n"] == read_tables(results, table).num_rows
    some = read_tables(release, table, [RUN])
    assert some.num_rows == read_tables(results, table, [RUN]).num_rows


def test_questions_and_comparisons_have_the_same_answers(results: Path, release: Path) -> None:
    assert Results(release).best().equals(Results(results).best())
    name = f"{RUN}/w001-00"
    assert Results(release).curve(name).equals(Results(results).curve(name))
    assert Results(release).lineage(name).equals(Results(results).lineage(name))
    runs = read_tables(results, "runs")["run"].to_pylist()
    assert compare(release, "made_up", runs) == compare(results, "made_up", runs)


def test_a_release_is_queried_in_a_folder_whose_name_looks_like_a_pattern(
    release: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(release, tmp_path / "it's [all] mine")
    runs = Results(folder).query("select run from runs order by run")
    assert runs["run"].to_pylist() == read_tables(release, "runs")["run"].to_pylist()


def test_the_units_meanings_and_directions_are_in_the_parquet_files(release: Path) -> None:
    field = read_tables(release, "curves").schema.field("valid_loss")
    assert field.metadata[b"unit"] == b"nats" and field.metadata[b"direction"] == b"minimised"
    assert field.metadata[b"description"]


def test_a_record_is_read_by_its_croissant_metadata(release: Path) -> None:
    data = mlcroissant.Dataset(str(release / "croissant.json"))
    first = next(iter(data.records("curves")))
    expected = read_tables(release, "curves").slice(0, 1).to_pylist()[0]
    assert first["curves/run"].decode() == expected["run"]
    assert first["curves/valid_loss"] == expected["valid_loss"]


# --- where it comes from --------------------------------------------------------------------------


def test_the_config_plans_the_runs_that_there_are_and_no_other(release: Path) -> None:
    config = yaml.safe_load((release / "configs/made_up.yaml").read_text())
    assert {*read_plan(config).runs} == {*read_tables(release, "runs")["run"].to_pylist()}


def test_a_strategy_that_ran_with_fewer_seeds_is_planned_with_those(
    results: Path, tmp_path: Path
) -> None:
    runs = [r for r in read_tables(results, "runs")["run"].to_pylist() if "random-s2" not in r]
    for table in SCHEMAS:
        for run in runs:
            write_rows(tmp_path, table, run, read_tables(results, table, [run]).to_pylist())
    publish(tmp_path, tmp_path / "release")
    config = yaml.safe_load((tmp_path / "release/configs/made_up.yaml").read_text())
    assert {*read_plan(config).runs} == {*runs}


def test_prov_says_who_was_derived_from_whom(release: Path) -> None:
    document = ProvDocument.deserialize(str(release / "prov.json"), format="json")
    kinds = [record.get_type().localpart for record in document.get_records()]
    assert kinds.count("Derivation") == read_tables(release, "lineage").num_rows > 0
    assert kinds.count("Entity") == read_tables(release, "candidates").num_rows


def test_the_phylogeny_has_the_parents_of_the_table_lineage(release: Path) -> None:
    with (release / "phylogeny.csv").open() as file:
        taxa = {row["id"]: row for row in csv.DictReader(file)}
    found = set()
    for row in taxa.values():
        for ancestor in row["ancestor_list"].strip("[]").split(","):
            if ancestor != "none":
                found.add((row["run"], row["candidate"], taxa[ancestor]["candidate"]))
    lineage = read_tables(release, "lineage").to_pylist()
    assert found == {(row["run"], row["child"], row["parent"]) for row in lineage}


def test_the_workflow_is_the_one_of_the_commit_that_made_the_trials() -> None:
    command = ["git", "-C", str(Path(__file__).parent), "rev-list", "--max-parents=0", "HEAD"]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    assert workflow(first) != workflow(None)
    with pytest.raises(RecordError, match="does not have; fetch it"):
        workflow("0" * 40)


def test_the_steps_of_the_crate_are_told_in_the_words_of_the_commands() -> None:
    assert {name: GROUPS["step"][name].sentence for name in STEPS} == STEPS


def test_several_commits_and_changed_code_are_told() -> None:
    trials = [
        {"git_commit": commit, "git_dirty": dirty} for commit, dirty in [("a", False), ("b", True)]
    ]
    for trial in trials:
        trial |= dict.fromkeys(
            ["gp_cells", "torch", "python", "engine", "compiler", "precision", "device", "threads"]
        )
    assert Facts({"trials": trials}).code == (
        "The code was of several commits `a` (1 trials) and `b` (1 trials); "
        "of these trials 1 ran with changes that are in no commit."
    )


def test_the_authors_that_are_named_are_cited(results: Path) -> None:
    found = {name: read_tables(results, name).to_pylist() for name in SCHEMAS}
    cited = yaml.safe_load(citation(Facts(found, ["Ada King Lovelace"])))
    assert cited["authors"] == [{"family-names": "Lovelace", "given-names": "Ada King"}]


# --- results only ---------------------------------------------------------------------------------


def test_no_file_names_the_host(results: Path, release: Path) -> None:
    [host] = {row["host"] for row in read_tables(results, "hardware").to_pylist()}
    assert {row["host"] for row in read_tables(release, "hardware").to_pylist()} == {"host-1"}
    told = [repr(read_tables(release, name).to_pylist()) for name in SCHEMAS]
    told += [c.decode() for path, c in contents(release).items() if not path.endswith(".parquet")]
    assert [text for text in told if host in text] == []


def test_hosts_are_numbered_in_the_order_in_which_trials_started_on_them(tmp_path: Path) -> None:
    from gp_cells.exchange.release.tables import _leave_out_machines

    machines = [{"hardware_id": name, "run": RUN, "host": name} for name in ("a", "b")]
    trials = [
        {"run": RUN, "candidate": "w000-00", "hardware_id": "a", "started_utc": "2026-02-01"},
        {"run": RUN, "candidate": "w000-01", "hardware_id": "b", "started_utc": "2026-01-01"},
    ]
    _leave_out_machines({"hardware": machines, "trials": trials, "runs": []})
    assert [machine["host"] for machine in machines] == ["host-2", "host-1"]
    assert [trial["hardware_id"] for trial in trials] == [m["hardware_id"] for m in machines]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/home/ada/peptides.csv",
            "/peptides.csv",
            "C:\\data\\peptides.csv",
            "C:/data/peptides.csv",
        ),
        *("../ada secret study/peptides.csv", "ada secret study/peptides.csv", "./peptides.csv"),
        *("~/ada/peptides.csv", "..\\ada\\peptides.csv", "ada\\peptides.csv", "peptides.csv"),
    ],
)
def test_a_data_file_of_the_settings_keeps_its_name_and_loses_its_folders(
    results: Path, tmp_path: Path, path: str
) -> None:
    run = read_tables(results, "runs", [RUN]).to_pylist()[0]
    settings = json.loads(run["settings"])
    settings["task"]["settings"]["file"] = path
    changed(results, tmp_path, "runs", settings=json.dumps(settings))
    publish(tmp_path, tmp_path / "release")
    [row] = read_tables(tmp_path / "release", "runs").to_pylist()
    assert json.loads(row["settings"])["task"]["settings"]["file"] == "peptides.csv"


@pytest.mark.parametrize("path", ["/home/ada/cell.cpp", "C:\\cells\\cell.cpp"])
def test_another_absolute_path_is_refused_with_its_place(
    results: Path, tmp_path: Path, path: str
) -> None:
    changed(results, tmp_path, "trials", reason=f"no compiler for '{path}'")
    with pytest.raises(RecordError, match=rf"trials.reason of {RUN}/r00-0-0: .* one machine"):
        publish(tmp_path, tmp_path / "release")
    assert not (tmp_path / "release").exists()


# --- the command ----------------------------------------------------------------------------------


def test_a_benchmark_that_is_not_there_is_refused_with_those_that_are(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--benchmark", "refrence", "--results", str(results)]
    assert main(["publish", str(tmp_path / "new"), *asked]) == 2
    assert "has no benchmark 'refrence'; it has made_up" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(results: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(SettingError, match="is there already"):
        publish(results, tmp_path)


def test_an_empty_folder_may_be_the_one_we_are_in(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    publish(release, Path())
    assert contents(tmp_path / "empty") == contents(release)


def test_results_without_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="has no runs"):
        publish(tmp_path, tmp_path / "new")


def test_the_command_says_how_much_it_wrote(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    named = ["--benchmark", "made_up", "--results", str(results)]
    assert main(["publish", str(folder), *named]) == 0
    count = sum(path.is_file() for path in folder.rglob("*"))
    assert re.fullmatch(rf"{folder}: {count} files, 0\.\d\d MB\n", capsys.readouterr().out)
    assert "gp-cells publish FOLDER --benchmark made_up" in (folder / "README.md").read_text()
    assert find_trial(folder, f"{RUN}/w000-00")["role"] == "search"
