"""Sequences made from a seed, of symbols, in which some steps are scored: the target of each is certain.

A split has `symbols`, `targets` and `scored`, each uint8 (sequences, time). Targets are symbols too, so
that embedding and output layer can be tied, and only the scored ones count. Each split is drawn from a
stream of its own, and no sequence is in two splits or twice in one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gp_cells.config import seeds
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Reading, Recipe, SplitName

UNIT = "nats per scored step"
RECIPE = Recipe(units=32, layers=2, batch_size=64, epochs=4, learning_rate=0.003, weight_decay=0.01)
MOST_SYMBOLS = 100  # of a kind, so that all fit into 8 bits
ROUNDS = 50  # of drawing what came twice again

Made = tuple[np.ndarray, np.ndarray, np.ndarray]  # symbols, targets, scored: (sequences, time)
Draw = Callable[[np.random.Generator, int], Made]


def make_splits(
    task: str, seed: int, sequences: int, held: int, draw: Draw
) -> dict[SplitName, Arrays]:
    """Return a training split of so many sequences, and validation and test splits of `held` each.

    Raises:
        DataError: there are not so many different sequences.
    """
    known: set[bytes] = set()
    counts = dict(zip(SPLITS, (sequences, held, held), strict=True))
    return {
        split: _make_split(
            f"{task}: {split}",
            draw,
            seeds.generator(seed=seed, task=task, purpose="data", split=split),
            count,
            known,
        )
        for split, count in counts.items()
    }


def _make_split(
    place: str, draw: Draw, rng: np.random.Generator, count: int, known: set[bytes]
) -> Arrays:
    """Return `count` sequences that are not `known` yet, which they are then."""
    found: list[Made] = []
    missing = count
    for _ in range(ROUNDS):
        symbols, targets, scored = (array.astype(np.uint8) for array in draw(rng, missing))
        new = [i for i, row in enumerate(symbols) if _is_new(row.tobytes(), known)]
        found.append((symbols[new], targets[new], scored[new]))
        missing -= len(new)
        if not missing:
            break
    if missing:
        raise DataError(
            f"{place}: only {count - missing:,} of {count:,} sequences could be drawn that are in no "
            "split yet; ask for fewer or longer ones"
        )
    names = ("symbols", "targets", "scored")
    return {
        name: np.concatenate(of) for name, of in zip(names, zip(*found, strict=True), strict=True)
    }


def _is_new(content: bytes, known: set[bytes]) -> bool:
    is_new = content not in known
    known.add(content)
    return is_new


def describe(splits: dict[SplitName, Arrays], names: Sequence[str], answers: Sequence[int]) -> Data:
    """Return splits as a task's data, given the names of all symbols and which of them are answers.

    `chance` guesses among all answers, `shown` among those that the sequence has had so far.
    """
    form = Form("symbols", len(names), "classes", len(names))
    reading = Reading("symbols", "classes", "each step", symbols=tuple(names), classes=tuple(names))
    chance = {"chance": round(math.log(len(answers)), 6)}
    shown = guess_shown(splits["valid"], answers)
    references = chance if shown is None else {**chance, "shown": round(shown, 6)}
    return Data(form, splits, references, reading, chance=1 / len(answers))


def guess_shown(split: Arrays, answers: Sequence[int]) -> float | None:
    """Return the loss of a guess among the answers shown so far; None if a target is not among them."""
    targets, scored = split["targets"], split["scored"] > 0
    shown = np.stack([(split["symbols"] == answer).cumsum(1) > 0 for answer in answers], -1)
    places = np.searchsorted(answers, targets[scored])
    if not shown[scored, places].all():
        return None
    return float(np.log(shown[scored].sum(-1)).mean())


def scored_batches(
    split: Arrays, size: int, shuffle: np.random.Generator | None
) -> Iterator[Batch]:
    """Yield sequences as batches; only what is scored counts."""
    count = len(split["symbols"])
    order = np.arange(count) if shuffle is None else shuffle.permutation(count)
    for first in range(0, count, size):
        chosen = order[first : first + size]
        symbols, targets, scored = (split[n][chosen].T for n in ("symbols", "targets", "scored"))
        yield Batch(
            symbols.astype(np.int64, order="C"),
            targets.astype(np.int64, order="C"),
            scored.astype(np.float32, order="C"),
            continues=False,
        )
