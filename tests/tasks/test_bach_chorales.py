import re
import shutil
import subprocess
import sys
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pytest

from gp_cells.config.choose import SettingError
from gp_cells.tasks.bach_chorales import (
    BachChorales,
    draw_frames,
    read_chorales,
    read_frames,
    split_of,
)
from gp_cells.tasks.prepared import describe
from gp_cells.tasks.scores import find_scores, number_pitch
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import DataError, Recipe


@pytest.fixture(scope="module")
def data():
    return BachChorales().read()


@pytest.fixture(scope="module")
def half():
    return BachChorales(part=0.5).read()


@pytest.fixture(scope="module")
def chorales():
    return read_chorales(find_scores("bach_chorales"))


@pytest.fixture
def scores(tmp_path):
    return shutil.copytree(find_scores("bach_chorales"), tmp_path / "bach")


def notes(frames):
    """The set of MIDI numbers that sound in each frame."""
    return [set((np.flatnonzero(frame) + 21).tolist()) for frame in frames]


def frames_by_music21(path):
    """A chorale's frames read by music21 itself."""
    from music21 import converter

    found = [
        (note.getOffsetInHierarchy(part), note.quarterLength, pitch.midi)
        for part in cast(Any, converter.parse(path, forceSource=True)).parts
        for note in part.flatten().stripTies().notes
        for pitch in note.pitches
        if not note.duration.isGrace
    ]
    end = max(start + length for start, length, _ in found)
    return [
        {pitch for start, length, pitch in found if start <= quarter < start + length}
        for quarter in range(int(np.ceil(float(end))))
    ]


def score(*voices):
    """A score of voices, each the text of its measures' contents."""
    parts = "".join(
        "<part>" + "".join(f"<measure>{m}</measure>" for m in voice) + "</part>" for voice in voices
    )
    return ElementTree.fromstring(f"<score-partwise>{parts}</score-partwise>").findall("part")


def note(step, octave, duration, inside=""):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{inside}{pitch}<duration>{duration}</duration></note>"


def divisions(count):
    return f"<attributes><divisions>{count}</divisions></attributes>"


def test_the_splits_hold_207_89_and_67_chorales(data):
    assert [len(data.splits[split]["lengths"]) for split in SPLITS] == [207, 89, 67]


def test_the_splits_hold_11417_4701_and_3650_frames(data):
    assert [data.splits[split]["frames"].shape for split in SPLITS] == [
        (11417, 88),
        (4701, 88),
        (3650, 88),
    ]


def test_the_lengths_of_each_split_add_up_to_its_frames(data):
    for split in data.splits.values():
        assert split["lengths"].sum() == len(split["frames"])


def test_the_frames_are_those_of_music21_10_5_1(data):
    hashes = [describe(data.splits[split]["frames"])["hash"] for split in SPLITS]
    assert hashes == [
        "4b40e84d728c2dd10f4f536da57d75c7",
        "f98a094f6e494d3b5a0cf37ad304d064",
        "4ac508ed5ebf9ed691b629d4c3656de2",
    ]


def test_no_bwv_number_is_in_two_splits(chorales):
    homes: dict[str, set[str]] = {}
    for name in chorales:
        number = re.match(r"bwv(\d+)", name)
        assert number is not None
        homes.setdefault(number[1], set()).add(split_of(name))
    assert len(homes) == 311
    assert all(len(splits) == 1 for splits in homes.values())


def test_no_two_chorales_are_the_same(chorales):
    assert len({frames.tobytes() for frames in chorales.values()}) == len(chorales) == 363


def test_bwv_66_6_begins_with_the_chords_of_its_score(chorales):
    # soprano C#5 A4 B4 C#5, alto E4 F#4 E4 E4, tenor A3 C#4 B3 A3, bass A3 F#3 G#3 A3
    assert notes(chorales["bwv66.6.mxl"])[:4] == [
        {73, 64, 57},
        {69, 66, 61, 54},
        {71, 64, 59, 56},
        {73, 64, 57},
    ]


@pytest.mark.parametrize("name", ["bwv66.6.mxl", "bwv299.mxl", "bwv67.4.xml", "bwv111.6.mxl"])
def test_the_frames_are_what_music21_reads(chorales, name):
    # 299 has grace notes, 67.4 is not zipped, 111.6 ends with a silent quarter
    assert notes(chorales[name]) == frames_by_music21(find_scores("bach_chorales") / name)


def test_reading_does_not_import_music21():
    code = (
        "import sys; from gp_cells.tasks.bach_chorales import BachChorales;"
        "BachChorales().read(); sys.exit('music21' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_frame_has_more_than_four_notes_and_the_mean_is_3_87(data):
    frames = data.splits["train"]["frames"]
    assert frames.sum(axis=1).max() == 4
    assert frames.sum(axis=1).mean() == pytest.approx(3.87, abs=0.01)


def test_the_unigram_scores_about_11_nats_a_frame(data):
    assert 11.0 < data.reference_valid["unigram"] < 12.0


def test_the_previous_frame_predicts_better_than_the_unigram(data):
    assert 10.5 < data.reference_valid["previous_frame"] < data.reference_valid["unigram"] - 0.3


def test_the_unigram_reference_is_the_mean_over_frames_of_its_loss(data):
    train, valid = (data.splits[split]["frames"].astype(float) for split in ("train", "valid"))
    chance = (train.sum(axis=0) + 1) / (len(train) + 2)
    loss = -(valid * np.log(chance) + (1 - valid) * np.log(1 - chance)).sum(axis=1).mean()
    assert data.reference_valid["unigram"] == pytest.approx(loss, abs=1e-6)


def test_half_the_part_is_half_the_training_chorales_and_all_of_the_others(half):
    assert [len(half.splits[split]["lengths"]) for split in SPLITS] == [104, 89, 67]


def test_a_smaller_part_is_contained_in_a_larger_one(data, half):
    def contents(split):
        ends = np.cumsum(split["lengths"])[:-1]
        return {frames.tobytes() for frames in np.split(split["frames"], ends)}

    assert contents(half.splits["train"]) < contents(data.splits["train"])


@pytest.mark.parametrize("part", [0, 1.5])
def test_a_part_outside_0_to_1_is_refused(part):
    with pytest.raises(SettingError, match=r"bach_chorales\.part: expected"):
        BachChorales(part=part)


@pytest.mark.parametrize("shuffle", [None, 7])
def test_every_frame_of_a_split_is_counted_once(data, shuffle):
    split = data.splits["valid"]
    generator = None if shuffle is None else np.random.default_rng(shuffle)
    batches = list(BachChorales().batches(split, generator))
    seen = [
        batch.targets[batch.counted[:, column] == 1, column].astype(np.uint8).tobytes()
        for batch in batches
        for column in range(batch.counted.shape[1])
    ]
    stored = np.split(split["frames"], np.cumsum(split["lengths"])[:-1])
    assert sorted(seen) == sorted(frames.tobytes() for frames in stored)


def test_each_input_is_the_frame_before_its_target(data):
    for batch in BachChorales().batches(data.splits["test"], None):
        assert not batch.inputs[0].any()
        np.testing.assert_array_equal(batch.inputs[1:], batch.targets[:-1])
        assert not batch.continues


def test_batches_have_the_shapes_and_types_of_the_contract(data):
    task = BachChorales(recipe=Recipe(batch_size=10))
    batches = list(task.batches(data.splits["test"], None))
    assert [batch.counted.shape[1] for batch in batches] == [10] * 6 + [7]
    for batch in batches:
        assert batch.inputs.shape == batch.targets.shape == (*batch.counted.shape, 88)
        assert batch.inputs.dtype == batch.targets.dtype == batch.counted.dtype == np.float32


def test_one_seed_gives_the_same_batches_and_another_seed_others(data):
    def draw(seed):
        task = BachChorales()
        batches = task.batches(data.splits["train"], np.random.default_rng(seed))
        return [batch.targets.tobytes() for batch in batches]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_training_batches_are_less_than_a_quarter_padding(data):
    batches = list(BachChorales().batches(data.splits["train"], np.random.default_rng(0)))
    counted = sum(batch.counted.sum() for batch in batches)
    assert counted > 0.75 * sum(batch.counted.size for batch in batches)


def test_a_note_sounds_in_the_quarters_that_begin_within_it():
    # an eighth rest, a quarter from 0.5 to 1.5, an eighth, then a half
    rest = "<note><rest/><duration>1</duration></note>"
    measure = divisions(2) + rest + note("C", 4, 2) + note("D", 4, 1) + note("E", 4, 4)
    assert notes(draw_frames(score([measure]))) == [set(), {60}, {64}, {64}]


def test_chords_and_voices_written_by_backup_sound_together():
    chord = note("E", 4, 1, inside="<chord/>")
    backup = "<backup><duration>2</duration></backup>"
    measure = note("C", 4, 1) + chord + note("D", 4, 1) + backup + note("C", 3, 2)
    assert notes(draw_frames(score([measure, note("G", 4, 1)]))) == [{60, 64, 48}, {62, 48}, {67}]


def test_a_change_of_divisions_keeps_the_beat():
    part = [divisions(2) + note("C", 4, 2), divisions(6) + note("D", 4, 6)]
    other = [divisions(1) + note("C", 3, 1), note("D", 3, 1)]
    assert notes(draw_frames(score(part, other))) == [{60, 48}, {62, 50}]


def test_a_transposing_part_sounds_where_it_sounds():
    transpose = "<transpose><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>"
    measure = f"<attributes>{transpose}</attributes>" + note("D", 5, 1)
    assert notes(draw_frames(score([measure]))) == [{60}]


def test_b_flat_3_is_midi_58():
    text = "<pitch><step>B</step><alter>-1</alter><octave>3</octave></pitch>"
    assert number_pitch(ElementTree.fromstring(text)) == 58


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    said = r"bach_chorales needs music21's scores: pip install 'gp-cells\[data\]'$"
    with pytest.raises(DataError, match=said):
        find_scores("bach_chorales")


def test_a_missing_score_is_refused(scores):
    (scores / "bwv66.6.mxl").unlink()
    with pytest.raises(DataError, match="expected 410 MusicXML scores, found 409"):
        read_chorales(scores)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: expected 410 MusicXML scores, found 0"):
        read_chorales(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("bwv66.6.mxl", lambda content: b""),
        ("bwv66.6.mxl", lambda content: content[: len(content) // 2]),
        ("bwv66.6.mxl", lambda content: content[:500] + bytes(100) + content[600:]),
        ("bwv67.4.xml", lambda content: b""),
        ("bwv67.4.xml", lambda content: content[: len(content) // 2]),
        ("bwv67.4.xml", lambda content: b"<html></html>"),
        ("bwv67.4.xml", lambda content: content.replace(b"<step>", b"<step>H", 1)),
        ("bwv67.4.xml", lambda content: re.sub(rb"<duration>\d+", b"<duration>", content, count=1)),
    ],
    ids=["empty", "half", "overwritten", "empty", "half", "html", "no step", "no duration"],
)
def test_a_damaged_score_is_refused_by_name_in_one_line(tmp_path, name, damage):
    path = tmp_path / name
    path.write_bytes(damage((find_scores("bach_chorales") / name).read_bytes()))
    with pytest.raises(DataError, match=re.escape(name)) as refusal:
        read_frames(path)
    assert "\n" not in str(refusal.value)


def test_a_damaged_score_among_the_others_is_refused(scores):
    (scores / "bwv10.7.mxl").write_bytes(b"")
    with pytest.raises(DataError, match=r"bwv10\.7\.mxl: cannot be read"):
        read_chorales(scores)


def test_a_score_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"bwv1\.mxl: cannot be read"):
        read_frames(tmp_path / "bwv1.mxl")


def test_a_score_of_other_than_four_parts_has_no_frames():
    assert read_frames(find_scores("bach_chorales") / "bwv1.6.mxl") is None
