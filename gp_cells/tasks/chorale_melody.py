"""Melodies of the Bach chorales: which note, and how long, comes next.

Source: the sopranos of the four-part scores in the folder `corpus/bach` of the installed package music21
10.5.1, read as those of the task `bach_chorales` are; its docstring says what may be done with them. A step
is a note or a rest with its length, ties are one note, grace notes are left out, and nothing is transposed.
A melody that is another one note for note is dropped.

Split: by tune, since Bach set many more than once. `tunes.py` says which melodies are one tune, in another
key and ornamented too; SHA-1 of the file name of a tune's first score, modulo 10: 0-5 train, 6-7
validation, 8-9 test: 228, 66 and 65 melodies of 128, 27 and 37 tunes. No two melodies in different splits
have over 78 % of the longer one's skeleton in common, whatever the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np

from gp_cells.config.choose import check_settings, setting
from gp_cells.tasks.examples import group_by_length
from gp_cells.tasks.music import Note, name_steps, read_steps
from gp_cells.tasks.scores import find_scores, follow, list_scores, notes_of, read_parts
from gp_cells.tasks.sources import SPLITS, drawn
from gp_cells.tasks.task import Arrays, Batch, Data, Form, Inputs, Reading, Recipe
from gp_cells.tasks.tunes import find_tunes

PARTS = (6, 2, 2)  # of all tunes: training, validation, test
UNKNOWN = 0  # the symbol of every step that training lacks, and of what is before a melody
RECIPE = Recipe(units=64, epochs=20, learning_rate=0.01, dropout=0.5, weight_decay=0.01, tied=True)


@dataclass(frozen=True)
class ChoraleMelody:
    """Predict the next note of a melody and how long it lasts, one of 148 symbols.

    By the default recipe the LSTM takes about 5 CPU seconds of one thread and comes to 2.50 nats per
    note on validation.
    """

    inputs: ClassVar[Inputs] = "symbols"
    unit: ClassVar[str] = "nats per note"

    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "chorale_melody")

    def read(self) -> Data:
        """Read the scores of the installed music21.

        Each split holds `steps`, uint8 (time,), the number of each note or rest in the vocabulary of the
        training split, its melodies one after the other from the shortest to the longest, and `lengths`,
        int64 (melodies,), in steps.

        Raises:
            DataError: music21 is not installed, or a score is missing, empty or broken.
        """
        melodies = read_melodies(find_scores("chorale_melody"))
        tunes = find_tunes(melodies)
        split_of = {name: drawn(tune.encode(), PARTS) for name, tune in tunes.items()}
        named = {
            split: sorted(
                (name_steps(melodies[name]) for name in melodies if split_of[name] == split),
                key=len,
            )
            for split in SPLITS
        }
        vocabulary = sorted({step for melody in named["train"] for step in melody})
        splits = {split: pack(named[split], vocabulary) for split in SPLITS}
        features = len(vocabulary) + 1
        form = Form(self.inputs, features, "classes", features)
        reading = Reading(
            self.inputs,
            "classes",
            "each step",
            symbols=(None, *vocabulary),
            classes=("unknown", *vocabulary),
        )
        references = score_references(splits["train"], splits["valid"], features)
        return Data(form, splits, references, reading)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield whole melodies of about one length together, padded at their end.

        The input of a step is the one before it, and `UNKNOWN` at the start, so every step is a target.
        """
        lengths = split["lengths"]
        starts = np.cumsum(lengths) - lengths
        for group in group_by_length(lengths, self.recipe.batch_size, shuffle):
            shape = (int(lengths[group].max()) + 1, len(group))
            steps = np.full(shape, UNKNOWN, np.int64)
            counted = np.zeros(shape, np.float32)
            for column, melody in enumerate(group):
                start, length = starts[melody], lengths[melody]
                steps[1 : length + 1, column] = split["steps"][start : start + length]
                counted[1 : length + 1, column] = 1
            yield Batch(steps[:-1], steps[1:], counted[1:], continues=False)

    def notes(self, steps: np.ndarray, reading: Reading) -> list[Note]:
        """Return the notes of steps, (time,); one that the training split lacks is left out."""
        return read_steps(known_steps(steps, reading))[0]

    def length(self, steps: np.ndarray, reading: Reading) -> Fraction:
        """Return how many quarters steps last, (time,)."""
        return read_steps(known_steps(steps, reading))[1]


def read_melodies(folder: Path) -> dict[str, list[Note]]:
    """Return the soprano of each four-part score in a folder by its file name, none of them twice.

    Raises:
        DataError: a score is missing, empty or broken, or its soprano has two notes at once.
    """
    melodies: dict[str, list[Note]] = {}
    seen = set()
    for path in list_scores(folder):
        parts = read_parts(path)
        if parts is None:
            continue
        with notes_of(path):
            melody = follow(parts[0])
            content = tuple(name_steps(melody))
        if content not in seen:
            seen.add(content)
            melodies[path.name] = melody
    return melodies


def known_steps(steps: np.ndarray, reading: Reading) -> list[str]:
    """Return the names of steps, (time,), without those that the training split lacks."""
    names = [reading.symbols[step] for step in steps.tolist()]
    return [name for name in names if name is not None]


def pack(melodies: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> Arrays:
    """Return melodies of named steps as one split."""
    numbers = {step: i for i, step in enumerate(vocabulary, start=1)}
    steps = [numbers.get(step, UNKNOWN) for melody in melodies for step in melody]
    return {
        "steps": np.array(steps, np.uint8),
        "lengths": np.array([len(melody) for melody in melodies], np.int64),
    }


def score_references(train: Arrays, valid: Arrays, features: int) -> Mapping[str, float]:
    """Return the validation loss, in nats per note, of predictors that at most count on `train`.

    To `chance` all symbols are alike; `unigram` knows how often each comes, `bigram` how often after the
    one before or at the start. Counts are add-one smoothed.
    """
    single = np.bincount(train["steps"], minlength=features) + 1.0
    pairs = np.ones((features, features))
    np.add.at(pairs, (steps_before(train), train["steps"]), 1)
    after = pairs / pairs.sum(axis=1, keepdims=True)
    chances = {
        "chance": np.full(len(valid["steps"]), 1 / features),
        "unigram": (single / single.sum())[valid["steps"]],
        "bigram": after[steps_before(valid), valid["steps"]],
    }
    return {name: round(-float(np.log(of).mean()), 6) for name, of in chances.items()}


def steps_before(split: Arrays) -> np.ndarray:
    """Return the step before each one, uint8 (time,), `UNKNOWN` at the start of a melody."""
    before = np.roll(split["steps"], 1)
    before[np.cumsum(split["lengths"]) - split["lengths"]] = UNKNOWN
    return before
