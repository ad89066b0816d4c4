"""What a task's data are, in one line: how many examples, how long, of which classes, in which split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gp_cells.config.records import DataCounts
from gp_cells.tasks.task import Batch, Data, Form, Task

NAMED_SHARES = 6  # classes whose shares are told one by one


@dataclass(frozen=True)
class DataCard:
    """The data of a task as its batches hold them.

    `examples` of each of the `splits` are images, rows, sequences, or the steps of one long text, whose
    `shortest` and `longest` are 0. `classes` (splits, classes) counts the examples of each class; it
    is empty where an example has no single class. `scored` is the mean number of steps of a sequence that
    are scored, where only some are; `chance` is what a guess gets right where all targets can be told.
    """

    form: Form
    splits: tuple[str, ...]
    examples: tuple[int, ...]
    shortest: int
    longest: int
    classes: tuple[tuple[int, ...], ...]
    scored: float | None = None
    chance: float | None = None

    def counts(self, names: tuple[str, ...]) -> DataCounts:
        """Return the card as a run keeps it, with the names of the classes, if they have any."""
        return DataCounts(
            examples=dict(zip(self.splits, self.examples, strict=True)),
            shortest=self.shortest,
            longest=self.longest,
            classes=dict(zip(self.splits, self.classes, strict=True)) if self.classes else {},
            names=names,
        )

    def __str__(self) -> str:
        """Return the line."""
        return (
            f"{self._examples()}, {self._targets()}, {' / '.join(f'{n:,}' for n in self.examples)}"
        )

    def _examples(self) -> str:
        total, form = f"{sum(self.examples):,}", self.form
        if form.inputs == "images":
            return f"{total} images of {form.height} × {form.width}"
        if form.inputs == "numbers":
            return f"{total} rows of {form.features} number{'s' if form.features > 1 else ''}"
        if not self.longest:
            return f"{total} steps of one text"
        if self.shortest == self.longest:
            return f"{total} sequences of {self.longest} steps"
        return f"{total} sequences of {self.shortest} to {self.longest} steps"

    def _targets(self) -> str:
        outputs = f"{self.form.outputs:,}"
        if self.form.targets != "classes":
            plural = "" if self.form.outputs == 1 else "s"
            return f"{outputs} {self.form.targets.removesuffix('s')}{plural} to predict"
        if not self.classes:
            where = (
                "each step" if self.scored is None else f"{round(self.scored, 1):g} steps of each"
            )
            known = "" if self.chance is None else f" ({_bounds(self.chance)})"
            return f"one of {outputs} classes at {where}{known}"
        totals = np.sum(self.classes, axis=0).tolist()
        shares = sorted((100 * n / sum(totals) for n in totals), reverse=True)
        if len(shares) <= NAMED_SHARES:
            return f"{outputs} classes ({', '.join(f'{share:.0f}' for share in shares)} %)"
        least, most = f"{shares[-1]:.0f}", f"{shares[0]:.0f}"
        return f"{outputs} classes ({most if least == most else f'{least} to {most}'} % each)"


def _bounds(chance: float) -> str:
    return f"wrong by chance: {100 * (1 - chance):.4g} %, at best: 0 %"


def card_of(task: Task, data: Data) -> DataCard:
    """Return what the data are that a task has read; each split has a batch."""
    counts = {split: _Counts(data.form) for split in data.splits}
    for split, arrays in data.splits.items():
        for batch in task.batches(arrays, None):
            counts[split].add(batch, is_whole="scored" in arrays)
    of_all = list(counts.values())
    lengths = np.concatenate([length for split in of_all for length in split.lengths])
    examples = [split.targets if split.is_text else split.columns for split in of_all]
    is_text = any(split.is_text for split in of_all)
    has_one_target = not is_text and all(split.targets == split.columns for split in of_all)
    return DataCard(
        form=data.form,
        splits=tuple(counts),
        examples=tuple(examples),
        shortest=0 if is_text else int(lengths.min()),
        longest=0 if is_text else int(lengths.max()),
        classes=tuple(tuple(split.classes.tolist()) for split in of_all)
        if has_one_target and len(of_all[0].classes)
        else (),
        scored=sum(split.targets for split in of_all) / sum(split.columns for split in of_all)
        if any("scored" in arrays for arrays in data.splits.values())
        else None,
        chance=data.chance,
    )


class _Counts:
    """What the batches of one split hold."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.is_text = False
        self.columns = self.targets = 0
        self.lengths: list[np.ndarray] = []
        self.classes = np.zeros(form.outputs if form.targets == "classes" else 0, np.int64)

    def add(self, batch: Batch, is_whole: bool) -> None:
        """Count one more batch; a sequence that is not whole goes to its last target, then is padding."""
        counts = batch.counted > 0
        self.is_text |= batch.continues
        self.columns += counts.shape[-1]
        self.targets += int(counts.sum())
        unscored = 0 if is_whole else counts[::-1].argmax(axis=0, keepdims=True).ravel()
        self.lengths.append(np.broadcast_to(len(counts) - unscored, counts.shape[-1:]))
        if len(self.classes):
            found = np.bincount(batch.targets[counts], minlength=len(self.classes))
            self.classes = self.classes + found
