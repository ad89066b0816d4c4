"""Shards of a training split: every example is dealt once, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Recipe, Shard, recipe_and_shard
from gp_cells.tasks.prepared import load
from gp_cells.tasks.shards import count_examples, deal, take
from gp_cells.tasks.task import DataError

TEXT = {"symbols": np.arange(50, dtype=np.uint8)}
IMAGES = {
    "images": np.arange(20 * 4).reshape(20, 1, 2, 2),
    "targets": np.arange(20),
    "scale": np.ones((2, 1)),
}
SEQUENCES = {
    "steps": np.concatenate([np.full((n, 2), i) for i, n in enumerate(range(1, 13))]),
    "lengths": np.arange(1, 13),
    "targets": np.arange(12),
}


def dealt(split: Any, of: int, seed: int = 5) -> list[Any]:
    """Return what each shard trains on and what it holds out, as arrays."""
    pieces = []
    for number in range(of):
        shard = Shard(number=number, of=of, held=0.25, judged=(number,))
        splits, judged = deal({"train": split, "valid": split}, shard, seed)
        assert splits["valid"] is split
        pieces += [splits["train"], *judged]
    return pieces


@pytest.mark.parametrize(
    ("split", "told"),
    [(TEXT, "symbols"), (IMAGES, "targets"), (SEQUENCES, "targets")],
    ids=["text", "images", "sequences"],
)
def test_every_example_is_trained_on_or_held_out_by_one_shard(split: Any, told: str) -> None:
    pieces = dealt(split, 3)
    assert all(count_examples(piece) > 0 for piece in pieces)
    together = np.concatenate([piece[told] for piece in pieces])
    assert sorted(together.tolist()) == sorted(split[told].tolist())


def test_what_belongs_to_an_example_goes_with_it() -> None:
    for piece in dealt(SEQUENCES, 3):
        steps = np.repeat(piece["targets"], piece["lengths"])
        assert (piece["steps"] == steps[:, None]).all()
        assert (piece["lengths"] == piece["targets"] + 1).all()
    for piece in dealt(IMAGES, 3):
        assert (piece["images"][:, 0, 0, 0] == 4 * piece["targets"]).all()
        assert (piece["scale"] == 1).all()


def test_a_text_is_cut_and_not_shuffled() -> None:
    for piece in dealt(TEXT, 3):
        assert (np.diff(piece["symbols"].astype(int)) == 1).all()


def test_shards_come_from_the_seed_alone() -> None:
    def targets(seed: int) -> list[list[int]]:
        return [piece["targets"].tolist() for piece in dealt(SEQUENCES, 2, seed)]

    assert targets(5) == targets(5) != targets(6)


def test_without_a_shard_the_splits_are_the_very_ones() -> None:
    splits: Any = {"train": TEXT, "valid": TEXT}
    given, judged = deal(splits, None, 5)
    assert given is splits and judged == ()


def test_prepared_chorales_can_be_dealt(chorales: Path) -> None:
    train = load(chorales, "search")["train"]
    pieces = dealt(train, 2)
    assert sum(count_examples(piece) for piece in pieces) == count_examples(train)
    assert sum(len(piece["frames"]) for piece in pieces) == len(train["frames"])
    whole = take(train, np.arange(count_examples(train)))
    assert all((whole[name] == array).all() for name, array in train.items())


@pytest.mark.parametrize(
    ("split", "of", "said"),
    [
        (TEXT, 26, "50 examples, fewer than two for each of 26 shards"),
        (
            {"frames": np.ones(3)},
            1,
            "expected a split with lengths, images, numbers or symbols, got",
        ),
    ],
)
def test_a_split_that_cannot_be_dealt_is_refused(split: Any, of: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        dealt(split, of)


@pytest.mark.parametrize(
    ("shard", "said"),
    [
        ({"number": 3, "of": 3}, "shard: expected 0 to 2, got 3"),
        ({"of": 3, "judged": [4]}, "shard: expected 0 to 2, got 4"),
        ({"held": 0}, "here.shard.held: expected at least 0.01"),
        ({"off": 3}, "here.shard has no setting 'off'"),
    ],
)
def test_a_wrong_shard_is_refused(shard: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        recipe_and_shard(Recipe(), {"epochs": 2, "shard": shard}, "here")
