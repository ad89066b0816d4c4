import numpy as np
import pytest

from gp_cells.config.recipe import Form
from gp_cells.tasks.examples import (
    group_by_length,
    image_batches,
    pack_images,
    pack_sequences,
    score_guesses,
    sequence_batches,
    standardise_frames,
)
from gp_cells.tasks.sources import SPLITS, drawn


@pytest.fixture
def sequences():
    """Fifty sequences of 1 to 20 frames of three features, number i of them all i + 1."""
    dice = np.random.default_rng(0)
    return [np.full((dice.integers(1, 21), 3), i + 1.0) for i in range(50)]


@pytest.fixture
def images():
    """A hundred images of one channel and 4 × 5 pixels, number i of them all i."""
    return np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None, None], (100, 1, 4, 5))


def homes(count):
    return [SPLITS[i % 3] for i in range(count)]


@pytest.mark.parametrize("shuffle", [None, 7])
def test_each_sequence_comes_once_with_its_target_at_its_last_step_alone(sequences, shuffle):
    dice = None if shuffle is None else np.random.default_rng(shuffle)
    split = pack_sequences(sequences, np.arange(50))
    seen = []
    for batch in sequence_batches(split, 8, dice):
        assert not batch.continues
        for inputs, targets, counted in zip(
            *(np.swapaxes(a, 0, 1) for a in (batch.inputs, batch.targets, batch.counted)),
            strict=True,
        ):
            (last,) = np.flatnonzero(counted)
            number = targets[last]
            np.testing.assert_array_equal(inputs[: last + 1], sequences[number])
            assert not inputs[last + 1 :].any()
            seen.append(number)
    assert sorted(seen) == list(range(50))


def test_sequences_are_stored_from_the_shortest_to_the_longest(sequences):
    assert (np.diff(pack_sequences(sequences, np.arange(50))["lengths"]) >= 0).all()


def test_batches_of_symbols_are_int64_and_of_frames_float32():
    symbols = pack_sequences([np.array([1, 2], np.uint8)], np.array([0]))
    frames = {split: pack_sequences([np.eye(2)], np.array([0])) for split in SPLITS}
    standardise_frames(frames)
    for split, kind, shape in (
        (symbols, np.int64, (2, 1)),
        (frames["test"], np.float32, (2, 1, 2)),
    ):
        (batch,) = sequence_batches(split, 4, None)
        assert (batch.inputs.dtype, batch.inputs.shape) == (kind, shape)
        assert (batch.targets.dtype, batch.targets.shape) == (np.int64, (2, 1))


def test_numbers_lie_at_the_last_step_too():
    split = pack_sequences([np.zeros(3, np.uint8)], np.array([[0.5, 2.0]], np.float32))
    (batch,) = sequence_batches(split, 4, None)
    assert batch.targets[:, 0].tolist() == [[0, 0], [0, 0], [0.5, 2.0]]


def test_groups_drawn_at_random_have_sequences_of_about_one_length():
    lengths = np.repeat([10, 1000], 50)
    for group in group_by_length(lengths, 10, np.random.default_rng(0)):
        assert len(set(lengths[group])) == 1


def test_one_seed_gives_the_same_groups_and_another_seed_others():
    def draw(seed):
        lengths = np.arange(1, 40)
        groups = group_by_length(lengths, 8, np.random.default_rng(seed))
        return [group.tolist() for group in groups]

    assert draw(1) == draw(1) != draw(2)


@pytest.mark.parametrize("shuffle", [None, 7])
def test_each_image_comes_once_with_its_target(images, shuffle):
    dice = None if shuffle is None else np.random.default_rng(shuffle)
    split = pack_images(images, np.arange(100), homes(100))["train"]
    mean, deviation = split["scale"][:, 0]
    seen = []
    for batch in image_batches(split, 8, dice):
        assert (batch.inputs.dtype, batch.counted.dtype) == (np.float32, np.float32)
        assert batch.counted.all()
        pixels = batch.inputs[:, 0, 2, 3] * deviation + mean
        np.testing.assert_allclose(pixels, batch.targets, atol=1e-4)
        seen += batch.targets.tolist()
    assert sorted(seen) == list(range(0, 100, 3))
    assert (seen == sorted(seen)) == (shuffle is None)


def test_images_are_standardised_by_the_training_split(images):
    splits = pack_images(images, np.arange(100), homes(100))
    (train,) = image_batches(splits["train"], 100, None)
    assert train.inputs.mean() == pytest.approx(0, abs=1e-6)
    assert train.inputs.std() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(splits["test"]["scale"], splits["train"]["scale"])


def test_a_part_of_the_training_images_is_the_first_of_them(images):
    splits = pack_images(images, np.arange(100), homes(100), 0.5)
    assert splits["train"]["targets"].tolist() == list(range(0, 51, 3))
    assert len(splits["valid"]["targets"]) == len(splits["test"]["targets"]) == 33


def test_frames_are_standardised_by_the_training_split_and_a_constant_one_is_0():
    frames = np.random.default_rng(0).normal(5, 3, (200, 2)) * [1, 0] + [0, 4]
    splits = {
        split: pack_sequences([frames * size], np.array([0]))
        for split, size in zip(SPLITS, (1, 2, 3), strict=True)
    }
    standardise_frames(splits)
    steps = splits["train"]["steps"]
    assert steps.dtype == np.float32
    np.testing.assert_allclose(steps.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(steps.std(0), [1, 0], atol=1e-6)
    assert splits["valid"]["steps"][:, 0].std() == pytest.approx(2, abs=1e-5)


def test_the_frequency_is_what_the_training_split_says_of_the_validation_split():
    steps = [np.zeros((1, 1))] * 8
    train = pack_sequences(steps, np.array([0, 0, 0, 0, 0, 1, 1, 1]))
    valid = pack_sequences(steps[:2], np.array([0, 1]))
    form = Form("frames", 1, "classes", 2)
    guesses = score_guesses({"train": train, "valid": valid}, form)
    assert guesses["frequency"] == pytest.approx(-(np.log(0.6) + np.log(0.4)) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "sequences"),
    [
        (Form("frames", 1, "classes", 2), [np.full((3, 1), 1.0), np.full((5, 1), 2.0)]),
        (Form("symbols", 2, "classes", 2), [np.zeros(4, np.uint8), np.ones(2, np.uint8)]),
    ],
)
def test_class_means_that_lie_apart_leave_hardly_any_loss(form, sequences):
    split = pack_sequences(sequences, np.array([0, 1]))
    assert score_guesses({"train": split, "valid": split}, form)["class_means"] < 1e-6


def test_the_parts_of_a_draw_are_about_what_was_asked_for():
    drawn_to = [drawn(str(i).encode(), (6, 2, 2)) for i in range(5000)]
    shares = [drawn_to.count(split) / 5000 for split in SPLITS]
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.02)
