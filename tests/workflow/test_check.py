"""`gp-cells check` reads the data, and refuses in one line what would fail in the first job."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import TINY

from gp_cells.cli import main


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A config on a file of one's own, which lies in this folder."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{'ab' * (i % 4)}{'cd' * (i // 4)}e,{i % 2}\n" for i in range(40))
    (tmp_path / "texts.csv").write_text(f"text,kind\n{rows}")
    settings = {
        **{"file": "texts.csv", "inputs": "symbols", "input": ["text"]},
        **{"targets": "classes", "target": ["kind"], "recipe": {"units": 8, "epochs": 1}},
    }
    return {**copy.deepcopy(TINY), "tasks": {"mine": {"name": "own_data", "settings": settings}}}


def refused(config: dict[str, Any], capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["check", json.dumps(config), *options]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_a_line_a_task_says_what_its_data_are_and_how_many_trainings_follow(mine, capsys):
    mine["tasks"]["vowels"] = {"name": "japanese_vowels"}
    mine["strategies"]["other"] = mine["strategies"]["gp"]
    assert main(["check", json.dumps(mine)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ok: mine, 40 sequences of 1 to 25 steps, 2 classes (50, 50 %), 24 / 8 / 8, 26 trainings",
        "ok: vowels, 640 sequences of 7 to 29 steps, 9 classes (8 to 18 % each), 216 / 54 / 370, "
        "26 trainings",
    ]


def test_more_trainers_than_the_data_have_examples_for_are_refused(mine, capsys):
    search = {"waves": 2, "slots": 12, "lag": 1, "finalists": 1}
    mine["strategies"] = {"ltfb": {"name": "tournament", "search": search}}
    assert main(["check", json.dumps(mine)]) == 0
    capsys.readouterr()
    search["slots"] = 13
    said = refused(mine, capsys)
    assert "strategies.ltfb on mine: the training split has 24 examples, fewer than two" in said


@pytest.mark.parametrize("options", [[], ["--start"]])
def test_a_missing_file_a_wrong_column_and_a_wrong_row_are_each_one_line(mine, capsys, options):
    settings = mine["tasks"]["mine"]["settings"]
    settings["target"] = ["sort"]
    assert "tasks.mine: texts.csv: there is no 'sort'" in refused(mine, capsys, *options)
    settings["target"] = ["kind"]
    Path("texts.csv").write_text("text,kind\nabc,0\n,1\n")
    assert "tasks.mine: texts.csv: row 2: it is empty" in refused(mine, capsys, *options)
    Path("texts.csv").unlink()
    said = refused(mine, capsys, *options)
    assert "tasks.mine.settings.file: there is no file 'texts.csv' in" in said


def test_a_start_reads_no_file_that_was_prepared_and_says_nothing(mine, capsys):
    prepared = Path("results/data/tiny-mine/data.json")
    prepared.parent.mkdir(parents=True)
    prepared.write_text("{}")
    Path("texts.csv").unlink()
    assert main(["check", json.dumps(mine), "--start"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("is_built", "options", "wanted"),
    [
        (False, [], "was built without CUDA; install one that has it"),
        (False, ["--start", "--elsewhere"], "was built without CUDA; install one that has it"),
        (True, ["--start"], "finds no GPU on this machine; start on one that has it"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_refused_in_one_line(
    mine, capsys, monkeypatch, is_built, options, wanted
):
    mine["training"] |= {"device": "cuda"}
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: is_built)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said = refused(mine, capsys, *options)
    assert said.startswith("gp-cells check: ")
    assert "training.device: torch " in said
    assert wanted in said


def test_a_gpu_of_other_machines_is_not_looked_for_on_this_one(mine, capsys, monkeypatch):
    mine["training"] |= {"device": "cuda"}
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["check", json.dumps(mine), "--start", "--elsewhere"]) == 0
