"""Measure chosen trials on the test split: the only place that opens it, when all is chosen."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from gp_cells.files import read_json, write_json
from gp_cells.genome import parse
from gp_cells.record import read_trial, read_weights
from gp_cells.search import form_of, plug_in
from gp_cells.tasks.prepared import load
from gp_cells.train import Setup, evaluate, make_network


def test(settings_file: Path, conclusion_file: Path, data: Path, path: Path) -> None:
    """Write the test loss of every chosen trial of a run.

    A trial that failed has no weights and no test loss; it is left out, not imputed.
    """
    settings = read_json(settings_file)
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


def setup_of(settings: dict[str, Any], order: dict[str, Any]) -> Setup:
    """Return what a trial is, from its run's settings and its own order."""
    space, task = plug_in(settings, "space"), plug_in(settings, "task")
    recipe = dataclasses.replace(task.recipe, **order.get("recipe", {}))
    return Setup(
        genome=parse(order["genome"], space.language),
        space=space,
        task=dataclasses.replace(task, recipe=recipe),
        form=form_of(settings),
        learning_rate=order["learning_rate"],
        seed=order["seed"],
        stopper=plug_in(settings, "stopping"),
        time_limit_s=settings["training"]["time_limit_s"],
        engine=settings["training"]["engine"],
        device=settings["training"]["device"],
        precision=settings["training"]["precision"],
    )
