"""What the page says of a task's data, and of which classes were taken for which."""

from __future__ import annotations

from typing import Any

import pytest

from gp_cells.report.data import describe_confusion, describe_data

FORM = {"inputs": "frames", "features": 12, "targets": "classes", "outputs": 2}
DATA = {"form": FORM, "targets": {"train": 4, "valid": 2}}
COUNTS: dict[str, Any] = {
    "examples": {"train": 4, "valid": 2, "test": 10},
    "shortest": 7,
    "longest": 29,
    "classes": {"test": [5, 5], "train": [3, 1], "valid": [1, 1]},  # as JSON sorts them
    "names": ["yes", "no"],
}


def test_every_split_has_its_examples_and_classes() -> None:
    said = describe_data({"data": DATA, "counts": COUNTS})

    assert said["is"] == "sequences of 7 to 29 steps, 12 numbers a step"
    assert said["predicts"] == "one of 2 classes"
    assert [split["examples"] for split in said["splits"]] == [4, 2, 10]
    assert not said["has_targets"]  # each example has one
    assert [split["name"] for split in said["splits"]] == ["training", "validation", "test"]
    assert said["classes"][0] == {"name": "yes", "shares": [(3, 0.75), (1, 0.5), (5, 0.5)]}


def test_data_from_before_they_were_counted_say_what_is_known_of_them() -> None:
    said = describe_data({"data": DATA})

    assert [split["targets"] for split in said["splits"]] == [4, 2]
    assert not said["is_counted"]
    assert said["classes"] == []


@pytest.mark.parametrize(
    ("form", "counts", "inputs", "targets"),
    [
        (
            {**FORM, "inputs": "images", "features": 3, "height": 8, "width": 9, "outputs": 10},
            None,
            "images of 8 × 9, 3 channels",
            "one of 10 classes",
        ),
        (
            {"inputs": "symbols", "features": 97, "targets": "classes", "outputs": 97},
            {**COUNTS, "longest": 0, "classes": {}},
            "one text, 97 symbols of the vocabulary a step",
            "one of 97 classes",
        ),
        (
            {"inputs": "frames", "features": 88, "targets": "keys", "outputs": 88},
            None,
            "sequences, 88 numbers a step",
            "which of 88 keys are on",
        ),
    ],
)
def test_each_kind_of_data_has_its_words(
    form: dict[str, Any], counts: dict[str, Any] | None, inputs: str, targets: str
) -> None:
    said = describe_data({"data": {**DATA, "form": form}, "counts": counts})

    assert (said["is"], said["predicts"]) == (inputs, targets)


def test_a_confusion_has_the_share_of_each_row_that_is_right() -> None:
    row = {"label": "lstm", "seeds": 3, "confusion": [[3, 1], [0, 0]]}

    said = describe_confusion(row, {"counts": COUNTS})

    assert said is not None
    assert [of["right"] for of in said["rows"]] == [0.75, None]
    assert said["rows"][0]["cells"] == [(3, 0.75, True), (1, 0.25, False)]
    assert said["names"] == ["yes", "no"]
    unnamed = describe_confusion(row, {})
    assert unnamed is not None and unnamed["names"] == ["0", "1"]


def test_without_a_table_there_is_no_confusion() -> None:
    assert describe_confusion({"label": "lstm", "seeds": 3, "confusion": None}, {}) is None
