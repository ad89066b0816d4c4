"""The network of decoder blocks: causal to the bit, the same in pieces, and as large as is counted."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks import block, loops, words
from gp_cells.networks.decoder import DecoderNetwork
from gp_cells.networks.decoder_block import before_spans
from gp_cells.spaces.decoder import BLOCKS, LANGUAGE, Decoder, published
from gp_cells.training.inherit import inherit
from gp_cells.training.loss import summed_loss

UNITS, TIME, BATCH = 16, 13, 3
FORM = Form("frames", 5, "numbers", 4)
ANY = Decoder(words=tuple(LANGUAGE.spelt), start=(), most_parameters=0)

# What no published block has.
OTHERS = {
    "guarded": "mixer = attend(guard(dot(split(x), split(x))), split(x))\nmlp = x",
    "slowed": "mixer = attend(softmax(tilt(dot(split(x), split(x)), alibi)), split(x))\nmlp = x",
    "faded": (
        "f = fade(each(x)) + rise(each(x)) + slope\n"
        "mixer = attend(weigh(dot(split(x), split(x)), f), split(x) * each(x))\nmlp = x"
    ),
    "narrow": "mixer = x + narrow(depth4(wide2(shift(x))))\nmlp = x + low(positive(x))",
}
GENOMES = {
    **{name: published(name) for name in BLOCKS},
    **{name: parse(text, LANGUAGE) for name, text in OTHERS.items()},
}


def make(
    genome: Genome,
    layers: int = 2,
    tied: bool = False,
    form: Form = FORM,
    engine: str = "eager",
) -> DecoderNetwork:
    recipe = Recipe(units=UNITS, layers=layers, tied=tied)
    network = ANY.network(genome, form, recipe, engine, "cpu", "float32")
    network.initialise(7)
    return network


def frames(seed: int = 1, time: int = TIME) -> Tensor:
    return torch.randn(time, BATCH, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("engine", ANY.engines)
@pytest.mark.parametrize("name", GENOMES)
def test_a_later_step_changes_no_bit_of_earlier_outputs(name: str, engine: str) -> None:
    network, inputs = make(GENOMES[name], engine=engine), frames()
    whole, _ = network(inputs)
    for step in (1, 6, TIME - 1):
        changed = inputs.clone()
        changed[step:] = 3 * frames(step, TIME - step)
        outputs, _ = network(changed)
        assert torch.equal(outputs[:step], whole[:step])
        assert not torch.equal(outputs[step], whole[step])


@pytest.mark.parametrize("engine", ANY.engines)
@pytest.mark.parametrize("name", GENOMES)
def test_pieces_with_what_is_carried_over_give_the_whole(name: str, engine: str) -> None:
    network = make(GENOMES[name], engine=engine).to(torch.float64)
    inputs = frames().double()
    whole, at_end = network.stream(inputs, None)
    state, outputs = None, []
    for piece in inputs.split([1, 5, 1, 4, 2]):
        given, state = network.stream(piece, state)
        outputs.append(given)
    assert state is not None
    torch.testing.assert_close(torch.cat(outputs), whole, rtol=1e-9, atol=1e-11)
    assert [of.shape for of in state] == [of.shape for of in at_end]
    assert int(state[0]) == TIME


@pytest.mark.parametrize("name", GENOMES)
def test_what_is_carried_over_and_learned_is_as_large_as_is_counted(name: str) -> None:
    genome, network = GENOMES[name], make(GENOMES[name], layers=1)
    for time in (TIME, 2 * TIME):
        sizes = block.Sizes(UNITS, 4, time, network.sizes.cells)
        _, state = network.stream(frames(time=time), None)
        assert sum(of.numel() for of in state[1:]) == BATCH * block.totals(genome, sizes)["state"]
    counts = ANY.count(genome, FORM, Recipe(units=UNITS))
    at = block.Sizes(UNITS, 4, ANY.context, network.sizes.cells)
    totals = block.totals(genome, at)
    assert counts["state_size"] == totals["state"]
    assert counts["cache_per_token"] == totals["growth"]
    assert counts["network_parameters"] == sum(of.numel() for of in network.parameters())
    learned = sum(of.numel() for of in network.blocks[0].parameters())
    assert counts["parameters"] == learned


@pytest.mark.parametrize("name", GENOMES)
def test_gradients_are_those_of_small_differences(name: str) -> None:
    network = make(GENOMES[name], layers=1).to(torch.float64)
    inputs = frames(time=4)[:, :1].double().requires_grad_()
    weights = {name: of.detach().clone() for name, of in network.named_parameters()}
    for number, of in enumerate(weights.values()):  # factors of one and biases of zero hide faults
        of += 0.05 * torch.randn(of.shape, generator=torch.Generator().manual_seed(number)).double()

    def outputs(given: Tensor, *learned: Tensor) -> Tensor:
        named = dict(zip(weights, learned, strict=True))
        return torch.func.functional_call(network, named, (given,))[0].sum((0, 1))

    learned = [of.requires_grad_() for of in weights.values()]
    assert torch.autograd.gradcheck(outputs, (inputs, *learned), fast_mode=True)


# What is run by compiled loops: (batch, time, width), (batch, heads, time, K), numbers a head, and codes.
STREAMS, VECTORS, EACH, CODES = (2, 37, 6), (2, 3, 37, 4), (2, 37, 3), (2, 37, 16)
LOOPS: dict[str, list[tuple[int, ...]]] = {
    "scan": [STREAMS, STREAMS, (2, 1, 6)],
    "state": [*[VECTORS] * 4, (2, 3, 4, 4)],
    "delta": [*[VECTORS] * 3, EACH, EACH, (2, 3, 4, 4)],
    "select": [STREAMS, STREAMS, CODES, CODES, (6, 16), (6,), (2, 1, 6, 16)],
}


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", LOOPS)
def test_compiled_loops_give_what_the_reference_gives(name: str, kind: torch.dtype) -> None:
    dice = torch.Generator().manual_seed(4)
    drawn = [torch.randn(shape, generator=dice, dtype=kind) / 2 for shape in LOOPS[name]]
    if name == "select":
        drawn[1] = drawn[1].abs()  # what softplus gives
    found = []
    for module in (words, loops):
        given = [of.detach().clone().requires_grad_() for of in drawn]
        outputs, last = getattr(module, name)(*given)
        ((outputs**2).sum() + (last**3).sum()).backward()
        found.append([outputs, last, *(of.grad for of in given)])
    loose = kind is torch.float32
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-3 if loose else 1e-9, atol=1e-4 if loose else 1e-9
        )


@pytest.mark.parametrize("name", ["linear_attention", "retnet", "ssd", "mlstm", "guarded", "faded"])
def test_attention_in_pieces_gives_what_all_scores_at_once_give(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PIECE", 5)
    found = []
    for engine in ANY.engines:
        network = make(GENOMES[name], engine=engine).double()
        inputs = frames().double().requires_grad_()
        outputs, state = network.stream(inputs, None)
        (outputs**2).sum().backward()
        found.append([outputs, *state[1:], inputs.grad, *(of.grad for of in network.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_compiled_loops_refuse_numbers_that_they_do_not_have() -> None:
    half = torch.ones(1, 2, 3, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r"has float32 and float64 numbers, not torch.bfloat16"):
        loops.scan(half, half, None)
    with pytest.raises(
        TypeError, match=r"expected all on cpu, here in torch.float32; got torch.float64"
    ):
        loops.scan(torch.ones(1, 2, 3), torch.ones(1, 2, 3).double(), None)


@pytest.mark.parametrize("name", ["mamba", "ssd", "gated_deltanet"])
def test_the_steps_of_a_block_begin_as_short_as_published(name: str) -> None:
    layer = make(published(name)).blocks[0]
    [step] = {of for part in layer.parts_ for of in before_spans(part)}
    lengths = functional.softplus(layer.weights_of(step)[-1])
    torch.testing.assert_close(lengths.aminmax(), (torch.tensor(1e-3), torch.tensor(0.1)))


def test_random_blocks_run_and_are_causal_to_the_bit() -> None:
    dice, inputs = np.random.default_rng(5), frames()
    for _ in range(25):
        network = make(variation.sample(ANY, dice), layers=1)
        changed = inputs.clone()
        changed[-3:] += 1
        before, after = network(inputs)[0][:-3], network(changed)[0][:-3]
        assert torch.equal(before.nan_to_num(), after.nan_to_num())


def test_layers_have_weights_of_their_own_and_tied_networks_one_for_both_ends() -> None:
    text = Form("symbols", 9, "classes", 9)
    one, two = make(published("gpt"), 1, form=text), make(published("gpt"), 2, form=text)
    tied = make(published("gpt"), 2, tied=True, form=text)
    sizes = [sum(of.numel() for of in network.parameters()) for network in (one, two, tied)]
    assert sizes[1] - sizes[0] == sum(of.numel() for of in one.blocks[0].parameters())
    assert sizes[1] - sizes[2] == 9 * UNITS
    symbols = torch.randint(9, (TIME, BATCH), generator=torch.Generator().manual_seed(1))
    loss = summed_loss(text, tied(symbols)[0], symbols, torch.ones(TIME, BATCH))
    loss.backward()
    assert tied.output.weight.grad is not None and tied.embedding is not None
    assert tied.embedding.weight is tied.output.weight


def test_a_child_takes_on_what_a_mutation_left_as_it_was() -> None:
    parent = parse("mixer = x + scan(sigmoid(linear(norm(x))), lstm(x))\nmlp = x", LANGUAGE)
    child = parse("mixer = x + scan(tanh(linear(norm(x))), lstm(x))\nmlp = x", LANGUAGE)
    giving, taking = make(parent), make(child)
    taking.initialise(8)
    assert inherit(parent.canonical(), giving, child.canonical(), taking) == 1
    given, taken = giving.state_dict(), taking.state_dict()
    assert given.keys() == taken.keys()
    assert all(torch.equal(given[name], of) for name, of in taken.items())
    other = make(published("gpt"))
    assert 0 < inherit(parent.canonical(), giving, published("gpt").canonical(), other) < 0.2


def test_windows_stand_alone_unless_they_are_to_be_carried_over() -> None:
    network = make(published("min_gru"))
    _, state = network(frames())
    assert state == ()
    carrying = copy.deepcopy(network)
    carrying.carries = True
    first, state = carrying(frames())
    second, _ = carrying(frames(2), state)
    apart, _ = network(frames(2))
    assert torch.equal(first, network(frames())[0])
    assert not torch.equal(second, apart)


def test_dropout_zeroes_what_parts_add_and_nothing_outside_training() -> None:
    network = make(published("min_gru"))
    network.dropout = 0.5
    drawn = torch.Generator().manual_seed(1)
    assert not torch.equal(network.train()(frames(), None, drawn)[0], network.eval()(frames())[0])
    assert torch.equal(network.without_dropout().train()(frames())[0], network(frames())[0])
