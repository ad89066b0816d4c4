"""A file of one's own as a task: what is read from each format, and what is refused in which words."""

import dataclasses
import re

import h5py
import numpy as np
import pandas as pd
import pytest

from gp_cells.config.choose import SettingError, configure
from gp_cells.tasks import DataError
from gp_cells.tasks.own_data import OwnData
from gp_cells.tasks.prepared import load, prepare
from gp_cells.tasks.sources import SPLITS

LINES = 40  # of wide tables


def own(path="a.csv", **settings):
    """A task on a file, its settings as a config gives them."""
    return configure(OwnData, {"file": str(path), **settings}, "own_data")


def long_table():
    """Twenty sequences of two features, as one row a step."""
    dice = np.random.default_rng(0)
    pieces = [
        pd.DataFrame(
            {
                "who": f"s{i:02}",
                "at": np.arange(length),
                "heat": dice.normal(3, 2, length),
                "light": dice.normal(-1, 5, length),
                "kind": "warm" if i % 2 else "cold",
                "yield": i / 10,
                "person": i % 5,
                "part": SPLITS[i % 3],
            }
        )
        for i, length in enumerate(dice.integers(2, 9, 20))
    ]
    return pd.concat(pieces, ignore_index=True)


def pixel_table():
    """Forty images of 2 × 3 pixels, as one row an image."""
    pixels = np.random.default_rng(0).integers(0, 256, (LINES, 6))
    table = pd.DataFrame(pixels, columns=[f"pixel_{i}" for i in range(6)])
    parts = [SPLITS[i // 3 % 3] for i in range(LINES)]
    return table.assign(kind=np.arange(LINES) % 3, size=np.arange(LINES) / 7, part=parts)


LONG = {"inputs": "frames", "input": ["heat", "light"], "sequence": "who"}
KIND = {"targets": "classes", "target": ["kind"]}
YIELD = {"targets": "numbers", "target": ["yield"]}
PIXELS = {"inputs": "images", "input": ["pixel_*"], "height": 2, "width": 3}


def save(table, path):
    """Write a table in the format of its path."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".npz":
        columns = {name: table[name].to_numpy() for name in table}
        np.savez(path, **{n: c.astype(str) if c.dtype == object else c for n, c in columns.items()})
    else:
        with h5py.File(path, "w") as file:
            for name in table:
                file[name] = table[name].to_list()
    return path


@pytest.fixture
def long(tmp_path):
    return save(long_table(), tmp_path / "long.csv")


@pytest.fixture
def pixels(tmp_path):
    return save(pixel_table(), tmp_path / "pixels.csv")


def refused(task):
    """The one line that a task's file is refused with."""
    with pytest.raises(DataError) as refusal:
        task.read()
    line = str(refusal.value)
    assert "\n" not in line
    assert line.startswith(f"{task.file}: ")
    return line.removeprefix(f"{task.file}: ")


def same(one, other):
    """Say whether two data have the same arrays."""
    return one.form == other.form and all(
        np.array_equal(one.splits[split][key], other.splits[split][key])
        for split in SPLITS
        for key in one.splits[split]
    )


# --- what is read ----------------------------------------------------------------------------------


def test_a_long_table_is_one_sequence_for_each_name(long):
    data = own(long, **LONG, **KIND, split="part").read()
    assert dataclasses.astuple(data.form) == ("frames", 2, "classes", 2, 0, 0)
    table = long_table().groupby("who").agg({"part": "first", "at": "size", "kind": "first"})
    for split in SPLITS:
        here = table[table.part == split].sort_values("at", kind="stable")
        assert data.splits[split]["lengths"].tolist() == here["at"].tolist()
        assert data.splits[split]["targets"].tolist() == (here.kind == "warm").tolist()


@pytest.mark.parametrize("suffix", [".parquet", ".h5", ".hdf5", ".npz"])
def test_every_format_gives_what_csv_gives(long, tmp_path, suffix):
    settings = {**LONG, **KIND, "split": "part"}
    other = save(pd.read_csv(long), tmp_path / f"long{suffix}")
    assert same(own(long, **settings).read(), own(other, **settings).read())


def test_frames_are_standardised_by_the_training_split(long):
    steps = own(long, **LONG, **KIND, split="part").read().splits["train"]["steps"]
    np.testing.assert_allclose(steps.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(steps.std(0), 1, atol=1e-5)


def test_steps_are_in_the_order_of_their_time_wherever_their_rows_are(long, tmp_path):
    mixed = save(long_table().sample(frac=1, random_state=1), tmp_path / "mixed.csv")
    settings = {**LONG, **KIND, "split": "part", "time": "at"}
    one, other = own(long, **settings).read(), own(mixed, **settings).read()
    for split in SPLITS:
        rows = [set(map(tuple, data.splits[split]["steps"].tolist())) for data in (one, other)]
        assert len(rows[0] ^ rows[1]) <= 0.2 * len(rows[0])  # but for rounding of the mean
        assert one.splits[split]["lengths"].tolist() == other.splits[split]["lengths"].tolist()


def test_numbers_are_standardised_by_the_training_split_and_the_mean_loses_about_1(long):
    task = own(long, **LONG, **YIELD, split="part")
    data = task.read()
    assert task.unit == "squared standard deviations"
    targets = data.splits["train"]["targets"]
    assert (targets.shape, targets.dtype) == ((7, 1), np.float32)
    assert (targets.mean(), targets.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert data.reference_valid["mean"] == pytest.approx(
        float((data.splits["valid"]["targets"].astype(float) ** 2).mean()), abs=1e-6
    )


def test_several_numbers_are_predicted_at_once(pixels):
    task = own(pixels, **PIXELS, targets="numbers", target=["kind", "size"], split="part")
    data = task.read()
    assert data.form.outputs == 2
    assert data.form.features == 1


def test_columns_of_pixels_are_images(pixels, tmp_path):
    table = pixel_table()
    data = own(pixels, **PIXELS, **KIND, split="part").read()
    assert dataclasses.astuple(data.form) == ("images", 1, "classes", 3, 2, 3)
    train = table[table.part == "train"]
    np.testing.assert_array_equal(
        data.splits["train"]["images"].reshape(-1, 6), train.filter(like="pixel").to_numpy()
    )


def test_images_of_an_array_may_have_channels_and_keep_their_bytes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 5), np.uint8)
    np.savez(tmp_path / "a.npz", x=images, y=np.arange(30) % 2)
    task = own(tmp_path / "a.npz", inputs="images", input=["x"], targets="classes", target=["y"])
    data = task.read()
    assert dataclasses.astuple(data.form) == ("images", 3, "classes", 2, 4, 5)
    assert data.splits["train"]["images"].dtype == np.uint8
    stored = {image.tobytes() for split in SPLITS for image in data.splits[split]["images"]}
    assert stored == {image.tobytes() for image in images}


def test_a_text_is_a_sequence_of_its_characters_and_a_new_one_is_unknown(tmp_path):
    table = pd.DataFrame(
        {"text": ["ab", "bc", "cad", "abb", "ca"], "y": [0, 1, 0, 1, 1], "part": "train"}
    )
    table.loc[2, "part"], table.loc[4, "part"] = "valid", "test"
    path = save(table, tmp_path / "texts.csv")
    symbols = {"inputs": "symbols", "input": ["text"], "targets": "classes", "target": ["y"]}
    data = own(path, **symbols, split="part").read()
    assert data.form.features == 4  # a, b, c and the unknown one
    assert data.splits["train"]["steps"].tolist() == [1, 2, 2, 3, 1, 2, 2]
    assert data.splits["valid"]["steps"].tolist() == [3, 1, 0]


def test_a_dataset_in_a_group_is_named_by_its_path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["runs/x"] = np.random.default_rng(0).normal(size=(30, 7, 3))
        file["runs/y"] = [b"up", b"down", b"up"] * 10
    settings = {"inputs": "frames", "input": ["runs/x"], "targets": "classes", "target": ["runs/y"]}
    data = own(tmp_path / "a.h5", **settings).read()
    assert (data.form.features, data.form.outputs) == (3, 2)
    assert data.splits["test"]["lengths"].tolist() == [7] * 6


def test_columns_may_be_the_steps_of_one_feature(pixels):
    data = own(pixels, inputs="frames", input=["pixel_*", "size"], **KIND, split="part").read()
    assert data.form.features == 1
    assert set(data.splits["train"]["lengths"]) == {7}


def test_classes_are_numbered_in_sorted_order(tmp_path):
    table = pixel_table().assign(kind=[(10, 9, 100)[i % 3] for i in range(LINES)])
    path = save(table, tmp_path / "a.csv")
    data = own(path, **PIXELS, **KIND, split="part").read()
    expected = {10: 1, 9: 0, 100: 2}
    assert data.splits["train"]["targets"].tolist() == [
        expected[kind] for kind in table[table.part == "train"].kind
    ]


@pytest.mark.parametrize("settings", [{**LONG, **KIND}, {**LONG, **YIELD}])
def test_what_is_prepared_can_be_loaded_and_is_batched_whole(long, tmp_path, settings):
    task = own(long, **settings, split="part")
    prepare(task, "own_data", tmp_path / "data")
    batches = list(task.batches(load(tmp_path / "data", "search")["train"], None))
    assert sum(batch.counted.sum() for batch in batches) == 7


# --- how splits are drawn --------------------------------------------------------------------------


def test_a_drawn_split_has_the_shares_asked_for(pixels):
    splits = own(pixels, **PIXELS, **KIND, shares=[0.5, 0.3, 0.2]).read().splits
    assert [len(splits[split]["targets"]) for split in SPLITS] == [20, 12, 8]


def test_one_seed_draws_the_same_split_and_another_another(pixels):
    one, same_again, other = (own(pixels, **PIXELS, **KIND, seed=s).read() for s in (1, 1, 2))
    assert same(one, same_again)
    assert not same(one, other)


def test_a_group_is_never_in_two_splits(long):
    table = long_table().groupby("who").first()
    data = own(long, **LONG, **YIELD, group="person").read()
    told = np.concatenate([data.splits[split]["targets"][:, 0] for split in SPLITS])
    counts = [len(data.splits[split]["targets"]) for split in SPLITS]
    assert len(told) == len(table) and counts == [12, 4, 4]  # of five persons of four sequences


def test_equal_examples_are_drawn_into_one_split(tmp_path):
    table = pixel_table()
    path = save(pd.concat([table] * 3), tmp_path / "thrice.csv")
    splits = own(path, **PIXELS, **KIND).read().splits
    contents = [{image.tobytes() for image in splits[split]["images"]} for split in SPLITS]
    assert sum(map(len, contents)) == LINES


# --- what is refused -------------------------------------------------------------------------------


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    assert refused(own(tmp_path / "nowhere.csv", **LONG, **KIND)) == "there is no such file"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".h5", ".npz"])
@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\x00\xff\n"])
def test_a_file_that_is_not_of_its_format_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    said = refused(own(path, **LONG, **KIND))
    if content and suffix == ".csv":
        assert said == "it is UTF-16 or no text at all; save it as UTF-8"
    else:
        assert re.match(rf"not a sound \{suffix} file|there is no 'heat'", said)


@pytest.mark.parametrize("suffix", [".parquet", ".h5", ".npz"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    path = save(long_table(), tmp_path / f"long{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(own(path, **LONG, **KIND)).startswith(f"not a sound {suffix} file")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".h5", ".npz"])
def test_a_missing_name_is_told_with_those_that_there_are(tmp_path, suffix):
    path = save(long_table(), tmp_path / f"long{suffix}")
    said = refused(own(path, **{**LONG, "input": ["heet"]}, **KIND))
    assert said.startswith("there is no 'heet'; there are ")
    for name in long_table():
        assert name in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: t.assign(heat=t.heat.where(t.index != 4, np.inf)),
            "heat is inf in row 5, expected finite numbers",
        ),
        (lambda t: t.assign(heat=t.heat.where(t.index != 4)), "heat has no value in row 5"),
        (lambda t: t.assign(kind=t.kind.where(t.index != 4)), "kind has no value in row 5"),
        (lambda t: t.assign(heat="warm"), "heat is 'warm' in row 1, expected a number"),
        (
            lambda t: t.assign(kind=np.where(t.index == 1, "odd", t.kind)),
            "sequence s00: kind is cold in row 1 and odd in row 2, expected one value a sequence",
        ),
        (
            lambda t: t.assign(part=t.part.replace("valid", "dev")),
            "sequence s01: its split is 'dev', expected train, valid or test",
        ),
        (
            lambda t: t.assign(part=t.part.replace("valid", "train")),
            "the split valid is empty: none of 20 examples is in it",
        ),
        (lambda t: t.assign(kind="cold"), "there is one class alone, cold, expected at least two"),
        (
            lambda t: t.assign(kind=np.where(t.who == "s02", "odd", t.kind)),
            "sequence s02: its class odd is in test and never in train",
        ),
        (
            lambda t: pd.concat([t, t[t.who == "s00"].assign(who="s99", part="test")]),
            "sequence s00 and sequence s99 are the same, but one is for train and one for test",
        ),
        (lambda t: t[:0], "there are no rows"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(tmp_path, change, said):
    path = save(change(long_table()), tmp_path / "wrong.csv")
    assert refused(own(path, **LONG, **KIND, split="part")).startswith(said)


def test_a_group_in_two_splits_is_refused(long):
    said = refused(own(long, **LONG, **KIND, split="part", group="person"))
    assert (
        said
        == "sequence s00 and sequence s05 are in one person, but one is for train and one for test"
    )


def test_two_steps_of_one_time_are_refused(tmp_path):
    path = save(long_table().assign(at=0), tmp_path / "wrong.csv")
    said = refused(own(path, **LONG, **KIND, time="at"))
    assert said == "sequence s00: rows 1 and 2 have the same time"


def test_the_same_image_in_two_splits_is_refused_with_its_rows(tmp_path):
    table = pixel_table()
    table.iloc[7, :6] = table.iloc[2, :6]
    said = refused(own(save(table, tmp_path / "a.csv"), **PIXELS, **KIND, split="part"))
    assert said == "row 3 and row 8 are the same, but one is for train and one for test"


def test_a_class_that_is_a_fraction_is_refused(tmp_path):
    path = save(pixel_table().assign(kind=np.arange(LINES) / 2), tmp_path / "a.csv")
    said = refused(own(path, **PIXELS, **KIND))
    assert said == "row 2: its class is '0.5', expected a text or a whole number"


def test_a_number_that_never_varies_is_refused(tmp_path):
    path = save(pixel_table().assign(kind=1.5), tmp_path / "a.csv")
    said = refused(own(path, **PIXELS, targets="numbers", target=["kind"]))
    assert said == "the target is the same number in all of train"


def test_an_empty_text_is_refused(tmp_path):
    table = pd.DataFrame({"text": ["ab", "", "b"] * 4, "y": [0, 1] * 6})
    symbols = {"inputs": "symbols", "input": ["text"], "targets": "classes", "target": ["y"]}
    said = refused(own(save(table, tmp_path / "a.csv"), **symbols))
    assert said == "row 2: it is empty, expected at least one step"


@pytest.mark.parametrize(
    ("arrays", "settings", "said"),
    [
        ({"x": np.zeros((9, 5, 4, 3))}, {}, "images of shape (5, 4, 3): write the channels first"),
        ({"x": np.zeros((9, 7))}, {"height": 2, "width": 3}, "an image of 7 columns: set height"),
        ({"x": np.zeros((9, 7))}, {}, "an image of 7 columns: set height and width"),
        (
            {"x": np.zeros((9, 2, 2))},
            {"height": 2, "width": 3},
            "images of (2, 2) pixels, expected",
        ),
        ({"x": np.zeros(9)}, {}, "an image of shape (), expected (height, width) or"),
        (
            {"x": np.zeros((8, 2, 2))},
            {},
            "columns of one length are expected, these have rows: x 8",
        ),
        ({"x": np.full((9, 2, 2), np.nan)}, {}, "x is nan in row 1 at (0, 0), expected finite"),
        ({"x": np.array([{}] * 9)}, {}, "not a sound .npz file (Object arrays cannot be loaded"),
        ({"x": np.array(3.0)}, {}, "x is a single value, expected one a row"),
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path, arrays, settings, said):
    path = tmp_path / "a.npz"
    np.savez(path, y=np.arange(9) % 2, **arrays)
    images = {"inputs": "images", "input": ["x"], "targets": "classes", "target": ["y"]}
    assert refused(own(path, **images, **settings)).startswith(said)


def test_rows_that_are_steps_but_of_no_named_sequence_are_refused(long):
    said = refused(own(long, inputs="frames", input=["heat"], **KIND))
    assert "where a row is one step, set `sequence`" in said


def test_lists_in_a_table_are_refused(tmp_path):
    table = pd.DataFrame({"x": [[1.0, 2.0], [3.0]], "y": [0, 1]})
    path = save(table, tmp_path / "a.parquet")
    said = refused(own(path, inputs="frames", input=["x"], targets="classes", target=["y"]))
    assert said == "x holds ndarrays, expected a number or a text in each row"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"file": "a.xlsx"}, r"own_data\.file: expected \.csv, \.parquet, \.h5, \.hdf5, \.npz"),
        ({"input": []}, r"own_data\.input: got an empty list; expected at least 1"),
        ({"target": []}, r"own_data\.target: got an empty list; expected at least 1"),
        ({"target": ["a", "b"]}, r"own_data\.target: expected one column"),
        ({"inputs": "images"}, r"own_data\.sequence: images are one in each row"),
        ({"sequence": "", "time": "at"}, r"own_data\.time: needs the setting sequence"),
        ({"height": 3}, r"own_data\.height: needs width"),
        ({"shares": [0.5, 0.5]}, r"own_data\.shares: got 2 items; expected 3"),
        ({"shares": [0.5, 0.6, -0.1]}, r"own_data\.shares\[2\]: expected more than 0, got -0.1"),
        ({"shares": [0.5, 0.3, 0.3]}, r"own_data\.shares: expected three that add up to 1"),
        ({"inputs": "sounds"}, r"own_data\.inputs: there is no 'sounds'"),
        ({"recipe": {"tied": True}}, r"own_data\.recipe\.tied: for symbols alone"),
    ],
)
def test_a_wrong_setting_is_refused(settings, said):
    with pytest.raises(SettingError, match=said):
        own(**{**LONG, **KIND, **settings})


def test_the_star_takes_all_columns_that_are_named_for_nothing_else(pixels, tmp_path):
    table = pixel_table().drop(columns="size")
    path = save(table, tmp_path / "a.csv")
    starred = own(path, **{**PIXELS, "input": ["*"]}, **KIND, split="part").read()
    assert same(starred, own(pixels, **PIXELS, **KIND, split="part").read())


def test_small_images_of_many_channels_are_taken_if_their_size_is_told(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 5, 4, 3))
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(30) % 2)
    images = {"inputs": "images", "input": ["x"], "height": 4, "width": 3}
    data = own(tmp_path / "a.npz", **images, targets="classes", target=["y"]).read()
    assert data.form.features == 5
