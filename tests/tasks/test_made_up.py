"""Sequences made from a seed: what is scored, that it can be told, and that splits share nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.tasks import TASKS, Arrays, Data, DataError
from gp_cells.tasks.card import card_of
from gp_cells.tasks.sources import SPLITS

SMALL: dict[str, int] = {"sequences": 300, "held": 60}
NAMES = ("fuzzy_recall", "parity", "recall", "selective_copy")


def make(name: str, **settings: Any) -> Any:
    member: Any = TASKS[name]
    return member(**{**SMALL, **settings})


def read(name: str, **settings: Any) -> Data:
    data: Data = make(name, **settings).read()
    return data


def rows(split: Arrays) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Return of each sequence its symbols, and the scored steps with their targets."""
    return [
        (symbols.tolist(), [(i, int(targets[i])) for i in np.flatnonzero(scored).tolist()])
        for symbols, targets, scored in zip(
            split["symbols"], split["targets"], split["scored"], strict=True
        )
    ]


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_sequence_is_in_two_splits_or_twice_in_one(name: str) -> None:
    splits = read(name).splits
    every = [row.tobytes() for split in SPLITS for row in splits[split]["symbols"]]
    assert [len(splits[split]["symbols"]) for split in SPLITS] == [300, 60, 60]
    assert len(set(every)) == len(every) == 420


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_makes_the_same_sequences_and_another_one_others(name: str) -> None:
    one, again, other = (read(name, seed=seed).splits for seed in (0, 0, 1))
    for split in SPLITS:
        for key, array in one[split].items():
            np.testing.assert_array_equal(array, again[split][key])
    assert (one["train"]["symbols"] != other["train"]["symbols"]).any()


@pytest.mark.parametrize("name", NAMES)
def test_every_sequence_has_a_scored_step_and_only_these_count(name: str) -> None:
    task, data = make(name), read(name)
    for split in data.splits.values():
        assert split["scored"].any(1).all()
        counted = np.concatenate([b.counted for b in task.batches(split, None)], axis=1)
        np.testing.assert_array_equal(counted.T, split["scored"])
        assert not split["targets"][split["scored"] == 0].any() or name == "parity"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_symbols_so_far_have_one_answer(name: str) -> None:
    answers: dict[tuple[int, ...], int] = {}
    for symbols, scored in rows(read(name).splits["train"]):
        for step, target in scored:
            assert answers.setdefault(tuple(symbols[: step + 1]), target) == target


@pytest.mark.parametrize(("name", "chance"), list(zip(NAMES, (8, 2, 8, 8), strict=True)))
def test_chance_is_a_guess_among_all_answers_and_what_was_shown_a_better_one(
    name: str, chance: int
) -> None:
    data = read(name)
    assert data.chance == 1 / chance
    assert data.reference_valid["chance"] == pytest.approx(math.log(chance), abs=1e-6)
    assert ("shown" in data.reference_valid) == (name != "parity")
    assert data.reference_valid.get("shown", 0) < data.reference_valid["chance"]


@pytest.mark.parametrize("name", NAMES)
def test_the_card_tells_scored_steps_chance_and_ceiling(name: str) -> None:
    line = str(card_of(make(name), read(name)))
    wrong = "50" if name == "parity" else "87.5"
    assert "420 sequences of 32 steps, one of " in line
    assert f" steps of each (wrong by chance: {wrong} %, at best: 0 %), 300 / 60 / 60" in line


@pytest.mark.parametrize("name", NAMES)
def test_targets_are_symbols_so_that_the_embedding_can_be_tied(name: str) -> None:
    data = read(name)
    assert data.form.features == data.form.outputs
    assert data.reading is not None and len(data.reading.classes) == data.form.outputs
    assert max(int(split["targets"].max()) for split in data.splits.values()) < data.form.outputs


# --- each -----------------------------------------------------------------------------------------


def test_recall_asks_for_the_value_of_every_key_that_comes_again() -> None:
    for symbols, scored in rows(read("recall").splits["train"]):
        known: dict[int, int] = {}
        expected = []
        for step in range(0, len(symbols), 2):
            key, value = symbols[step : step + 2]
            assert key < 8 <= value < 16
            if key in known:
                expected.append((step, known[key]))
            assert known.setdefault(key, value) == value
        assert scored == expected


def test_parity_asks_at_each_step() -> None:
    for symbols, scored in rows(read("parity").splits["train"]):
        assert scored == [(i, sum(symbols[: i + 1]) % 2) for i in range(32)]


def test_selective_copy_asks_in_order_for_what_stood_among_blanks() -> None:
    for symbols, scored in rows(read("selective_copy").splits["train"]):
        assert symbols[28:] == [1] * 4
        assert scored == list(enumerate([s for s in symbols[:28] if s], start=28))


def test_selective_copy_places_its_symbols_everywhere() -> None:
    symbols = read("selective_copy").splits["train"]["symbols"]
    assert (symbols[:, :28] > 1).any(0).all()


def words_of(symbols: list[int]) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Return place, key and value of each pair of a fuzzy sequence of 8 keys and 8 values."""
    found, step = [], 0
    while step < len(symbols) and symbols[step] < 16:
        middle = next(i for i in range(step, len(symbols)) if symbols[i] >= 8)
        beyond = (i for i in range(middle, len(symbols)) if not 8 <= symbols[i] < 16)
        end = next(beyond, len(symbols))
        found.append((step, tuple(symbols[step:middle]), tuple(symbols[middle:end])))
        step = end
    assert set(symbols[step:]) <= {16}
    return found


def test_fuzzy_recall_asks_for_all_of_the_value_of_every_key_that_comes_again() -> None:
    lengths = set()
    for symbols, scored in rows(read("fuzzy_recall").splits["train"]):
        known: dict[tuple[int, ...], tuple[int, ...]] = {}
        expected: list[tuple[int, int]] = []
        for step, key, value in words_of(symbols):
            lengths |= {("key", len(key)), ("value", len(value))}
            if key in known:
                expected += enumerate(value, start=step + len(key) - 1)
            assert known.setdefault(key, value) == value
        assert scored == expected and len(known) <= 6
    assert lengths == {(kind, size) for kind in ("key", "value") for size in (1, 2)}


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("recall", {"length": 33}, "recall.length: expected an even number, at least 18"),
        ("recall", {"keys": 16}, "recall.length: expected an even number, at least 34"),
        (
            "selective_copy",
            {"copied": 17},
            "selective_copy.length: 17 symbols to copy need 34 steps",
        ),
        (
            "fuzzy_recall",
            {"longest": 3},
            "fuzzy_recall.length: 6 pairs of words of up to 3",
        ),
        (
            "fuzzy_recall",
            {"pairs": 9, "length": 90},
            "fuzzy_recall.pairs: expected no more than",
        ),
        ("parity", {"length": 0}, "parity.length: expected at least 1, got 0"),
    ],
)
def test_sequences_that_cannot_be_made_are_refused(
    name: str, settings: dict[str, int], said: str
) -> None:
    with pytest.raises(SettingError) as refusal:
        make(name, **settings)
    assert said in str(refusal.value) and "\n" not in str(refusal.value)


def test_more_sequences_than_there_are_is_refused_with_how_many_there_are() -> None:
    with pytest.raises(DataError, match=r"parity: valid: only 28 of 60 sequences could be drawn"):
        read("parity", length=6, sequences=36, held=60)
