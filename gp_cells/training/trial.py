"""The job of one trial: read what it is to do, train, measure, write its files.

A trial asked to stop by SIGTERM keeps a checkpoint beside its fitness file and can be run again.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import signal
from pathlib import Path
from typing import Any

import torch

from gp_cells.config.files import content_hash, read_json, read_order
from gp_cells.genomes.genome import parse
from gp_cells.plugins import form_of, plug_in
from gp_cells.tasks.prepared import load
from gp_cells.training import record
from gp_cells.training.measures import measure
from gp_cells.training.train import Interrupted, Setup, train


def run_trial(
    protocol_file: Path, genome_file: Path, data: Path, fitness_file: Path, trial_file: Path
) -> None:
    """Train one candidate and write its fitness and its record.

    Raises:
        Interrupted: the process got SIGTERM; the checkpoint is kept.
        RecordError: a file is missing or broken.
    """
    protocol, order = read_json(protocol_file), read_order(genome_file)
    stop_requests: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop_requests.append(number))
    set_up_torch(protocol["training"]["threads"])
    code = [record.version("gp-cells"), record.git_state(Path(__file__).parent)]
    checkpoints = record.CheckpointFile(
        fitness_file.with_name("checkpoint.h5"), content_hash(protocol, order, code)
    )
    splits = load(data, "search", protocol["data"]["hash"])
    setup = setup_of(protocol, order)
    try:
        finished = train(setup, splits, checkpoints, lambda: bool(stop_requests))
    except Interrupted as interruption:
        raise Interrupted(f"{order['candidate']}: {interruption}") from interruption
    measures = measure(setup, splits, finished)
    record.write_trial(trial_file, order, protocol, finished, measures)
    timed = protocol.get("timed_objectives", ())
    record.write_fitness(fitness_file, order, finished, measures, timed)
    checkpoints.remove()


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


def set_up_torch(threads: int) -> None:
    """Fix what decides torch's bits: threads, deterministic algorithms, denormal numbers.

    What is imported by now is never garbage, so Python is told not to look for any there.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, imports less
    # Ours is written before it is read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = False  # float32 is to mean the same in every product
    gc.freeze()
