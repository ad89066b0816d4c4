"""The network around a cell: embeddings of its own or tied, layers, dropout."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.training.loss import summed_loss

SYMBOLS, UNITS, TIME, BATCH = 11, 6, 9, 4
FORM = Form("symbols", SYMBOLS, "classes", SYMBOLS)
LSTM = parse(Recurrent().baselines["lstm"].read_text(), LANGUAGE)
GENERATOR = torch.Generator().manual_seed(3)
TOKENS = torch.randint(SYMBOLS, (TIME + 1, BATCH), generator=GENERATOR)


def make(engine: str = "compiled", layers: int = 2, dropout: float = 0.0, tied: bool = False):
    recipe = Recipe(units=UNITS, layers=layers, dropout=dropout, tied=tied)
    network = RecurrentNetwork(LSTM, FORM, recipe, engine)
    network.initialise(seed=1)
    return network


def loss_of(network: RecurrentNetwork, generator: torch.Generator | None = None) -> Tensor:
    logits, _ = network(TOKENS[:-1], None, generator)
    return summed_loss(FORM, logits, TOKENS[1:], torch.ones(TIME, BATCH))


def gradients(network: RecurrentNetwork) -> dict[str, Tensor]:
    network.zero_grad()
    loss_of(network).backward()
    return {
        name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None
    }


def test_a_tied_network_has_one_weight_for_embedding_and_output_and_learns_it_from_both() -> None:
    tied, untied = make(tied=True), make()
    untied.load_state_dict(tied.state_dict())
    both, apart = gradients(tied), gradients(untied)
    assert "embedding.weight" in apart and loss_of(tied) == loss_of(untied)
    assert sum(w.numel() for w in untied.parameters()) - sum(
        w.numel() for w in tied.parameters()
    ) == (SYMBOLS * UNITS)
    shared = both["embedding.weight"]
    torch.testing.assert_close(shared, apart["embedding.weight"] + apart["output.weight"])
    for name in both.keys() - {"embedding.weight"}:
        torch.testing.assert_close(both[name], apart[name])


def test_weights_that_are_put_back_stay_tied() -> None:
    one, other = make(tied=True), make(tied=True)
    with torch.no_grad():
        one.output.weight.mul_(2)
    other.load_state_dict(one.state_dict())
    assert other.embedding.weight is other.output.weight
    assert loss_of(one) == loss_of(other)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_network_has_the_loss_and_gradients_of_the_eager_engine(dropout: float) -> None:
    found = []
    for engine in ("compiled", "eager"):
        network = make(engine, layers=3, dropout=dropout, tied=True)
        loss = loss_of(network, torch.Generator().manual_seed(5))
        loss.backward()
        found.append((loss.detach(), {n: w.grad for n, w in network.named_parameters()}))
    torch.testing.assert_close(*found)


def test_dropout_zeroes_in_training_alone_and_as_the_generator_draws() -> None:
    network = make(dropout=0.5)
    losses = [loss_of(network, torch.Generator().manual_seed(seed)).item() for seed in (5, 5, 6)]
    assert losses[0] == losses[1] != losses[2]
    network.eval()
    assert loss_of(network) == loss_of(make().eval())


def test_segments_with_the_state_carried_over_give_what_the_whole_sequence_gives() -> None:
    network = make()
    whole, last = network(TOKENS, None)
    first, state = network(TOKENS[:4], None)
    second, end = network(TOKENS[4:], tuple(layer.detach() for layer in state))
    assert torch.equal(torch.cat([first, second]), whole)
    assert all(torch.equal(a, b) for a, b in zip(end, last, strict=True))
