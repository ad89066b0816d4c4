"""Measure chosen trials on the test split: the only place that opens it, when all is chosen."""

from __future__ import annotations

import math
from pathlib import Path

from gp_cells.config.plan import candidate_place
from gp_cells.config.records import ChosenTrial, Conclusion, RunSettings
from gp_cells.config.typed_json import read_record, write_records
from gp_cells.tasks.prepared import load
from gp_cells.training.record import read_weights
from gp_cells.training.train import evaluate, make_network
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.trial_file import read_trial


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
        loss, error = evaluate(network, setup.task, setup.form, split, setup.device)
        known = None if math.isnan(error) else error
        measured.append(ChosenTrial(candidate=candidate, test_loss=loss, test_error=known))
    write_records(path, measured)
