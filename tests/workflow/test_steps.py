"""What the steps of a run refuse of a config and of a strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gp_cells.config.choose import SettingError
from gp_cells.config.files import read_json, write_json
from gp_cells.config.plan import read_plan
from gp_cells.config.records import PlugIn, RunSettings, Search
from gp_cells.config.typed_json import read_record
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.strategies import STRATEGIES, Outcome, Proposal
from gp_cells.strategies.random import Random
from gp_cells.workflow.check import check
from gp_cells.workflow.steps import breed, propose, score


@dataclass(frozen=True)
class OneShort:
    """A strategy that leaves a slot empty."""

    def check(self, search: Search, space: Vocabulary) -> None:
        """Refuse nothing."""

    def propose(
        self, history: Sequence[Outcome], wave: int, slots: int, space: Vocabulary, seed: int
    ) -> list[Proposal]:
        """Return one genome less than there are slots."""
        return Random().propose(history, wave, slots - 1, space, seed)


def test_a_strategy_that_leaves_a_slot_empty_is_refused_with_the_wave(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, "one_short", OneShort)
    read = dataclasses.replace(
        read_record(RunSettings, settings), strategy=PlugIn(name="one_short")
    )

    with pytest.raises(SettingError) as refused:
        propose(read, [], 2)

    assert str(refused.value) == (
        "wave 2: expected 4 genomes, one for each slot, got 3 from the strategy one_short; "
        "its `propose` has to return as many as `slots` says"
    )


def test_what_a_plug_in_refuses_is_said_with_the_name_of_the_config(tiny: dict[str, Any]) -> None:
    tiny["strategies"]["gp"]["name"] = "aging"

    with pytest.raises(SettingError) as refused:
        check(read_plan(tiny, "mine.yaml"))

    assert str(refused.value) == (
        "mine.yaml: aging.population: 20 random genomes come before the first child, "
        "and 3 waves of 4 slots have no more; lower it or search longer"
    )


def end_all(wave: Path, statuses: Sequence[str]) -> None:
    """Write how each trial of a wave ended."""
    for slot, status in enumerate(statuses):
        spec = read_json(wave / f"{slot:02d}/genome.json")
        keys = ("run", "candidate", "architecture_id", "seed", "learning_rate")
        record = {key: spec[key] for key in keys} | {"status": status, "reason": "bad_alloc"}
        record |= {"fitness": None, "best_epoch": None, "objectives": {}, "curve": []}
        write_json(wave / f"{slot:02d}/fitness.json", record)


def test_a_first_wave_of_which_no_trial_had_the_memory_is_refused_and_one_that_diverged_is_not(
    settings: Path,
) -> None:
    wave = settings.parent / "waves/000"
    breed(settings, None, wave)
    history = wave / "history.jsonl.gz"
    end_all(wave, ["out_of_memory"] * 4)

    with pytest.raises(SettingError, match="run: all 4 trials of the first wave ended out_of_mem"):
        score(wave, None, history)
    assert not history.exists()

    for statuses in (["diverged"] * 4, ["out_of_memory"] * 3 + ["diverged"]):
        end_all(wave, statuses)
        score(wave, None, history)
        assert history.exists()
        history.unlink()

    second = settings.parent / "waves/001"
    score(wave, None, history)
    breed(settings, history, second)
    end_all(second, ["out_of_memory"] * 4)
    score(second, history, second / "history.jsonl.gz")
