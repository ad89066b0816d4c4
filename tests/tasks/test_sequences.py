"""The tasks whose sequences have one target each: what the real files hold, and how they are split."""

import pickle
import subprocess
import sys
from collections import Counter
from typing import Any, cast

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.tasks import TASKS, DataError, Recipe, japanese_vowels, peptides, smartwatch, sources
from gp_cells.tasks.prepared import describe
from gp_cells.tasks.sources import SPLITS

NAMES = ("japanese_vowels", "peptides", "smartwatch")
PACKAGES = {"japanese_vowels": "aeon", "peptides": "modlamp", "smartwatch": "seglearn"}


@pytest.fixture(scope="module")
def data():
    return {name: TASKS[name]().read() for name in NAMES}


def sequences_of(split):
    """The contents of each sequence of a split."""
    return [part.tobytes() for part in np.split(split["steps"], np.cumsum(split["lengths"])[:-1])]


@pytest.mark.parametrize(
    ("name", "sequences", "steps"),
    [
        ("japanese_vowels", [216, 54, 370], [3439, 835, 5687]),
        ("peptides", [2810, 873, 937], [93845, 28331, 29289]),
        ("smartwatch", [2669, 1006, 1002], [266900, 100600, 100200]),
    ],
)
def test_the_splits_hold_so_many_sequences_and_steps(data, name, sequences, steps):
    splits = data[name].splits
    assert [len(splits[split]["lengths"]) for split in SPLITS] == sequences
    assert [len(splits[split]["steps"]) for split in SPLITS] == steps
    assert [splits[split]["lengths"].sum() for split in SPLITS] == steps


@pytest.mark.parametrize(
    ("name", "hashes"),
    [
        (
            "japanese_vowels",
            [
                "d1503015ea27c5feed35c802d8c0f746",
                "19b4b3c825d500ba3d0980e630a0ceb5",
                "52e6097524b89999da66bcb09e8d2767",
            ],
        ),
        (
            "peptides",
            [
                "8ca735c96d26d20c09620ee5f18e6fd5",
                "82df6488194bfd0613c6d8b6d0707b7e",
                "68d8fee143aeb11495cc0d213b291621",
            ],
        ),
        (
            "smartwatch",
            [
                "5c59100933993bcb51e7e1aefe2fe71d",
                "b7d5380f15a9803cd7876bb0b9107bb3",
                "7ac4a274b8046b068d109cdf325d0c29",
            ],
        ),
    ],
)
def test_the_sequences_are_those_of_the_pinned_package(data, name, hashes):
    splits = data[name].splits
    assert [describe(splits[split]["steps"])["hash"] for split in SPLITS] == hashes


@pytest.mark.parametrize("name", NAMES)
def test_no_sequence_is_in_two_splits(data, name):
    contents = [set(sequences_of(data[name].splits[split])) for split in SPLITS]
    assert sum(map(len, contents)) == len(set.union(*contents))


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_in_every_split(data, name):
    for split in SPLITS:
        assert set(data[name].splits[split]["targets"]) == set(range(data[name].form.outputs))


@pytest.mark.parametrize("name", NAMES)
def test_both_references_beat_a_blind_guess_and_the_means_the_frequency(data, name):
    reference = data[name].reference_valid
    blind = np.log(data[name].form.outputs)
    assert reference["class_means"] < reference["frequency"] - 0.08 < blind


@pytest.mark.parametrize("name", NAMES)
def test_reading_does_not_import_the_package(name):
    code = (
        f"import sys; from gp_cells.tasks import TASKS; TASKS[{name!r}]().read();"
        f"sys.exit({PACKAGES[name]!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda package: None)
    command = "--no-deps aeon==1.6.0" if name == "japanese_vowels" else r"'gp-cells\[data\]'"
    said = rf"{name} needs {PACKAGES[name]}'s .*: pip install {command}$"
    with pytest.raises(DataError, match=said):
        TASKS[name]().read()


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_by_name_in_one_line(name, monkeypatch, tmp_path):
    file = {
        "japanese_vowels": "datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts",
        "peptides": "data/AMPvsUniProt.csv",
        "smartwatch": "data/watch_dataset.npy",
    }[name]
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    module = {"japanese_vowels": japanese_vowels, "peptides": peptides, "smartwatch": smartwatch}
    monkeypatch.setattr(module[name], "installed", lambda *_: tmp_path)
    with pytest.raises(DataError, match="43 bytes of another SHA-256") as refusal:
        TASKS[name]().read()
    assert file in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["japanese_vowels", "smartwatch"])
def test_frames_cannot_be_tied(name):
    with pytest.raises(SettingError, match=rf"{name}\.recipe\.tied"):
        cast(Any, TASKS[name])(recipe=Recipe(tied=True))


def test_each_speaker_has_24_utterances_in_training_and_6_in_validation(data):
    for split, count in (("train", 24), ("valid", 6)):
        assert set(Counter(data["japanese_vowels"].splits[split]["targets"]).values()) == {count}


def test_the_vowels_are_what_aeon_reads():
    # the first numbers of the first utterance, copied from the file
    folder = sources.installed("aeon", "") / "datasets/data/JapaneseVowels"
    utterances, speakers = japanese_vowels.read_ts((folder / "JapaneseVowels_TRAIN.ts").read_text())
    assert (len(utterances), len(speakers), utterances[0].shape) == (270, 270, (20, 12))
    assert utterances[0][:2, :2].tolist() == [[1.860936, -0.207383], [1.891651, -0.193249]]
    assert (min(map(len, utterances)), max(map(len, utterances))) == (7, 26)


def test_windows_are_two_seconds_long_and_one_second_apart():
    motion = np.arange(260.0)[:, None] * np.ones(6)
    recordings = {"X": [motion], "y": np.array([3]), "subject": np.array([2])}
    windows = smartwatch.cut_windows(recordings, (1, 2))
    starts = windows["steps"].reshape(-1, 100, 6)[:, 0, 0]
    assert starts.tolist() == [0, 50, 100, 150]
    assert windows["targets"].tolist() == [3, 3, 3, 3]


def test_each_person_is_in_one_split():
    people = [person for split in smartwatch.PEOPLE.values() for person in split]
    assert sorted(people) == list(range(1, 11))


@pytest.mark.parametrize("made", [print, np.frombuffer, pickle.loads])
def test_a_pickle_that_makes_anything_but_arrays_is_refused(made):
    with pytest.raises(DataError, match=r"smartwatch: the pickle asks for \w+\.\w+"):
        smartwatch.unpickle_arrays(pickle.dumps(made))


def test_a_pickle_of_arrays_is_read():
    told = {"X": [np.eye(2)], "y": np.arange(3)}
    content = pickle.dumps(told, protocol=2).replace(b"numpy._core", b"numpy.core")
    read = smartwatch.unpickle_arrays(content)
    np.testing.assert_array_equal(read["X"][0], np.eye(2))
    np.testing.assert_array_equal(read["y"], np.arange(3))


def test_a_peptide_of_both_classes_is_left_out_and_one_that_comes_twice_is_taken_once():
    text = "4,1,UniProt,AMP\nAAAA, 1\nAAAA, 1\nCCCC, 1\nCCCC, 0\nDDDD, 0\n"
    assert peptides.read_peptides(text) == {"AAAA": 1, "DDDD": 0}


def test_kin_are_linked_through_others_to_their_first():
    # ABCDEFGH and CDEFGHIK share three of five words, CDEFGHIK and EFGHIKLM too, the ends one
    assert peptides.find_kin(["ABCDEFGH", "CDEFGHIK", "EFGHIKLM", "QRSTVWY"]) == [
        "ABCDEFGH",
        "ABCDEFGH",
        "ABCDEFGH",
        "QRSTVWY",
    ]


def test_the_first_peptide_of_the_training_split_is_spelt_by_its_symbols():
    assert peptides.encode("ACY").tolist() == [0, 1, 19]


def test_no_two_kin_peptides_are_in_two_splits(data):
    spelt = {
        split: [
            "".join("ACDEFGHIKLMNPQRSTVWY"[symbol] for symbol in np.frombuffer(content, np.uint8))
            for content in sequences_of(data["peptides"].splits[split])
        ]
        for split in SPLITS
    }
    words = {
        split: [{p[i : i + 4] for i in range(len(p) - 3)} for p in spelt[split]] for split in SPLITS
    }
    for one in words["valid"][::4] + words["test"][::4]:
        for other in words["train"]:
            assert 2 * len(one & other) < min(len(one), len(other))
