"""The job of one trial: read what it is to do, train, measure, write its files.

A trial asked to stop by SIGTERM or SIGINT (Ctrl-C) keeps a checkpoint beside its fitness file and can be
run again.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import signal
from pathlib import Path

import torch

from gp_cells.config.empty_slot import read_empty_slot
from gp_cells.config.files import content_hash
from gp_cells.config.plan import STATE, candidate_place
from gp_cells.config.recipe import recipe_and_shard, supernet_in
from gp_cells.config.records import TrialProtocol, TrialSpec
from gp_cells.config.typed_json import encode, read_record
from gp_cells.genomes.genome import parse
from gp_cells.plugins import form_of, measures_of, space_of, stopper_of, task_of
from gp_cells.stopping.never import Never
from gp_cells.tasks.prepared import load
from gp_cells.training import record
from gp_cells.training.attempts import AttemptsFile
from gp_cells.training.measures import measure
from gp_cells.training.state import State
from gp_cells.training.state_file import read_state, write_state
from gp_cells.training.train import Interrupted, Setup, train

CHECKPOINT, ATTEMPTS = "checkpoint.h5", "measuring.json"  # beside a trial until it has ended


def run_trial(
    protocol_file: Path, genome_file: Path, data: Path, fitness_file: Path, trial_file: Path
) -> bool:
    """Train one candidate and write its fitness and its record; of an empty slot, that it is one.

    Returns whether it got SIGTERM or SIGINT too late to stop for it.

    Raises:
        Interrupted: the process got SIGTERM or SIGINT; the checkpoint is kept.
        RecordError: a file is missing or broken.
    """
    empty = read_empty_slot(genome_file)
    if empty is not None:
        for left in (STATE, CHECKPOINT, ATTEMPTS):  # of a candidate that a larger budget had here
            fitness_file.with_name(left).unlink(missing_ok=True)
        record.write_empty(trial_file, fitness_file, empty)
        return False
    protocol, spec = read_record(TrialProtocol, protocol_file), read_record(TrialSpec, genome_file)
    stop_requests: list[int] = []
    for asking in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asking, lambda number, _: stop_requests.append(number))
    set_up_torch(protocol.training.threads)
    code = [record.version("gp-cells"), record.git_state()]
    fingerprint = content_hash(encode(protocol), encode(spec), code)
    checkpoints = record.CheckpointFile(fitness_file.with_name(CHECKPOINT), fingerprint)
    attempts = AttemptsFile(fitness_file.with_name(ATTEMPTS), fingerprint)
    splits = load(data, "search", protocol.data.hash)
    start = None
    if spec.start is not None:
        run_folder = genome_file.parents[candidate_place(spec.candidate).count("/") + 1]
        start = read_state(run_folder, spec.start)
    setup = setup_of(protocol, spec, start)
    try:
        finished = train(setup, splits, checkpoints, lambda: bool(stop_requests))
    except Interrupted as interruption:
        raise Interrupted(f"{spec.candidate}: {interruption}") from interruption
    measures = measure(setup, splits, finished, measures_of(protocol), attempts)
    record.write_trial(trial_file, spec, protocol, finished, measures)
    state = finished.state
    kept = None if state is None else write_state(fitness_file.with_name(STATE), state)
    record.write_fitness(fitness_file, spec, finished, measures, protocol.timed_objectives, kept)
    checkpoints.remove()
    attempts.remove()
    return bool(stop_requests)


def setup_of(protocol: TrialProtocol, spec: TrialSpec, start: State | None = None) -> Setup:
    """Return what a trial is, from its run's protocol, its own spec, and the state that this names."""
    space, task, training = space_of(protocol), task_of(protocol), protocol.training
    recipe, shard = recipe_and_shard(task.recipe, spec.recipe, f"{spec.candidate}: recipe")
    supernet = supernet_in(spec.recipe, f"{spec.candidate}: recipe")
    return Setup(
        genome=parse(spec.genome, space.language),
        space=space,
        task=dataclasses.replace(task, recipe=recipe),  # type: ignore[type-var]
        form=form_of(protocol),
        learning_rate=spec.learning_rate,
        seed=spec.seed,
        stopper=stopper_of(protocol) if spec.finalist is None and supernet is None else Never(),
        learned=spec.learned,
        control=spec.control is True,
        time_limit_s=training.time_limit_s,
        engine=training.engine,
        device=training.device,
        precision=training.precision,
        start=start,
        keeps=spec.keeps is True,
        shard=shard,
        supernet=supernet,
    )


def set_up_torch(threads: int) -> None:
    """Fix what decides torch's bits: threads, deterministic algorithms, denormal numbers.

    What is imported by now is never garbage, so Python's garbage collector is set to ignore it.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")  # as use_deterministic_algorithms, imports less
    # Ours is written before it is read.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = False  # float32 is to mean the same in every product
    gc.freeze()
