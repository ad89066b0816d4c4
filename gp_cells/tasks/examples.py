"""Examples with one target each, as splits and batches: images, rows, and sequences with it at their end.

A split of images has `images` (image, channel, height, width), as its source has them, and `scale`
(2, channels), the mean and the standard deviation of the training split. A split of sequences has
`steps`, (time, features) standardised frames or (time,) symbols, its sequences one after the other
from the shortest to the longest, and `lengths` (sequences,). A split of rows has `numbers` (rows,
features) float32. All have `targets`: (examples,) int64 classes, or (examples, outputs) float32 numbers.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Reading, SplitName

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def read_image_rows(content: bytes, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (image, 1, side, side), and classes of a gzipped CSV of pixels and class."""
    rows = np.loadtxt(io.BytesIO(gzip.decompress(content)), delimiter=",")
    return rows[:, :-1].astype(np.uint8).reshape(-1, 1, side, side), rows[:, -1]


def pack_images(
    images: np.ndarray,
    targets: np.ndarray,
    homes: Sequence[SplitName],
    part: float = 1.0,
    kind: type[np.floating] = np.float64,
) -> dict[SplitName, dict[str, np.ndarray]]:
    """Return images, (image, channel, height, width), in the splits that are their homes.

    Of those of the training split only a part is kept, the first ones. Their `scale` has the precision
    `kind`.
    """
    members = {split: np.flatnonzero(np.array(homes) == split) for split in SPLITS}
    members["train"] = members["train"][: max(1, round(part * len(members["train"])))]
    scale = mean_and_deviation(images[members["train"]], (0, 2, 3)).astype(kind)
    return {
        split: {"images": images[chosen], "targets": targets[chosen], "scale": scale}
        for split, chosen in members.items()
    }


def classify_images(
    images: np.ndarray,
    classes: np.ndarray,
    homes: Sequence[SplitName],
    part: float = 1.0,
    names: Sequence[str] = (),
) -> Data:
    """Return images with classes, 0 to the largest, as a task's data; the rest is as in `pack_images`.

    A class that has no name of its own is called by its number.
    """
    splits = pack_images(images, classes.astype(np.int64), homes, part, np.float32)
    _, channels, height, width = images.shape
    form = Form("images", channels, "classes", int(classes.max()) + 1, height, width)
    reading = Reading(
        "images",
        "classes",
        "image",
        **kept_scale(splits["train"]["scale"]),
        classes=tuple(names) or tuple(map(str, range(form.outputs))),
    )
    return Data(form, splits, score_guesses(splits, form), reading)


def kept_scale(scale: np.ndarray) -> dict[str, Any]:
    """Return mean and deviation, (2, features), as a `Reading` keeps them."""
    mean, deviation = map(tuple, scale.tolist())
    return {"mean": mean, "deviation": deviation, "scale_type": scale.dtype.name}


def pack_sequences(
    sequences: Sequence[np.ndarray], targets: np.ndarray, chosen: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return sequences, each (time, …), as one split; frames are not standardised yet.

    With `chosen`, bool (sequences,), only those.
    """
    places = [i for i in range(len(sequences)) if chosen is None or chosen[i]]
    order = sorted(places, key=lambda i: len(sequences[i]))
    return {
        "steps": np.concatenate([sequences[i] for i in order]),
        "lengths": np.array([len(sequences[i]) for i in order], np.int64),
        "targets": targets[order],
    }


def standardise_frames(
    splits: Mapping[SplitName, dict[str, np.ndarray]], kind: type[np.floating] = np.float64
) -> np.ndarray:
    """Make every feature of the frames of the training split of mean 0 and standard deviation 1.

    Returns that mean and deviation, (2, features), in the precision `kind` that they were used in.
    """
    scale = mean_and_deviation(splits["train"]["steps"], (0,)).astype(kind)
    for split in splits.values():
        split["steps"] = standardise(split["steps"], *scale)
    return scale


def standardise(array: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return numbers less their mean in units of their deviation, float32: rounded when all is done."""
    return ((array - mean) / deviation).astype(np.float32)


def mean_and_deviation(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return mean and standard deviation over some axes, float64 (2, …).

    What never varies has its value as the mean and deviation 1, so that it becomes 0.

    Raises:
        DataError: numbers are so large or so close that float64 has no deviation for them.
    """
    constant = never_varies(array, axes)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(constant, array.min(axes), array.mean(axes, dtype=np.float64))
        deviation = np.where(constant, 1.0, array.std(axes, dtype=np.float64))
    odd = ~(np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0))
    if odd.any():
        raise DataError(
            f"number {int(np.argmax(odd)) + 1} of {odd.size}: from {array.min(axes)[odd][0]:g} to "
            f"{array.max(axes)[odd][0]:g} is too far or too near to be standardised; use another unit"
        )
    return np.stack([mean, deviation])


def never_varies(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return where numbers are the same over some axes, but for the rounding of their last bits.

    In float64 that is 16 units of the last place, which no data has to tell; in float32 one, and in
    float16 none, since there as little may be all that was kept of what was measured.
    """
    low, high = array.min(axes), array.max(axes)
    if array.dtype.kind != "f":
        return np.asarray(low == high)
    places = {8: 16, 4: 1}.get(array.dtype.itemsize, 0)
    last_bits = places * np.finfo(array.dtype).eps * np.maximum(np.abs(low), np.abs(high))
    with np.errstate(over="ignore"):
        return np.asarray(high - low <= last_bits)


def image_batches(
    split: Arrays, size: int, shuffle: np.random.Generator | None, change: Change | None = None
) -> Iterator[Batch]:
    """Yield standardised images, with `shuffle` in random order and after `change`, if there is one."""
    images, targets, (mean, deviation) = split["images"], split["targets"], split["scale"]
    order = np.arange(len(images)) if shuffle is None else shuffle.permutation(len(images))
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        taken = images[chosen]
        if shuffle is not None and change is not None:
            taken = change(taken, shuffle)
        inputs = standardise(taken, mean[:, None, None], deviation[:, None, None])
        counted = np.ones(len(chosen), np.float32)
        yield Batch(inputs, targets[chosen], counted, continues=False)


def pack_rows(
    rows: np.ndarray, targets: np.ndarray, homes: Sequence[SplitName]
) -> tuple[dict[SplitName, dict[str, np.ndarray]], np.ndarray]:
    """Return rows of numbers, (row, features), in the splits that are their homes, standardised.

    The second is mean and deviation of the training split, float64 (2, features).
    """
    members = {split: np.flatnonzero(np.array(homes) == split) for split in SPLITS}
    scale = mean_and_deviation(rows[members["train"]], (0,))
    return {
        split: {"numbers": standardise(rows[chosen], *scale), "targets": targets[chosen]}
        for split, chosen in members.items()
    }, scale


def row_batches(split: Arrays, size: int, shuffle: np.random.Generator | None) -> Iterator[Batch]:
    """Yield rows of numbers, with `shuffle` in random order."""
    numbers, targets = split["numbers"], split["targets"]
    order = np.arange(len(numbers)) if shuffle is None else shuffle.permutation(len(numbers))
    for first in range(0, len(order), size):
        chosen = order[first : first + size]
        counted = np.ones(len(chosen), np.float32)
        yield Batch(numbers[chosen], targets[chosen], counted, continues=False)


def sequence_batches(
    split: Arrays, size: int, shuffle: np.random.Generator | None
) -> Iterator[Batch]:
    """Yield whole sequences of about one length together, padded at their end."""
    steps, lengths, targets = split["steps"], split["lengths"], split["targets"]
    starts = np.cumsum(lengths) - lengths
    kind = np.int64 if steps.ndim == 1 else np.float32
    for group in group_by_length(lengths, size, shuffle):
        shape = (int(lengths[group].max()), len(group))
        inputs = np.zeros((*shape, *steps.shape[1:]), kind)
        answers = np.zeros((*shape, *targets.shape[1:]), targets.dtype)
        counted = np.zeros(shape, np.float32)
        for column, sequence in enumerate(group):
            start, length = starts[sequence], lengths[sequence]
            inputs[:length, column] = steps[start : start + length]
            answers[length - 1, column] = targets[sequence]
            counted[length - 1, column] = 1
        yield Batch(inputs, answers, counted, continues=False)


def group_by_length(
    lengths: np.ndarray, size: int, shuffle: np.random.Generator | None
) -> list[np.ndarray]:
    """Return the places of sequences in groups of `size`: in their order, or of about one length.

    With `shuffle` each length is stretched by a random factor in [0.8, 1.25) before the sequences
    are sorted by it and cut into groups, which come in random order.
    """
    order = np.arange(len(lengths))
    if shuffle is not None:
        stretch = np.exp(shuffle.uniform(np.log(0.8), np.log(1.25), len(lengths)))
        order = np.argsort(lengths * stretch, kind="stable")
    groups = [order[first : first + size] for first in range(0, len(order), size)]
    if shuffle is not None:
        shuffle.shuffle(groups)
    return groups


def score_guesses(splits: Mapping[SplitName, Arrays], form: Form) -> dict[str, float]:
    """Return the validation loss, in nats per target, of two predictors fitted on the training split.

    `frequency` knows how often each class comes, add-one smoothed. `class_means` knows each class's
    mean of the pixels or numbers, of the sequences' means over time, or of how often each symbol comes: the
    nearer a mean, the more probable its class, as for equal Gaussians whose variance is the one of
    13 powers of 2 that fits the training split best.
    """
    train, valid = splits["train"], splits["valid"]
    counts = np.bincount(train["targets"], minlength=form.outputs) + 1.0
    known, new = _summaries(train, form.features), _summaries(valid, form.features)
    classes = range(form.outputs)
    means = np.stack([known[train["targets"] == i].mean(0, np.float64) for i in classes])
    near, far = _squared_distances(known, means), _squared_distances(new, means)
    variances = (near.mean() or 1.0) * 2.0 ** np.arange(-12, 1)
    best = min(variances, key=lambda variance: _nats(-near / variance, train["targets"]))
    frequency = np.broadcast_to(np.log(counts), far.shape)
    return {
        "frequency": round(_nats(frequency, valid["targets"]), 6),
        "class_means": round(_nats(-far / best, valid["targets"]), 6),
    }


def _summaries(split: Arrays, features: int) -> np.ndarray:
    """Return one row of numbers for each example, (examples, numbers)."""
    if "images" in split:
        return split["images"].reshape(len(split["images"]), -1)
    if "numbers" in split:
        return split["numbers"]
    steps, lengths = split["steps"], split["lengths"]
    if steps.ndim == 1:
        owners = np.repeat(np.arange(len(lengths)), lengths)
        counts = np.bincount(owners * features + steps, minlength=len(lengths) * features)
        return counts.reshape(-1, features) / lengths[:, None]
    sums: np.ndarray = np.add.reduceat(steps, np.cumsum(lengths) - lengths, dtype=np.float64)
    return sums / lengths[:, None]


def _squared_distances(points: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return the squared distance of each point from each mean, (points, means)."""
    rows = [((point.astype(np.float64) - means) ** 2).sum(1) for point in points]
    return np.stack(rows)


def _nats(scores: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log-likelihood of targets, given (targets, classes) scores."""
    shifted = scores - scores.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return 0.0 - float(logs[np.arange(len(targets)), targets].mean())  # 0, not -0
