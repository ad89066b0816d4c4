"""Shards of a training split: its examples dealt to trainers, of each a share that nobody trains on.

An example is a sequence, an image or a row, of one long text a symbol: a text is cut and not shuffled.
Which is dealt to whom comes from the trial's seed, which is the same in all of a run's search, so the
shards are the same wave after wave, and no example is in two. Validation and test are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.recipe import Shard
from gp_cells.tasks.task import Arrays, DataError, SplitName

Splits = Mapping[SplitName, Arrays]


def deal(splits: Splits, shard: Shard | None, seed: int) -> tuple[Splits, tuple[Arrays, ...]]:
    """Return the splits with a shard in place of the training split, and what it is judged on.

    Without a shard, the splits as they are. The second is what each of `shard.judged` holds out.

    Raises:
        DataError: there are fewer examples than a shard and its held part need, or they cannot be told.
    """
    if shard is None:
        return splits, ()
    train = splits["train"]
    count = count_examples(train)
    order = np.arange(count)
    if "symbols" not in train:
        order = seeds.generator(seed=seed, purpose="shards").permutation(count)
    shards = np.array_split(order, shard.of)
    smallest = len(shards[-1])
    if smallest < 2:
        raise DataError(
            f"the training split has {count} examples, fewer than two for each of {shard.of} shards; "
            "take fewer trainers"
        )
    held = [max(1, min(len(of) - 1, round(shard.held * len(of)))) for of in shards]
    own = shards[shard.number]
    own = own[: len(own) - held[shard.number]]
    judged = tuple(take(train, shards[i][len(shards[i]) - held[i] :]) for i in shard.judged)
    return {**splits, "train": take(train, own)}, judged


def count_examples(split: Arrays) -> int:
    """Return how many examples a split has.

    Raises:
        DataError: its arrays are of no kind that is known here.
    """
    for name in ("lengths", "images", "numbers", "symbols"):
        if name in split:
            return len(split[name])
    raise DataError(
        f"expected a split with lengths, images, numbers or symbols, got {', '.join(sorted(split))}; "
        "its examples cannot be dealt to trainers"
    )


def take(split: Arrays, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Return some examples of a split, in the split's order; the `scale` of images is kept."""
    count, chosen = count_examples(split), np.sort(chosen)
    steps = np.empty(0, np.intp)
    if "lengths" in split:
        lengths = split["lengths"]
        starts = np.cumsum(lengths) - lengths
        spans = [np.arange(starts[i], starts[i] + lengths[i]) for i in chosen]
        steps = np.concatenate(spans)
    return {
        name: array if name == "scale" else array[chosen] if len(array) == count else array[steps]
        for name, array in split.items()
    }
