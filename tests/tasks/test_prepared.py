import dataclasses
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.plugins import make, skipped_without_its_file

from gp_cells.tasks import TASKS, BachChorales, StateOfTheUnion
from gp_cells.tasks.prepared import check_batch, describe, load, prepare, read_facts
from gp_cells.tasks.reading import read_reading
from gp_cells.tasks.task import Batch, DataError, Form, Recipe


@functools.cache
def read_once(part):
    return BachChorales(part).read()


@dataclass(frozen=True)
class Chorales:
    """Bach's chorales, whose source is read but once in all these tests."""

    inputs = BachChorales.inputs
    unit = BachChorales.unit
    batches = BachChorales.batches

    part: float
    recipe: Recipe = BachChorales.recipe

    def read(self):
        return read_once(self.part)


NAMES = ("data.json", "reading.json", "search.npz", "test.npz")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """The contents of a prepared folder of a tenth of the chorales."""
    folder = tmp_path_factory.mktemp("pristine")
    prepare(Chorales(part=0.1), "bach_chorales", folder)
    return {name: (folder / name).read_bytes() for name in NAMES}


@pytest.fixture
def folder(tmp_path, pristine):
    for name, content in pristine.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def refused(folder, which="search"):
    """The one line that loading is refused with."""
    with pytest.raises(DataError) as refusal:
        load(folder, which)
    line = str(refusal.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("name", TASKS)
def test_what_is_loaded_is_what_the_task_read(tmp_path, name):
    task = make("tasks", name)
    with skipped_without_its_file():
        prepare(task, name, tmp_path)
    splits = task.read().splits
    loaded = {**load(tmp_path, "search"), **load(tmp_path, "test")}
    assert list(loaded) == ["train", "valid", "test"]
    for split, arrays in splits.items():
        assert loaded[split].keys() == arrays.keys()
        for key, array in arrays.items():
            assert loaded[split][key].dtype == array.dtype
            np.testing.assert_array_equal(loaded[split][key], array)


def test_preparing_twice_gives_the_same_bytes(tmp_path, pristine):
    prepare(Chorales(part=0.1), "bach_chorales", tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in NAMES} == pristine


def test_preparing_leaves_three_files_and_nothing_else(tmp_path):
    prepare(Chorales(part=0.1), "bach_chorales", tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == list(NAMES)


def test_the_search_file_holds_no_test_array(folder):
    with np.load(folder / "search.npz") as arrays:
        assert sorted(arrays) == ["train/frames", "train/lengths", "valid/frames", "valid/lengths"]


def test_loading_the_search_splits_needs_no_test_file(folder):
    (folder / "test.npz").unlink()
    assert list(load(folder, "search")) == ["train", "valid"]


def test_the_facts_say_what_the_data_are(folder):
    facts = read_facts(folder)
    assert facts["task"] == "bach_chorales"
    assert facts["settings"] == {"part": 0.1}
    form = {"inputs": "frames", "features": 88, "targets": "keys", "outputs": 88}
    assert facts["form"] == {**form, "height": 0, "width": 0}
    assert facts["unit"] == "nats per frame"
    assert facts["reference_valid"].keys() == {"unigram", "previous_frame"}
    assert facts["splits"]["test"]["lengths"]["shape"] == [67]


def test_the_settings_of_the_text_are_all_but_its_recipe(tmp_path):
    prepare(StateOfTheUnion(part=0.01, valid_part=0.1), "state_of_the_union", tmp_path)
    assert read_facts(tmp_path)["settings"] == {"part": 0.01, "steps": 64, "valid_part": 0.1}


@dataclass(frozen=True)
class Damaged:
    """Bach's chorales, one split of which is damaged."""

    inputs = BachChorales.inputs
    unit = BachChorales.unit
    batches = BachChorales.batches

    split: str
    change: Callable[..., Any]
    recipe: Recipe = BachChorales.recipe

    def read(self):
        data = read_once(0.1)
        return dataclasses.replace(
            data, splits={**data.splits, self.split: self.change(data.splits[self.split])}
        )


def test_an_empty_split_is_refused_before_anything_is_written(tmp_path):
    def empty(split):
        return {key: array[:0] for key, array in split.items()}

    with pytest.raises(DataError, match="mine: the split valid is empty"):
        prepare(Damaged("valid", empty), "mine", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_value_that_is_no_number_is_refused_with_its_place(tmp_path):
    def spoil(split):
        frames = split["frames"].astype(np.float32)
        frames[2, 5] = np.nan
        return {**split, "frames": frames}

    with pytest.raises(
        DataError, match=r"mine: test, batch 1: inputs \(3, 0, 5\) is nan, expected a"
    ):
        prepare(Damaged("test", spoil), "mine", tmp_path)


FRAMES = Form("frames", 3, "classes", 2)
SYMBOLS = Form("symbols", 3, "numbers", 2)
IMAGES = Form("images", 1, "classes", 2, 4, 5)


def batch_of(form, **changes):
    """A sound batch of a form, but for the changes."""
    shape = (6,) if form.inputs == "images" else (7, 6)
    whole = form.targets == "classes"
    sound = {
        "inputs": {
            "frames": np.zeros((*shape, 3), np.float32),
            "symbols": np.zeros(shape, np.int64),
            "images": np.zeros((*shape, 1, 4, 5), np.float32),
        }[form.inputs],
        "targets": np.zeros(shape, np.int64) if whole else np.zeros((*shape, 2), np.float32),
        "counted": np.ones(shape, np.float32),
        "continues": False,
    }
    return Batch(**{**sound, **changes})


@pytest.mark.parametrize("form", [FRAMES, SYMBOLS, IMAGES], ids=lambda form: form.inputs)
def test_a_sound_batch_is_taken(form):
    check_batch(form, batch_of(form), "here")


@pytest.mark.parametrize(
    ("form", "changes", "said"),
    [
        (FRAMES, {"targets": np.full((7, 6), 2)}, "targets (0, 0) is 2, expected 0 to 1"),
        (FRAMES, {"targets": np.full((7, 6), -1)}, "targets (0, 0) is -1, expected 0 to 1"),
        (SYMBOLS, {"inputs": np.eye(7, 6, 5, dtype=np.int64) * 3}, "inputs (0, 5) is 3, expected"),
        (
            IMAGES,
            {"inputs": np.full((6, 1, 4, 5), np.inf, np.float32)},
            "inputs (0, 0, 0, 0) is inf, expected a finite number",
        ),
        (
            IMAGES,
            {"inputs": np.zeros((6, 4, 5, 1), np.float32)},
            "inputs are float32 (6, 4, 5, 1), expected float32 (6, 1, 4, 5)",
        ),
        (
            FRAMES,
            {"inputs": np.zeros((7, 6, 3))},
            "inputs are float64 (7, 6, 3), expected float32 (7, 6, 3)",
        ),
        (
            SYMBOLS,
            {"targets": np.zeros((7, 6), np.float32)},
            "targets are float32 (7, 6), expected float32 (7, 6, 2)",
        ),
    ],
    ids=["label", "negative", "symbol", "infinite", "axes", "type", "targets"],
)
def test_a_batch_that_is_not_as_its_form_says_is_refused_with_its_place(form, changes, said):
    with pytest.raises(DataError) as refusal:
        check_batch(form, batch_of(form, **changes), "mine: train, batch 1")
    assert str(refusal.value).startswith(f"mine: train, batch 1: {said}")


def test_data_json_is_canonical(folder):
    text = (folder / "data.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"


def test_other_settings_have_another_hash(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    prepare(Chorales(part=0.2), "bach_chorales", other)
    assert read_facts(other)["hash"] != read_facts(folder)["hash"]


def test_arrays_of_the_same_bytes_differ_by_type_and_shape():
    flat = np.zeros(8, np.uint8)
    arrays: list[np.ndarray] = [flat, flat.reshape(2, 4), flat.view(np.int64)]
    assert len({describe(array)["hash"] for array in arrays}) == 3


def test_an_array_has_one_hash_in_either_byte_order():
    numbers = np.arange(5, dtype="<i8")
    assert describe(numbers) == describe(numbers.astype(">i8"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 3),
        lambda path: path.unlink(),
    ],
    ids=["empty", "half", "without its end", "a pointer", "missing"],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_refused_by_name(folder, name, damage):
    damage(folder / name)
    if name == "reading.json":
        with pytest.raises(DataError, match=r"reading\.json: "):
            read_reading(folder)
        return
    which = "test" if name == "test.npz" else "search"
    assert f"{name}: " in refused(folder, which)


def test_no_single_changed_byte_of_the_arrays_goes_unseen(folder, pristine):
    content = pristine["search.npz"]
    whole = load(folder, "search")
    for place in range(0, len(content), len(content) // 60):
        changed = bytearray(content)
        changed[place] ^= 0x55
        (folder / "search.npz").write_bytes(changed)
        try:
            loaded = load(folder, "search")
        except DataError:
            continue
        for split, arrays in whole.items():
            for key, array in arrays.items():
                np.testing.assert_array_equal(loaded[split][key], array)


def test_arrays_of_another_task_are_refused(folder):
    arrays: dict[str, Any] = {"train/symbols": np.zeros(3, np.uint8)}
    np.savez_compressed(folder / "search.npz", **arrays)
    assert "expected train/frames, train/lengths, valid/frames, valid/lengths, got" in refused(
        folder
    )


def test_arrays_of_other_settings_are_refused(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    prepare(Chorales(part=0.2), "bach_chorales", other)
    (other / "search.npz").replace(folder / "search.npz")
    assert re.search(r"train/\w+ is not the array that data.json describes", refused(folder))


def test_pickled_objects_are_refused(folder):
    arrays: dict[str, Any] = {"train/frames": np.array([{}], object)}
    np.savez(folder / "search.npz", **arrays)
    assert "not a sound .npz" in refused(folder)


def test_a_listing_changed_by_hand_is_refused(folder):
    path = folder / "data.json"
    path.write_text(path.read_text().replace("3650", "3651"))
    assert "data.json: its hash does not fit its splits" in refused(folder)


def test_a_listing_of_another_schema_is_refused(folder):
    path = folder / "data.json"
    path.write_text(path.read_text().replace('"schema": 3', '"schema": 99'))
    assert "data.json: not a data.json of schema 3" in refused(folder)


def test_a_failed_write_leaves_the_old_file_in_place(folder, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk full")

    before = (folder / "search.npz").read_bytes()
    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        prepare(Chorales(part=0.2), "bach_chorales", folder)
    assert (folder / "search.npz").read_bytes() == before
