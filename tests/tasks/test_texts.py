"""Texts as windows: each symbol once, the same windows for every network, and files that are refused."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gp_cells.compare.records import Records
from gp_cells.tasks import enwik8, tiny_shakespeare
from gp_cells.tasks.enwik8 import Enwik8
from gp_cells.tasks.state_of_the_union import StateOfTheUnion
from gp_cells.tasks.task import DataError
from gp_cells.tasks.texts import split_bytes, window_batches
from gp_cells.tasks.tiny_shakespeare import TinyShakespeare

TEXT = np.frombuffer(b"to be, or not to be: that is the question\n" * 100, np.uint8)


def pairs(split: Any, window: int, seed: int | None) -> list[list[int]]:
    shuffle = None if seed is None else np.random.default_rng(seed)
    batches = list(window_batches(split, window, 3, shuffle))
    assert not any(batch.continues for batch in batches)
    assert {len(batch.counted) for batch in batches} == {window}
    seen = [np.stack([b.inputs, b.targets], -1)[b.counted > 0].tolist() for b in batches]
    return [pair for batch in seen for pair in batch]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("window", [1, 7, 64, 99])
def test_every_symbol_is_counted_once_after_the_one_before_it(
    window: int, seed: int | None
) -> None:
    symbols = (np.arange(99) % 50 + 1).astype(np.uint8)
    expected = np.stack([np.append(0, symbols[:-1]), symbols], -1).tolist()
    assert sorted(pairs({"symbols": symbols}, window, seed)) == sorted(expected)


def test_windows_are_in_the_order_of_the_text_unless_they_are_shuffled() -> None:
    split = {"symbols": np.arange(1, 41).astype(np.uint8)}
    [first, *_] = window_batches(split, 10, 3, None)
    assert first.targets.T.tolist() == [list(range(i, i + 10)) for i in (1, 11, 21)]
    assert first.inputs[0].tolist() == [0, 10, 20]
    assert pairs(split, 10, 1) == pairs(split, 10, 1) != pairs(split, 10, 2)


def test_a_file_is_cut_into_parts_that_follow_one_another() -> None:
    data = split_bytes(TEXT, "text", 0.5, 16)
    lengths = [len(split["symbols"]) for split in data.splits.values()]
    assert lengths == [1890, 210, 210]
    assert data.reading is not None
    told = [data.reading.symbols[symbol] for symbol in data.splits["test"]["symbols"]]
    assert "".join(map(str, told)).encode() == TEXT[-210:].tobytes()
    assert data.form.outputs == len(np.unique(TEXT)) + 1
    assert data.reference_valid["bigram"] < data.reference_valid["unigram"] < math.log(20)


def test_a_text_that_is_too_short_for_the_window_is_refused_in_one_line() -> None:
    said = r"text: the valid split has 210 symbols, a window 211; take a shorter window or a longer"
    with pytest.raises(DataError, match=said) as refusal:
        split_bytes(TEXT, "text", 1.0, 211)
    assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="state_of_the_union: the valid split has 261 symbols"):
        StateOfTheUnion(part=0.001, valid_part=0.001, window=512).read()


@pytest.mark.parametrize("task", [TinyShakespeare, Enwik8])
def test_another_file_and_none_are_refused_by_name(task: Any, tmp_path: Path) -> None:
    path = tmp_path / "text"
    with pytest.raises(DataError, match=r"text: cannot be read .*; set `file` to "):
        task(file=str(path)).read()
    path.write_bytes(TEXT.tobytes())
    with pytest.raises(DataError, match=r"text: 4200 bytes of another SHA-256"):
        task(file=str(path)).read()


@pytest.mark.parametrize("module", [tiny_shakespeare, enwik8])
def test_the_file_of_that_checksum_is_read_in_its_three_parts(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_bytes(TEXT.tobytes())
    monkeypatch.setattr(module, "SHA_256", hashlib.sha256(TEXT.tobytes()).hexdigest())
    task = (TinyShakespeare if module is tiny_shakespeare else Enwik8)(
        file=str(path), part=0.5, window=30
    )
    splits = task.read().splits
    assert [len(of["symbols"]) for of in splits.values()] == [1890, 210, 210]
    assert sum(int(batch.counted.sum()) for batch in task.batches(splits["test"], None)) == 210


def test_windows_of_speeches_are_of_the_same_symbols_and_know_their_bytes() -> None:
    task = StateOfTheUnion(part=0.001, valid_part=0.1, window=128)
    data = task.read()
    valid = data.splits["valid"]
    seen = [b.targets.T[b.counted.T > 0] for b in task.batches(valid, None)]
    np.testing.assert_array_equal(np.concatenate(seen), valid["symbols"])
    sizes = data.bytes_per_target or {}
    assert set(sizes) == {"train", "valid", "test"} and all(1 <= s < 1.1 for s in sizes.values())


@pytest.mark.parametrize(
    ("unit", "counts", "expected"),
    [
        ("nats per frame", {}, None),
        ("nats per byte", {}, ("byte", {})),
        ("nats per character", {}, ("character", {})),
        (
            "nats per character",
            {"bytes_per_target": {"valid": 1.5}},
            ("byte", {"valid": 1.5}),
        ),
    ],
)
def test_bits_are_told_of_bytes_where_these_are_known(
    unit: str, counts: Any, expected: Any
) -> None:
    run = {"run": "a", "loss_unit": unit, "settings": "{}"}
    records: Any = SimpleNamespace(runs=[run], settings={"a": {"counts": counts}})
    assert Records.symbol.fget(records) == expected  # type: ignore[attr-defined]
