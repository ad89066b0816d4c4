"""One line says what a task's data are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.own_files import own

from gp_cells.config.files import read_json, write_json
from gp_cells.config.records import PlugIn, read_counts
from gp_cells.plugins import plug_in
from gp_cells.tasks.card import card_of
from gp_cells.tasks.prepared import prepare


def line(task: Any) -> str:
    return str(card_of(task, task.read()))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        (
            "japanese_vowels",
            {},
            "640 sequences of 7 to 29 steps, 9 classes (8 to 18 % each), 216 / 54 / 370",
        ),
        ("digits", {}, "1,797 images of 8 × 8, 10 classes (10 % each), 1,052 / 386 / 359"),
        (
            "peptides",
            {},
            "4,620 sequences of 7 to 174 steps, 2 classes (55, 45 %), 2,810 / 873 / 937",
        ),
        (
            "state_of_the_union",
            {},
            "2,072,709 steps of one text, one of 107 classes at each step, "
            "1,096,691 / 261,167 / 714,851",
        ),
    ],
)
def test_a_line_says_how_many_how_long_of_which_classes_and_in_which_split(name, settings, said):
    assert line(plug_in("task", PlugIn(name=name, settings=settings))) == said


def test_a_line_counts_the_keys_of_music_and_its_frames():
    part = plug_in("task", PlugIn(name="bach_chorales", settings={"part": 0.05}))
    assert line(part) == "166 sequences of 24 to 193 steps, 88 keys to predict, 10 / 89 / 67"


def test_sequences_of_one_length_and_a_number_to_predict(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{i},{i * i % 7},{i % 5}\n" for i in range(20)]
    path.write_text("a,b,y\n" + "".join(rows))
    task = own(path, inputs="frames", input=["a", "b"], targets="numbers", target=["y"])
    assert line(task) == "20 sequences of 2 steps, 1 number to predict, 12 / 4 / 4"


def test_prepared_data_keep_how_many_of_what_there_are_and_a_run_has_it(tmp_path: Path) -> None:
    task = plug_in("task", PlugIn(name="japanese_vowels"))
    prepare(task, "japanese_vowels", tmp_path)

    counts = read_counts(tmp_path / "data.json")

    assert counts is not None
    assert counts.examples == {"train": 216, "valid": 54, "test": 370}
    assert (counts.shortest, counts.longest) == (7, 29)
    assert {split: sum(of) for split, of in counts.classes.items()} == counts.examples
    facts = read_json(tmp_path / "data.json")
    del facts["counts"]
    write_json(tmp_path / "data.json", facts)
    assert read_counts(tmp_path / "data.json") is None
