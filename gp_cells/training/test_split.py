"""Measure chosen trials on the test split: the only place that opens it, when all is chosen."""

from __future__ import annotations

import math
from pathlib import Path

from gp_cells.config.files import read_json, write_json
from gp_cells.tasks.prepared import load
from gp_cells.training.record import read_weights
from gp_cells.training.train import evaluate, make_network
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.trial_file import read_trial


def test(settings_file: Path, conclusion_file: Path, data: Path, path: Path) -> None:
    """Write the test loss of every chosen trial of a run.

    A trial that failed has no weights and no test loss; it is left out, not imputed.
    """
    settings = read_json(settings_file)
    set_up_torch(settings["training"]["threads"])
    replicates = conclusion_file.parent
    split = load(data, "test", settings["data"]["hash"])["test"]
    measured = []
    for finalist in read_json(conclusion_file)["finalists"]:
        for candidate in finalist["candidates"]:
            record = replicates / candidate.removeprefix("r") / "trial.h5"
            trial = read_trial(record)
            if trial["outcome"]["fitness"] is None:
                continue
            setup = setup_of(settings, trial["order"])
            network = make_network(setup)
            network.load_state_dict(read_weights(record))
            loss, error = evaluate(network, setup.task, setup.form, split, setup.device)
            known = {} if math.isnan(error) else {"test_error": error}
            measured.append({"candidate": candidate, "test_loss": loss, **known})
    write_json(path, measured)
