"""What tasks, spaces, measures and stopping rules have to do, tried on real batches and networks."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome
from gp_cells.measures.measure import Measure, Subject
from gp_cells.networks.network import Network
from gp_cells.spaces.space import Space
from gp_cells.stopping.stopper import (
    Curve,
    Stopper,
    ends_after,
    first_stop,
    learned_from,
    read_as,
    reads,
)
from gp_cells.tasks.prepared import check_batch
from gp_cells.tasks.task import Data, Task
from gp_cells.testing.chance import untouched_chance

SETTLING = [1 + 2.0 ** (-epoch / 4) for epoch in range(40)]
CURVES: tuple[Sequence[float], ...] = (
    SETTLING,
    [3.0],
    [3.0, 2.0, 1.0],
    [1.0] * 40,
    [1.0, *[2.0] * 40],
    [2.0, 1.0] * 20,
)


def check_task(task: Task, data: Data) -> None:
    """It gives batches of its form, finite references, and an order that its generator alone shuffles."""
    assert list(data.splits) == ["train", "valid", "test"], f"its splits are {list(data.splits)}"
    assert data.form.inputs == task.inputs, f"it has {data.form.inputs} and says {task.inputs}"
    assert task.unit, "its loss has no unit"
    for name, loss in data.reference_valid.items():
        assert math.isfinite(loss), f"its reference {name} is {loss}"
    for name, split in data.splits.items():
        check_batch(data.form, next(task.batches(split, None)), name)
    with untouched_chance():
        first, again = (
            next(task.batches(data.splits["train"], generator(seed=1))).inputs.tobytes()
            for _ in range(2)
        )
    assert first == again, "one seed shuffles it in two ways"


def drawn_network(space: Space, task: Task, data: Data) -> tuple[Genome, Any]:
    """Return a genome of a space and its network for a task, dropout in it and its weights drawn."""
    genome = variation.sample(space, generator(purpose="conformance"))
    recipe = dataclasses.replace(task.recipe, dropout=0.5)
    engine = space.engines[-1]  # of several the one that needs no compiler
    network: Any = space.network(genome, data.form, recipe, engine, "cpu", "float32")
    network.initialise(3)
    return genome, network


def check_network(space: Space, task: Task, data: Data) -> None:
    """Its network has the members and shapes of `Network`, and as many weights as are counted."""
    import torch
    from torch import nn

    from gp_cells.training.loss import summed_loss

    genome, network = drawn_network(space, task, data)
    form, batch = data.form, next(task.batches(data.splits["valid"], None))
    inputs = torch.from_numpy(batch.inputs)
    assert isinstance(network, Network), "it lacks members of `gp_cells.networks.network.Network`"
    assert isinstance(network, nn.Module), "it is no torch module"
    counted = space.count(genome, form, task.recipe)["network_parameters"]
    weights = sum(of.numel() for of in network.parameters())
    assert weights == counted, f"it has {weights} weights, and counts {counted}"
    predicted, state = network.eval()(inputs, None, None)
    assert predicted.shape == (*batch.counted.shape, form.outputs), f"it gives {predicted.shape}"
    assert all(isinstance(of, torch.Tensor) for of in state), "its state is not all of tensors"
    again, _ = network(network.embed(inputs), state and None, None)
    torch.testing.assert_close(again, predicted)
    watched, _, activations = network.activations(inputs, None)
    assert torch.equal(watched, predicted), "`activations` predicts otherwise"
    axes = 2 if form.has_steps else 1
    shapes = [of.shape for of in activations]
    assert all(of[:axes] == batch.counted.shape[:axes] for of in shapes), f"activations: {shapes}"
    network(inputs, state, None)
    loss = summed_loss(form, predicted, *map(torch.from_numpy, (batch.targets, batch.counted)))
    assert loss > 0, f"its loss is {loss}"


def check_network_chance(space: Space, task: Task, data: Data) -> None:
    """Its network draws from its seed and its generator alone, and nothing without dropout."""
    import torch

    _, network = drawn_network(space, task, data)
    inputs = torch.from_numpy(next(task.batches(data.splits["valid"], None)).inputs)
    before = {name: of.clone() for name, of in network.state_dict().items()}
    with untouched_chance():
        network.initialise(3)
        assert _equal(before, network), "one seed draws two sets of weights"
        passes = []
        for seed in (1, 1, 2):
            network.load_state_dict(before)
            drawn = torch.Generator().manual_seed(seed)
            passes.append(network.train()(inputs, None, drawn)[0])
        certain = network.without_dropout().train()
        once, twice = (certain(inputs, None, None)[0] for _ in range(2))
    assert torch.equal(passes[0], passes[1]), "one seed drops two sets of units"
    assert not torch.equal(passes[0], passes[2]), "its dropout heeds no generator"
    assert torch.equal(once, twice), "without dropout it is still left to chance"


def _equal(weights: Mapping[str, Any], network: Any) -> bool:
    import torch

    return all(torch.equal(weights[name], of) for name, of in network.state_dict().items())


def check_measure(measure: Measure, network: Any, task: Task, data: Data) -> None:
    """It gives its columns, each a number or None, and leaves the network's weights as they are."""
    before = copy.deepcopy(network.state_dict())
    subject = Subject(
        untrained=network,
        trained=network,
        task=task,
        form=data.form,
        splits={name: arrays for name, arrays in data.splits.items() if name != "test"},
        device="cpu",
    )
    with untouched_chance():
        given = measure.measure(subject)
    columns = [column.name for column in measure.columns]
    assert list(given) == columns, f"it gives {list(given)}, and its columns are {columns}"
    for name, value in given.items():
        assert value is None or isinstance(value, float), f"{name} is {value!r}"
    assert _equal(before, network), "it changes the network's weights"


def check_stopping_rule(rule: Stopper) -> None:
    """It gives one line or None, the same again, learns what is JSON, and leaves curves as they are."""
    other: Stopper = dataclasses.replace(rule)  # type: ignore[type-var]
    whole = [_curve([start * loss for loss in SETTLING]) for start in range(1, 41)]
    with untouched_chance():
        learned = learned_from(rule, whole)
        assert learned == learned_from(other, whole), "it learns otherwise the second time"
    assert json.loads(json.dumps(learned)) == learned, f"what it learns is no JSON: {learned!r}"
    for losses in CURVES:
        for known in (None, learned):
            curve = _curve(list(losses))
            with untouched_chance():
                stop, again = rule.stop(curve, known), other.stop(_curve(tuple(losses)), known)
                read = read_as(rule, curve, known) if reads(rule) else 0.0
            assert again == stop, f"asked twice, it says {stop!r} and {again!r}"
            assert curve == _curve(list(losses)), "it changes the curve"
            if hasattr(rule, "ends") and len(losses) >= curve.epochs:
                first = first_stop(rule, curve, known)
                end = curve.epochs if first is None else first[0]
                foretold = ends_after(rule, curve.epochs)
                assert end == foretold, f"`stop` ends it at {end}, `ends` says {foretold}"
            assert math.isfinite(read), f"it reads {read} of a trial that ended well"
            if stop is not None:
                said = stop.reason
                assert said and "\n" not in said, f"its reason is {said!r}"
                assert stop.code.isidentifier(), f"its code is {stop.code!r}, which is no word"


def _curve(losses: Sequence[float]) -> Curve:
    return Curve(losses=losses, train_losses=losses, epochs=len(SETTLING))
