"""The net that writes genomes: its gradients, what it may write, and the strategies that train it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.played import played
from support.specs import planned

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.writer import BEGIN, Writer
from gp_cells.spaces import SPACES
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies.controller import Controller, batch_of, imitate, loss_slope
from gp_cells.strategies.imitate import Imitate
from gp_cells.strategies.reinforce import Reinforce, worths_among

SPACE = Recurrent()


def drawn(space, count: int, seed: int = 1) -> list[Genome]:
    rng = seeds.generator(seed=seed, purpose="test")
    return [variation.sample(space, rng) for _ in range(count)]


def test_gradients_are_those_of_torch_by_the_same_lstm() -> None:
    genomes, units = drawn(SPACE, 5), 6
    writer = Writer(SPACE, genomes)
    net = Controller(writer, units, np.random.default_rng(2))
    rows = [row for row in map(writer.read, genomes) if row is not None]
    batch = batch_of(rows, writer.number[BEGIN])
    worth = np.linspace(-1, 1, len(rows))
    logits, kept = net.forward(batch)
    slope, loss = loss_slope(logits, batch, worth, 0.3)
    found = net.backward(batch, kept, slope)

    w = {name: torch.tensor(of, requires_grad=True) for name, of in net.weights.items()}

    def in_torchs_order(of: torch.Tensor) -> torch.Tensor:  # input, forget, candidate, output
        return torch.cat([of[..., k * units : (k + 1) * units] for k in (0, 1, 3, 2)], -1)

    weights = {
        "weight_ih_l0": in_torchs_order(w["inputs"]).T,
        "weight_hh_l0": in_torchs_order(w["states"]).T,
        "bias_ih_l0": in_torchs_order(w["bias"]),
        "bias_hh_l0": torch.zeros(4 * units, dtype=torch.double),
    }
    before, above, place = batch.read
    x = w["before"][before] + w["above"][above] + w["place"][place]
    lstm = torch.nn.LSTM(units, units).double()
    hidden, _ = torch.func.functional_call(lstm, weights, (x,))
    masks, real = torch.tensor(batch.masks), torch.tensor(batch.real)
    scores = (hidden @ w["outputs"] + w["last"]).masked_fill(~masks, -torch.inf)
    logs = torch.log_softmax(scores, -1).masked_fill(~masks, 0.0)
    taken = logs.gather(-1, torch.tensor(batch.tokens)[..., None])[..., 0]
    entropies = -(logs.exp() * logs * masks).sum(-1)
    lessened = ((-taken * torch.tensor(worth) - 0.3 * entropies) * real).sum() / len(rows)
    lessened.backward()

    assert loss == pytest.approx(float(-(taken * real).sum().detach()) / len(rows))
    for name, gradient in found.items():
        of_torch = w[name].grad
        assert of_torch is not None
        np.testing.assert_allclose(gradient, of_torch.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", SPACES)
def test_any_row_that_types_allow_is_ended_within_the_limits(name: str) -> None:
    space = SPACES[name]()
    writer, rng = Writer(space, drawn(space, 8)), np.random.default_rng(3)
    for _ in range(60):
        formulas = writer.write(lambda step: int(rng.choice(np.flatnonzero(step.mask))))
        assert formulas is not None
        whole = Genome(space.language, tuple(formulas))
        assert not space.language.typed_names or space.language.is_typed(whole.formulas)


@pytest.mark.parametrize("name", SPACES)
def test_a_canonical_genome_is_read_and_written_again(name: str) -> None:
    space = SPACES[name]()
    genomes = drawn(space, 8)
    writer = Writer(space, genomes)
    for genome in genomes:
        row = writer.read(genome)
        assert row is not None
        numbers = list(reversed(row.tokens))
        assert writer.write(lambda step, left=numbers: left.pop()) == list(genome.formulas)  # type: ignore[misc]


def test_a_net_learns_by_heart_what_it_reads_often() -> None:
    [genome] = drawn(SPACE, 1)
    writer = Writer(SPACE, [genome])
    net = Controller(writer, 16, np.random.default_rng(1))
    row = writer.read(genome)
    assert row is not None
    imitate(net, [row], 60, 1, 0.02, 0.0, np.random.default_rng(1))
    formulas = writer.write(net.chooser(np.random.default_rng(5)))
    assert formulas == list(genome.formulas)


def test_a_worth_is_the_share_that_is_worse_and_nothing_of_a_failure() -> None:
    history = played(Reinforce(founders=4), SPACE, [4], failing={"w000-01"})
    worths = worths_among(history)
    ranked = sorted(history, key=lambda o: o.fitness)
    assert worths[history.index(ranked[0])] == 1.0
    assert worths[1] == 0.0
    assert sorted(worths) == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("strategy", [Reinforce(founders=8), Imitate(founders=8)])
def test_the_net_writes_what_the_run_has_not_had(strategy: Reinforce | Imitate) -> None:
    history = played(strategy, SPACE, [8, 8])
    known = [outcome.architecture_id for outcome in history]
    assert len(set(known)) == len(known)


def test_the_best_share_is_learned_and_no_failure() -> None:
    history = played(Imitate(founders=20), SPACE, [20], failing={"w000-03"})
    models = Imitate(best=0.1, least=3).models(history)
    assert [o.fitness for o in models] == sorted(o.fitness for o in history)[:3]


@pytest.mark.parametrize(("strategy", "name"), [(Reinforce(), "reinforce"), (Imitate(), "imitate")])
def test_a_plan_without_room_for_the_net_is_refused(
    strategy: Reinforce | Imitate, name: str
) -> None:
    with pytest.raises(SettingError, match=rf"{name}\.founders: .* come before the first child"):
        strategy.check(planned(4, 4), SPACE)
