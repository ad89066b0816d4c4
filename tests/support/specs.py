"""A trial's spec and protocol for tests that train or write one without a whole run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.records import (
    DataDescription,
    PlugIn,
    RunSettings,
    Search,
    Stopping,
    Training,
    TrialProtocol,
    TrialSpec,
)
from gp_cells.config.typed_json import read_record
from gp_cells.genomes.genome import parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.stopping.never import Never
from gp_cells.tasks.digits import Digits
from gp_cells.training.record import CheckpointFile
from gp_cells.training.train import Finished, Interrupted, Setup, train

RECIPE = {"units": 64, "layers": 1, "batch_size": 16, "epochs": 20}


def make_spec(**changed: Any) -> TrialSpec:
    """Return the spec of a small cell's trial."""
    standard: dict[str, Any] = {
        "run": "a-b-c-s1",
        "candidate": "w000-00",
        "architecture_id": "0" * 32,
        "genome": "h' = tanh(gate1)",
        "learning_rate": 0.01,
        "seed": 5,
        "parameters": 36,
        "multiply_adds": 32,
        "network_parameters": 90,
        "network_multiply_adds": 80,
        "kept": 8,
        "nodes": 2,
    }
    return TrialSpec(**{**standard, **changed})


def make_protocol(**recipe: Any) -> TrialProtocol:
    """Return a protocol, for a task of 10,000 steps, with some of its recipe changed."""
    return TrialProtocol(
        benchmark="a",
        run="a-b-c-s1",
        task_label="b",
        strategy_label="c",
        seed=1,
        task=PlugIn(name="bach_chorales", settings={"recipe": {**RECIPE, **recipe}}),
        space=PlugIn(name="recurrent"),
        stopping=Stopping(name="never"),
        training=Training(
            device="cpu", engine="compiled", precision="float32", threads=1, time_limit_s=3600
        ),
        data=DataDescription(
            form=Form("frames", 88, "keys", 88),
            unit="nats per frame",
            targets={"train": 10_000, "valid": 4_000},
            passes={"train": 10_000, "valid": 4_000},
            steps=100,
            hash="1" * 32,
            reference_valid={},
        ),
    )


def planned(*widths: int, lag: int = 1) -> Search:
    """Return the plan of a search whose waves have these slots."""
    return Search(waves=len(widths), slots=widths, lag=lag, finalists=1)


def protocol_in(settings: Path) -> TrialProtocol:
    """Return the protocol of the run that a settings file is of."""
    return read_record(RunSettings, settings).protocol


def digits_trial(cell: str, **recipe: Any) -> tuple[Setup, Mapping[Any, Any]]:
    """Return a trial of a hand-designed CNN cell of four units on `digits`, and its splits."""
    task = Digits(Recipe(units=4, batch_size=256, learning_rate=0.01, dropout=0.3, **recipe))
    space, data = Convolutional(reductions=1), task.read()
    setup = Setup(
        genome=parse(space.baselines[cell].read_text(), space.language).canonical(),
        space=space,
        task=task,
        form=data.form,
        learning_rate=0.01,
        seed=3,
        stopper=Never(),
        time_limit_s=600,
        engine="eager",
    )
    return setup, data.splits


def killed_again_and_again(setup: Setup, splits: Mapping[Any, Any], folder: Path) -> Finished:
    """Return how a trial ends that is stopped after every batch and goes on from its checkpoint."""
    checkpoints = CheckpointFile(folder / "checkpoint.h5", "this trial")
    while True:
        with contextlib.suppress(Interrupted):
            return train(setup, splits, checkpoints, lambda: True)
