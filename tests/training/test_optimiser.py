"""The optimiser against torch's own, and the share of the learning rate of each step."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from support.specs import killed_again_and_again, make_spec, protocol_in
from torch import nn

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import read_plan
from gp_cells.config.recipe import Recipe, Schedule
from gp_cells.config.records import RunConfig
from gp_cells.config.typed_json import encode
from gp_cells.plugins import fill_in
from gp_cells.report.protocol import _changes, _optimiser, _seldom
from gp_cells.tasks.prepared import load
from gp_cells.training.optimiser import Optimiser, share_of_rate
from gp_cells.training.train import NoCheckpoints, Setup, train
from gp_cells.training.trial import set_up_torch, setup_of


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


def layer() -> nn.Linear:
    made = nn.Linear(5, 3)
    generator = torch.Generator().manual_seed(1)
    for weight in made.parameters():
        nn.init.normal_(weight, generator=generator)
    return made


def test_matrices_decay_as_by_torchs_adamw_and_vectors_do_not() -> None:
    ours, theirs = layer(), layer()
    own = Optimiser(ours.parameters(), 0.01, weight_decay=0.3)
    groups = [
        {"params": [theirs.weight], "weight_decay": 0.3},
        {"params": [theirs.bias], "weight_decay": 0.0},
    ]
    other = torch.optim.AdamW(groups, lr=0.01)
    inputs = torch.linspace(-1, 1, 40).reshape(8, 5)
    for share in (1.0, 0.5, 0.25):
        for group in other.param_groups:
            group["lr"] = 0.01 * share
        for network, step in ((ours, lambda s=share: own.step(s)), (theirs, other.step)):
            network.zero_grad()
            network(inputs).square().sum().backward()
            step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_an_optimiser_steps_as_torchs_of_that_name(name: str) -> None:
    ours, theirs = layer(), layer()
    own = Optimiser(ours.parameters(), 0.01, rule=name)
    kinds = {
        "adam": torch.optim.Adam(theirs.parameters(), lr=0.01),
        "sgd": torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9),
        "rmsprop": torch.optim.RMSprop(theirs.parameters(), lr=0.01),
    }
    inputs = torch.linspace(-1, 1, 40).reshape(8, 5)
    for _ in range(5):
        for network, optimiser in ((ours, own), (theirs, kinds[name])):
            optimiser.zero_grad()
            network(inputs).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def shares(steps: int, **recipe: Any) -> list[float]:
    return [share_of_rate(Recipe(**recipe), step, steps) for step in range(steps)]


def test_a_recipe_that_does_not_say_otherwise_has_one_rate() -> None:
    assert shares(9) == [1.0] * 9


def test_a_warm_up_grows_by_equal_parts_to_the_whole_rate() -> None:
    assert shares(6, warm_up=4) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_schedules_fall_from_the_whole_rate_towards_nothing() -> None:
    assert shares(6, warm_up=2, schedule="linear") == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    assert shares(4, schedule="cosine") == pytest.approx([1, 0.853553, 0.5, 0.146447], abs=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_rate_is_never_below_nothing_however_short_the_training(schedule: Schedule) -> None:
    assert all(0 <= share <= 1 for share in shares(3, warm_up=5, schedule=schedule))
    assert share_of_rate(Recipe(schedule=schedule), 12, 10) == 0


def test_settings_that_came_later_are_written_only_where_they_are_set() -> None:
    written = encode(Recipe())
    old = ["units", "layers", "batch_size", "epochs", "learning_rate", "clip_norm", "dropout"]
    assert list(written) == [*old, "tied"]
    scheduled = encode(Recipe(warm_up=3, weight_decay=0.1, schedule="cosine"))
    assert scheduled == {**written, "warm_up": 3, "weight_decay": 0.1, "schedule": "cosine"}


def scheduled_trial(settings: Path) -> Setup:
    setup = setup_of(protocol_in(settings), make_spec())
    recipe = dataclasses.replace(
        setup.task.recipe, batch_size=4, warm_up=2, weight_decay=0.1, schedule="cosine"
    )
    task = dataclasses.replace(cast(Any, setup.task), recipe=recipe)
    return dataclasses.replace(setup, task=task, keeps=True)


def test_a_scheduled_trial_killed_between_any_two_batches_ends_with_the_same_bits(
    settings: Path, chorales: Path, tmp_path: Path
) -> None:
    setup, splits = scheduled_trial(settings), load(chorales, "search")
    whole = train(setup, splits, NoCheckpoints())
    killed = killed_again_and_again(copy.copy(setup), splits, tmp_path)
    assert killed.resumed >= 3
    assert killed.fitness == whole.fitness
    for name, weight in whole.best_weights.items():
        torch.testing.assert_close(killed.best_weights[name], weight, rtol=0, atol=0)
    unlike = dataclasses.replace(setup.task.recipe, schedule="constant", warm_up=0)
    task = dataclasses.replace(cast(Any, setup.task), recipe=unlike)
    assert (
        train(dataclasses.replace(setup, task=task), splits, NoCheckpoints()).fitness
        != whole.fitness
    )


def filled(tiny: dict[str, Any], **recipe: Any) -> RunConfig:
    config = copy.deepcopy(tiny)
    config["tasks"]["bach"]["settings"]["recipe"].update(recipe)
    [run] = read_plan(config).runs.values()
    return fill_in(run.config)


def test_a_run_that_names_the_defaults_of_later_settings_is_the_same_run(
    tiny: dict[str, Any],
) -> None:
    plain = filled(tiny)
    assert "schedule" not in plain.task.settings["recipe"]
    assert filled(tiny, warm_up=0, weight_decay=0.0, schedule="constant") == plain
    assert filled(tiny, schedule="linear") != plain


def test_a_schedule_is_refused_where_trials_go_on_from_others(tiny: dict[str, Any]) -> None:
    tiny["strategies"]["gp"] = {
        "name": "halving",
        "settings": {"rungs": 3},
        "search": {"waves": 3, "slots": [9, 3, 1], "lag": 1, "finalists": 1},
    }
    filled(tiny, warm_up=5, weight_decay=0.1)
    with pytest.raises(SettingError, match=r"recipe\.schedule: the strategy halving trains in"):
        filled(tiny, schedule="cosine")


def test_the_page_tells_how_the_rate_changes_and_of_old_runs_what_it_told() -> None:
    old = {"learning_rate": 0.1}
    assert (_optimiser(old), _changes(old)) == ("Adam", "")
    new = {"warm_up": 1, "weight_decay": 0.1, "schedule": "cosine"}
    assert _optimiser(new) == "AdamW, weight decay 0.1"
    assert _changes(new) == " (warmed up for 1 step, cosine schedule)"
    assert _optimiser({"optimiser": "rmsprop"}) == "RMSprop"
    assert _seldom({"initial_scale": 0.5, "flip": True}) == ", initial scale 0.5, flip true"
