"""What a benchmark is foretold to take, before it runs and where nothing is known."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.tiny import TINY

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.plan import read_plan
from gp_cells.workflow import forecast as module
from gp_cells.workflow.cost import Measured, Size, Speed
from gp_cells.workflow.forecast import PROBE_FACTOR, beside_s, factor_of, forecast, pace_of
from gp_cells.workflow.forecast_text import tell

SPEED = Speed(pass_s=1e-4, multiply_add_s=0.0, process_mb=300.0, trials=20)
CONFIG = {
    **TINY,
    "seeds": [1, 2],
    "finalists": {
        "learning_rate_factors": [0.5, 1.0],
        "seeds": [101],
        "recipe": {"epochs": 4, "units": 16},
    },
}


def trials(run: str, count: int = 20, factor: float = 1.0) -> list[Measured]:
    sizes = [Size(passes=1e4 * (i + 1), multiply_adds=1e9, kept_mb=1.0) for i in range(count)]
    return [
        Measured(run, size, factor * SPEED.seconds(size), SPEED.memory_mb(size), beside_s=0.5)
        for size in sizes
    ]


@pytest.fixture
def here(tmp_path: Path, chorales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which the data is prepared."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(chorales, "results/data/tiny-bach")


@pytest.mark.usefixtures("here")
def test_waves_that_a_budget_leaves_out_are_not_foretold(monkeypatch) -> None:
    monkeypatch.setattr(module, "measured", lambda results, kind: {kind: trials("a") + trials("b")})
    search = {**CONFIG["strategies"]["gp"]["search"], "budget": {"epochs": 9}}  # 8 a wave
    [free], [bound] = (
        forecast(read_plan({**CONFIG, "strategies": {"gp": of}}), Path("results"), probe=None)
        for of in (CONFIG["strategies"]["gp"], {"name": "gp", "search": search})
    )
    assert (free.candidates, bound.candidates, bound.trainings) == (24, 16, 20)
    assert bound.seconds == pytest.approx(free.seconds - 8 * free.waves[2].seconds)


@pytest.mark.usefixtures("here")
def test_trainings_are_counted_and_cost_what_earlier_trials_took(monkeypatch) -> None:
    monkeypatch.setattr(module, "measured", lambda results, kind: {kind: trials("a") + trials("b")})
    plan = read_plan(CONFIG)
    [found] = forecast(plan, Path("results"), probe=None)
    assert (len(found.runs), found.candidates, found.trainings) == (2, 24, 28)
    assert len({of.seconds for of in found.waves}) == 1 and len(found.waves) == 3
    search = found.waves[0]
    passes = search.seconds - 0.5
    assert found.finalist.seconds - 0.5 == pytest.approx(2 * passes)  # twice the epochs
    assert found.finalist.disk_mb > search.disk_mb  # and wider
    assert found.seconds == pytest.approx(24 * (passes + 0.5) + 4 * (2 * passes + 0.5))
    told = tell(plan, [found], [1, 8])
    assert told.startswith("tiny: 2 runs, 24 candidates, 28 trainings\n")
    assert "CPU hours, " in told and " as far as earlier runs were off" in told
    assert max(map(len, told.splitlines())) <= 130


def waves_of(
    name: str, settings: dict[str, Any], slots: Sequence[int], stopping: Any = CONFIG["stopping"]
) -> list[float]:
    """Return for each wave the passes over the training and the validation split that a trial takes.

    Both splits count alike here, by a made-up pace of a second a pass, and 4 epochs are the whole recipe.
    """
    task = {**CONFIG["tasks"]["bach"]["settings"], "recipe": {"units": 8, "epochs": 4}}
    search = {"waves": len(slots), "slots": list(slots), "lag": 1, "finalists": 1}
    plan = read_plan(
        {
            **CONFIG,
            "stopping": stopping,
            "tasks": {"bach": {"name": "bach_chorales", "settings": task}},
            "strategies": {name: {"name": name, "settings": settings, "search": search}},
        }
    )
    [found] = forecast(plan, Path("results"), probe=None)
    whole = found.finalist.seconds - 0.5  # of 4 epochs
    return [4 * (of.seconds - 0.5) / whole for of in found.waves]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "settings", "slots", "epochs"),
    [
        ("halving", {"epochs": 1, "factor": 2, "rungs": 3}, [8, 4, 2], [1, 1, 2]),
        ("pbt", {"epochs": 2}, [4, 4, 4], [2, 2, 2]),
        ("culling", {"epochs": 1, "dropped": 0.25}, [4, 4, 4], [1, 1, 1]),
        # one of four is trained anew for as many epochs as its parent has
        (
            "culling",
            {"epochs": 1, "dropped": 0.25, "inherit": False},
            [4, 4, 4],
            [1, (3 + 2) / 4, (3 + 3) / 4],
        ),
        ("random", {}, [4, 4], [4, 4]),
    ],
)
def test_a_wave_costs_the_epochs_that_it_trains(
    name: str,
    settings: dict[str, Any],
    slots: list[int],
    epochs: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "measured", lambda results, kind: {kind: trials("a") + trials("b")})
    assert waves_of(name, settings, slots) == pytest.approx(epochs)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "settings", "slots", "control", "epochs"),
    [
        ("random", {}, [4, 4], 0.0, [2, 2]),
        ("random", {}, [4, 4], 0.25, [2.5, 2.5]),  # one of four goes on to its end
        # trials of 1, 1 and 2 epochs: half of what weights have seen, but at least one
        ("halving", {"epochs": 1, "factor": 2, "rungs": 3}, [8, 4, 2], 0.0, [1, 1, 1]),
    ],
)
def test_a_wave_costs_what_a_rule_lets_it_train_that_ends_all_alike(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    settings: dict[str, Any],
    slots: list[int],
    control: float,
    epochs: list[float],
) -> None:
    monkeypatch.setattr(module, "measured", lambda results, kind: {kind: trials("a") + trials("b")})
    rule = {"name": "i_epoch", "settings": {"share": 0.5}, "control": control}
    assert waves_of(name, settings, slots, rule) == pytest.approx(epochs)


@pytest.mark.usefixtures("here")
def test_a_trainer_of_a_tournament_costs_its_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measured", lambda results, kind: {kind: trials("a") + trials("b")})
    data = module.describe_data(read_plan(CONFIG), "tiny-bach")
    train, valid = (data.passes[split] for split in ("train", "valid"))
    share = 0.8 / 4
    an_epoch = (3 * share * train + valid) / (3 * train + valid)
    found = waves_of("tournament", {"epochs": 2, "held": 0.2}, [4, 4])
    assert found == pytest.approx([2 * an_epoch] * 2)


def test_runs_that_others_foretell_badly_widen_the_range() -> None:
    assert factor_of(trials("a") + trials("b")) == module.LEAST_FACTOR
    assert factor_of(trials("a") + trials("b", factor=3.0)) == pytest.approx(3.0, rel=0.01)
    assert factor_of(trials("a")) == PROBE_FACTOR  # nothing was foretold yet


def test_probes_are_trained_only_where_the_tables_know_too_little() -> None:
    config = next(iter(read_plan(CONFIG).runs.values())).config
    asked = []

    def probe(run):
        asked.append(run)
        return trials("probe", count=3)

    known = pace_of(trials("a"), config, probe)
    assert known is not None and (known.is_probed, asked) == (False, [])
    probed = pace_of(trials("a", count=5), config, probe)
    assert probed is not None and (probed.is_probed, asked) == (True, [config])
    size = Size(1e4, 1e9, 1.0)
    assert probed.speed.seconds(size) == pytest.approx(SPEED.seconds(size))
    assert pace_of([], config, None) is None


@pytest.mark.usefixtures("here")
def test_time_is_unknown_without_probes_and_the_rest_is_told(capsys) -> None:
    assert main(["plan", json.dumps(CONFIG), "--no-probes"]) == 0
    said = capsys.readouterr().out
    assert "28 trainings" in said and "unknown: `gp-cells plan CONFIG` trains" in said
    assert "beside the data" in said


@pytest.mark.usefixtures("here")
@pytest.mark.slow
def test_probes_train_three_cells_and_leave_nothing_behind(capsys) -> None:
    before = sorted(Path().rglob("*"))
    assert main(["plan", json.dumps(CONFIG), "--workers", "2"]) == 0
    said = capsys.readouterr()
    assert said.err.count("training 3 cells for 2 epochs") == 1
    assert "by a few probe trainings" in said.out
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("here")
def test_a_config_that_is_refused_trains_no_probe() -> None:
    search = {"waves": 2, "slots": 2, "lag": 1, "finalists": 1}
    late = {"name": "aging", "settings": {"population": 9}, "search": search}
    plan = read_plan({**CONFIG, "strategies": {**CONFIG["strategies"], "late": late}})
    with pytest.raises(SettingError, match="population"):
        forecast(plan, Path("results"), lambda *_: pytest.fail("trained a probe"))


def test_no_worker_trains_nothing(capsys) -> None:
    assert main(["plan", json.dumps(CONFIG), "--workers", "0"]) == 2
    assert "--workers" in capsys.readouterr().err


def test_a_limit_of_time_bounds_what_a_trial_takes() -> None:
    pace = module.Pace(SPEED, 0.5, 1.1, is_probed=False)
    counts = [{"network_parameters": 10}]
    cost = module._cost(counts, [Size(1e9, 1.0, 1.0)], pace, 0.001)
    assert cost.seconds == pytest.approx(0.501)


def test_time_beside_training_is_told_by_the_trials_that_recorded_it() -> None:
    recorded, other = trials("a", 2)
    unknown = dataclasses.replace(other, beside_s=None)
    assert beside_s([recorded, unknown]) == 0.5
    assert math.isnan(beside_s([unknown]))
