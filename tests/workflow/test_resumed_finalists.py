"""Finalists that go on from the states of their candidates, and which may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gp_cells
from gp_cells.config.choose import SettingError
from gp_cells.config.plan import STATE
from gp_cells.config.records import Search
from gp_cells.workflow.starts import remove_states

Row = dict[str, Any]


def growing(**search: Any) -> Row:
    """Return a small search by NEAT, whose finalists are as `search` says."""
    plan = {"waves": 2, "slots": 2, "lag": 1, "finalists": 1, **search}
    return {
        "benchmark": "tiny",
        "seeds": [1],
        "space": {"name": "feedforward"},
        "tasks": {"xor": {"name": "xor", "settings": {"points": 40, "recipe": {"epochs": 3}}}},
        "strategies": {"neat": {"name": "neat", "search": plan}},
        "finalists": {"learning_rate_factors": [1.0], "seeds": [101, 102]},
        "measures": [],
        "stopping": {"name": "never"},
        "training": {
            **{"device": "cpu", "engine": "eager", "precision": "float32", "threads": 1},
            "time_limit_s": 60,
        },
    }


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The trials of such a run whose finalists resume, by candidate, each with its curve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("resumed"))
        results = gp_cells.run(growing(resume=True))
        points, rows = (results.table(name).to_pylist() for name in ("curves", "trials"))
    curves: dict[str, list[float]] = {}
    for point in points:
        curves.setdefault(point["trial_id"], []).append(point["valid_loss"])
    return {row["candidate"]: {**row, "curve": curves[row["trial_id"]]} for row in rows}


def test_a_finalist_goes_on_from_its_candidates_state_and_says_so(trials: dict[str, Row]) -> None:
    searched = [row for row in trials.values() if row["role"] == "search"]
    best = min(searched, key=lambda row: (row["fitness"], row["candidate"]))
    for name in ("r00-0-0", "r00-0-1"):
        finalist = trials[name]
        assert finalist["start"] == best["candidate"]
        assert finalist["inherited"] is None
        assert finalist["total_epochs"] == best["total_epochs"] + finalist["epochs"]
        assert finalist["fitness"] == min(best["fitness"], *finalist["curve"])


def test_the_seeds_of_resumed_finalists_vary_the_order_of_batches_alone(
    trials: dict[str, Row],
) -> None:
    first, second = trials["r00-0-0"], trials["r00-0-1"]
    assert first["start_state"] == second["start_state"]
    assert first["seed"] != second["seed"] and first["curve"] != second["curve"]


def test_a_strategy_that_keeps_no_states_cannot_have_finalists_that_resume() -> None:
    config = growing(resume=True)
    config["strategies"] = {"random": {**config["strategies"]["neat"], "name": "random"}}
    with pytest.raises(SettingError, match=r"random\.search\.resume: .* leave no states to go on"):
        gp_cells.run(config)


@pytest.mark.parametrize(
    ("name", "value"), [("units", 8), ("optimiser", "sgd"), ("schedule", "cosine")]
)
def test_finalists_do_not_resume_with_another_network_or_optimiser(name: str, value: Any) -> None:
    config = growing(resume=True)
    config["finalists"]["recipe"] = {name: value}
    with pytest.raises(SettingError, match=rf"finalists\.recipe\.{name}: the finalists of neat"):
        gp_cells.run(config)


@pytest.mark.parametrize(("resume", "kept"), [(None, {"001"}), (True, {"000", "001"})])
def test_states_of_all_waves_are_kept_where_finalists_resume(
    tmp_path: Path, resume: bool | None, kept: set[str]
) -> None:
    for wave in ("000", "001"):
        place = tmp_path / "waves" / wave / "00"
        place.mkdir(parents=True)
        (place / STATE).touch()
    search = Search(waves=3, slots=1, lag=1, finalists=1, resume=resume)
    remove_states(tmp_path, 2, search, 1)
    assert {path.parts[-3] for path in tmp_path.rglob(STATE)} == kept
