"""What is told of a minimisation, on made-up losses and on a small one that is really trained."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.stored_trials import settings_of

import gp_cells
from gp_cells.cli import main
from gp_cells.config.empty_slot import NOTHING_LEFT, read_empty_slot
from gp_cells.config.given import plan_of
from gp_cells.config.plan import searched_candidate
from gp_cells.strategies import Outcome
from gp_cells.strategies.history import write_history
from gp_cells.workflow.steps import propose

CELL = "h' = tanh(gate1) + sigmoid(gate2)\n"


def config_for(folder: Path, seeds: int, steps: int) -> dict[str, Any]:
    """Return the config that the command writes for a cell of two terms on made-up parities."""
    (folder / "two.cell").write_text(CELL)
    asked = ["minimise", "two.cell", "--task", "parity", "--seeds", str(seeds)]
    assert main([*asked, "--steps", str(steps), "--dry"]) == 0
    config: dict[str, Any] = yaml.safe_load((folder / "minimise_two_parity.yaml").read_text())
    return config


def test_a_minimisation_is_told_step_by_step_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config_for(tmp_path, seeds=20, steps=2)
    [run] = plan_of("minimise_two_parity.yaml").runs.values()
    folder = tmp_path / "results/runs" / run.name
    folder.mkdir(parents=True)
    settings = settings_of(run, folder)
    asked = ["minimised", run.name]
    capsys.readouterr()
    assert main(asked) == 2
    assert "its given cell is not trained yet" in capsys.readouterr().err

    history: list[Outcome] = []
    for wave in range(2):
        for slot, of in enumerate(propose(settings, list(history), wave)):
            text = str(of.genome)
            loss = 1.0 + of.repeat / 100 + ("tanh" not in text)
            bad = "sigmoid" in text and "tanh" not in text and of.repeat == 3
            history.append(
                Outcome(
                    candidate=searched_candidate(wave, slot),
                    wave=wave,
                    genome=text,
                    architecture_id=of.genome.architecture_id,
                    status="diverged" if bad else "ok",
                    fitness=math.inf if bad else loss,
                )
            )
        (folder / f"waves/{wave:03d}").mkdir(parents=True)
        write_history(folder / f"waves/{wave:03d}/history.jsonl.gz", history)
    assert main(asked) == 0
    told = capsys.readouterr().out
    assert "The given cell: 1.1950, standard deviation 0.1169 over 40 seeds" in told
    rows = [row for row in told.splitlines() if row.startswith("| `")]
    assert len({row.count("|") for row in rows}) == 1
    [next_] = [row for row in rows if "not worse: next" in row]
    assert next_.startswith("| `sigmoid(gate1)` | `sigmoid(gate1) + tanh(gate2)` |")
    assert "| 1 failed |  | 1 | worse |" in told
    assert "Step 2, from\n\n    h' = tanh(gate1)\n" in told
    assert "`tanh` | `tanh(gate1)`" in told and "not trained |" in told
    assert "not both trained as finalists yet" in told


def test_a_small_minimisation_that_is_trained_ends_with_fresh_seeds_and_empty_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = config_for(tmp_path, seeds=3, steps=3)
    config["tasks"]["parity"] = {
        "name": "parity",
        "settings": {"sequences": 60, "held": 20, "recipe": {"units": 2, "epochs": 1}},
    }
    config["training"]["engine"] = "eager"
    settings = config["strategies"]["minimise"]["settings"]
    settings["margin"] = 50.0  # whatever is trained passes
    results = gp_cells.run(config)
    trials = results.table("trials").to_pylist()
    given = [row for row in trials if row["candidate"].startswith("w000")]
    assert len({row["seed"] for row in given}) == len(given) == 6
    [run] = {row["run"] for row in trials}
    last = Path("results/runs", run, "waves/003")
    assert json.loads((last / "lineage.json").read_text()) == []
    empty = read_empty_slot(last / "00/genome.json")
    assert empty is not None and empty.empty == NOTHING_LEFT
    capsys.readouterr()
    assert main(["minimised", run]) == 0
    told = capsys.readouterr().out
    assert "and nothing more can go" in told
    assert "With fresh seeds, validation loss" in told and "With fresh seeds, test loss" in told
    assert "n = 10 and 10" in told


def test_runs_of_other_strategies_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = Path(__file__).parents[2] / "config/one_shot.yaml"
    run = next(iter(plan_of(str(config)).runs.values()))
    folder = tmp_path / "results/runs" / run.name
    folder.mkdir(parents=True)
    settings_of(run, folder)
    assert main(["minimised", run.name]) == 2
    assert "it is of one_shot; name a run of minimise" in capsys.readouterr().err
