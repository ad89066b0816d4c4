"""Four-part Bach chorales on a quarter-note grid: which piano keys sound in the next frame.

Source: the MusicXML scores in the folder `corpus/bach` of the installed package music21 10.5.1.
They are read where they lie, without importing music21, and never copied into this project: the
compositions are in the public domain, the encodings are "distributed with the permission of the
encoders" and some of them not for commercial use (see music21's `corpus/license.txt`). The task
is that of Boulanger-Lewandowski et al. 2012 (https://arxiv.org/abs/1206.6392), but their JSB
Chorales are another edition with another split, so the losses compare in size only.

A frame is the set of pitches that sound as a quarter begins. Ties need no care: a tied note goes on
sounding. Repeats are played once; grace notes, which last no time, and silence after the last note
are left out. Scores of other than four parts are left out, and a chorale whose frames are those of
one before it in file-name order is dropped.

Split: the chorale's BWV number without its movement (253 of bwv253.mxl, 10 of bwv10.7.mxl), so that
all chorales of a cantata, passion or oratorio fall together; SHA-1 of that number as decimal text,
modulo 10: 0-5 train, 6-7 validation, 8-9 test: 207, 89 and 67 chorales. Two works may share a tune:
BWV 158.4 (validation) and 279 (training) have 98 % of their chords in common, 154.3 (test) and 359
(training) 71 %, no other two in different splits over 70 %.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.examples import group_by_length
from gp_cells.tasks.music import Note
from gp_cells.tasks.scores import find_scores, follow, list_scores, notes_of, read_parts
from gp_cells.tasks.task import (
    Arrays,
    Batch,
    Data,
    Form,
    Inputs,
    Reading,
    Recipe,
    SplitName,
    refuse_tied,
)

KEYS = 88
LOWEST_KEY = 21  # MIDI number of the piano's lowest A
RECIPE = Recipe(units=128, epochs=50, dropout=0.3)


@dataclass(frozen=True)
class BachChorales:
    """Predict the next frame of a chorale, each of 88 keys on or off.

    By the default recipe torch.nn.LSTM takes about 7 CPU seconds of one thread and comes to
    8.97-9.00 nats per frame on validation; a cell stepped through in Python takes several times as
    long.
    """

    inputs: ClassVar[Inputs] = "frames"
    unit: ClassVar[str] = "nats per frame"

    part: float = setting(
        1.0,
        "share of the training chorales used, the first in the order of their hash; "
        "validation and test are always whole",
        low=0.001,
        high=1,
    )
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "bach_chorales")
        refuse_tied("bach_chorales", self.recipe)

    def read(self) -> Data:
        """Read the scores of the installed music21.

        Each split holds `frames`, uint8 (time, 88), 1 where a key sounds, its chorales one after
        the other from the shortest to the longest, and `lengths`, int64 (chorales,), in frames.

        Raises:
            DataError: music21 is not installed, or a score is missing, empty or broken.
        """
        chorales = read_chorales(find_scores("bach_chorales"))
        names: dict[SplitName, list[str]] = {"train": [], "valid": [], "test": []}
        for name in sorted(chorales, key=lambda name: (digest(name), name)):
            names[split_of(name)].append(name)
        names["train"] = names["train"][: max(1, round(self.part * len(names["train"])))]
        splits = {split: pack([chorales[name] for name in names[split]]) for split in names}
        form = Form(self.inputs, KEYS, "keys", KEYS)
        references = score_references(splits["train"], splits["valid"])
        return Data(form, splits, references, Reading(self.inputs, "keys", "each step"))

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield whole chorales of about one length together, padded at their end.

        The input of frame t is frame t - 1, and silence at the start, so every frame is a target.
        """
        lengths = split["lengths"]
        starts = np.cumsum(lengths) - lengths
        for group in group_by_length(lengths, self.recipe.batch_size, shuffle):
            shape = (int(lengths[group].max()) + 1, len(group))
            frames = np.zeros((*shape, KEYS), np.float32)
            counted = np.zeros(shape, np.float32)
            for column, chorale in enumerate(group):
                start, length = starts[chorale], lengths[chorale]
                frames[1 : length + 1, column] = split["frames"][start : start + length]
                counted[1 : length + 1, column] = 1
            yield Batch(frames[:-1], frames[1:], counted[1:], continues=False)

    def notes(self, steps: np.ndarray, reading: Reading) -> list[Note]:
        """Return the notes of frames, (time, 88): one for as long as its key sounds.

        So a note that is struck again, which frames cannot tell from one that is held, is one with it.
        """
        silence = np.zeros((1, KEYS), bool)
        sounding = np.concatenate([silence, steps > 0, silence])
        # by key and then by time, so that the starts and ends of a key's notes are in the same order
        starts = np.argwhere((sounding[1:] & ~sounding[:-1]).T).tolist()
        ends = np.argwhere((~sounding[1:] & sounding[:-1]).T).tolist()
        return sorted(
            Note(Fraction(start), Fraction(end), key + LOWEST_KEY)
            for (key, start), (_, end) in zip(starts, ends, strict=True)
        )

    def length(self, steps: np.ndarray, reading: Reading) -> Fraction:
        """Return how many quarters frames last, (time, 88): one each."""
        return Fraction(len(steps))


def read_chorales(folder: Path) -> dict[str, np.ndarray]:
    """Return the frames, bool (time, 88), of each four-part chorale in a folder, by its file name.

    Raises:
        DataError: a score is missing, empty or broken.
    """
    chorales: dict[str, np.ndarray] = {}
    seen = set()
    for path in list_scores(folder):
        frames = read_frames(path)
        if frames is None or (content := frames.tobytes()) in seen:
            continue
        seen.add(content)
        chorales[path.name] = frames
    return chorales


def read_frames(path: Path) -> np.ndarray | None:
    """Return the frames, bool (time, 88), of a score, or None if it has other than four parts.

    Raises:
        DataError: the file is missing, empty or broken.
    """
    parts = read_parts(path)
    if parts is None:
        return None
    with notes_of(path):
        return draw_frames(parts)


def draw_frames(parts: list[ElementTree.Element]) -> np.ndarray:
    """Return the frames, bool (time, 88), of a score's parts, one a quarter up to the last note.

    Raises:
        ValueError: the score has no notes or one outside the piano's keys.
    """
    notes = [note for part in parts for note in follow(part)]
    if not notes:
        raise ValueError("there are no notes")
    frames = np.zeros((max(ceil(end) for _, end, _ in notes), KEYS), bool)
    for start, end, pitch in notes:
        if not 0 <= pitch - LOWEST_KEY < KEYS:
            raise ValueError(f"pitch {pitch} is not on the piano")
        frames[ceil(start) : ceil(end), pitch - LOWEST_KEY] = True
    return frames


def digest(name: str) -> bytes:
    """Return the SHA-1 of a score's BWV number without its movement, as decimal text."""
    number = re.match(r"bwv(\d+)", name)
    assert number, name
    return hashlib.sha1(number[1].encode(), usedforsecurity=False).digest()


def split_of(name: str) -> SplitName:
    """Return the split that a score's file name falls in."""
    rest = int.from_bytes(digest(name), "big") % 10
    return "train" if rest < 6 else "valid" if rest < 8 else "test"


def pack(chorales: list[np.ndarray]) -> Arrays:
    """Return chorales, each bool (time, 88), as one split, from the shortest to the longest."""
    chorales = sorted(chorales, key=len)
    return {
        "frames": np.concatenate(chorales).astype(np.uint8),
        "lengths": np.array([len(frames) for frames in chorales], np.int64),
    }


def score_references(train: Arrays, valid: Arrays) -> Mapping[str, float]:
    """Return the validation loss, in nats per frame, of two predictors counted on `train`.

    Each key is independent of the others: `unigram` knows how often it sounds, `previous_frame` how
    often it sounds after sounding and after silence. Counts are add-one smoothed.
    """
    losses = {}
    for name, aware in (("unigram", False), ("previous_frame", True)):
        nats = 0.0
        for before in (False, True) if aware else (None,):
            sounding, frames = count_keys(train, before)
            chance = (sounding + 1) / (frames + 2)
            on, total = count_keys(valid, before)
            nats -= float((on * np.log(chance) + (total - on) * np.log1p(-chance)).sum())
        losses[name] = round(nats / len(valid["frames"]), 6)
    return losses


def count_keys(split: Arrays, before: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Count for each key the frames it sounds in, and all frames: two int64 (88,).

    Only frames before which the key sounded (True) or was silent (False) are counted; if `before`
    is None, all are.
    """
    now = split["frames"].astype(bool)
    previous = np.roll(now, 1, axis=0)
    previous[np.cumsum(split["lengths"]) - split["lengths"]] = False
    taken = np.ones_like(now) if before is None else previous == before
    return (now & taken).sum(axis=0), taken.sum(axis=0)
