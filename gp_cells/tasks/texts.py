"""Texts as symbols: streams and windows of them, trivial predictors, and texts of single bytes from a file.

A split of a text has `symbols`, uint8 (time,): 0 for what the training split lacks, else a place in its
vocabulary, from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gp_cells.tasks.sources import SPLITS, read_bytes
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Reading, Recipe, SplitName

UNKNOWN = 0  # the symbol of every character that the training split lacks
SHARES = (0.9, 0.05, 0.05)  # of a file: training, validation, test, in this order
PER_BYTE = "nats per byte"
# Of a text of bytes, cut into windows.
RECIPE = Recipe(
    units=64, layers=2, batch_size=16, epochs=1, learning_rate=0.003, weight_decay=0.01, tied=True
)


def read_split_bytes(path: Path, digest: str, advice: str, part: float, window: int) -> Data:
    """Return a file, whose SHA-256 is `digest`, as bytes to be predicted: its splits follow one another.

    Of the training split only the first `part` is kept, after its vocabulary was made.

    Raises:
        DataError: the file is missing, another, or shorter than a window.
    """
    content = np.frombuffer(read_bytes(path, digest, advice), np.uint8)
    return split_bytes(content, str(path), part, window)


def split_bytes(content: np.ndarray, place: str, part: float, window: int) -> Data:
    """Return bytes, uint8 (time,), as splits of 90, 5 and 5 %; see `read_split_bytes`.

    Raises:
        DataError: a split is shorter than a window.
    """
    ends = np.round(np.cumsum(SHARES) * len(content)).astype(int)
    pieces = np.split(content, ends[:-1])
    known = np.unique(pieces[0])
    table = np.zeros(256, np.uint8)
    table[known] = np.arange(1, len(known) + 1)
    splits: dict[SplitName, Arrays] = {
        split: {"symbols": table[piece]} for split, piece in zip(SPLITS, pieces, strict=True)
    }
    train = splits["train"]["symbols"]
    splits["train"] = {"symbols": train[: max(1, round(part * len(train)))]}
    check_window(splits, window, place)
    names = [chr(byte) for byte in known.tolist()]
    features = len(known) + 1
    form = Form("symbols", features, "classes", features)
    reading = Reading(
        "symbols", "classes", "each step", symbols=(None, *names), classes=("unknown", *names)
    )
    references = score_references(splits["train"]["symbols"], splits["valid"]["symbols"], features)
    return Data(form, splits, references, reading)


def check_window(splits: Mapping[SplitName, Arrays], window: int, place: str) -> None:
    """Refuse a text that is too short for a window.

    Raises:
        DataError: a split is; the line begins with `place`.
    """
    for split, arrays in splits.items():
        length = len(arrays["symbols"])
        if length < window:
            raise DataError(
                f"{place}: the {split} split has {length:,} symbols, a window {window:,}; take a shorter "
                "window or a longer text"
            )


def window_batches(
    split: Arrays, window: int, size: int, shuffle: np.random.Generator | None
) -> Iterator[Batch]:
    """Yield windows of a text, `size` side by side, each from a zero state: the same for every network.

    The text is one row of (symbol before, symbol) pairs, the first after an unknown one, so that a window
    knows the symbol before it. The end of the last one is padding, so each symbol counts exactly once. With
    `shuffle` the row is first turned by a random number of symbols, and windows come in random order.
    """
    rows = [cut_streams(row, -(-len(row) // window), window) for row in turned(split, shuffle)]
    count = rows[0].shape[1]
    order = np.arange(count) if shuffle is None else shuffle.permutation(count)
    for first in range(0, count, size):
        inputs, targets, counted = (row[:, order[first : first + size]] for row in rows)
        yield Batch(
            inputs.astype(np.int64, order="C"),
            targets.astype(np.int64, order="C"),
            counted.astype(np.float32, order="C"),
            continues=False,
        )


def turned(split: Arrays, shuffle: np.random.Generator | None) -> list[np.ndarray]:
    """Return inputs, targets and what counts of a text, each (time,), turned at random with `shuffle`."""
    targets = split["symbols"]
    inputs = np.concatenate([[UNKNOWN], targets[:-1]]).astype(targets.dtype)
    turn = 0 if shuffle is None else int(shuffle.integers(len(targets)))
    return [np.roll(row, -turn) for row in (inputs, targets, np.ones(len(targets), np.uint8))]


def cut_streams(row: np.ndarray, width: int, length: int = 0) -> np.ndarray:
    """Return a row (time,) as `width` streams (length, width), zeros after its end.

    Without a length it is ceil(time / width).
    """
    length = length or -(-len(row) // width)
    padded = np.zeros(length * width, row.dtype)
    padded[: len(row)] = row
    return padded.reshape(width, length).T


def score_references(train: np.ndarray, valid: np.ndarray, features: int) -> Mapping[str, float]:
    """Return the validation loss, in nats per symbol, of two predictors counted on `train`.

    `unigram` knows how often each symbol comes, `bigram` how often it comes after the one before.
    Counts are add-one smoothed, over all `features` symbols.
    """
    single = np.bincount(train, minlength=features) + 1.0
    unigram = np.log(single / single.sum())
    pairs = np.bincount(
        train[:-1].astype(np.intp) * features + train[1:], minlength=features**2
    ).reshape(features, features)
    bigram = np.log((pairs + 1.0) / (pairs.sum(axis=1, keepdims=True) + features))
    before = np.concatenate([[UNKNOWN], valid[:-1]])
    return {
        "unigram": round(-float(unigram[valid].mean()), 6),
        "bigram": round(-float(bigram[before, valid].mean()), 6),
    }
