"""Proposals from a file: what is taken, what is refused and how that is kept, and what stops a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.dictation import TRANSCRIPT, line, write_answer
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.own_files import own_files
from gp_cells.config.plan import read_plan
from gp_cells.genomes.genome import parse
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies.dictated import Dictated
from gp_cells.strategies.strategy import in_run

SPACE = Recurrent()
GOOD = ("h' = tanh(gate1)", "h' = relu(gate1) + gate2", "h' = sigmoid(gate1) * tanh(gate2)")


def test_the_first_valid_texts_fill_the_slots_and_refusals_stand_before_the_next(
    tmp_path: Path,
) -> None:
    texts = [GOOD[0], "h' = tanh(tanh(gate1))", "h' = soft(gate1)", GOOD[1], GOOD[2]]
    write_answer(tmp_path / "000.jsonl", [line(text) for text in texts])
    first, second = Dictated(str(tmp_path)).propose([], 0, 2, SPACE, 1)

    assert [str(of.genome) for of in (first, second)] == [GOOD[0], "h' = gate1 + relu(gate2)"]
    assert (first.note["line"], first.note["refused"], first.note["left_over"]) == (1, [], 0)
    assert (second.note["line"], second.note["left_over"]) == (4, 1)
    assert [(of["line"], of["reason"]) for of in second.note["refused"]] == [
        (2, "line 1: tanh(tanh(gate1)): two non-linearities in a row"),
        (3, "line 1: there is no function 'soft'"),
    ]
    assert first.note["file"] == second.note["file"] and len(first.note["file"]) == 32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("h' = 1 - tanh(gate1)", "complement is not among the words of this search"),
        ("h' = tanh(input1)", "input1 is not among the words of this search"),
        ("h' = h * h * gate1", "the space admits no such genome"),
        ("c' = tanh(gate1)", "no formula writes the output h'"),
    ],
)
def test_a_text_has_no_words_and_no_room_that_other_searches_have_not(
    tmp_path: Path, text: str, said: str
) -> None:
    write_answer(tmp_path / "000.jsonl", [line(text), line(GOOD[0])])
    [only] = Dictated(str(tmp_path)).propose([], 0, 1, SPACE, 1)
    assert only.note["refused"][0]["reason"].startswith(said)


def test_parents_are_candidates_that_the_wave_can_see(tmp_path: Path) -> None:
    write_answer(tmp_path / "000.jsonl", [line(GOOD[0])])
    answer = [line(GOOD[1], parents=["w000-07"]), line(GOOD[2], parents=["w000-00"])]
    write_answer(tmp_path / "001.jsonl", answer)
    last = played(Dictated(str(tmp_path)), SPACE, [1, 1])[-1]
    assert last.parents == ("w000-00",)
    assert last.note["refused"][0]["reason"] == (
        "parents: there is no candidate w000-07 that this wave can see"
    )


def test_a_wave_without_a_file_says_what_to_ask_and_where_the_answer_goes(tmp_path: Path) -> None:
    strategy = in_run(Dictated(str(tmp_path)), "tiny-bach-author-s1")
    with pytest.raises(RecordError) as refused:
        strategy.propose([], 3, 2, SPACE, 1)
    assert str(refused.value) == (
        f"wave 3: expected its proposals in {tmp_path}/tiny-bach-author-s1/003.jsonl, and there is no such "
        "file; `gp-cells prompt tiny-bach-author-s1` writes what to ask; put the answer there and run again"
    )


def test_too_few_valid_texts_stop_the_run_with_the_last_refusal(tmp_path: Path) -> None:
    path = tmp_path / "000.jsonl"
    write_answer(path, [line(GOOD[0]), line("h' = tanh(")])
    with pytest.raises(
        RecordError, match=r"expected 2 genomes .* got 1; line 2 is refused: .*add l"
    ):
        Dictated(str(tmp_path)).propose([], 0, 2, SPACE, 1)
    write_answer(path, [line(GOOD[0]), line("h' = tanh("), line(GOOD[1])])
    assert len(Dictated(str(tmp_path)).propose([], 0, 2, SPACE, 1)) == 2


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("not json", "line 1: expected an object in JSON"),
        (json.dumps({"text": GOOD[0]}), "'author' is missing"),
        (json.dumps(line(GOOD[0], model="x")), "there is no field 'model'"),
        (json.dumps(line(GOOD[0], date="yesterday")), "date: expected 2026-01-31"),
        (json.dumps(line(GOOD[0], wave=4)), "it is of wave 4, and the file of 0"),
    ],
)
def test_a_line_that_is_no_dictation_is_refused_with_its_place(
    tmp_path: Path, written: str, said: str
) -> None:
    (tmp_path / "000.jsonl").write_text(f"{written}\n")
    with pytest.raises(RecordError, match=rf"000\.jsonl: line 1.*{said}|{said}"):
        Dictated(str(tmp_path)).propose([], 0, 1, SPACE, 1)


def test_one_file_for_all_waves_is_held_against_the_plan_at_the_door(tmp_path: Path) -> None:
    one = Dictated(str(TRANSCRIPT))
    one.check(planned(4, 4, 3), SPACE)
    with pytest.raises(RecordError, match="wave 5: expected 1 genomes"):
        one.check(planned(4, 4, 3, 3, 3, 1), SPACE)
    with pytest.raises(RecordError, match="there is no such file; put the answer there"):
        Dictated(str(tmp_path / "none.jsonl")).check(planned(1), SPACE)


def test_a_long_row_of_refusals_is_cut_and_counted(tmp_path: Path) -> None:
    bad = [line(f"h' = {'tanh(' * 40}gate{i}") for i in range(1, 40)]
    write_answer(tmp_path / "000.jsonl", [*bad, line(GOOD[0])])
    [only] = Dictated(str(tmp_path)).propose([], 0, 1, SPACE, 1)
    assert len(only.note["refused"]) + only.note["refused_untold"] == 39
    assert only.note["refused_untold"] > 0


def test_the_workflow_watches_the_files_that_are_there(
    tmp_path: Path, tiny: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny["strategies"]["gp"] |= {"name": "dictated", "settings": {"proposals": "dictated"}}
    [run] = read_plan(tiny).runs.values()
    write_answer(Path(f"dictated/{run.name}/001.jsonl"), [line(GOOD[0])])
    assert [own_files(run, wave) for wave in (0, 1)] == [[], [f"dictated/{run.name}/001.jsonl"]]


def test_what_is_written_is_the_canonical_form(tmp_path: Path) -> None:
    write_answer(tmp_path / "000.jsonl", [line("s = gate5\nh' = tanh(s) * sigmoid(gate3)")])
    [only] = Dictated(str(tmp_path)).propose([], 0, 1, SPACE, 1)
    assert only.genome == parse(str(only.genome), SPACE.language).canonical()


def test_a_proposal_needs_a_place() -> None:
    from gp_cells.config.choose import choose
    from gp_cells.strategies import STRATEGIES

    with pytest.raises(SettingError, match="dictated needs the setting 'proposals'"):
        choose("strategies", STRATEGIES, "dictated", {})
