from __future__ import annotations

import dataclasses
import math
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from support.specs import digits_trial, killed_again_and_again, make_spec, protocol_in

from gp_cells.config.files import read_json, write_json
from gp_cells.genomes.genome import parse
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.stopping.i_epoch import IEpoch
from gp_cells.stopping.patience import Patience
from gp_cells.tables.failures import failure_of
from gp_cells.tasks.prepared import load
from gp_cells.training.record import CheckpointFile
from gp_cells.training.train import Finished, Interrupted, NoCheckpoints, Setup, evaluate, train
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.trial_file import read_trial
from gp_cells.workflow.steps import breed, write_protocol

KILLS = 10


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


@pytest.fixture
def setup(settings: Path) -> Setup:
    return setup_of(protocol_in(settings), make_spec())


def changed(setup: Setup, genome: str | None = None, **recipe: Any) -> Setup:
    task = dataclasses.replace(
        cast(Any, setup.task), recipe=dataclasses.replace(setup.task.recipe, **recipe)
    )
    parsed = setup.genome if genome is None else parse(genome, setup.genome.language)
    return dataclasses.replace(setup, task=task, genome=parsed)


def losses(finished: Finished) -> list[tuple[float, float]]:
    return [(epoch.train_loss, epoch.valid_loss) for epoch in finished.epochs]


def same(one: Finished, other: Finished) -> bool:
    weights = all(torch.equal(w, other.best_weights[n]) for n, w in one.best_weights.items())
    return losses(one) == losses(other) and one.fitness == other.fitness and weights


def test_training_learns_more_than_how_often_each_key_sounds(setup: Setup, chorales: Path) -> None:
    setup = changed(setup, units=24, epochs=25)
    finished = train(setup, load(chorales, "search"), NoCheckpoints())
    assert finished.status == "ok"
    assert finished.fitness is not None
    assert finished.fitness < read_json(chorales / "data.json")["reference_valid"]["unigram"]


def test_the_fitness_is_the_best_validation_loss_and_its_weights_are_kept(
    setup: Setup, chorales: Path
) -> None:
    setup = dataclasses.replace(changed(setup, epochs=6), learning_rate=0.3)
    splits = load(chorales, "search")
    finished = train(setup, splits, NoCheckpoints())
    curve = [epoch.valid_loss for epoch in finished.epochs]
    assert finished.fitness == min(curve)
    assert finished.best_epoch == curve.index(min(curve)) + 1
    network = RecurrentNetwork(setup.genome, setup.form, setup.task.recipe)
    network.load_state_dict(finished.best_weights)
    assert evaluate(network, setup.task, setup.form, splits["valid"])[0] == finished.fitness


def test_a_trial_gives_the_same_bits_again(setup: Setup, chorales: Path) -> None:
    splits = load(chorales, "search")
    setup = changed(setup, dropout=0.2)
    assert same(train(setup, splits, NoCheckpoints()), train(setup, splits, NoCheckpoints()))


def test_another_seed_gives_another_trial(setup: Setup, chorales: Path) -> None:
    splits = load(chorales, "search")
    other = dataclasses.replace(setup, seed=6)
    assert losses(train(setup, splits, NoCheckpoints())) != losses(
        train(other, splits, NoCheckpoints())
    )


@pytest.mark.parametrize("layers", [1, 2])
def test_a_trial_that_goes_and_comes_back_between_any_two_batches_ends_with_the_same_bits(
    setup: Setup, chorales: Path, tmp_path: Path, layers: int
) -> None:
    setup = changed(
        setup,
        "c' = sigmoid(gate1) * c + tanh(gate2)\nh' = tanh(c')",
        batch_size=4,
        dropout=0.3,
        epochs=3,
        layers=layers,
    )
    splits = load(chorales, "search")
    uninterrupted = train(setup, splits, NoCheckpoints())
    checkpoints = CheckpointFile(tmp_path / "checkpoint.h5", "this trial")
    interruptions = 0
    while True:
        try:
            finished = train(setup, splits, checkpoints, lambda: True)
            break
        except Interrupted:
            interruptions += 1
    assert interruptions == 3 * len(list(setup.task.batches(splits["train"], None)))
    assert finished.resumed == interruptions
    assert same(finished, uninterrupted)


def test_a_cnn_that_goes_and_comes_back_between_any_two_batches_ends_with_the_same_bits(
    tmp_path: Path,
) -> None:
    setup, splits = digits_trial("darts_v2", epochs=3)
    uninterrupted = train(setup, splits, NoCheckpoints())
    finished = killed_again_and_again(setup, splits, tmp_path)
    assert finished.resumed == 3 * 5
    assert same(finished, uninterrupted)
    errors = [[epoch.valid_error for epoch in of.epochs] for of in (finished, uninterrupted)]
    assert errors[0] == errors[1]
    assert all(0 <= error <= 1 for error in errors[0])


def test_a_trial_resumed_after_its_last_epoch_stops_where_an_uninterrupted_one_does(
    setup: Setup, chorales: Path, tmp_path: Path
) -> None:
    setup = dataclasses.replace(
        changed(setup, epochs=40), stopper=Patience(epochs=1), learning_rate=0.3
    )
    splits = load(chorales, "search")
    checkpoints = CheckpointFile(tmp_path / "checkpoint.h5", "this trial")
    finished = train(setup, splits, checkpoints)
    assert finished.status == "stopped_early"
    assert "no better validation loss for 1 epochs" in finished.reason
    again = train(setup, splits, checkpoints)
    assert same(finished, again)


def test_a_trial_of_the_control_group_goes_on_and_tells_where_it_would_have_ended(
    setup: Setup, chorales: Path
) -> None:
    splits = load(chorales, "search")
    setup = changed(setup, epochs=6)
    cut = dataclasses.replace(setup, stopper=IEpoch(share=0.3))
    stopped = train(cut, splits, NoCheckpoints())
    control = train(dataclasses.replace(cut, control=True), splits, NoCheckpoints())
    whole = train(setup, splits, NoCheckpoints())

    assert (stopped.status, len(stopped.epochs)) == ("stopped_early", 2)
    assert (control.status, len(control.epochs)) == ("ok", 6)
    assert same(control, whole)
    assert stopped.stopped == control.stopped
    assert stopped.stopped is not None and stopped.stopped.code == "same_epoch"
    assert stopped.stopped.observed == stopped.fitness
    assert whole.stopped is None


def test_a_checkpoint_of_another_trial_is_not_used(
    setup: Setup, chorales: Path, tmp_path: Path
) -> None:
    splits = load(chorales, "search")
    train(setup, splits, CheckpointFile(tmp_path / "checkpoint.h5", "one trial"))
    assert CheckpointFile(tmp_path / "checkpoint.h5", "another").load() is None


@pytest.mark.parametrize("damage", ["empty", "truncated", "foreign"])
def test_a_broken_checkpoint_is_not_used_and_the_trial_starts_again(
    setup: Setup, chorales: Path, tmp_path: Path, damage: str
) -> None:
    splits = load(chorales, "search")
    checkpoints = CheckpointFile(tmp_path / "checkpoint.h5", "this trial")
    expected = train(setup, splits, checkpoints)
    whole = checkpoints.path.read_bytes()
    left = {"empty": b"", "truncated": whole[: len(whole) // 2], "foreign": b"something else"}
    checkpoints.path.write_bytes(left[damage])
    finished = train(setup, splits, checkpoints)
    assert finished.resumed == 0
    assert same(finished, expected)


def test_a_cell_that_overflows_ends_as_diverged_without_a_fitness(
    setup: Setup, chorales: Path
) -> None:
    text = "c' = c * c + gate1 * gate1 + 1\nh' = relu(c')"
    finished = train(changed(setup, text), load(chorales, "search"), NoCheckpoints())
    assert finished.status == "diverged"
    assert finished.fitness is None
    assert "not finite" in finished.reason
    assert failure_of(finished.status, finished.reason) == ("training_not_finite", 1)


def test_a_trial_over_its_time_ends_as_timeout(setup: Setup, chorales: Path) -> None:
    setup = dataclasses.replace(setup, time_limit_s=0.0)
    finished = train(setup, load(chorales, "search"), NoCheckpoints())
    assert (finished.status, finished.fitness) == ("timeout", None)


def test_a_network_that_does_not_fit_into_memory_ends_as_out_of_memory(
    setup: Setup, chorales: Path
) -> None:
    finished = train(changed(setup, units=2**22), load(chorales, "search"), NoCheckpoints())
    assert (finished.status, finished.fitness) == ("out_of_memory", None)
    assert "\n" not in finished.reason


def test_every_loss_of_a_curve_is_a_number(setup: Setup, chorales: Path) -> None:
    finished = train(setup, load(chorales, "search"), NoCheckpoints())
    for epoch in finished.epochs:
        measured = dataclasses.asdict(epoch)
        assert math.isnan(measured.pop("valid_error"))  # a chorale's keys are no classes
        assert all(math.isfinite(value) for value in measured.values())


def prepared(settings: Path, folder: Path) -> list[str]:
    """The command of a rather long trial, with its genome written."""
    run = read_json(settings)
    run["task"]["settings"]["recipe"] |= {"units": 48, "epochs": 200, "dropout": 0.1}
    run["search"]["slots"] = 1
    write_json(folder / "settings.json", run)
    breed(folder / "settings.json", None, folder / "000")
    write_protocol(folder / "settings.json", folder / "protocol.json")
    slot = folder / "000/00"
    return [
        *(str(Path(sys.executable).parent / "gp-cells"), "step", "train"),
        *("--protocol", str(folder / "protocol.json"), "--genome", str(slot / "genome.json")),
        *("--fitness", str(slot / "fitness.json"), "--trial", str(slot / "trial.h5")),
    ]


def came_on_after(checkpoint: Path, process: subprocess.Popen) -> None:
    """Wait until a process has written another checkpoint."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert process.poll() is None, "the trial ended before it could be killed"
        time.sleep(0.005)


@pytest.mark.slow
def test_a_trial_killed_at_random_ten_times_ends_in_identical_bytes(
    settings: Path, chorales: Path, tmp_path: Path
) -> None:
    whole = [*prepared(settings, tmp_path / "whole"), "--data", str(chorales)]
    subprocess.run(whole, check=True)
    command = [*prepared(settings, tmp_path / "killed"), "--data", str(chorales)]
    checkpoint = tmp_path / "killed/000/00/checkpoint.h5"
    generator = random.Random(8)
    for kill in range(KILLS):
        process = subprocess.Popen(command)
        came_on_after(checkpoint, process)
        time.sleep(0.2 * generator.random())
        process.send_signal((signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[kill % 3])
        assert process.wait() in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 75)
    subprocess.run(command, check=True)
    assert read_trial(tmp_path / "killed/000/00/trial.h5").provenance["resumed"] == KILLS
    files = [tmp_path / name / "000/00/fitness.json" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert not (tmp_path / "killed/000/00/checkpoint.h5").exists()
