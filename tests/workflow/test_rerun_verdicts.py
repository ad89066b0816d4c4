"""Which trials are made anew, from what, and the words for how they came out."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.specs import make_protocol
from support.tiny import TINY

from gp_cells.cli import main
from gp_cells.config.checkout import find_profile
from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_json
from gp_cells.config.plan import config_of, read_plan, trial_folder
from gp_cells.config.records import RunSettings, settings_from
from gp_cells.config.typed_json import encode
from gp_cells.plugins import fill_in
from gp_cells.tables.parquet import write_rows
from gp_cells.tables.schemas import SCHEMAS
from gp_cells.workflow.rerun import (
    TOLERANCE,
    StoredRow,
    Verdict,
    compare_curves,
    configs,
    label,
    lay_out,
    made_otherwise,
    sample_trials,
    summary,
)
from gp_cells.workflow.tabulate import run_row

DATA = make_protocol().data
CONDITIONS = {
    **{"gp_cells": "0.1.0", "git_commit": "abc", "git_dirty": False, "torch": "2.13.0"},
    **{"python": "3.11.2", "engine": "compiled", "compiler": "g++ 12.2.0", "device": "cpu"},
    **{"threads": 1, "cpu": "A processor", "cpu_capability": "AVX2", "gpu": None},
}


def curve(*valid: float, train: float = 1.0) -> list[dict[str, Any]]:
    """Return a curve with these validation losses."""
    return [
        {"epoch": i + 1, "train_loss": train, "valid_loss": loss} for i, loss in enumerate(valid)
    ]


# --- words ----------------------------------------------------------------------------------------


def test_the_same_bits_are_identical() -> None:
    word, reason = compare_curves("ok", curve(3.0, 2.5), "ok", curve(3.0, 2.5))
    assert (word, reason) == ("identical", "ok, 2 epochs")


def test_a_loss_that_is_not_a_number_both_times_is_identical() -> None:
    same = curve(3.0, math.nan)
    assert compare_curves("diverged", same, "diverged", curve(3.0, math.nan))[0] == "identical"


def test_the_last_bit_of_one_loss_is_not_identical() -> None:
    word, reason = compare_curves("ok", curve(3.0, 2.5), "ok", curve(3.0, math.nextafter(2.5, 3)))
    assert word == "within tolerance"
    assert "curves part in epoch 2: validation loss 2.5 then, 2.5000000000000004 now" in reason


def test_a_training_loss_alone_is_enough_to_part() -> None:
    word, reason = compare_curves("ok", curve(3.0), "ok", curve(3.0, train=1.5))
    assert word == "within tolerance"
    assert "curves part in epoch 1: training loss 1.0 then, 1.5 now" in reason


@pytest.mark.parametrize(
    ("share", "word"), [(0.9, "within tolerance"), (1.1, "different")], ids=["below", "above"]
)
def test_the_tolerance_is_a_share_of_the_stored_loss_in_the_worst_epoch(
    share: float, word: str
) -> None:
    new = curve(3.0, 2.0 * (1 + share * TOLERANCE), 1.5)
    said, reason = compare_curves("ok", curve(3.0, 2.0, 1.5), "ok", new)
    assert said == word
    assert "epoch 2: validation loss 2.0 then" in reason
    assert f"tolerance {TOLERANCE:g}" in reason


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_near_to_no_other(loss: float) -> None:
    assert compare_curves("ok", curve(3.0), "ok", curve(loss))[0] == "different"


def test_another_status_is_different_and_says_where_the_curves_part() -> None:
    word, reason = compare_curves("ok", curve(3.0, 2.5), "diverged", curve(3.0, 9.0))
    assert word == "different"
    assert "ended ok then, diverged now" in reason
    assert "part in epoch 2: validation loss 2.5 then, 9.0 now" in reason


def test_a_curve_that_ends_earlier_is_different() -> None:
    word, reason = compare_curves("stopped_early", curve(3.0, 2.5), "stopped_early", curve(3.0))
    assert (word, reason) == ("different", "2 epochs then, 1 now")


def test_what_was_made_otherwise_is_named_with_both_values() -> None:
    now = {**CONDITIONS, "torch": "2.14.0", "cpu": "Another processor", "threads": 2}
    assert list(made_otherwise(CONDITIONS, now)) == [
        "torch 2.13.0 then, 2.14.0 now",
        "threads 1 then, 2 now",
        "cpu A processor then, Another processor now",
    ]


def test_other_vector_instructions_are_named_where_both_are_recorded() -> None:
    other = {**CONDITIONS, "cpu_capability": "DEFAULT"}
    assert list(made_otherwise(CONDITIONS, other)) == ["cpu_capability AVX2 then, DEFAULT now"]
    assert not list(made_otherwise({**CONDITIONS, "cpu_capability": None}, other))


def test_code_in_no_commit_is_said_even_if_both_records_say_so() -> None:
    dirty = {**CONDITIONS, "git_dirty": True}
    assert list(made_otherwise(dirty, dirty)) == ["code that is in no commit, both times"]


def test_a_difference_without_a_cause_on_record_is_said_to_have_none() -> None:
    assert "nothing on record was made otherwise" in str(Verdict("r/w000-00", "different", "…"))
    assert "otherwise" not in str(Verdict("r/w000-00", "identical", "…"))


def test_the_summary_counts_every_word() -> None:
    words = ["identical", "identical", "different", "not made"]
    assert summary([Verdict("r/w000-00", word, "") for word in words]) == (
        "4 trials reproduced: 2 identical, 0 within tolerance, 1 different, 1 not made"
    )


# --- which trials ---------------------------------------------------------------------------------


def settings_of(config: dict[str, Any], run: str) -> RunSettings:
    """Return a run's settings as `gp-cells step settings` writes them."""
    return settings_from(fill_in(read_plan(config).runs[run].config), DATA, ())


@pytest.fixture
def results(tiny: dict[str, Any], made_rows: Any, tmp_path: Path) -> Path:
    """Tables of a run with twelve trials."""
    write_rows(tmp_path, "trials", "tiny-bach-gp-s1", made_rows("tiny-bach-gp-s1", 12))
    write_rows(tmp_path, "runs", "tiny-bach-gp-s1", [run_row(settings_of(tiny, "tiny-bach-gp-s1"))])
    return tmp_path


@pytest.fixture
def made_rows() -> Any:
    """Return a function that makes up rows of `trials`."""

    def make(run: str, count: int) -> list[dict[str, Any]]:
        empty = dict.fromkeys(TRIAL_COLUMNS)
        return [
            {**empty, "run": run, "candidate": f"w000-{i:02d}", "trial_id": f"{i:02d}" * 16}
            for i in range(count)
        ]

    return make


TRIAL_COLUMNS = [name for name, *_ in SCHEMAS["trials"]]


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another(results: Path) -> None:
    def drawn(seed: int) -> list[str]:
        return [label(row) for row in sample_trials(results, 5, seed)]

    assert drawn(1) == drawn(1)
    assert len(set(drawn(1))) == 5
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1


def test_a_sample_of_more_than_there_are_is_all(results: Path) -> None:
    assert len(sample_trials(results, 99, 1)) == len(sample_trials(results, None, 1)) == 12


def test_a_sample_of_none_is_refused(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rerun", "--results", str(results), "--all", "--sample", "0"]) == 2
    assert "--sample" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["rerun 070707", "publish new"])
def test_what_needs_the_workflow_says_so_where_there_is_none(
    results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setattr("gp_cells.config.checkout.HERE", tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main([*command.split(), "--results", str(results)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    needs = f"{command.split()[0]} needs the workflow, and this package is without one in"
    assert needs in line and str(tmp_path) in line and "clone gp-cells" in line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("arguments", [[], ["--all", "070707"], ["070707", "--sample", "3"]])
def test_rerun_wants_one_trial_or_all(
    results: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rerun", "--results", str(results), *arguments]) == 2
    assert "name one trial, or give --all" in capsys.readouterr().err


# --- from what ------------------------------------------------------------------------------------


def stored(config: dict[str, Any], run: str, candidate: str = "w000-00") -> StoredRow:
    """Return a trial as the tables might have it."""
    row = {
        **{"run": run, "candidate": candidate, "architecture_id": "0" * 32, "trial_id": "1" * 32},
        **{
            "learning_rate": 0.003,
            "seed": 7,
            "finalist": None,
            "recipe": None,
            "learned": None,
            "control": None,
        },
    }
    architecture = {
        **{"genome": "h' = tanh(gate1)", "parameters": 10, "multiply_adds": 10, "nodes": 2},
    }
    return StoredRow(row, settings_of(config, run), architecture, [], {})


def test_a_config_made_from_settings_plans_the_run_they_came_from(tiny: dict[str, Any]) -> None:
    settings = settings_of(tiny, "tiny-bach-gp-s1")
    plan = read_plan(config_of([settings.config]))
    assert list(plan.runs) == ["tiny-bach-gp-s1"]
    assert settings_from(fill_in(plan.runs["tiny-bach-gp-s1"].config), DATA, ()) == settings


def test_runs_of_one_benchmark_are_made_anew_together(tiny: dict[str, Any]) -> None:
    tiny["seeds"] = [1, 2]
    tiny["strategies"]["random"] = {**tiny["strategies"]["gp"], "name": "random"}
    runs = list(read_plan(tiny).runs)
    [(config, members)] = configs([stored(tiny, run) for run in runs])
    assert [trial.row["run"] for trial in members] == runs
    assert set(read_plan(config).runs) == set(runs)


def test_runs_under_other_protocols_are_made_anew_apart(tiny: dict[str, Any]) -> None:
    other = copy.deepcopy(tiny)
    other["training"]["threads"] = 2
    another = copy.deepcopy(tiny)
    another["seeds"] = [2]
    another["tasks"]["bach"]["settings"]["part"] = 0.1
    trials = [
        stored(tiny, "tiny-bach-gp-s1"),
        stored(other, "tiny-bach-gp-s1"),
        stored(another, "tiny-bach-gp-s2"),
    ]
    assert [len(members) for _, members in configs(trials)] == [1, 1, 1]


def test_the_command_names_the_trials_and_lends_them_the_data_that_is_there(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "data/tiny-bach").mkdir(parents=True)
    (tmp_path / "data/tiny-bach/search.npz").touch()
    trial = stored(tiny, "tiny-bach-gp-s1", "r00-0-0")
    [(config, members)] = configs([trial])
    command = lay_out(tmp_path, config, members, "profiles/slurm")
    assert command[:3] == ["snakemake", "--profile", "profiles/slurm"]
    assert command[command.index("--snakefile") + 1].endswith("rules/rerun.smk")
    made = "results/runs/tiny-bach-gp-s1/replicates/00-0-0/fitness.json"
    assert command[-4:] == ["--allowed-rules", "train", "--force", made]  # and never `prepare`
    lent = tmp_path / "reruns/results/data/tiny-bach"
    assert lent.resolve() == (tmp_path / "data/tiny-bach").resolve()
    assert read_json(tmp_path / "reruns" / trial.place / "genome.json") == encode(trial.spec)


def test_data_that_is_not_there_is_left_to_the_rule_that_prepares_it(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    [(config, members)] = configs([stored(tiny, "tiny-bach-gp-s1")])
    command = lay_out(tmp_path, config, members, "profiles/local")
    assert not (tmp_path / "reruns/results/data").exists()
    assert command[-5:-2] == ["--allowed-rules", "prepare", "train"]


def test_an_outcome_of_an_earlier_time_is_not_taken_for_the_new_one(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    [(config, members)] = configs([stored(tiny, "tiny-bach-gp-s1")])
    place = tmp_path / "reruns" / members[0].place
    place.mkdir(parents=True)
    for name in ("fitness.json", "trial.h5", "checkpoint.h5"):
        (place / name).touch()
    lay_out(tmp_path, config, members, "profiles/local")
    assert {path.name for path in place.iterdir()} == {"checkpoint.h5", "genome.json"}


@pytest.mark.parametrize(
    ("candidate", "place"), [("w003-07", "waves/003/07"), ("r00-1-0", "replicates/00-1-0")]
)
def test_a_candidate_tells_its_folder(candidate: str, place: str) -> None:
    run = read_plan(TINY).runs["tiny-bach-gp-s1"]
    assert trial_folder(run.name, candidate) == f"{run.folder}/{place}"


def test_settings_that_the_code_no_longer_takes_are_refused(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    trial = stored(tiny, "tiny-bach-gp-s1")
    training = dataclasses.replace(trial.settings.training, engine="steam")
    settings = dataclasses.replace(trial.settings, training=training)
    trial = dataclasses.replace(trial, settings=settings)
    [(config, members)] = configs([trial])
    with pytest.raises(SettingError, match="steam"):
        lay_out(tmp_path, config, members, "profiles/local")


# --- on what data ---------------------------------------------------------------------------------


@pytest.fixture
def own(tiny: dict[str, Any]) -> StoredRow:
    """A trial on a file of one's own, of which no data are left."""
    settings = {"file": "my data/x.csv", "inputs": "symbols", "input": ["text"]}
    tiny["tasks"]["bach"] = {
        "name": "own_data",
        "settings": {**settings, "targets": "classes", "target": ["class"]},
    }
    return stored(tiny, "tiny-bach-gp-s1")


def file_in(command: list[str]) -> str:
    """Return the file that the config of a command names."""
    config = read_json(Path(command[command.index("--configfile") + 1]))
    return str(config["tasks"]["bach"]["settings"]["file"])


def test_a_relative_file_is_sought_where_the_command_was_started(
    own: StoredRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [(config, members)] = configs([own])
    wanted = own.settings.data.hash
    with pytest.raises(
        SettingError, match=f"my data/x.csv.*--file .wanted are data of hash {wanted}"
    ):
        lay_out(tmp_path / "results", config, members, "profiles/local")
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data/x.csv").touch()
    command = lay_out(tmp_path / "results", config, members, "profiles/local")
    assert file_in(command) == str(tmp_path / "my data/x.csv")
    assert command[command.index("--allowed-rules") + 1] == "prepare"


def test_a_file_that_is_elsewhere_now_is_named(
    own: StoredRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("moved.csv").touch()
    [(config, members)] = configs([own])
    command = lay_out(tmp_path / "results", config, members, "profiles/local", Path("moved.csv"))
    assert file_in(command) == str(tmp_path / "moved.csv")


def test_a_file_for_a_task_that_has_none_is_refused(tiny: dict[str, Any], tmp_path: Path) -> None:
    [(config, members)] = configs([stored(tiny, "tiny-bach-gp-s1")])
    with pytest.raises(SettingError, match="these trials have 0"):
        lay_out(tmp_path, config, members, "profiles/local", Path("x.csv"))


def test_other_data_that_an_earlier_time_prepared_are_not_used(
    own: StoredRow, tmp_path: Path
) -> None:
    prepared = tmp_path / "reruns/results/data/tiny-bach"
    prepared.mkdir(parents=True)
    (prepared / "search.npz").touch()
    [(config, members)] = configs([own])
    for data_hash, is_kept in ((own.settings.data.hash, True), ("0" * 32, False)):
        (prepared / "data.json").write_text(json.dumps({"hash": data_hash}), encoding="utf-8")
        (tmp_path / "x.csv").touch()
        file = None if is_kept else tmp_path / "x.csv"
        command = lay_out(tmp_path, config, members, "profiles/local", file)
        assert prepared.exists() == is_kept == ("prepare" not in command)


def test_from_another_folder_the_profile_is_that_of_the_checkout(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path(__file__).parents[2]
    monkeypatch.chdir(tmp_path)
    for name, found in (
        ("profiles/local", str(here / "profiles/local")),
        ("flux", str(here / "profiles/flux")),
        ("no-such-profile", "no-such-profile"),
    ):
        assert find_profile(name, "rerun") == found
    Path("profiles/local").mkdir(parents=True)
    assert find_profile("profiles/local", "rerun") == "profiles/local"
