"""Data of one's own, from one file and without code.

Each example is a sequence or an image, and has one target: a class, or numbers. A file has rows, and
columns by name (`columns.py`). Without the setting `sequence` a row is one example:

- an image: an entry (height, width) or (channels, height, width), or columns of `height` × `width`
  pixels, channel by channel and line by line;
- a sequence of frames: an entry (time, features), or columns that are the steps of one feature;
- a sequence of symbols: a text, each character a symbol, or an entry (time,) of whole numbers.

With `sequence` a row is one step of the sequence that it names, its input columns the features or the
one symbol; target, split and group are the same in all rows of a sequence.

Classes are numbered in sorted order. Frames and numbers are standardised by the training split; a symbol
that it lacks is the unknown one.

Split: as the column `split` says it, "train", "valid" or "test"; or drawn: the examples, or the groups of
the column `group`, in the order of the SHA-1 of `seed` and what is in them, cut by `shares`. The same
input twice falls in the same split, and is refused where column or groups put it in two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gp_cells.config.choose import REQUIRED, SettingError, check_settings, setting
from gp_cells.tasks import rows
from gp_cells.tasks.columns import SUFFIXES, read_columns, select
from gp_cells.tasks.examples import (
    image_batches,
    pack_images,
    pack_sequences,
    score_guesses,
    sequence_batches,
    standardise_frames,
)
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import Arrays, Batch, Data, DataError, Form, Inputs, Recipe, SplitName

RECIPE = Recipe(units=64, batch_size=32, epochs=20)


@dataclass(frozen=True)
class OwnData:
    """Predict the target of each sequence or image of a file."""

    file: str = setting(
        REQUIRED,
        ".csv, .parquet, .h5, .hdf5 or .npz; a relative path is from where snakemake runs",
    )
    inputs: Inputs = setting(
        REQUIRED,
        "frames: sequences of numbers; symbols: sequences of letters, words or whole numbers; images",
    )
    input: tuple[str, ...] = setting(
        REQUIRED,
        'the columns, datasets or arrays of the input; "x*" is all that begin with x, in the file\'s '
        'order, "*" all that are named for nothing else',
        min_items=1,
    )
    targets: Literal["classes", "numbers"] = setting(
        REQUIRED,
        "classes: texts or whole numbers, numbered in sorted order; numbers: standardised by the "
        "training split",
    )
    target: tuple[str, ...] = setting(
        REQUIRED, "the columns of the target; one if it is a class", min_items=1
    )
    sequence: str = setting(
        "", "the column that says which sequence a row is a step of; else each row is one example"
    )
    time: str = setting(
        "", "the column that a sequence's rows are in order of; else they are in the file's order"
    )
    height: int = setting(
        0, "of images whose pixels are columns, channel by channel, line by line", unit="px", low=0
    )
    width: int = setting(0, "of the same images", unit="px", low=0)
    split: str = setting("", "the column that says train, valid or test; else the split is drawn")
    group: str = setting(
        "", "the column of what may not be in two splits, such as a person or a specimen"
    )
    shares: tuple[float, ...] = setting(
        (0.6, 0.2, 0.2),
        "of train, valid and test in a drawn split; they add up to 1",
        above=0,
        min_items=3,
        max_items=3,
    )
    seed: int = setting(0, "of the drawn split")
    recipe: Recipe = setting(RECIPE, "how a candidate is trained")

    def __post_init__(self) -> None:
        check_settings(self, "own_data")
        for wrong, said in (
            (Path(self.file).suffix not in SUFFIXES, f"file: expected {', '.join(SUFFIXES)}"),
            (self.targets == "classes" and len(self.target) != 1, "target: expected one column"),
            (self.inputs == "images" and self.sequence, "sequence: images are one in each row"),
            (self.time and not self.sequence, "time: needs the setting sequence"),
            (bool(self.height) != bool(self.width), "height: needs width, and width height"),
            (self.height and self.inputs != "images", "height: for images alone"),
            (abs(sum(self.shares) - 1) > 1e-6, "shares: expected three that add up to 1"),
            (self.recipe.tied and self.inputs != "symbols", "recipe.tied: for symbols alone"),
        ):
            if wrong:
                raise SettingError(f"own_data.{said}")

    @property
    def unit(self) -> str:
        """What one loss is measured in."""
        if self.targets == "numbers":
            return "squared standard deviations"
        return "nats per image" if self.inputs == "images" else "nats per sequence"

    def read(self) -> Data:
        """Read the file.

        Raises:
            DataError: it is missing or broken, or is not what the settings say.
        """
        path = Path(self.file)
        others = [name for name in (self.sequence, self.time, self.split, self.group) if name]
        columns = read_columns(path, [*self.input, *self.target, *others])
        chosen = select(path, list(columns), self.input)
        wanted = [name for name in chosen if name not in (*self.target, *others)]
        try:
            return self._arrange(columns, wanted)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    def _arrange(self, columns: Mapping[str, np.ndarray], wanted: Sequence[str]) -> Data:
        """Return the examples of some columns, of which those wanted are the inputs."""
        if not wanted:
            raise DataError("no column is left for the input")
        entries = rows.join(columns, wanted, texts=self.inputs == "symbols")
        if self.sequence:
            times = columns[self.time] if self.time else None
            members = rows.cut_sequences(columns[self.sequence], times)
        else:
            members = {f"row {i + 1}": np.array([i]) for i in range(len(entries))}
        for name in (*self.target, self.split, self.group) if self.sequence else ():
            if name:
                rows.check_constant(columns[name], members, name)
        firsts = np.array([steps[0] for steps in members.values()])
        told = {name: columns[name][firsts] for name in columns if name not in wanted}

        inputs: Sequence[np.ndarray]
        if self.inputs == "images":
            inputs = list(rows.as_images(entries, self.height, self.width))
        else:
            texts = self.inputs == "symbols"
            steps = [entries[chosen] for chosen in members.values()] if self.sequence else entries
            inputs = [rows.as_sequence(each, texts) for each in steps]
        rows.check_lengths(inputs, list(members))
        examples = rows.Examples(list(members), inputs, self._homes(inputs, told, list(members)))
        if self.targets == "classes":
            targets, outputs = rows.number_classes(told[self.target[0]], examples)
        else:
            numbers = rows.join(columns, self.target, texts=False)[firsts]
            targets = rows.standardise_numbers(numbers, examples)
            outputs = targets.shape[1]
        return self._pack(examples, targets, outputs)

    def _homes(
        self, inputs: Sequence[np.ndarray], told: Mapping[str, np.ndarray], names: Sequence[str]
    ) -> list[SplitName]:
        """Return the split of each example."""
        contents = [rows.hash_content(example) for example in inputs]
        groups = list(map(str, told[self.group])) if self.group else contents
        if self.split:
            homes = rows.read_homes(told[self.split], names)
        else:
            homes = rows.draw_homes(groups, self.shares, self.seed)
        if self.group:
            rows.check_apart(groups, homes, names, f"in one {self.group}")
        rows.check_apart(contents, homes, names, "the same")
        rows.check_filled(homes)
        return homes

    def _pack(self, examples: rows.Examples, targets: np.ndarray, outputs: int) -> Data:
        """Return examples and their targets, standardised or numbered, as splits."""
        splits: dict[SplitName, dict[str, np.ndarray]]
        if self.inputs == "images":
            images = np.stack(examples.inputs)
            splits = pack_images(images, targets, examples.homes)
            form = Form(self.inputs, images.shape[1], self.targets, outputs, *images.shape[2:])
        else:
            sequences, features = examples.inputs, examples.inputs[0].shape[-1]
            if self.inputs == "symbols":
                sequences, features = rows.number_symbols(examples)
            homes = np.array(examples.homes)
            splits = {split: pack_sequences(sequences, targets, homes == split) for split in SPLITS}
            if self.inputs == "frames":
                standardise_frames(splits)
            form = Form(self.inputs, features, self.targets, outputs)
        if self.targets == "classes":
            return Data(form, splits, score_guesses(splits, form))
        squares = np.square(splits["valid"]["targets"], dtype=np.float64)
        return Data(form, splits, {"mean": round(float(squares.mean()), 6)})

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield images, or sequences of about one length together, the target at their last step."""
        batch = image_batches if self.inputs == "images" else sequence_batches
        return batch(split, self.recipe.batch_size, shuffle)
