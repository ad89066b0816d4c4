"""A search within a budget: when no more waves are bred, and what stands in their slots."""

from __future__ import annotations

import dataclasses
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from support.tiny import TINY

from gp_cells.config.empty_slot import EmptySlot, read_empty_slot
from gp_cells.config.files import RecordError, read_json, write_json
from gp_cells.config.plan import STATE, Plan, Run, read_plan
from gp_cells.config.records import Budget, PlugIn, RunSettings, Search
from gp_cells.config.typed_json import read_record, write_record
from gp_cells.strategies.history import read_history
from gp_cells.training.trial import run_trial
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.board import Board
from gp_cells.workflow.budget import bred_waves, timed_by
from gp_cells.workflow.jobs import Job
from gp_cells.workflow.standing import misfit_of
from gp_cells.workflow.steps import breed, score
from gp_cells.workflow.tally import Tally

EPOCHS = 2  # of each trial


def bounded(settings: Path, lag: int = 1, **limits: Any) -> Path:
    """Give a run's search a budget and five waves."""
    read = read_record(RunSettings, settings)
    search = dataclasses.replace(read.search, waves=5, lag=lag, budget=Budget(**limits))
    write_record(settings, dataclasses.replace(read, search=search))
    return settings


def end_all(wave: Path, **objectives: float) -> None:
    """Write how the trials of a wave ended, those of an empty slot too."""
    for genome in sorted(wave.glob("*/genome.json")):
        spec = read_json(genome)
        keys = ("run", "candidate", "architecture_id", "seed", "learning_rate")
        curve = [{"epoch": e + 1, "train_loss": 1.0, "valid_loss": 1.0} for e in range(EPOCHS)]
        ended = {"status": "ok", "reason": "", "fitness": 1.0, "best_epoch": 1, "curve": curve}
        record = spec
        if "empty" not in spec:
            record = {key: spec[key] for key in keys} | ended | {"objectives": objectives}
        write_json(genome.with_name("fitness.json"), record)


def bred(settings: Path, **objectives: float) -> list[int]:
    """Run the steps of a search, and return how many candidates each wave has."""
    search, counts = read_record(RunSettings, settings).search, []
    for number in range(search.waves):
        wave = settings.parent / f"waves/{number:03d}"
        histories = [
            settings.parent / f"waves/{number - back:03d}/history.jsonl.gz"
            for back in (search.lag, 1)
        ]
        seen, before = (file if file.exists() else None for file in histories)
        breed(settings, seen, wave)
        end_all(wave, **objectives)
        score(wave, before, wave / "history.jsonl.gz")
        counts.append(len(read_json(wave / "lineage.json")))
    return counts


@pytest.mark.parametrize(
    ("epochs", "lag", "waves"),
    [(8, 1, 1), (9, 1, 2), (16, 1, 2), (17, 1, 3), (9, 2, 3), (99, 1, 5)],
)
def test_no_wave_is_bred_once_those_that_it_may_see_have_spent_the_budget(
    settings: Path, epochs: int, lag: int, waves: int
) -> None:
    found = bred(bounded(settings, lag, epochs=epochs))

    assert found == [4] * waves + [0] * (5 - waves)
    search = Search(waves=5, slots=4, lag=lag, finalists=1, budget=Budget(epochs=epochs))
    assert bred_waves(search, [4 * EPOCHS] * 5) == waves


def test_a_budget_of_hours_is_spent_by_what_the_trials_took(settings: Path) -> None:
    assert bred(bounded(settings, cpu_hours=0.01), cpu_s=5.0) == [4, 4, 0, 0, 0]
    assert timed_by(Budget(cpu_hours=0.01)) == ("cpu_s",)
    assert timed_by(Budget(gpu_hours=1, epochs=2)) == ("wall_s",)
    assert timed_by(None) == ()


def test_the_first_part_of_a_budget_that_is_spent_ends_the_search(settings: Path) -> None:
    assert bred(bounded(settings, cpu_hours=1.0, epochs=3), cpu_s=5.0) == [4, 0, 0, 0, 0]


def test_a_history_says_what_was_spent_only_where_there_is_a_budget(settings: Path) -> None:
    bred(settings)
    last = settings.parent / "waves/002/history.jsonl.gz"
    assert {outcome.spent for outcome in read_history(last)} == {None}

    bred(bounded(settings, epochs=99))
    assert [outcome.spent for outcome in read_history(last)] == [{"epochs": 2.0}] * 12


def test_the_wave_from_which_on_there_are_none_is_told_once(
    settings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bred(bounded(settings, lag=2, epochs=9))

    [said] = caplog.messages
    assert said == "tiny-bach-gp-s1: the search's budget is spent: no candidates from wave 3 on"


def test_a_budget_that_is_raised_fills_the_slots_that_were_empty_and_breeds_no_other_anew(
    settings: Path,
) -> None:
    bred(bounded(settings, epochs=9))
    genomes = sorted(settings.parent.glob("waves/*/*/genome.json"))
    before = [path.read_bytes() for path in genomes]

    assert bred(bounded(settings, epochs=17)) == [4, 4, 4, 0, 0]

    changed = [path for path, was in zip(genomes, before, strict=True) if path.read_bytes() != was]
    assert {path.parent.parent.name for path in changed} == {"002"}


def test_states_go_that_no_wave_may_start_from_if_the_budget_is_raised(settings: Path) -> None:
    read = read_record(RunSettings, settings)
    culling = PlugIn(name="culling", settings={"epochs": 2})
    write_record(settings, dataclasses.replace(read, strategy=culling))

    def kept() -> set[str]:
        return {path.parent.parent.name for path in settings.parent.glob(f"waves/*/*/{STATE}")}

    bounded(settings, epochs=9)
    for wave in ("000", "001"):
        for slot in range(4):
            path = settings.parent / f"waves/{wave}/{slot:02d}/{STATE}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    assert bred(settings) == [4, 4, 0, 0, 0]
    assert kept() == {"001"}


# --- an empty slot on its way ---------------------------------------------------------------------


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plan:
    """A plan of two waves, the second of which may be empty."""
    monkeypatch.chdir(tmp_path)
    search = {"waves": 2, "slots": 2, "lag": 1, "finalists": 1, "budget": {"epochs": 1}}
    return read_plan({**TINY, "strategies": {"gp": {"name": "gp", "search": search}}})


def emptied(run: Run) -> list[str]:
    """Let the second wave be empty, and train it."""
    for slot, folder in enumerate(run.wave(1)):
        slot_of = EmptySlot(run=run.name, candidate=f"w001-{slot:02d}")
        write_record(Path(folder, "genome.json"), slot_of)
        files = [Path(folder, name) for name in ("genome.json", "fitness.json", "trial.h5")]
        run_trial(Path("no protocol"), files[0], Path("no data"), *files[1:])
    return run.wave(1)


def test_an_empty_slot_trains_nothing_and_its_files_say_so(plan: Plan) -> None:
    [run] = plan.runs.values()
    first, *_ = emptied(run)

    assert read_empty_slot(Path(first, "fitness.json")) == EmptySlot(
        run=run.name, candidate="w001-00"
    )
    with pytest.raises(RecordError):
        read_trial(Path(first, "trial.h5"))
    assert misfit_of(Path(first), None) == ""  # type: ignore[arg-type]
    Path(first, "genome.json").write_text("{}")
    assert "another genome.json" in misfit_of(Path(first), None)  # type: ignore[arg-type]


def test_what_a_candidate_left_in_a_slot_goes_when_it_is_empty(plan: Plan) -> None:
    [run] = plan.runs.values()
    for name in (STATE, "checkpoint.h5", "measuring.json"):
        path = Path(run.wave(1)[0], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    first, *_ = emptied(run)

    names = {path.name for path in Path(first).iterdir()}
    assert names == {"genome.json", "fitness.json", "trial.h5"}


def test_an_empty_slot_is_done_and_has_not_failed(plan: Plan) -> None:
    [run] = plan.runs.values()
    emptied(run)
    tally = Tally(plan, Path())

    assert [trial.status for trial in tally.look()] == ["empty", "empty"]
    assert (tally.failed, tally.empty, tally.best) == (0, 2, {})
    assert tally.unfinished() == {run.name: [2, 0, 1]}


def test_a_run_tells_of_no_empty_slot(plan: Plan) -> None:
    [run] = plan.runs.values()
    stream = StringIO()
    told = Board(plan, stream, 2, is_elsewhere=False)
    told.open()
    for number, folder in enumerate(emptied(run)):
        outputs = (f"{folder}/fitness.json", f"{folder}/trial.h5")
        told.start(Job(number=number, rule="train", outputs=outputs, logs=(), started_s=1.0))
        told.finish(number, 2.0)
    told.close()

    assert stream.getvalue() == "[0/5] nothing is done yet\n"
