"""Data of one's own, from one file and without code.

Each example is a sequence, an image or a row of numbers, and has one target: a class, or numbers. A file
has rows, and columns by name (`columns.py`). Without the setting `sequence` a row is one example:

- a row of a table: columns of numbers, or an entry (features,) of them;

- an image: an entry (height, width) or (channels, height, width), or columns of `height` × `width`
  pixels, channel by channel and line by line;
- a sequence of frames: an entry (time, features), or columns that are the steps of one feature;
- a sequence of symbols: a text, each character a symbol, or an entry (time,) of whole numbers.

With `sequence` a row is one step of the sequence that it names, its input columns the features or the
one symbol; target, split and group are the same in all rows of a sequence.

Sequences, groups, splits and classes are told apart as texts (`values.py`), a sequence's steps are in the
order of numbers, dates or times of a clock, never of texts (`times.py`). Classes are numbered in sorted
order. Frames, rows and numbers are standardised by the training split, in float64 until they are rounded
at the end; what never varies there becomes 0, and as a target it is refused. A symbol that it lacks is
the unknown one.

Split: as the column `split` says it, "train", "valid" or "test"; or drawn: the examples, or the groups of
the column `group`, in the order of the SHA-1 of `seed` and what is in them, cut by `shares`. The same
input twice falls in the same split, and is refused where column or groups put it in two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gp_cells.config.choose import REQUIRED, SettingError, check_settings, setting
from gp_cells.tasks import rows
from gp_cells.tasks.columns import SUFFIXES, Table, fitting, one_line, read_columns
from gp_cells.tasks.examples import (
    image_batches,
    kept_scale,
    pack_images,
    pack_rows,
    pack_sequences,
    row_batches,
    score_guesses,
    sequence_batches,
    standardise_frames,
)
from gp_cells.tasks.reading import arrange
from gp_cells.tasks.sources import SPLITS
from gp_cells.tasks.task import (
    Arrays,
    Batch,
    Counted,
    Data,
    DataError,
    Form,
    Inputs,
    Reading,
    Recipe,
    SplitName,
)
from gp_cells.tasks.values import as_names, as_numbers

RECIPE = Recipe(units=64, batch_size=32, epochs=20)
COUNTED: Mapping[Inputs, Counted] = {"images": "image", "numbers": "row"}  # else the last step


@dataclass(frozen=True)
class OwnData:
    """Predict the target of each sequence, image or row of a file."""

    file: str = setting(
        REQUIRED,
        ".csv, .parquet, .h5, .hdf5 or .npz; a relative path is from where snakemake runs",
    )
    inputs: Inputs = setting(
        REQUIRED,
        "frames: sequences of numbers; symbols: sequences of letters, words or whole numbers; images; "
        "numbers: the columns of a table",
    )
    input: tuple[str, ...] = setting(
        REQUIRED,
        'the columns, datasets or arrays of the input; "x*" is all that begin with x, in the file\'s '
        'order, "*" all that have no other role and do not number the rows',
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
        "",
        "the column that names the sequence of which a row is a step; else each row is one example",
    )
    time: str = setting(
        "",
        "the column of numbers, dates or times of a clock that a sequence's rows are in order of; else "
        "they are in the file's order",
    )
    height: int = setting(
        0, "of images whose pixels are columns, channel by channel, line by line", unit="px", low=0
    )
    width: int = setting(0, "of the same images", unit="px", low=0)
    features: int = setting(
        0, "of a step, where arrays have more of them than steps", unit="features", low=0
    )
    split: str = setting("", "the column that says train, valid or test; else the split is drawn")
    group: str = setting(
        "", "the column whose equal values stay in one split, e.g. a person or a specimen"
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
            (self.inputs == "numbers" and self.sequence, "sequence: numbers are one row each"),
            (self.time and not self.sequence, "time: needs the setting sequence"),
            (bool(self.height) != bool(self.width), "height: needs width, and width height"),
            (self.height and self.inputs != "images", "height: for images alone"),
            (self.features and self.inputs != "frames", "features: for frames alone"),
            (
                self.features and self.sequence,
                "features: with sequence they are the columns of input",
            ),
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
        example = {"images": "image", "numbers": "row"}.get(self.inputs, "sequence")
        return f"nats per {example}"

    def read(self) -> Data:
        """Read the file.

        Raises:
            DataError: it is missing or broken, or is not what the settings say.
        """
        path = Path(self.file)
        others = [name for name in (self.sequence, self.time, self.split, self.group) if name]
        classes = self.target if self.targets == "classes" else ()
        symbols = self.input if self.inputs == "symbols" else ()
        table = read_columns(
            path, self.input, [*self.target, *others], [*others, *classes, *symbols]
        )
        try:
            return self._arrange(table)
        except DataError as error:
            raise DataError(f"{path}: {one_line(error)}") from error

    def _arrange(self, table: Table) -> Data:
        """Return the examples of a table and what new ones are read by."""
        wanted, notes = self._choose_inputs(table)
        if not wanted:
            raise DataError("no column is left for the input")
        reading = Reading(
            self.inputs,
            self.targets,
            COUNTED.get(self.inputs, "last step"),
            tuple(wanted),
            sequence=self.sequence,
            time=self.time,
            height=self.height,
            width=self.width,
            features=self.features,
            target=self.target,
        )
        members, inputs = arrange(reading, table.columns)
        names = list(members)
        told = self._tell(table.columns, members)
        examples = rows.Examples(names, inputs, self._homes(inputs, told, names))
        if self.targets == "classes":
            targets, classes = rows.number_classes(told[self.target[0]], examples)
            reading = replace(reading, classes=tuple(classes))
        else:
            numbers = rows.join(told, self.target)
            targets, scale = rows.standardise_numbers(numbers, examples)
            mean, deviation = map(tuple, scale.tolist())
            reading = replace(reading, target_mean=mean, target_deviation=deviation)
        return replace(self._pack(examples, targets, reading), notes=notes)

    def _choose_inputs(self, table: Table) -> tuple[list[str], tuple[str, ...]]:
        """Return the columns of the input, and a line for each that a pattern fits but leaves out."""
        beside = {*self.target, self.sequence, self.time, self.split, self.group} - {""}
        named = [name for name in fitting(table.columns, self.input) if name not in beside]
        counting = rows.count_rows(table.columns, [n for n in named if n not in self.input])
        notes = tuple(
            f"{self.file}: the column {name!r} numbers the rows and is left out of the input"
            for name in (*table.left_out, *counting)
            if name not in beside
        )
        return [name for name in named if name not in counting], notes

    def _tell(
        self, columns: Mapping[str, np.ndarray], members: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Return target, split and group of each example: names, or the numbers to be predicted.

        Raises:
            DataError: one is missing, no name or no number, or not the same in all of a sequence.
        """
        firsts = np.array([steps[0] for steps in members.values()])
        told: dict[str, np.ndarray] = {}
        for name in (*self.target, self.split, self.group):
            if name:
                is_number = self.targets == "numbers" and name in self.target
                column = (as_numbers if is_number else as_names)(name, columns[name])
                if self.sequence:
                    rows.check_constant(column, members, name)
                told[name] = column[firsts]
        return told

    def _homes(
        self, inputs: Sequence[np.ndarray], told: Mapping[str, np.ndarray], names: Sequence[str]
    ) -> list[SplitName]:
        """Return the split of each example."""
        contents = [rows.hash_content(example) for example in inputs]
        groups = told[self.group].tolist() if self.group else contents
        if self.split:
            homes = rows.read_homes(told[self.split], names)
        else:
            homes = rows.draw_homes(groups, self.shares, self.seed)
        if self.group:
            rows.check_apart(groups, homes, names, f"in one {self.group}")
        rows.check_apart(contents, homes, names, "the same")
        rows.check_filled(homes)
        return homes

    def _pack(self, examples: rows.Examples, targets: np.ndarray, reading: Reading) -> Data:
        """Return examples and their targets, standardised or numbered, as splits."""
        splits: dict[SplitName, dict[str, np.ndarray]]
        outputs = len(reading.classes) or targets.shape[1]
        if self.inputs == "images":
            images = np.stack(examples.inputs)
            splits = pack_images(images, targets, examples.homes)
            form = Form(self.inputs, images.shape[1], self.targets, outputs, *images.shape[2:])
            scale = kept_scale(splits["train"]["scale"])
        elif self.inputs == "numbers":
            table = np.stack(examples.inputs)
            splits, of_train = pack_rows(table, targets, examples.homes)
            form = Form(self.inputs, table.shape[1], self.targets, outputs)
            scale = kept_scale(of_train)
        else:
            sequences, features = examples.inputs, examples.inputs[0].shape[-1]
            if self.inputs == "symbols":
                sequences, symbols = rows.number_symbols(examples)
                features = len(symbols) + 1
                reading = replace(reading, symbols=(None, *symbols))
            homes = np.array(examples.homes)
            splits = {split: pack_sequences(sequences, targets, homes == split) for split in SPLITS}
            form = Form(self.inputs, features, self.targets, outputs)
            scale = kept_scale(standardise_frames(splits)) if self.inputs == "frames" else {}
        reading = replace(reading, **scale)
        if self.targets == "classes":
            return Data(form, splits, score_guesses(splits, form), reading)
        squares = np.square(splits["valid"]["targets"], dtype=np.float64)
        return Data(form, splits, {"mean": round(float(squares.mean()), 6)}, reading)

    def batches(self, split: Arrays, shuffle: np.random.Generator | None) -> Iterator[Batch]:
        """Yield images, rows, or sequences of about one length together, the target at their last step."""
        others = {"images": image_batches, "numbers": row_batches}
        batch = others.get(self.inputs, sequence_batches)
        return batch(split, self.recipe.batch_size, shuffle)
