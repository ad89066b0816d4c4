"""The config that minimises a cell: by whose protocol, how wide, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.given import plan_of
from gp_cells.workflow.minimise import write_config

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results/reference"


def written(cell: str, task: str | None, like: str | None = None, seeds: int = 5) -> Any:
    path, _ = write_config(cell, task, like, seeds, 4, None, RESULTS)
    return yaml.safe_load(path.read_text())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("cell", "task", "space", "engine"),
    [
        ("nascell", "japanese_vowels", "recurrent", "compiled"),
        ("lstm", "parity", "recurrent", "compiled"),
        ("nasnet_a", "digits", "convolutional", "eager"),
        ("amoebanet_a", "digits", "convolutional", "eager"),
        ("gpt", "recall", "decoder", "compiled"),
    ],
)
def test_a_published_cell_gets_a_plain_protocol_in_a_space_wide_enough(
    cell: str, task: str, space: str, engine: str
) -> None:
    config = written(cell, task)
    assert (config["space"]["name"], config["training"]["engine"]) == (space, engine)
    assert plan_of(f"minimise_{cell}_{task}.yaml").benchmark == f"minimise_{cell}"


def test_the_given_cell_has_twice_the_seeds_and_a_step_a_wave() -> None:
    config = written("lstm", "japanese_vowels")
    search = config["strategies"]["minimise"]["search"]
    assert search == {"waves": 5, "slots": [10, 65, 65, 65, 65], "lag": 1, "finalists": 2}
    assert len(config["finalists"]["seeds"]) == 10  # as many as there can be


def test_a_step_of_more_trainings_than_a_wave_has_slots_takes_several() -> None:
    config = written("lstm", "japanese_vowels", seeds=20)
    search = config["strategies"]["minimise"]["search"]
    assert search["slots"] == [
        40,
        *[100] * (3 + 3 + 3 + 2),
    ]  # 13, 12, 11 and 10 deletions, five a wave


def test_another_config_lends_its_protocol() -> None:
    config = written("gru", "japanese_vowels", str(ROOT / "config/reference.yaml"))
    recipe = config["tasks"]["japanese_vowels"]["settings"]["recipe"]
    assert recipe == {"units": 32, "epochs": 20, "batch_size": 16, "dropout": 0.3}
    assert [*config["tasks"]] == ["japanese_vowels"]


def test_a_trial_of_the_tables_keeps_its_protocol_and_says_whose_cell_it_is() -> None:
    config = written("reference-peptides-gp-s1/w000-00", None)
    assert [*config["tasks"]] == ["peptides"]
    [text] = config["strategies"]["minimise"]["settings"]["cells"]
    assert text.startswith("# of reference-peptides-gp-s1/w000-00\n")


def test_a_config_that_is_there_is_kept_unless_it_says_the_same() -> None:
    written("lstm", "japanese_vowels")
    written("lstm", "japanese_vowels")
    with pytest.raises(SettingError, match="is there already and says something else"):
        written("lstm", "japanese_vowels", seeds=6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lstm"], "expected --task"),
        (["lstm", "--task", "digits"], "no space that reads images"),
        (["lstm", "--task", "vowels"], "there is no 'vowels'"),
        (["lstm", "--task", "parity", "--seeds", "2"], "--seeds: expected at least 3"),
        (["lstm", "--task", "parity", "--steps", "0"], "--steps: expected at least 1"),
        (["absent.cell", "--task", "parity"], "absent.cell"),
        (["nobody-x-y-s1/w000-00"], "0 trials"),
        (
            ["lstm", "--task", "digits", "--like", str(ROOT / "config/reference.yaml")],
            "has no task 'digits'; choose one of bach_chorales",
        ),
    ],
)
def test_what_cannot_be_minimised_is_refused_in_a_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["minimise", *words, "--results", str(RESULTS), "--dry"]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert list(Path().iterdir()) == []
