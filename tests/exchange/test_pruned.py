"""A stored trial is pruned: its rows, its smaller networks, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.tiny import TINY

import gp_cells
from gp_cells.cli import main

CONFIG: dict[str, Any] = {
    **TINY,
    "tasks": {
        "parity": {
            "name": "parity",
            "settings": {"sequences": 60, "held": 20, "recipe": {"units": 8, "epochs": 1}},
        }
    },
    "strategies": {
        "designs": {
            "name": "baselines",
            "settings": {"cells": ["gru"]},
            "search": {"waves": 1, "slots": 1, "lag": 1, "finalists": 1},
        }
    },
    "measures": [],
}
TRIAL = "tiny-parity-designs-s1/r00-0-0"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pruned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        gp_cells.run(CONFIG)
    return folder / "results"


def test_a_finalist_is_pruned_by_every_method_beside_its_controls(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "pruned"
    asked = ["prune", TRIAL, "--share", "0.5", "0.25", "--seeds", "2", "--to", str(to)]
    assert main([*asked, "--results", str(results)]) == 0
    told = capsys.readouterr().out
    assert "| snip_shuffled |" in told and "| magnitude_shuffled_tuned |" in told
    table = pq.read_table(to / "pruned.parquet")
    assert all(word in table.schema.metadata[b"made"] for word in (b"trial_id", b"commit"))
    assert all(field.metadata[b"description"] for field in table.schema)
    rows = table.to_pylist()
    before = ("snip", "snip_shuffled", "synflow", "synflow_shuffled", "random")
    after = ("magnitude", "magnitude_tuned", "magnitude_shuffled", "magnitude_shuffled_tuned")
    whole = ("units", "units_tuned", "units_random", "units_random_tuned")
    counts = {m: sum(r["method"] == m for r in rows) for m in (*before, *after, *whole)}
    assert counts == dict.fromkeys(counts, 4)  # two shares, two seeds
    assert {row["status"] for row in rows} == {"ok"}
    masked = [row for row in rows if row["method"] in (*before, *after) and row["share"] == 0.25]
    [dense, _] = [row for row in rows if row["method"] == "dense"]
    assert {row["kept"] for row in masked} == {round(dense["kept"] / 4)}
    assert {row["epochs"] for row in rows if row["method"].endswith("tuned")} == {2}


def test_fewer_units_are_a_smaller_exported_network(results: Path, tmp_path: Path) -> None:
    to = tmp_path / "pruned"
    asked = ["prune", TRIAL, "--share", "0.25", "--seeds", "1", "--to", str(to)]
    assert main([*asked, "--results", str(results)]) == 0
    rows = pq.read_table(to / "pruned.parquet").to_pylist()
    timed = {row["method"]: row for row in rows if row["latency_ms"] is not None}
    assert set(timed) == {"dense", "units_tuned"}
    dense, small = timed["dense"], timed["units_tuned"]
    assert small["units"] == 2
    assert small["parameters"] < dense["parameters"] / 3
    assert small["exported_bytes"] < dense["exported_bytes"]
    assert "self.weight_recurrent" in (to / "units_tuned-0.25/network.py").read_text()
    assert all(row["latency_ms"] > 0 and row["exported_ms"] > 0 for row in timed.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody-x-y-s1/w000-00"], "0 trials"),
        ([TRIAL, "--share", "1.5"], "--share: expected at least 0.001 and at most 0.999, got 1.5"),
        ([TRIAL, "--seeds", "0"], "--seeds: expected at least 1"),
        ([TRIAL, "--to", "/"], "/ is there already"),
    ],
)
def test_what_cannot_be_pruned_is_refused_in_a_line(
    results: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prune", *words, "--results", str(results)]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
