"""Measure chosen trials on the test split: the only place that opens it, when all is chosen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from torch import Tensor

from gp_cells.config.plan import candidate_place
from gp_cells.config.recipe import Form
from gp_cells.config.records import ChosenTrial, Conclusion, RunSettings
from gp_cells.config.typed_json import read_record, write_records
from gp_cells.tasks.prepared import load
from gp_cells.tasks.task import Batch
from gp_cells.training.record import read_weights
from gp_cells.training.train import evaluate, make_network
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.trial_file import read_trial

MOST_CLASSES = 30  # of which a table of all pairs is kept: more can hardly be read


class Confusion:
    """Counts which class was taken for which, of tasks with few classes."""

    def __init__(self, form: Form) -> None:
        self._counts: np.ndarray | None = None
        if form.targets == "classes" and form.outputs <= MOST_CLASSES:
            self._counts = np.zeros((form.outputs, form.outputs), np.int64)

    def add(self, predicted: Tensor, batch: Batch) -> None:
        """Count the targets of a batch, given its predictions (…, outputs)."""
        if self._counts is not None:
            counted = batch.counted > 0
            taken = predicted.argmax(-1).cpu().numpy()[counted]
            np.add.at(self._counts, (batch.targets[counted], taken), 1)

    @property
    def counts(self) -> tuple[tuple[int, ...], ...] | None:
        """How often each class, a row, was taken for each, a column; None if it is not kept."""
        return None if self._counts is None else tuple(map(tuple, self._counts.tolist()))


def test(settings_file: Path, conclusion_file: Path, data: Path, path: Path) -> None:
    """Write the test loss of every chosen trial of a run.

    A trial that failed has no weights and no test loss; it is left out, not imputed.
    """
    settings = read_record(RunSettings, settings_file)
    set_up_torch(settings.training.threads)
    split = load(data, "test", settings.data.hash)["test"]
    run_folder, measured = conclusion_file.parents[1], []
    for candidate in read_record(Conclusion, conclusion_file).chosen:
        record = run_folder / candidate_place(candidate) / "trial.h5"
        trial = read_trial(record)
        if trial.outcome.fitness is None:
            continue
        setup = setup_of(settings.protocol, trial.spec)
        network = make_network(setup)
        network.load_state_dict(read_weights(record))
        confusion = Confusion(setup.form)
        place = network, setup.task, setup.form, split, setup.device
        loss, error = evaluate(*place, seen=confusion.add)
        measured.append(
            ChosenTrial(
                candidate=candidate,
                test_loss=loss,
                test_error=None if math.isnan(error) else error,
                confusion=confusion.counts,
            )
        )
    write_records(path, measured)
