"""What an outside author is asked, and a run that waits for the answer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.dictation import line, write_answer

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError, hash_bytes
from gp_cells.config.records import (
    CurvePoint,
    FitnessRecord,
    LineageEntry,
    PlugIn,
    RunSettings,
    TrialSpec,
)
from gp_cells.config.typed_json import read_record, read_records, write_record
from gp_cells.workflow.prompt import prompt_of
from gp_cells.workflow.steps import breed, score

GOOD = ("h' = tanh(gate1)", "h' = relu(gate1)", "h' = sigmoid(gate1) * tanh(gate2)", "h' = gate1")


@pytest.fixture
def run(settings: Path, tmp_path: Path) -> Path:
    """The folder of a run that an author outside searches for; nothing is bred."""
    read = read_record(RunSettings, settings)
    folder = tmp_path / "results" / "runs" / read.run
    answers = PlugIn(name="dictated", settings={"proposals": str(tmp_path / "dictated")})
    write_record(folder / "settings.json", dataclasses.replace(read, strategy=answers))
    return folder


def answer(run: Path, wave: int, texts: list[dict]) -> None:
    write_answer(run.parents[2] / "dictated" / run.name / f"00{wave}.jsonl", texts)


def bred(run: Path, wave: int) -> list[LineageEntry]:
    """Breed a wave, give its trials made-up losses, and return its lineage."""
    folder = run / "waves" / f"00{wave}"
    before = run / "waves" / f"00{wave - 1}" / "history.jsonl.gz" if wave else None
    breed(run / "settings.json", before, folder)
    lineage = read_records(LineageEntry, folder / "lineage.json")
    for entry in lineage:
        spec = read_record(TrialSpec, folder / f"0{entry.slot}" / "genome.json")
        fitness = FitnessRecord(
            run=spec.run,
            candidate=spec.candidate,
            architecture_id=spec.architecture_id,
            seed=spec.seed,
            learning_rate=spec.learning_rate,
            status="ok",
            reason="",
            fitness=len(spec.genome) / 10,
            best_epoch=1,
            objectives={"parameters": float(spec.parameters)},
            curve=(CurvePoint(epoch=1, train_loss=1.0, valid_loss=1.0),),
        )
        write_record(folder / f"0{entry.slot}" / "fitness.json", fitness)
    score(folder, before, folder / "history.jsonl.gz")
    return lineage


def test_a_wave_waits_for_its_answer_and_then_goes_on(run: Path) -> None:
    with pytest.raises(RecordError, match=f"`gp-cells prompt {run.name}` writes what to ask"):
        breed(run / "settings.json", None, run / "waves" / "000")
    assert not (run / "waves").exists()
    answer(run, 0, [line("h' = what"), *(line(text) for text in GOOD)])
    lineage = bred(run, 0)
    assert [entry.operator for entry in lineage] == ["dictated"] * 4
    assert lineage[0].note["refused"][0]["line"] == 1


def test_the_prompt_tells_the_best_with_ancestors_and_what_was_refused(run: Path) -> None:
    answer(run, 0, [line("h' = what"), *(line(text) for text in GOOD)])
    bred(run, 0)
    child = line("c' = tanh(gate1)\nh' = c'", parents=["w000-00"])
    answer(run, 1, [child, *(line(text) for text in GOOD)])
    bred(run, 1)

    asked = prompt_of(run)
    assert (asked.wave, asked.answer.name) == (2, "002.jsonl")
    assert "- `tanh(x)`: mixed → squashed" in asked.text
    assert "- max_depth 8: deepest formula" in asked.text
    assert "w000-03: loss 1, " in asked.text  # h' = gate1, the shortest
    assert "made by dictated from w000-00 (1.6)" in asked.text
    assert "- line 1 of wave 0: line 1: there is no 'what'" in asked.text
    assert "`1 - x`" not in asked.text  # no word of this search


def test_equal_runs_give_equal_prompts_and_the_command_prints_their_hash(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prompt_of(run).text == prompt_of(run).text
    assert main(["prompt", run.name, "--results", str(run.parents[1])]) == 0
    said = capsys.readouterr().out
    [written] = run.parents[2].glob("dictated/*/000.prompt.md")
    assert hash_bytes(written.read_bytes()) == prompt_of(run).digest
    assert f"blake2b: {prompt_of(run).digest}" in said and "000.jsonl" in said


def test_a_run_that_is_not_there_or_at_its_end_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no run 'other'"):
        prompt_of(run.parent / "other")
    for wave in range(3):
        answer(run, wave, [line(text) for text in GOOD])
        bred(run, wave)
    with pytest.raises(SettingError, match="all 3 waves are bred"):
        prompt_of(run)
