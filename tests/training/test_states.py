"""A trial that starts from another's final state: resumed, inherited, or refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from support.specs import digits_trial, killed_again_and_again, make_spec, protocol_in

from gp_cells.config.files import RecordError
from gp_cells.config.recipe import Shard
from gp_cells.config.records import TrialStart
from gp_cells.config.typed_json import encode, write_record
from gp_cells.genomes.genome import parse
from gp_cells.genomes.survivors import survivors
from gp_cells.stopping.patience import Patience
from gp_cells.tasks.prepared import load
from gp_cells.tasks.shards import deal
from gp_cells.training.inherit import inherit
from gp_cells.training.state import State
from gp_cells.training.state_file import read_state, write_state
from gp_cells.training.train import (
    Finished,
    NoCheckpoints,
    Setup,
    evaluate,
    giving_network,
    make_network,
    train,
)
from gp_cells.training.trial import set_up_torch, setup_of
from gp_cells.training.trial_file import TrialOutcome

Splits = Mapping[Any, Any]
LSTM_LIKE = "c' = sigmoid(gate1) * c + tanh(gate2)\nh' = tanh(c')"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    set_up_torch(1)


def recurrent(settings: Path, chorales: Path) -> tuple[Setup, Splits]:
    setup = setup_of(protocol_in(settings), make_spec(genome=LSTM_LIKE))
    return with_recipe(setup, batch_size=4, dropout=0.3, layers=2), load(chorales, "search")


@pytest.fixture(params=["recurrent", "convolutional"])
def trial(request: pytest.FixtureRequest) -> tuple[Setup, Splits]:
    if request.param == "convolutional":
        return digits_trial("resnet_basic")
    return recurrent(request.getfixturevalue("settings"), request.getfixturevalue("chorales"))


def with_recipe(setup: Setup, **changed: Any) -> Setup:
    recipe = dataclasses.replace(setup.task.recipe, **changed)
    task = dataclasses.replace(cast(Any, setup.task), recipe=recipe)
    return dataclasses.replace(setup, task=task, keeps=True)


def passed_on(state: State | None, folder: Path) -> State:
    """Return a state as it comes out of its file."""
    assert state is not None
    place = folder / "waves/000/00/state.safetensors"
    hashed = write_state(place, state)
    return read_state(folder, TrialStart(candidate="w000-00", state=hashed, epochs=state.epochs))


def ends_alike(one: Finished, other: Finished) -> bool:
    assert one.state is not None and other.state is not None
    groups = [
        (getattr(one.state, g), getattr(other.state, g)) for g in ("weights", "best", "moments")
    ]
    tensors = [(a[name], b[name]) for a, b in groups for name in a.keys() | b.keys()]
    told = ("genome", "epochs", "losses")
    return (
        (one.status, one.fitness, one.best_epoch) == (other.status, other.fitness, other.best_epoch)
        and all(torch.equal(a, b) for a, b in tensors)
        and all(torch.equal(w, other.best_weights[n]) for n, w in one.best_weights.items())
        and all(getattr(one.state, name) == getattr(other.state, name) for name in told)
    )


def test_two_trials_together_are_the_bits_of_the_uninterrupted_one(
    trial: tuple[Setup, Splits], tmp_path: Path
) -> None:
    setup, splits = trial
    whole = train(with_recipe(setup, epochs=3), splits, NoCheckpoints())
    first = train(with_recipe(setup, epochs=1), splits, NoCheckpoints())
    start = passed_on(first.state, tmp_path)

    second = train(
        dataclasses.replace(with_recipe(setup, epochs=2), start=start), splits, NoCheckpoints()
    )

    assert [epoch.epoch for epoch in second.epochs] == [2, 3]
    assert ends_alike(second, whole)
    losses = [(e.train_loss, e.valid_loss, e.gradient_norm) for e in whole.epochs]
    assert [(e.train_loss, e.valid_loss, e.gradient_norm) for e in second.epochs] == losses[1:]


def test_a_state_that_a_trial_went_on_from_is_as_it_was(
    trial: tuple[Setup, Splits], tmp_path: Path
) -> None:
    setup, splits = trial
    first = train(with_recipe(setup, epochs=1), splits, NoCheckpoints())
    start = passed_on(first.state, tmp_path)
    going_on = dataclasses.replace(with_recipe(setup, epochs=1), start=start)
    one, other = (train(going_on, splits, NoCheckpoints()) for _ in range(2))
    assert ends_alike(one, other)


def test_a_resumed_trial_killed_between_any_two_batches_ends_with_the_same_bits(
    trial: tuple[Setup, Splits], tmp_path: Path
) -> None:
    setup, splits = trial
    whole = train(with_recipe(setup, epochs=2), splits, NoCheckpoints())
    first = train(with_recipe(setup, epochs=1), splits, NoCheckpoints())
    going_on = dataclasses.replace(
        with_recipe(setup, epochs=1), start=passed_on(first.state, tmp_path)
    )
    second = killed_again_and_again(going_on, splits, tmp_path)

    assert second.resumed >= 3
    assert ends_alike(second, whole)


def test_equal_states_are_equal_bytes_and_come_back_as_they_were(
    trial: tuple[Setup, Splits], tmp_path: Path
) -> None:
    setup, splits = trial
    hashes = set()
    for name in ("one", "other"):
        state = train(with_recipe(setup, epochs=1), splits, NoCheckpoints()).state
        assert state is not None
        hashes.add(write_state(tmp_path / name, state))
    assert len(hashes) == 1
    back = passed_on(state, tmp_path)
    for group in ("weights", "best", "moments"):
        kept, read = getattr(state, group), getattr(back, group)
        assert kept.keys() == read.keys()
        assert all(torch.equal(tensor, read[name]) for name, tensor in kept.items())


def test_a_trial_that_would_have_stopped_early_trains_no_further(
    settings: Path, chorales: Path
) -> None:
    setup, splits = recurrent(settings, chorales)
    impatient = dataclasses.replace(setup, stopper=Patience(1), learning_rate=1e-9)
    whole = train(with_recipe(impatient, epochs=9), splits, NoCheckpoints())
    assert whole.status == "stopped_early"
    length = len(whole.epochs)
    first = train(with_recipe(impatient, epochs=length), splits, NoCheckpoints())
    assert (first.status, whole.status) == ("ok", "stopped_early")

    second = train(
        dataclasses.replace(with_recipe(impatient, epochs=4), start=first.state),
        splits,
        NoCheckpoints(),
    )

    assert second.epochs == ()
    assert ends_alike(second, whole)


def test_a_child_inherits_what_it_shares_and_draws_the_rest_from_its_seed(
    settings: Path, chorales: Path
) -> None:
    setup, splits = recurrent(settings, chorales)
    setup = with_recipe(setup, epochs=1, layers=1)
    state = train(setup, splits, NoCheckpoints()).state
    assert state is not None
    text = "c' = sigmoid(gate2) * c + tanh(gate1)\nh' = sigmoid(gate3) * tanh(c')"
    child = parse(text, setup.genome.language).canonical()
    heir = dataclasses.replace(setup, genome=child, start=state)
    taking, drawn, giving = (
        make_network(heir),
        make_network(heir),
        giving_network(setup, setup.genome),
    )
    giving.load_state_dict(state.weights)

    share = inherit(setup.genome, giving, child, taking)

    names = survivors(setup.genome, child).names
    own, new, given = (cast(Any, network).cells[0].pieces() for network in (taking, drawn, giving))
    assert len(names) == 2 and len(own) == 3
    for gate, pieces in own.items():
        origin = given[names[gate]] if gate in names else new[gate]
        assert all(torch.equal(piece, origin[name]) for name, piece in pieces.items())
    assert 0.5 < share < 1
    assert torch.equal(cast(Any, taking).output.weight, cast(Any, giving).output.weight)

    finished = train(heir, splits, NoCheckpoints())
    assert finished.inherited == share
    assert [epoch.epoch for epoch in finished.epochs] == [2]
    assert finished.fitness == finished.epochs[0].valid_loss  # the giver's losses are not its own


@pytest.mark.parametrize("harm", ["missing", "cut", "foreign"])
def test_a_state_that_is_not_the_one_wanted_is_refused_with_what_makes_it_anew(
    settings: Path, chorales: Path, tmp_path: Path, harm: str
) -> None:
    setup, splits = recurrent(settings, chorales)
    state = train(with_recipe(setup, epochs=1), splits, NoCheckpoints()).state
    assert state is not None
    run = tmp_path / "results/runs/a-b-c-s1"
    place = run / "waves/002/03"
    hashed = write_state(place / "state.safetensors", state)
    before = TrialStart(candidate="w001-01", state="0" * 32, epochs=1)
    write_record(place / "genome.json", make_spec(start=before, keeps=True))
    if harm == "missing":
        (place / "state.safetensors").unlink()
    elif harm == "cut":
        content = (place / "state.safetensors").read_bytes()
        (place / "state.safetensors").write_bytes(content[:-1])
    else:
        write_state(place / "state.safetensors", dataclasses.replace(state, epochs=7))

    with pytest.raises(RecordError) as refused:
        read_state(run, TrialStart(candidate="w002-03", state=hashed, epochs=1))

    said = str(refused.value)
    assert "\n" not in said and f"{place}/state.safetensors" in said
    forced = [f"{run}/waves/001/01/fitness.json", f"{run}/waves/002/03/fitness.json"]
    assert said.endswith(f"--force {' '.join(forced)}")


# --- a part of the training split -----------------------------------------------------------------


def on_shard(setup: Setup, number: int, judged: tuple[int, ...], epochs: int = 1) -> Setup:
    shard = Shard(number=number, of=2, held=0.4, judged=judged)
    return dataclasses.replace(with_recipe(setup, epochs=epochs), shard=shard)


def test_a_trial_of_a_shard_sees_none_of_the_other_and_judges_its_last_weights(
    trial: tuple[Setup, Splits],
) -> None:
    setup, splits = trial
    one = on_shard(setup, 0, (0, 1), epochs=2)
    own, held = deal(splits, one.shard, one.seed)
    finished = train(one, splits, NoCheckpoints())

    alone = train(with_recipe(setup, epochs=2), own, NoCheckpoints())
    assert ends_alike(finished, alone)
    assert finished.state is not None
    network = make_network(one)
    network.load_state_dict(finished.state.weights)
    losses = tuple(evaluate(network, one.task, one.form, part)[0] for part in held)
    assert finished.judged == losses and len(set(losses)) == 2
    assert alone.judged == ()


def test_a_trial_that_takes_a_model_of_another_shard_is_killed_and_ends_with_the_same_bits(
    trial: tuple[Setup, Splits], tmp_path: Path
) -> None:
    setup, splits = trial
    giver = train(on_shard(setup, 0, (0, 1)), splits, NoCheckpoints())
    adopting = dataclasses.replace(
        on_shard(setup, 1, (1, 0)), start=passed_on(giver.state, tmp_path)
    )
    whole = train(adopting, splits, NoCheckpoints())
    killed = killed_again_and_again(adopting, splits, tmp_path)
    assert killed.resumed > 0 and ends_alike(killed, whole)
    assert killed.judged == whole.judged and len(whole.judged) == 2


def test_what_names_no_shard_is_written_as_before() -> None:
    assert "judged" not in json.dumps(
        encode(TrialOutcome(status="ok", reason="", fitness=1.0, best_epoch=1))
    )
