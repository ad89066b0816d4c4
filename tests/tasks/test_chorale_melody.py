"""Melodies of the Bach chorales: how they are read, which are one tune, and how they are split."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from gp_cells.tasks.chorale_melody import PARTS, ChoraleMelody, read_melodies
from gp_cells.tasks.music import Note, name_steps, read_steps
from gp_cells.tasks.prepared import describe
from gp_cells.tasks.scores import find_scores, follow, read_parts
from gp_cells.tasks.sources import SPLITS, drawn
from gp_cells.tasks.task import DataError
from gp_cells.tasks.tunes import common, find_tunes, skeleton


@pytest.fixture(scope="module")
def data():
    return ChoraleMelody().read()


@pytest.fixture(scope="module")
def melodies():
    return read_melodies(find_scores("chorale_melody"))


@pytest.fixture(scope="module")
def homes(melodies):
    return {name: drawn(tune.encode(), PARTS) for name, tune in find_tunes(melodies).items()}


def melody(*pitches, lengths=()):
    """Notes one after the other, quarters unless told."""
    notes, now = [], Fraction(0)
    for pitch, length in zip(pitches, lengths or [1] * len(pitches), strict=True):
        notes.append(Note(now, now + Fraction(length), pitch))
        now = notes[-1].end
    return notes


HASHES = [
    "167fe0a3db95d7231246a9f6f84c4c75",
    "3bf16c86b200fe90728a4ebab81380fd",
    "da5090ec28421dc373ce145982478eef",
]
TUNE = (60, 62, 64, 65, 67, 65, 64, 67, 69, 71, 72, 67, 65, 64, 62, 60)


def test_the_splits_hold_228_66_and_65_melodies(data):
    assert [len(data.splits[split]["lengths"]) for split in SPLITS] == [228, 66, 65]


def test_the_melodies_are_those_of_music21_10_5_1(data):
    assert [describe(data.splits[split]["steps"])["hash"] for split in SPLITS] == HASHES


def test_the_lengths_of_each_split_add_up_to_its_steps(data):
    for split in data.splits.values():
        assert split["lengths"].sum() == len(split["steps"])


def test_one_step_in_400_at_most_is_unknown_and_none_in_training(data):
    unknown = [int((data.splits[split]["steps"] == 0).sum()) for split in SPLITS]
    assert unknown == [0, 8, 5]
    assert unknown[1] < len(data.splits["valid"]["steps"]) / 390


def test_bwv_66_6_begins_with_the_notes_of_its_soprano(melodies):
    assert name_steps(melodies["bwv66.6.mxl"])[:6] == [
        *("C#5 1/2", "B4 1/2", "A4 1", "B4 1", "C#5 1", "E5 1"),
    ]


@pytest.mark.parametrize("name", ["bwv66.6.mxl", "bwv299.mxl", "bwv10.7.mxl"])
def test_the_notes_are_what_music21_reads(name):
    from music21 import converter

    path = find_scores("chorale_melody") / name
    parts = read_parts(path)
    assert parts is not None
    score: Any = converter.parse(path, forceSource=True)
    soprano = score.parts[0]
    found = [
        (Fraction(note.getOffsetInHierarchy(soprano)), Fraction(note.quarterLength), pitch.midi)
        for note in soprano.flatten().stripTies().notes
        for pitch in note.pitches
        if not note.duration.isGrace
    ]
    assert [(start, end - start, pitch) for start, end, pitch in follow(parts[0])] == found


def test_reading_does_not_import_music21():
    code = (
        "import sys; from gp_cells.tasks.chorale_melody import ChoraleMelody;"
        "ChoraleMelody().read(); sys.exit('music21' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_tune_is_in_two_splits(melodies, homes):
    tunes = find_tunes(melodies)
    split_of: dict[str, set[str]] = {}
    for name, tune in tunes.items():
        split_of.setdefault(tune, set()).add(homes[name])
    assert [sum(split in of for of in split_of.values()) for split in SPLITS] == [128, 27, 37]
    assert all(len(of) == 1 for of in split_of.values())


def test_no_melody_is_in_two_splits_in_another_key(melodies, homes):
    where: dict[tuple[int, ...], set[str]] = {}
    for name, notes in melodies.items():
        steps = tuple(np.diff([note.pitch for note in notes]).tolist())
        where.setdefault(steps, set()).add(homes[name])
    assert all(len(splits) == 1 for splits in where.values())


@pytest.mark.slow
def test_melodies_of_different_splits_have_at_most_78_percent_in_common_in_any_key(melodies, homes):
    skeletons = {name: skeleton(notes) for name, notes in melodies.items()}
    most = 0.0
    for one, other in combinations(skeletons, 2):
        longer = max(len(skeletons[one]), len(skeletons[other]))
        shorter = min(len(skeletons[one]), len(skeletons[other]))
        if homes[one] != homes[other] and shorter > most * longer:
            for key in range(-12, 13):
                moved = [pitch + key for pitch in skeletons[other]]
                most = max(most, common(skeletons[one], moved) / longer)
    assert 0.7 < most < 0.78


def test_a_tune_in_another_key_is_the_same_tune():
    named = {"b": melody(*TUNE), "a": melody(*(pitch + 3 for pitch in TUNE))}
    assert find_tunes(named) == {"a": "a", "b": "a"}


def test_an_ornamented_tune_is_the_same_tune():
    changed = [*TUNE[:10], 74, 72, *TUNE[11:]]
    assert find_tunes({"a": melody(*TUNE), "b": melody(*changed)}) == {"a": "a", "b": "a"}


def test_another_tune_is_another_tune():
    other = melody(*(60, 67, 64, 67, 62, 69, 60, 64, 71, 60, 65, 60, 62, 64, 59, 60))
    assert find_tunes({"a": melody(*TUNE), "b": other}) == {"a": "a", "b": "b"}


def test_passing_notes_and_repeated_ones_are_not_in_the_skeleton():
    notes = melody(60, 62, 64, 64, 65, lengths=["1/2", "1/2", 1, 1, 2])
    assert skeleton(notes) == [60, 64, 65]


def test_the_common_subsequence_is_the_longest():
    assert common([1, 2, 3, 4, 1], [3, 4, 1, 2, 1, 3]) == 3
    assert common([1, 2], [3, 4]) == 0
    assert common([], [3]) == 0


def test_steps_are_read_as_they_are_named():
    names = ["A#4 3/2", "rest 2", "C5 1", "C-1 1/4"]
    notes, end = read_steps(names)
    assert notes[:2] == [
        Note(Fraction(0), Fraction(3, 2), 70),
        Note(Fraction(7, 2), Fraction(9, 2), 72),
    ]
    assert (notes[2].pitch, end) == (0, Fraction(19, 4))
    assert name_steps(notes) == names


def test_two_notes_at_once_are_no_melody():
    with pytest.raises(ValueError, match="two notes sound at 1 quarters"):
        name_steps([Note(Fraction(0), Fraction(2), 60), Note(Fraction(1), Fraction(2), 62)])


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    with pytest.raises(DataError, match=r"chorale_melody needs music21's scores: pip install"):
        ChoraleMelody().read()


@pytest.mark.parametrize("shuffle", [None, 7])
def test_every_step_is_a_target_once_and_its_input_the_step_before(data, shuffle):
    split = data.splits["valid"]
    generator = None if shuffle is None else np.random.default_rng(shuffle)
    seen = []
    for batch in ChoraleMelody().batches(split, generator):
        assert not batch.inputs[0].any() and not batch.continues
        np.testing.assert_array_equal(batch.inputs[1:], batch.targets[:-1])
        for column in range(batch.counted.shape[1]):
            steps = batch.targets[batch.counted[:, column] == 1, column]
            seen.append(steps.astype(np.uint8).tobytes())
    stored = np.split(split["steps"], np.cumsum(split["lengths"])[:-1])
    assert sorted(seen) == sorted(steps.tobytes() for steps in stored)


def test_a_guess_is_worse_than_counts_and_these_than_counts_after_each_step(data):
    references = data.reference_valid
    assert references["chance"] == pytest.approx(np.log(149), abs=1e-6)
    assert references["bigram"] < references["unigram"] - 0.4 < references["chance"] - 1
    train, valid = (data.splits[split]["steps"].astype(int) for split in ("train", "valid"))
    counts = np.bincount(train, minlength=149) + 1
    loss = -np.log(counts[valid] / counts.sum()).mean()
    assert references["unigram"] == pytest.approx(loss, abs=1e-6)


def test_notes_and_length_leave_out_what_training_lacks(data):
    assert data.reading is not None
    numbers = [data.reading.symbols.index(name) for name in ("G4 1", "rest 1", "A4 1/2")]
    task, steps = ChoraleMelody(), np.array([numbers[0], 0, *numbers[1:]])
    assert task.notes(steps, data.reading) == [
        Note(Fraction(0), Fraction(1), 67),
        Note(Fraction(2), Fraction(5, 2), 69),
    ]
    assert task.length(steps, data.reading) == Fraction(5, 2)
