"""A trained network goes on with a melody and with a chorale: the files, their bytes, what is refused."""

from __future__ import annotations

import hashlib
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support.tiny import TINY

import gp_cells
from gp_cells.cli import main
from gp_cells.exchange.export.trained import find_trained
from gp_cells.exchange.music import roll
from gp_cells.exchange.music.compose import Continuation, draw_step, gone_on, pieces_of
from gp_cells.exchange.music.piece import Piece
from gp_cells.plugins import task_of
from gp_cells.tasks.bach_chorales import BachChorales
from gp_cells.tasks.chorale_melody import ChoraleMelody
from gp_cells.tasks.music import Note
from gp_cells.tasks.task import Form, Reading

RECIPE = {"units": 8, "epochs": 1}
PARITY = {"sequences": 60, "held": 20, "recipe": RECIPE}
CONFIG: dict[str, Any] = {
    **TINY,
    "tasks": {
        "melody": {"name": "chorale_melody", "settings": {"recipe": RECIPE}},
        "bach": {"name": "bach_chorales", "settings": {"part": 0.05, "recipe": RECIPE}},
        "parity": {"name": "parity", "settings": PARITY},
    },
    "strategies": {
        "designs": {
            "name": "baselines",
            "settings": {"cells": ["gru"]},
            "search": {"waves": 1, "slots": 1, "lag": 1, "finalists": 1},
        }
    },
    "measures": [],
}
MELODY, BACH = (f"tiny-{task}-designs-s1/r00-0-0" for task in ("melody", "bach"))
QUARTER = Fraction(1)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("composed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        gp_cells.run(CONFIG)
    return folder / "results"


def compose(results: Path, trial: str, *words: object) -> int:
    return main(["compose", trial, "--results", str(results), *map(str, words)])


def continued(results: Path, trial: str, **changed: Any) -> Piece:
    trained = find_trained(results, trial)
    wanted = {"piece": 5, "prime": 6, "steps": 20, "temperature": 1.0, "seed": 3, **changed}
    task: Any = task_of(trained.record.protocol)
    return gone_on(trained, task, Continuation(**wanted))


@pytest.mark.parametrize("trial", [MELODY, BACH])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    results: Path, tmp_path: Path, trial: str
) -> None:
    hashes = []
    for i, seed in enumerate((7, 7, 8)):
        files = [tmp_path / f"{i}{suffix}" for suffix in (".mid", ".svg", ".txt")]
        assert compose(results, trial, "--seed", seed, "--to", *files) == 0
        # a title has the seed, so of the others only what is the same can be told
        hashes.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert hashes[0] == hashes[1]
    assert hashes[0][0] != hashes[2][0]


def test_a_midi_file_has_the_notes_that_were_given_and_composed(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from music21 import converter

    file = tmp_path / "piece.mid"
    asked = ["--piece", 5, "--prime", 6, "--steps", 20, "--seed", 3, "--to", file]
    assert compose(results, MELODY, *asked) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"{MELODY}: 20 steps after the first 6 of piece 5 of the 66 of the validation split; "
        "seed 3, temperature 1",
        str(file),
    ]
    score: Any = converter.parse(file, forceSource=True, quantizePost=False)
    heard = score.flatten().stripTies().notes
    found = [(Fraction(note.offset), note.pitch.midi) for note in heard]
    expected = continued(results, MELODY)
    assert found == [(note.start, note.pitch) for note in expected.played]


@pytest.mark.parametrize("trial", [MELODY, BACH])
def test_what_was_given_is_the_piece_as_it_was_written(results: Path, trial: str) -> None:
    piece = continued(results, trial)
    given = [
        {(note.start, note.pitch) for note in notes if note.start < piece.given}
        for notes in (piece.played, piece.written)
    ]
    assert piece.given > 0 and given[0] == given[1]
    assert piece.played != piece.written


def test_one_voice_sounds_at_a_time_in_a_melody(results: Path) -> None:
    piece = continued(results, MELODY, steps=60)
    assert all(one.end <= other.start for one, other in pairwise(piece.played))


def test_nothing_need_be_given(results: Path) -> None:
    piece = continued(results, BACH, prime=0)
    assert piece.given == 0 and max(note.end for note in piece.played) <= 20


def test_a_low_temperature_is_the_same_for_all_seeds(results: Path) -> None:
    one, other = (continued(results, MELODY, temperature=0.01, seed=seed) for seed in (1, 2))
    assert one.played == other.played


def test_classes_are_drawn_by_their_probabilities_and_unknown_ones_never() -> None:
    form = Form("symbols", 3, "classes", 3)
    reading = Reading("symbols", "classes", "each step", symbols=(None, "a", "b"))
    logits, draw = np.log([0.8, 0.05, 0.15]), np.random.default_rng(0)
    drawn = [int(draw_step(form, reading, logits, draw)) for _ in range(4000)]
    assert np.bincount(drawn) / 4000 == pytest.approx([0, 0.25, 0.75], abs=0.02)


def test_keys_are_drawn_each_by_itself() -> None:
    form = Form("frames", 2, "keys", 2)
    draw = np.random.default_rng(0)
    reading = Reading("frames", "keys", "each step")
    drawn = [draw_step(form, reading, np.array([0.0, np.log(4)]), draw) for _ in range(4000)]
    assert np.mean(drawn, 0) == pytest.approx([0.5, 0.8], abs=0.02)


def test_a_key_that_sounds_on_is_one_note() -> None:
    frames = np.zeros((4, 88), np.float32)
    frames[0:2, 39] = frames[3, 39] = frames[1, 43] = 1
    reading = Reading("frames", "keys", "each step")
    assert BachChorales().notes(frames, reading) == [
        Note(0 * QUARTER, 2 * QUARTER, 60),
        Note(1 * QUARTER, 2 * QUARTER, 64),
        Note(3 * QUARTER, 4 * QUARTER, 60),
    ]
    assert BachChorales().length(frames, reading) == 4


def test_the_pieces_are_those_of_the_split_in_its_order() -> None:
    task = ChoraleMelody()
    split = {"steps": np.arange(1, 8, dtype=np.uint8), "lengths": np.array([3, 4])}
    assert [(int(start), steps.tolist()) for start, steps in pieces_of(task, split)] == [
        (0, [1, 2, 3]),
        (0, [4, 5, 6, 7]),
    ]


PIECE = Piece(
    "a < b",
    2 * QUARTER,
    (Note(0 * QUARTER, 2 * QUARTER, 60), Note(2 * QUARTER, QUARTER * 5 / 2, 62)),
    (Note(0 * QUARTER, 2 * QUARTER, 60), Note(3 * QUARTER, 4 * QUARTER, 60)),
)


def test_a_roll_in_text_has_a_row_for_each_key_and_a_column_for_each_eighth() -> None:
    assert roll.print_out(PIECE).decode().splitlines() == [
        *("a < b", "", "composed"),
        "  D4     |o",
        " C#4     |",
        "  C4 o---|",
        *("", "as written"),
        "  D4     |",
        " C#4     |",
        "  C4 o---|  o-",
    ]


def test_a_roll_as_svg_has_a_block_for_each_note_that_says_whose_it_is() -> None:
    drawn = ElementTree.fromstring(roll.draw(PIECE))
    kinds = [block.get("class") for block in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert kinds == ["paper", "given", "composed", "given", "written"]
    assert drawn.findtext("{http://www.w3.org/2000/svg}title") == "a < b"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody-x-y-s1/w000-00"], "0 trials"),
        (["tiny-parity-designs-s1/r00-0-0"], "the task parity is no music"),
        ([MELODY, "--piece", "67"], "--piece: expected at least 1 and at most 66, got 67"),
        ([MELODY, "--prime", "25"], "--prime: expected at least 0 and at most 22, got 25"),
        ([MELODY, "--steps", "0"], "--steps: expected at least 1"),
        ([MELODY, "--temperature", "0"], "--temperature: expected at least 0.01"),
        ([MELODY, "--temperature", "nan"], "--temperature: expected"),
        ([MELODY, "--to", "piece.mp3"], "piece.mp3: expected a file .mid, .svg, .txt"),
        ([MELODY, "--to", "there.mid"], "there.mid is there already"),
        ([MELODY, "--to", "there.mid/a.mid"], "there.mid is no folder to write to"),
    ],
)
def test_what_cannot_be_composed_is_refused_in_a_line(
    results: Path,
    tmp_path: Path,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.mid").touch()
    to = [] if "--to" in words else ["--to", "piece.mid"]
    assert main(["compose", *words, *to, "--results", str(results)]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.mid"]


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("runs/tiny-melody-designs-s1/replicates/00-0-0/trial.h5", "trial.h5"),
        ("data/tiny-melody/reading.json", "prepare the data"),
    ],
)
def test_what_was_not_kept_is_told_in_a_line(
    results: Path, tmp_path: Path, lost: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(results, tmp_path / "results")
    (tmp_path / "results" / lost).unlink()
    assert compose(tmp_path / "results", MELODY, "--to", tmp_path / "piece.mid") == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_a_midi_file_needs_music21_and_a_roll_does_not(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert compose(results, MELODY, "--to", tmp_path / "piece.mid") == 2
    assert "a MIDI file needs music21: pip install" in capsys.readouterr().err
    assert compose(results, MELODY, "--to", tmp_path / "piece.svg") == 0
