"""A stopping rule in a run: who is controlled, what is learned, and that all trials are read alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support.specs import make_spec

from gp_cells.config.choose import SettingError
from gp_cells.config.plan import read_plan
from gp_cells.config.records import (
    CurvePoint,
    FitnessRecord,
    LineageEntry,
    RunSettings,
    StoppedAt,
    Stopping,
)
from gp_cells.config.typed_json import encode, read_record
from gp_cells.plugins import fill_in
from gp_cells.stopping.parametric import Parametric
from gp_cells.stopping.stopper import Curve
from gp_cells.strategies import Outcome
from gp_cells.strategies.history import read_history, write_history
from gp_cells.workflow.steps import outcome_of, propose, specify
from gp_cells.workflow.stopping import as_read, controls, foretold, learned_by, with_curve

EPOCHS = 10
QUALITIES = [0.6 + 0.4 * (37 * i % 50) / 50 for i in range(50)]


@pytest.fixture
def stopped(settings: Path) -> RunSettings:
    """Return a run of two waves of fifty slots, whose trials are cut and read by a learned prediction."""
    read = read_record(RunSettings, settings)
    rule = Stopping(name="ensemble", settings={"share": 0.3, "least": 8})
    search = dataclasses.replace(read.search, waves=2, slots=50)
    return dataclasses.replace(read, stopping=rule, search=search)


def ended(
    run: RunSettings, wave: int, slot: int, quality: float, whole: bool
) -> tuple[LineageEntry, FitnessRecord]:
    """Return a trial whose best start is the worst end, as its training loss tells."""
    epochs = EPOCHS if whole else 3
    valid = [1 + quality + (1.2 - 2.2 * quality) * (e + 1) / EPOCHS for e in range(epochs)]
    stop = StoppedAt(epoch=3, code="same_epoch", observed=min(valid[:3]))
    spec = make_spec(candidate=f"w{wave:03d}-{slot:02d}")
    shared = {name: getattr(spec, name) for name in ("candidate", "architecture_id")}
    entry = LineageEntry(
        **shared, wave=wave, slot=slot, genome=spec.genome, operator="o", parents=(), planned=EPOCHS
    )
    fitness = FitnessRecord(
        **shared,
        run=run.run,
        seed=1,
        learning_rate=0.1,
        status="ok" if whole else "stopped_early",
        reason="r",
        fitness=min(valid),
        best_epoch=1,
        objectives={},
        curve=tuple(
            CurvePoint(epoch=e + 1, train_loss=0.3 + quality + 0.01 * e, valid_loss=loss)
            for e, loss in enumerate(valid)
        ),
        stopped=stop,
    )
    return entry, fitness


def test_one_of_ten_is_controlled_drawn_by_the_seed(stopped: RunSettings) -> None:
    drawn = [*controls(stopped, 0), *controls(stopped, 1)]
    assert [sum(drawn[i : i + 10]) for i in range(0, 100, 10)] == [1] * 10
    assert len({i % 10 for i, is_one in enumerate(drawn) if is_one}) > 3
    assert controls(stopped, 0) == controls(stopped, 0)
    assert drawn != [
        *controls(dataclasses.replace(stopped, seed=2), 0),
        *controls(dataclasses.replace(stopped, seed=2), 1),
    ]


@pytest.mark.parametrize(("share", "of_hundred"), [(0.0, 0), (0.25, 25), (0.3, 30), (1.0, 100)])
def test_the_share_is_what_the_config_says(
    stopped: RunSettings, share: float, of_hundred: int
) -> None:
    rule = dataclasses.replace(stopped.stopping, control=share)
    run = dataclasses.replace(stopped, stopping=rule)
    assert sum([*controls(run, 0), *controls(run, 1)]) == pytest.approx(of_hundred, abs=1)


def test_without_a_rule_no_file_says_anything_of_it(settings: Path) -> None:
    run = read_record(RunSettings, settings)
    [(spec, entry), *_] = specify(run, [], 0, propose(run, [], 0))
    assert not {"learned", "control", "planned"} & {*encode(spec), *encode(entry)}


def test_the_search_reads_of_a_controlled_trial_what_it_reads_of_a_stopped_one(
    stopped: RunSettings,
) -> None:
    read = []
    for whole in (True, False):
        outcome = outcome_of(*ended(stopped, 0, 0, 0.9, whole))
        read.append((outcome.fitness, outcome.status))
    assert read[0] == read[1] == (pytest.approx(1.9 - 0.234), "stopped_early")


def test_what_is_learned_goes_into_the_next_genomes_and_all_trials_are_read_by_it(
    stopped: RunSettings, tmp_path: Path
) -> None:
    trials = [ended(stopped, 0, i, q, whole=i % 3 == 0) for i, q in enumerate(QUALITIES)]
    outcomes = [with_curve(outcome_of(*of), of[1], of[0].planned) for of in trials]
    write_history(tmp_path / "history", outcomes)
    history = read_history(tmp_path / "history")

    learned = learned_by(stopped, history)
    assert learned is not None and learned["gain"] > 2
    seen = as_read(stopped, history, learned)
    for outcome, quality in zip(seen, QUALITIES, strict=True):
        assert outcome.fitness == pytest.approx(2.2 - 1.2 * quality, abs=0.05)
    bred = specify(stopped, seen, 1, propose(stopped, seen, 1), learned)
    assert all(spec.learned == learned and entry.planned for spec, entry in bred)
    assert sum(spec.control is True for spec, _ in bred) == 5


def test_a_rule_that_needs_whole_curves_is_refused_where_trials_go_on_from_others(
    tiny: dict[str, Any],
) -> None:
    tiny["strategies"]["gp"] = {
        "name": "halving",
        "settings": {"rungs": 3},
        "search": {"waves": 3, "slots": [9, 3, 1], "lag": 1, "finalists": 1},
    }
    tiny["stopping"] = {"name": "ensemble"}
    [run] = read_plan(tiny).runs.values()
    with pytest.raises(SettingError, match=r"trains in pieces, so there are no whole curves for"):
        fill_in(run.config)
    for rule in ({"name": "patience"}, {"name": "i_epoch", "control": 0}):
        tiny["stopping"] = rule
        [run] = read_plan(tiny).runs.values()
        fill_in(run.config)


@pytest.fixture
def rungs(tiny: dict[str, Any]) -> dict[str, Any]:
    """Return a config of two rungs of 4 and 8 epochs, ranked by what a curve promises for the eighth."""
    tiny["strategies"]["gp"] = {
        "name": "halving",
        "settings": {"rungs": 2, "epochs": 4, "factor": 2, "rank": "predicted"},
        "search": {"waves": 2, "slots": [3, 1], "lag": 1, "finalists": 1},
    }
    tiny["stopping"] = {"name": "parametric"}
    return tiny


def test_a_rank_by_predictions_is_refused_without_a_rule_that_makes_them(
    rungs: dict[str, Any],
) -> None:
    [run] = read_plan(rungs).runs.values()
    fill_in(run.config)
    for name in ("never", "i_epoch", "patience", "median"):
        rungs["stopping"] = {"name": name}
        [run] = read_plan(rungs).runs.values()
        with pytest.raises(SettingError) as refused:
            fill_in(run.config)
        assert "\n" not in str(refused.value)
        if name != "median":
            said = (
                f"ranks by predictions, and {name} makes none from a curve alone; choose parametric"
            )
            assert said in str(refused.value)


def test_who_promises_more_goes_on_to_the_next_rung(
    settings: Path, rungs: dict[str, Any], tmp_path: Path
) -> None:
    [planned] = read_plan(rungs).runs.values()
    config = fill_in(planned.config)
    run = dataclasses.replace(
        read_record(RunSettings, settings),
        strategy=config.strategy,
        stopping=config.stopping,
        search=config.search,
    )
    bred = specify(run, [], 0, propose(run, [], 0))
    assert {entry.planned for _, entry in bred} == {8}
    # all but the last have come to their end; that one is the worst, and falls on
    curves = [[2.0, 1.2, 1.02, 1.0], [2.1, 1.3, 1.12, 1.1], [2.6, 1.95, 1.5, 1.2]]
    outcomes = []
    for (spec, entry), losses in zip(bred, curves, strict=True):
        made = FitnessRecord(
            run=run.run,
            **{name: getattr(spec, name) for name in ("candidate", "architecture_id", "seed")},
            learning_rate=0.1,
            status="ok",
            reason="r",
            fitness=min(losses),
            best_epoch=4,
            objectives={},
            curve=tuple(
                CurvePoint(epoch=e + 1, train_loss=loss, valid_loss=loss)
                for e, loss in enumerate(losses)
            ),
            state="s",
            epochs=4,
            last_loss=losses[-1],
        )
        outcomes.append(with_curve(outcome_of(entry, made), made, entry.planned))
    write_history(tmp_path / "history", outcomes)
    history = read_history(tmp_path / "history")
    assert {outcome.predicted for outcome in history} == {None}
    seen = foretold(run, history, 1)
    assert [of.predicted is not None for of in seen] == [True] * 3
    assert min(seen, key=lambda of: of.predicted or 0).candidate == "w000-02"
    [went_on] = propose(run, seen, 1)
    assert went_on.start == "w000-02"


def test_of_a_trial_that_went_on_the_whole_curve_is_foretold(
    settings: Path, rungs: dict[str, Any]
) -> None:
    [planned] = read_plan(rungs).runs.values()
    config = fill_in(planned.config)
    run = dataclasses.replace(
        read_record(RunSettings, settings), strategy=config.strategy, stopping=config.stopping
    )
    whole = [1 + 2.0**-e for e in range(6)]
    shared: dict[str, Any] = {"genome": "g", "status": "ok", "planned": 8}
    first, second = (
        Outcome(
            candidate=f"w00{wave}-00",
            wave=wave,
            architecture_id="a",
            fitness=min(losses),
            start=start,
            losses=losses,
            train_losses=losses,
            **shared,
        )
        for wave, start, losses in (
            (0, None, tuple(whole[:3])),
            (1, "w000-00", tuple(whole[3:])),
        )
    )
    seen = foretold(run, [first, second], 2)
    assert seen[0].predicted is None  # out of reach
    assert seen[1].predicted == Parametric().predict(
        Curve(losses=whole, train_losses=whole, epochs=8)
    )
