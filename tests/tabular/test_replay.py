"""Strategies played on stored results: the same history, other times, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from support.stored_trials import CONFIG, searched

from gp_cells import Results
from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.plan import read_plan
from gp_cells.strategies import Outcome
from gp_cells.tabular.replay import Replay, Replayed, as_table, chosen_runs

World = tuple[Path, dict[str, list[Outcome]]]
RUNS = list(read_plan(CONFIG).runs)


def replayed(stored: World, config: dict[str, Any], name: str, **options: Any) -> Replayed:
    player = Replay(stored[0], **{"workers": 1, "report": lambda line: None, **options})
    return player.run(read_plan(config).runs[name])


@pytest.mark.parametrize("name", RUNS)
def test_a_stored_run_replayed_has_its_very_history(
    stored: World, config: dict[str, Any], name: str
) -> None:
    assert replayed(stored, config, name).outcomes == stored[1][name]


def test_more_workers_change_the_times_and_nothing_else(
    stored: World, config: dict[str, Any]
) -> None:
    one, four = (
        as_table(Replay(stored[0], 1), [replayed(stored, config, RUNS[0], workers=workers)])
        for workers in (1, 4)
    )
    simulated = ["started_s", "ended_s"]
    assert one.drop(simulated).equals(four.drop(simulated))
    assert max(four["ended_s"].to_pylist()) < max(one["ended_s"].to_pylist())


def test_a_replay_ends_where_the_budget_of_the_search_is_spent(
    stored: World, config: dict[str, Any]
) -> None:
    search = config["strategies"]["gp"]["search"]
    search["budget"] = {"epochs": 13}  # of six trials of two epochs a wave

    found = replayed(stored, config, RUNS[0], workers=2)

    assert [outcome.wave for outcome in found.outcomes] == [0] * 6 + [1] * 6
    assert found.times.ended.shape == (1, 12)
    search["budget"] = {"cpu_hours": 1}
    with pytest.raises(SettingError, match="expected a budget of epochs alone, got cpu_hours"):
        replayed(stored, config, RUNS[0])


def test_one_worker_takes_what_all_trials_took_together(
    stored: World, config: dict[str, Any]
) -> None:
    table = as_table(Replay(stored[0], 1), [replayed(stored, config, RUNS[0])])
    assert table["ended_s"].to_pylist() == pytest.approx(table["spent_s"].to_pylist())
    assert table["spent_s"].to_pylist() == pytest.approx(np.cumsum(table["train_s"]).tolist())
    assert table["spent_epochs"].to_pylist()[-1] == sum(table["epochs"].to_pylist())
    assert table["spent_trials"].to_pylist() == list(range(1, 25))


def test_a_wave_is_bred_when_all_that_it_may_see_has_ended(
    stored: World, config: dict[str, Any]
) -> None:
    for name, lag in (("tiny-bach-gp-s1", 1), ("tiny-bach-steady-s1", 2)):
        times = replayed(stored, config, name, workers=6).times
        started, ended = (of[0].reshape(4, 6) for of in (times.started, times.ended))
        for wave in range(lag, 4):
            assert started[wave].min() == pytest.approx(ended[: wave - lag + 1].max())


def test_what_was_never_trained_is_refused_by_its_name_formulas_and_ways_on(
    stored: World, config: dict[str, Any]
) -> None:
    config["strategies"]["random"]["search"]["waves"] = 5
    with pytest.raises(RecordError) as refused:
        replayed(stored, config, "tiny-bach-random-s1")
    said = str(refused.value)
    assert said.startswith("tiny-bach-random-s1/w004-00 is ") and "h' = " in said
    assert "--missing surrogate guesses" in said and "\n" not in said


def test_another_lag_is_another_search_and_refused_where_it_leaves_the_stored(
    stored: World, config: dict[str, Any]
) -> None:
    config["strategies"]["gp"]["search"]["lag"] = 3
    with pytest.raises(RecordError, match="was never trained with seed 1"):
        replayed(stored, config, "tiny-bach-gp-s1")


@pytest.mark.parametrize("strategy", ["gp", "random", "nsga2"])
def test_a_search_that_avoids_what_is_missing_proposes_stored_architectures_alone(
    stored: World, config: dict[str, Any], strategy: str
) -> None:
    config["seeds"] = [77]  # that no run had
    options = {"fitness": "mean", "missing": "avoid"}
    run = replayed(stored, config, f"tiny-bach-{strategy}-s77", **options)
    known = {outcome.architecture_id for history in stored[1].values() for outcome in history}
    assert {outcome.architecture_id for outcome in run.outcomes} <= known
    assert {answer.source for answer in run.answers} == {"stored"}


def test_a_surrogate_guesses_what_is_missing_and_nothing_else(
    stored: World, config: dict[str, Any]
) -> None:
    config["strategies"]["random"]["search"]["waves"] = 6
    said: list[str] = []
    options = {"fitness": "mean", "missing": "surrogate", "report": said.append}
    run = replayed(stored, config, "tiny-bach-random-s1", **options)
    sources = [answer.source for answer in run.answers]
    assert sources == ["stored"] * 24 + ["surrogate"] * 12
    guessed = run.answers[24:]
    assert all(np.isfinite(answer.row.fitness) and (answer.spread or 0) > 0 for answer in guessed)
    assert all(answer.train_s > 0 and answer.epochs == 2 for answer in guessed)
    [line] = said
    assert "held out by architecture" in line and "Spearman" in line and "Kendall" in line


def test_a_surrogate_cannot_be_asked_for_what_only_a_training_tells(
    stored: World, config: dict[str, Any]
) -> None:
    config["strategies"]["nsga2"]["settings"]["objectives"] = ["fitness", "entanglement"]
    with pytest.raises(SettingError, match="a surrogate does not predict entanglement"):
        replayed(stored, config, "tiny-bach-nsga2-s1", missing="surrogate")


def test_a_designed_cell_that_no_run_trained_is_refused_with_its_formulas(
    stored: World, config: dict[str, Any]
) -> None:
    config["strategies"] = {"cells": searched("baselines", 1, 1, cells=["lstm"])}
    with pytest.raises(RecordError, match=r"tiny-bach-cells-s1/w000-00 is .*\(c' = "):
        replayed(stored, config, "tiny-bach-cells-s1")


# --- many runs, and the command -------------------------------------------------------------------


def test_runs_are_chosen_by_task_strategy_and_seed(config: dict[str, Any]) -> None:
    plan = read_plan(config)
    chosen = chosen_runs(plan, ["bach"], ["random", "gp"], [2])
    assert [run.name for run in chosen] == ["tiny-bach-gp-s2", "tiny-bach-random-s2"]
    with pytest.raises(SettingError, match="there is no seed 3 to replay; choose from 1, 2"):
        chosen_runs(plan, seeds=[3])


def command(stored: World, config: dict[str, Any], folder: Path, *options: str) -> Path:
    file, to = folder / "config.yaml", folder / "out.parquet"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    arguments = ["replay", str(file), "--results", str(stored[0]), "--to", str(to), *options]
    assert main(arguments) == 0
    return to


@pytest.mark.parametrize("missing", ["avoid", "surrogate"])
def test_the_same_command_writes_the_same_bytes(
    stored: World, config: dict[str, Any], tmp_path: Path, missing: str
) -> None:
    options = ("--strategy", "gp", "--workers", "3", "--fitness", "mean", "--missing", missing)
    first = command(stored, config, tmp_path, *options).read_bytes()
    assert command(stored, config, tmp_path, *options).read_bytes() == first


def test_the_file_says_units_and_how_it_came_to_be(
    stored: World, config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--seed", "1", "--strategy", "random", "--fitness", "mean", "--missing", "surrogate")
    schema = pq.read_schema(command(stored, config, tmp_path, *options))
    assert schema.field("ended_s").metadata[b"unit"] == b"s"
    how = json.loads(schema.metadata[b"replay"])
    assert how["runs"]["tiny-bach-random-s1"]["search"]["waves"] == 4
    [judged] = how["surrogates"]
    assert judged["architectures"] >= 20 and -1 <= judged["kendall"] <= judged["spearman"] <= 1
    assert "tiny-bach-random-s1" in capsys.readouterr().out


def test_searches_that_were_replayed_are_compared(
    stored: World, config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = pq.read_table(command(stored, config, tmp_path)).to_pylist()
    said = capsys.readouterr().out
    assert "best validation loss on bach, nats per frame" in said
    for strategy in {row["strategy"] for row in outcomes}:
        best = [
            min(
                row["fitness"]
                for row in outcomes
                if (row["run"], row["fitness"] is None) == (run, False)
            )
            for run in sorted({row["run"] for row in outcomes if row["strategy"] == strategy})
        ]
        line, *_ = (line for line in said.splitlines() if line.startswith(f"{strategy} "))
        assert f"{sum(best) / len(best):.3f}" in line


def test_the_python_door_gives_what_the_command_writes(
    stored: World, config: dict[str, Any], tmp_path: Path
) -> None:
    table = Results(stored[0]).replay(config, workers=3)
    written = pq.read_table(command(stored, config, tmp_path, "--workers", "3"))
    assert isinstance(table, pa.Table) and table.equals(written, check_metadata=True)
