"""What stored trials say of an architecture, worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from support.stored_trials import settings_of, write_trials

from gp_cells import Results, parse
from gp_cells.config.files import RecordError
from gp_cells.config.plan import read_plan
from gp_cells.config.records import RunSettings
from gp_cells.tabular.stored import Stored, find_stored, stored_of

SMALL, LARGE = "h' = tanh(gate1)", "h' = tanh(gate1) * sigmoid(gate2)"
KEY, OTHER = parse(SMALL).architecture_id, parse(LARGE).architecture_id


@pytest.fixture
def settings(config: dict[str, Any], tmp_path: Path) -> RunSettings:
    return settings_of(next(iter(read_plan(config).runs.values())), tmp_path / "settings")


@pytest.fixture
def stored(settings: RunSettings, tmp_path: Path) -> Stored:
    """Three trials of one architecture, seed 7 twice; three of another, of which one failed."""
    write_trials(
        tmp_path,
        settings,
        [
            (SMALL, {"seed": 7, "fitness": 4.0, "wall_s": 3.0, "cpu_s": 2.0, "epochs": 2}),
            (SMALL, {"seed": 7, "fitness": 4.0, "wall_s": 2.0, "cpu_s": 4.0, "epochs": 2}),
            (SMALL, {"seed": 8, "fitness": 5.0, "wall_s": 3.0, "cpu_s": 3.0, "epochs": 1}),
            (LARGE, {"seed": 7, "fitness": 1.0}),
            (LARGE, {"seed": 8, "fitness": None, "status": "diverged"}),
            (LARGE, {"seed": 8, "fitness": 0.5, "role": "replicate", "learning_rate": 9.0}),
        ],
    )
    return find_stored(tmp_path, settings, "bach")


def test_with_a_seed_an_architecture_has_the_loss_of_that_seed_and_no_spread(
    stored: Stored,
) -> None:
    answer = stored.answer(KEY, 8)
    assert answer is not None
    assert (answer.row.fitness, answer.spread, answer.trials) == (5.0, None, 1)


def test_the_mean_is_over_seeds_each_once_with_the_spread_between_them(stored: Stored) -> None:
    answer = stored.answer(KEY)
    assert answer is not None
    assert (answer.row.fitness, answer.trials) == (4.5, 2)
    assert answer.spread == pytest.approx(math.sqrt(0.5))


def test_a_trial_costs_the_mean_of_what_it_took_alone_on_its_cores(stored: Stored) -> None:
    answer = stored.answer(KEY)
    assert answer is not None
    assert answer.train_s == pytest.approx((2.0 + 2.0 + 3.0) / 3)
    assert answer.epochs == pytest.approx((2 + 2 + 1) / 3)


def test_an_architecture_that_failed_with_one_seed_has_failed_in_the_mean(stored: Stored) -> None:
    answer = stored.answer(OTHER)
    assert answer is not None
    assert (answer.row.fitness, answer.row.status, answer.spread) == (math.inf, "diverged", None)


def test_a_replicate_at_another_learning_rate_is_no_trial_of_the_search(stored: Stored) -> None:
    assert [trial["learning_rate"] for trial in stored.trials[OTHER]] == [0.003, 0.003]


def test_what_has_no_trial_with_a_seed_has_no_answer(stored: Stored) -> None:
    assert stored.answer(KEY, 9) is None
    assert stored.answer("0" * 32) is None


def test_nothing_that_the_test_split_says_is_in_an_answer(stored: Stored) -> None:
    answer = stored.answer(KEY)
    assert answer is not None and answer.row.test is None


def test_trials_of_one_seed_that_came_out_differently_are_refused_by_their_names(
    settings: RunSettings, tmp_path: Path
) -> None:
    trials = [(SMALL, {"seed": 7, "fitness": 4.0}), (SMALL, {"seed": 7, "fitness": 4.1})]
    write_trials(tmp_path, settings, trials)
    stored = find_stored(tmp_path, settings, "bach")
    with pytest.raises(RecordError, match=r"w000-00 and .*w000-01, which came out differently"):
        stored.answer(KEY, 7)
    answer = stored.answer(KEY)
    assert answer is not None and answer.row.fitness == pytest.approx(4.05)


def test_runs_that_were_trained_otherwise_are_refused_with_what_differs(
    settings: RunSettings, tmp_path: Path
) -> None:
    write_trials(tmp_path, settings, [(SMALL, {"seed": 7, "fitness": 4.0})])
    recipe = {**settings.task.settings["recipe"], "epochs": 3}
    task = dataclasses.replace(settings.task, settings={**settings.task.settings, "recipe": recipe})
    settings = dataclasses.replace(settings, task=task)
    with pytest.raises(RecordError, match=r"differs in task.settings.recipe.epochs: 2 and 3"):
        find_stored(tmp_path, settings, "bach")


def test_a_task_that_is_not_stored_is_refused_with_those_that_are(stored: Stored, tmp_path) -> None:
    with pytest.raises(RecordError, match="has no task 'bech'; it has bach of tiny"):
        stored_of(tmp_path, "bech")


def test_the_python_door_answers_for_one_architecture(stored: Stored, tmp_path: Path) -> None:
    answer = Results(tmp_path).stored("bach").answer(KEY)
    assert answer == stored.answer(KEY)
