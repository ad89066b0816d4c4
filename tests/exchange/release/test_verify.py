"""What was tampered with is found and named, however consistently it was done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from gp_cells.cli import main
from gp_cells.exchange.release import crate, sums, verify
from gp_cells.exchange.release.phylogeny import faults
from gp_cells.tables.parquet import read_tables, released_file
from gp_cells.tables.schemas import schema

ROOT = Path(__file__).parents[3]
RUN = "made_up-bach_chorales-gp-s1"


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    return shutil.copytree(release, tmp_path / "copy")


VALIDATORS = (verify.croissant.faults, verify.crate.faults)  # they take seconds


def found(release: Path, *slow: Callable[[Path], Any]) -> str:
    """Return what the quick checks and some slow ones find, one fault a line."""
    left_out = {*VALIDATORS} - {*slow}
    findings = [verify._find(release, *c) for c in verify.CHECKS if c[1] not in left_out]
    return "\n".join(f"{f.check}: {fault}" for f in findings for fault in f.faults)


def seal(release: Path, everywhere: bool = True) -> None:
    """Make the checksums those of the files, in the metadata too."""
    if everywhere:
        text = (release / "croissant.json").read_text()
        data = json.loads(text)
        for file in data["distribution"]:
            text = text.replace(file["sha256"], sums.digest(release / file["contentUrl"]))
        (release / "croissant.json").write_text(text)
        text = (release / crate.NAME).read_text()
        for path, digest in crate.hashes(text).items():
            text = text.replace(digest, sums.digest(release / path))
        (release / crate.NAME).write_text(text)
    (release / sums.NAME).write_text(sums.sums(release))


def change_row(release: Path, table: str, number: int, **values: Any) -> dict[str, Any]:
    """Give a row of a table other values, and return it as it was."""
    rows = read_tables(release, table).to_pylist()
    before = dict(rows[number])
    rows[number] |= values
    changed = pa.Table.from_pylist(rows, schema=schema(table))
    pq.write_table(changed, released_file(release, table))
    return before


def replace(release: Path, path: str, old: str, new: str) -> None:
    text = (release / path).read_text()
    assert old in text
    (release / path).write_text(text.replace(old, new, 1))


# --- as it was published --------------------------------------------------------------------------


def test_every_check_is_made_of_a_fresh_release_and_finds_nothing(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(release)]) == 0
    said = capsys.readouterr()
    assert [line[:10] for line in said.out.splitlines()] == ["ok        "] * len(verify.CHECKS)
    assert said.err == ""


def test_where_rows_are_made_anew_is_no_part_of_a_release(copy: Path) -> None:
    (copy / "reruns").mkdir()
    (copy / "reruns/config.json").write_text("{}")
    assert found(copy) == ""


@pytest.mark.parametrize("module", ["mlcroissant", "rocrate_validator", "cffconvert"])
def test_a_check_whose_validator_is_missing_says_how_to_install_it(
    release: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(
        verify.importlib.util,
        "find_spec",
        lambda name, spec=verify.importlib.util.find_spec: None if name == module else spec(name),
    )
    [check] = [check for check in verify.CHECKS if module in check[2]]
    missing = verify._find(release, *check)
    assert not missing.faults
    assert str(missing).startswith("not made ") and "pip install" in str(missing)


def test_a_folder_that_is_no_release_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "is no release" in capsys.readouterr().err


# --- without mending the checksums ----------------------------------------------------------------


def test_a_file_that_is_no_json_is_found_by_what_reads_it(copy: Path) -> None:
    (copy / crate.NAME).write_text("{")
    said = found(copy, verify.crate.faults)
    assert f"{crate.NAME} is not what its checksum says" in said
    assert "RO-Crate is a Provenance Run Crate: " in said


def test_one_changed_byte_of_any_file_is_found_and_named(copy: Path) -> None:
    listed = sums.read((copy / sums.NAME).read_text())
    for path in sums.paths(copy):
        content = bytearray((copy / path).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / path).write_bytes(content)
        assert [*sums.faults(copy, listed)] == [f"{path} is not what its checksum says"]
        content[len(content) // 2] ^= 1
        (copy / path).write_bytes(content)


def test_the_command_names_what_is_wrong_and_fails(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((copy / "tables/curves.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "tables/curves.parquet").write_bytes(content)
    assert main(["verify", str(copy)]) == 1
    assert "tables/curves.parquet is not what its checksum says" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", ["tables/test.parquet", "croissant.json", crate.NAME, "schema.json", "phylogeny.csv"]
)
def test_a_missing_file_is_found_and_named(copy: Path, path: str) -> None:
    (copy / path).unlink()
    assert f"{path} is missing" in found(copy)


def test_an_extra_file_is_found_and_named(copy: Path) -> None:
    (copy / "tables/extra.parquet").touch()
    assert "tables/extra.parquet is not in SHA256SUMS" in found(copy)


# --- with SHA256SUMS mended -----------------------------------------------------------------------


def test_a_changed_number_is_found_by_the_checksums_in_the_metadata(copy: Path) -> None:
    change_row(copy, "trials", 0, cpu_s=1.0)
    seal(copy, everywhere=False)
    said = found(copy)
    for where in ("croissant.json", crate.NAME):
        assert f"tables/trials.parquet is not the file that {where} describes" in said


# --- with every checksum mended -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "values", "rule"),
    [
        ("trials", {"fitness": 0.5}, "fitness is the least validation loss of the curve"),
        ("trials", {"best_epoch": 1}, "best_epoch is the first with that loss"),
        ("trials", {"epochs": 3}, "the curve has all epochs"),
        ("trials", {"architecture_id": "0" * 32}, "the row of architectures"),
        ("trials", {"hardware_id": "0" * 32}, "the row of hardware"),
        ("candidates", {"fitness": 0.5}, "architecture, status and fitness are the trial's"),
        ("candidates", {"best_so_far": 0.5}, "best_so_far is the least fitness so far"),
        ("candidates", {"trial_id": "0" * 32}, "the row of trials"),
        ("curves", {"valid_loss": 0.5}, "fitness is the least validation loss of the curve"),
        ("curves", {"trial_id": "0" * 32}, "the row of trials"),
        ("curves", {"epoch": 2}, "run, trial_id, epoch is there and unique"),
        ("lineage", {"parent": "w001-03"}, "a parent is of an earlier wave"),
        ("lineage", {"parent": "w009-00"}, "the row of candidates"),
        ("test", {"seed": 1}, "what was tested are the chosen trials"),
        ("runs", {"waves": 2}, "there are as many candidates as planned"),
        ("runs", {"run": "another"}, "the row of runs with this run is there"),
    ],
)
def test_a_number_that_does_not_fit_the_others_is_found(
    copy: Path, table: str, values: dict[str, Any], rule: str
) -> None:
    change_row(copy, table, 0, **values)
    [*said] = verify.check_rules(copy)
    assert [
        fault for fault in said if fault.startswith((table, "trials", "runs")) and rule in fault
    ]


def test_a_fitness_is_found_and_its_trial_named_though_every_checksum_fits(copy: Path) -> None:
    before = change_row(copy, "trials", 0, fitness=0.5)
    seal(copy)
    said = found(copy)
    assert "checksum" not in said
    assert f"first run {before['run']}, candidate {before['candidate']}, fitness 0.5" in said


def test_a_missing_row_is_found(copy: Path) -> None:
    kept = read_tables(copy, "trials").slice(1)
    pq.write_table(kept, released_file(copy, "trials"))
    assert any("as many trials as planned" in fault for fault in verify.check_rules(copy))


def test_a_search_that_its_budget_ended_has_whole_waves_and_no_more(copy: Path) -> None:
    last = read_tables(copy, "runs").to_pylist()[-1]
    settings = json.loads(last["settings"])
    settings["search"] |= {"waves": 9, "budget": {"epochs": 9}}
    row = read_tables(copy, "runs").num_rows - 1
    change_row(copy, "runs", row, waves=9, settings=json.dumps(settings))
    assert list(verify.check_rules(copy)) == []

    trials = read_tables(copy, "trials")
    missing = trials["run"].to_pylist().index(last["run"])
    kept = pa.concat_tables([trials.slice(0, missing), trials.slice(missing + 1)])
    pq.write_table(kept, released_file(copy, "trials"))
    assert any("as many trials as planned" in fault for fault in verify.check_rules(copy))


def test_a_missing_test_loss_is_found(copy: Path) -> None:
    kept = read_tables(copy, "test").slice(1)
    pq.write_table(kept, released_file(copy, "test"))
    assert any("what was tested" in fault for fault in verify.check_rules(copy))


def test_a_row_that_does_not_fit_the_json_schema_is_named(copy: Path) -> None:
    fields = schema("runs").remove_metadata()
    rows = read_tables(copy, "runs").to_pylist()
    rows[0]["run"] = None
    pq.write_table(pa.Table.from_pylist(rows, fields), released_file(copy, "runs"))
    assert next(verify.check_rows(copy)).startswith("runs, row None: None is not of type 'string'")


def test_a_host_or_a_path_is_found(copy: Path) -> None:
    change_row(copy, "hardware", 0, host="gandalf")
    change_row(copy, "trials", 0, reason="see /home/ada/log.txt")
    told = "\n".join(verify.check_machines(copy))
    assert "'gandalf' is no number" in told and "'/home/ada/log.txt'" in told


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("DICTIONARY.md", "nats", "bits", "DICTIONARY.md is not what the columns"),
        ("schema.json", '"nats"', '"bits"', "schema.json is not what the columns"),
        ("phylogeny.csv", "[none]", "[999999]", "0 descends from '999999', which is not there"),
        ("phylogeny.csv", ",sample,", ",cross,", "phylogeny.csv is not what the tables"),
        ("prov.json", '"prov:usedEntity": "gpc:', '"prov:usedEntity": "gpc:x', "only prov.json"),
        ("CITATION.cff", "cff-version: 1.2.0", "cff-version: 1", "CITATION.cff, cff-version: '1'"),
        ("configs/made_up.yaml", "- 2\n", "- 3\n", "no config plans the run made_up"),
    ],
)
def test_a_page_that_says_otherwise_is_found_though_every_checksum_fits(
    copy: Path, path: str, old: str, new: str, said: str
) -> None:
    replace(copy, path, old, new)
    seal(copy)
    assert said in found(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"column": "run"', '"column": "walk"'), ('"cr:FileObject"', '"cr:File"')],
)
def test_croissant_metadata_that_does_not_fit_the_tables_or_the_format_is_found(
    copy: Path, old: str, new: str
) -> None:
    replace(copy, "croissant.json", old, new)
    seal(copy)
    assert "Croissant is valid, and records can be read: " in found(copy, verify.croissant.faults)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"programmingLanguage"', '"inLanguage"', "must refer to its language"),
        ('"instrument"', '"participant"', "MUST have an instrument"),
        ("/wfrun/provenance/", "/wfrun/somewhere/", "permalink of the Provenance Run Crate"),
    ],
)
def test_a_crate_against_its_profile_is_found(copy: Path, old: str, new: str, said: str) -> None:
    text = (copy / crate.NAME).read_text()
    (copy / crate.NAME).write_text(text.replace(old, new))
    seal(copy)
    assert said in found(copy, verify.crate.faults)


# --- phylogenies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('0,[none],0\n1,[0],1\n2,"[0,1]",2\n', []),
        ("0,[none],0\n0,[none],0\n", ["ids are not unique whole numbers"]),
        ("a,[none],0\n", ["ids are not unique whole numbers"]),
        ("0,[1],0\n", ["0 descends from '1', which is not there"]),
        ("0,[none],1\n1,[0],1\n", ["1 descends from 0, which is no older"]),
        ("0,[0],1\n", ["0 descends from 0, which is no older", "0 ← 0 is a cycle"]),
    ],
)
def test_a_phylogeny_is_held_against_the_rules_of_the_standard(rows: str, said: list[str]) -> None:
    assert [*faults(f"id,ancestor_list,origin_time\n{rows}")] == said


def test_a_phylogeny_without_a_required_column_is_refused() -> None:
    assert [*faults("id,origin_time\n0,0\n")] == ["there is no column ancestor_list"]


# --- the project itself ---------------------------------------------------------------------------


def test_the_citation_of_the_project_is_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    assert [*verify.check_citation(tmp_path)] == []


def test_the_json_schema_refuses_a_column_that_is_not_in_it(release: Path) -> None:
    definition = json.loads((release / "schema.json").read_text())["$defs"]["test"]
    row = read_tables(release, "test").slice(0, 1).to_pylist()[0]
    validator: Callable[[Any], None] = jsonschema.Draft202012Validator(definition).validate
    validator(row)
    with pytest.raises(jsonschema.ValidationError):
        validator({**row, "speed": 1})


def test_the_version_of_the_project_is_the_one_it_is_cited_by() -> None:
    import tomllib

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
