"""CNN cells through the whole workflow: images, several objectives, and finalists made larger."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from support.benchmark import CONFIG, Benchmark, differing

from gp_cells.compare import compare
from gp_cells.tables.parquet import read_tables

RECIPE = {"units": 4, "layers": 1, "batch_size": 128, "epochs": 2}
SEARCH = {"waves": 3, "slots": 4, "lag": 2, "finalists": 1}
LARGER = {"units": 8, "epochs": 3}
CNN: dict[str, Any] = {
    **CONFIG,
    "benchmark": "tiny",
    "space": {"name": "convolutional", "settings": {"blocks": 2, "reductions": 1}},
    "tasks": {"digits": {"name": "digits", "settings": {"recipe": RECIPE}}},
    "strategies": {
        "baselines": {
            "name": "baselines",
            "settings": {"cells": ["resnet_basic", "densenet"]},
            "search": {"waves": 1, "slots": 2, "lag": 1, "finalists": 2},
        },
        "aging": {"name": "aging", "settings": {"population": 4, "sample": 2}, "search": SEARCH},
        "nsga2": {
            "name": "nsga2",
            "settings": {
                "objectives": ["fitness", "parameters", "entanglement"],
                "reference_point": [3.0, 50_000, 1.0],
                "population": 4,
            },
            "search": SEARCH,
        },
    },
    "finalists": {"learning_rate_factors": [1.0], "seeds": [101], "recipe": LARGER},
    "training": {**CONFIG["training"], "engine": "eager"},
}


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    benchmark = Benchmark(tmp_path_factory.mktemp("cnn"), CNN)
    benchmark.finish()
    return benchmark


def test_a_search_that_was_killed_ends_with_the_same_bytes(cnn: Benchmark, tmp_path: Path) -> None:
    killed = Benchmark(tmp_path, CNN)
    killed.run_until_killed(9)
    killed.finish("--unlock")
    killed.finish("--rerun-incomplete", "-c1", PYTHONHASHSEED="7")
    assert differing(cnn.deterministic(), killed.deterministic()) == set()


def test_every_image_trial_has_an_error_latencies_scores_and_a_fitness(cnn: Benchmark) -> None:
    trials = read_tables(cnn.folder / "results", "trials").to_pylist()
    assert len(trials) == 2 + 12 + 12 + 4
    for trial in trials:
        assert trial["status"] == "ok"
        assert trial["latency_1_ms"] > 0
        assert trial["synflow"] is not None and trial["hidden_covariance"] is None
    single, together = ([t[f"latency_{size}_ms"] for t in trials] for size in (1, 64))
    assert statistics.median(single) < statistics.median(together)
    errors = read_tables(cnn.folder / "results", "curves").column("valid_error").to_pylist()
    assert all(0 <= error <= 1 for error in errors)


def test_finalists_are_trained_larger_and_longer_and_told_of_as_such(cnn: Benchmark) -> None:
    results = cnn.folder / "results"
    trials = read_tables(results, "trials").to_pylist()
    assert {trial["epochs"] for trial in trials if trial["role"] == "search"} == {2}
    assert {trial["epochs"] for trial in trials if trial["role"] == "replicate"} == {3}
    runs = sorted(cnn.plan.runs)
    searched = {a["architecture_id"]: a for a in read_tables(results, "architectures").to_pylist()}
    for row in compare(results, "tiny", runs)["tasks"][0]["rows"]:
        assert row["parameters"] > 2 * searched[row["architecture_id"]]["parameters"]
        assert 0 <= row["test_error"] < 0.9


def test_a_search_for_several_objectives_reports_its_front(cnn: Benchmark) -> None:
    page = (cnn.folder / "results/report/tiny/index.html").read_text()
    assert "hypervolume" in page
    comparison = json.loads((cnn.folder / "results/report/tiny/comparison.json").read_text())
    [front] = comparison["tasks"][0]["fronts"]
    assert front["strategy"] == "nsga2"
    assert len(front["points"]) >= 1 and front["hypervolume"] > 0
