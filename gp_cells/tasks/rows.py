"""From the rows of a file to examples: sequences, images, their targets and their splits.

An error says in which row or sequence something is wrong; whose file it is, the caller adds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gp_cells.config.refusal import shown
from gp_cells.tasks.examples import mean_and_deviation, never_varies, standardise
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import DataError, SplitName
from gp_cells.tasks.values import are_fractions, as_symbols, in_order

UNKNOWN = 0  # the symbol of every one that the training split lacks


@dataclass(frozen=True)
class Examples:
    """What a network sees, one a sequence or image, with the name and the split of each."""

    names: Sequence[str]
    inputs: Sequence[np.ndarray]
    homes: Sequence[SplitName]

    @property
    def in_train(self) -> np.ndarray:
        """Whether each is for training, bool (examples,)."""
        return np.array(self.homes) == "train"


def join(columns: Mapping[str, np.ndarray], wanted: Sequence[str]) -> np.ndarray:
    """Return the entries of the columns wanted, (rows, …): one column's own, or several side by side.

    Raises:
        DataError: there are several, and one has arrays as its entries.
    """
    if len(wanted) == 1:
        return columns[wanted[0]]
    for name in wanted:
        if columns[name].ndim > 1:
            raise DataError(f"{name} has {columns[name].ndim} axes; name it alone")
    return np.stack([columns[name] for name in wanted], 1)


def cut_sequences(ids: np.ndarray, times: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the rows of each sequence, by the sequence's name, in the order of their times.

    Raises:
        DataError: two steps of a sequence have the same time.
    """
    _, first, which = np.unique(ids, return_index=True, return_inverse=True)
    order = np.lexsort((np.arange(len(ids)) if times is None else times, which))
    cuts = np.flatnonzero(np.diff(which[order])) + 1
    pieces = np.split(order, cuts)
    if times is not None:
        for steps in pieces:
            again = np.flatnonzero(times[steps][1:] == times[steps][:-1])
            if len(again):
                one, other = sorted(int(row) + 1 for row in steps[again[0] : again[0] + 2])
                name = ids[steps[0]]
                raise DataError(f"sequence {name}: rows {one} and {other} have the same time")
    appeared = np.argsort(first)
    return {f"sequence {ids[pieces[i][0]]}": pieces[i] for i in appeared}


def count_rows(columns: Mapping[str, np.ndarray], names: Sequence[str]) -> list[str]:
    """Return the names of columns that do nothing but count the rows, in or out of order.

    Fewer than ten rows tell nothing.
    """
    counting = []
    for name in names:
        column = columns[name]
        if column.ndim > 1 or len(column) < 10 or column.dtype.kind not in "iufO":
            continue
        if column.dtype.kind == "O":
            (column,) = as_symbols([(name, column)], cut=False)
            if column.dtype.kind == "O":
                continue
        rows, low = np.arange(len(column)), column.min()
        with np.errstate(over="ignore"):
            mixed = low in (0, 1) and np.array_equal(np.sort(column) - low, rows)
            if mixed or (low == column[0] and np.array_equal(column - low, rows)):
                counting.append(name)
    return counting


def check_constant(column: np.ndarray, members: Mapping[str, np.ndarray], name: str) -> None:
    """Refuse a column that is not the same in all rows of a sequence.

    Raises:
        DataError: it is not.
    """
    for sequence, steps in members.items():
        other = np.flatnonzero((column[steps] != column[steps[0]]).reshape(len(steps), -1).any(1))
        if len(other):
            one, two = int(steps[0]) + 1, int(steps[other[0]]) + 1
            raise DataError(
                f"{sequence}: {name} is {column[steps[0]]} in row {one} and "
                f"{column[steps[other[0]]]} in row {two}, expected one value a sequence"
            )


def as_images(entries: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return images, (image, channel, height, width), of entries or columns of pixels.

    Raises:
        DataError: they are not images, or of another size than height and width say.
    """
    if entries.ndim == 2:
        pixels = entries.shape[1]
        if not height or pixels % (height * width):
            raise DataError(
                f"an image of {pixels} columns: set height and width, whose product is now "
                f"{height * width}, so that it divides that"
            )
        entries = entries.reshape(len(entries), -1, height, width)
    elif entries.ndim == 3:
        entries = entries[:, None]
    if entries.ndim != 4 or 0 in entries.shape:
        raise DataError(
            f"an image of shape {entries.shape[1:]}, expected (height, width) or "
            "(channels, height, width)"
        )
    if height and entries.shape[2:] != (height, width):
        raise DataError(f"images of {entries.shape[2:]} pixels, expected {(height, width)}")
    if not height and entries.shape[3] <= 4 < entries.shape[1]:
        raise DataError(
            f"images of shape {entries.shape[1:]}: write the channels first, or, if they are, set "
            "height and width"
        )
    if entries.dtype == np.uint8:
        return entries
    rounded = entries.astype(np.float32)
    return rounded if (rounded == entries).all() else entries.astype(np.float64)


def as_rows(entries: np.ndarray) -> np.ndarray:
    """Return rows of numbers, (rows, features), of columns of numbers or of one of arrays (features,).

    Raises:
        DataError: an entry has more axes than that.
    """
    if entries.ndim > 2:
        raise DataError(f"entries of shape {entries.shape[1:]}, expected one number or (features,)")
    return entries.reshape(len(entries), -1).astype(np.float64)


def check_axes(entries: np.ndarray, features: int) -> None:
    """Refuse arrays of frames, (rows, time, features), whose axes may be the other way round.

    Raises:
        DataError: there are more features than steps and nobody said so, or others than were said.
    """
    if entries.ndim != 3:
        if features:
            raise DataError("features is for arrays of (time, features); leave it out")
        return
    steps, here = entries.shape[1:]
    if features and here != features:
        raise DataError(f"arrays of shape {(steps, here)}, expected (time, {features})")
    if not features and here > steps:
        raise DataError(
            f"arrays of shape {(steps, here)}: {steps} steps of {here} features? write the time first, "
            f"or, if it is, set features: {here}"
        )


def as_sequence(entry: np.ndarray | str, texts: bool) -> np.ndarray:
    """Return the sequence of one row: (time,) symbols or (time, features) frames.

    Raises:
        DataError: it is another shape.
    """
    if texts and isinstance(entry, str):
        return np.array(list(entry), object)
    sequence = np.asarray(entry)
    if texts and sequence.ndim == 1:
        return sequence
    if not texts and sequence.ndim in (1, 2):
        return sequence.reshape(len(sequence), -1)
    expected = "a text or (time,)" if texts else "(time,) or (time, features)"
    held = "a number" if sequence.ndim == 0 else f"a sequence of shape {sequence.shape}"
    raise DataError(
        f"{held} in each row, expected {expected}; where a row is one step, set `sequence` to the column "
        "that says of which"
    )


def check_lengths(inputs: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Refuse sequences and images that are empty.

    Raises:
        DataError: there is one.
    """
    for name, example in zip(names, inputs, strict=True):
        if not example.size:
            raise DataError(f"{name}: it is empty, expected at least one step")


def hash_content(example: np.ndarray) -> str:
    """Return the SHA-1 of an example's shape and numbers or texts."""
    if example.dtype.kind == "O":
        content = "\0".join(example.tolist()).encode()
    else:
        content = np.ascontiguousarray(example).tobytes()
    head = f"{example.shape} {example.dtype.str} ".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def read_homes(column: np.ndarray, names: Sequence[str]) -> list[SplitName]:
    """Return the splits that a column tells.

    Raises:
        DataError: it tells something else.
    """
    for name, home in zip(names, column, strict=True):
        if home not in SPLITS:
            raise DataError(f"{name}: its split is {shown(home)}, expected train, valid or test")
    return column.tolist()


def draw_homes(keys: Sequence[str], shares: Sequence[float], seed: int) -> list[SplitName]:
    """Return splits with about their shares of all, the same for equal keys."""
    counts = Counter(keys)
    mixed = {
        key: hashlib.sha1(f"{seed} {key}".encode(), usedforsecurity=False).digest()
        for key in counts
    }
    homes: dict[str, SplitName] = {}
    reached = 0.0
    for key in sorted(counts, key=lambda key: mixed[key]):
        middle = (reached + counts[key] / 2) / len(keys)
        reached += counts[key]
        train, valid, _ = shares
        homes[key] = "train" if middle < train else "valid" if middle < train + valid else "test"
    return [homes[key] for key in keys]


def check_filled(homes: Sequence[SplitName]) -> None:
    """Refuse splits of which one is empty.

    Raises:
        DataError: one is.
    """
    for split in SPLITS:
        if split not in homes:
            raise DataError(f"the split {split} is empty: none of {len(homes)} examples is in it")


def check_apart(
    keys: Sequence[str], homes: Sequence[SplitName], names: Sequence[str], same: str
) -> None:
    """Refuse examples of one key in two splits.

    Raises:
        DataError: there are such; it names two of them and what is the same.
    """
    first: dict[str, int] = {}
    for i, key in enumerate(keys):
        j = first.setdefault(key, i)
        if homes[i] != homes[j]:
            raise DataError(
                f"{names[j]} and {names[i]} are {same}, but one is for {homes[j]} and one for "
                f"{homes[i]}"
            )


def number_classes(column: np.ndarray, examples: Examples) -> tuple[np.ndarray, list[str]]:
    """Return the classes, int64 (examples,), numbered in sorted order, and their names.

    Raises:
        DataError: one is no class or never in the training split, or there is but one.
    """
    odd = are_fractions(column.tolist())
    if odd is not None:
        raise DataError(
            f"{examples.names[odd]}: its class is {shown(column[odd])}, expected a text or a whole number"
        )
    known = in_order(set(column[examples.in_train].tolist()))
    places = {value: i for i, value in enumerate(known)}
    for name, value, home in zip(examples.names, column, examples.homes, strict=True):
        if value not in places:
            raise DataError(f"{name}: its class {value} is in {home} and never in train")
    if len(known) < 2:
        raise DataError(f"there is one class alone, {known[0]}, expected at least two")
    return np.array([places[value] for value in column], np.int64), known


def standardise_numbers(numbers: np.ndarray, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return targets, float32 (examples, outputs), of mean 0 and deviation 1 in the training split.

    The second is that mean and deviation, float64 (2, outputs).

    Raises:
        DataError: one is the same in all of the training split.
    """
    numbers = numbers.reshape(len(numbers), -1)
    train = numbers[examples.in_train]
    if never_varies(train, (0,)).any():
        raise DataError("the target is the same number in all of train")
    scale = mean_and_deviation(train, (0,))
    return standardise(numbers, *scale), scale


def number_symbols(examples: Examples) -> tuple[list[np.ndarray], list[str]]:
    """Return sequences of symbols, each (time,), and the names of those from 1 on.

    Those of the training split are numbered in sorted order from 1, all others are `UNKNOWN`.
    """
    told = zip(examples.inputs, examples.homes, strict=True)
    train = np.concatenate([sequence for sequence, home in told if home == "train"])
    known = np.unique(train).tolist()
    places = {symbol: i for i, symbol in enumerate(known, start=1)}
    kind = np.uint8 if len(places) < 256 else np.int64
    numbered = [
        np.array([places.get(symbol, UNKNOWN) for symbol in sequence.tolist()], kind)
        for sequence in examples.inputs
    ]
    return numbered, list(map(str, known))
