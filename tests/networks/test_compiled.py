"""The compiled engine against the eager one, finite differences, and itself run again."""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from support.engines import (
    BATCH,
    EVERYTHING,
    INPUTS,
    LINEAR,
    LOST,
    ODD,
    SPACE,
    TIME,
    UNITS,
    are_fine,
    digest,
    error,
    errors,
    genome,
    gradients,
    make,
    randn,
    random_genome,
    run,
    same_bits,
)
from support.specs import make_spec, protocol_in
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError, gradcheck

from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks import compiler
from gp_cells.networks.cell import Cell
from gp_cells.networks.engine import build_layers
from gp_cells.spaces.recurrent_graph import LANGUAGE as GRAPH
from gp_cells.spaces.steps import FUNCTIONS, LEAVES
from gp_cells.tasks.prepared import load
from gp_cells.training.train import NoCheckpoints, train
from gp_cells.training.trial import setup_of

LOST_IN_DOUBLE = 1e-13
TANH_ULP, SIGMOID_ULP = 1.4, 2.6

MINIMAL_GRU = """
update = sigmoid(input1 + bias1)
h' = (1 - update) * h + update * (input2 + bias2)
"""
DIFFERENTIATED = {
    "add": "h' = gate1 + gate2",
    "mul": "h' = gate1 * gate2",
    "sub": "h' = gate1 - gate2",
    "complement": "h' = 1 - gate1",
    "increment": "h' = gate1 + 1",
    "decrement": "h' = gate1 - 1",
    "tanh": "h' = tanh(gate1)",
    "sigmoid": "h' = sigmoid(gate1)",
    "relu": "h' = relu(gate1)",
    "leaky_relu": "h' = leaky_relu(gate1)",
    "input": "h' = input1 * input2 + h",
    "recurrent": "h' = recurrent1 * recurrent2",
    "bias": "h' = bias1 * bias2 + gate1",
    "scale": "h' = scale1 * gate1 + scale2 * h",
    "linear": "h' = tanh(linear1(linear2(h) + input1) + linear1(input2))",
    "memory": "c' = gate1 * d\nd' = tanh(c') + e\ne' = f * h\nf' = input1 - c\nh' = d' * f'",
}
PRIMITIVES = {function.name for function in FUNCTIONS}


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep compiled cells in a folder of these tests."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GP_CELLS_CACHE", str(folder))
        compiler.find_compiler.cache_clear()
        compiler.cpu_features.cache_clear()
        yield folder


def wrong(cells: Mapping[str, Genome | str]) -> dict[str, tuple]:
    """Return the cells whose error is over its bound; they are compiled on all cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(cells, pool.map(errors, cells.values()), strict=True))
    return {name: (*e, str(cells[name])) for name, e in found.items() if not are_fine(*e)}


# --- against the eager engine ---------------------------------------------------------------------


def test_every_baseline_equals_the_eager_reference() -> None:
    assert wrong({name: path.read_text() for name, path in SPACE.baselines.items()}) == {}


def test_cells_with_linear_equal_the_eager_reference() -> None:
    assert wrong(LINEAR) == {}


def test_odd_cells_equal_the_eager_reference() -> None:
    assert wrong(ODD) == {}


def test_a_graph_whose_values_are_read_many_times_equals_the_eager_reference() -> None:
    text = """
    a = h + sigmoid(input1 + recurrent1) * (tanh(input2 + recurrent2) - h)
    b = a + sigmoid(linear1(a)) * (leaky_relu(linear2(a)) - a)
    h' = (a + b + (b + sigmoid(linear3(b)) * (linear4(b) - b))) / 3
    """
    assert wrong({"graph": parse(text, GRAPH)}) == {}


def test_random_cells_equal_the_eager_reference() -> None:
    assert wrong({str(seed): random_genome(seed) for seed in range(14)}) == {}


@pytest.mark.slow
def test_500_random_cells_equal_the_eager_reference() -> None:
    assert wrong({str(seed): random_genome(seed) for seed in range(500)}) == {}


def test_a_cell_whose_gates_see_the_input_alone_has_no_recurrent_weight_and_equals_the_eager() -> (
    None
):
    assert make(MINIMAL_GRU).weight_recurrent.shape == (UNITS, 0)
    assert are_fine(*errors(MINIMAL_GRU))


@pytest.mark.parametrize("units", [1, 7, 15, 17, 33, 50])
@pytest.mark.parametrize("batch", [1, 3, 15, 33, 300])
def test_a_layer_of_any_shape_equals_the_eager_reference(units: int, batch: int) -> None:
    sizes = [(time, batch, inputs, units) for time in (1, 2, 40) for inputs in (1, 5)]
    found = {each: errors(EVERYTHING, each) for each in sizes}
    assert {each: found[each] for each in sizes if not are_fine(*found[each])} == {}


@pytest.mark.parametrize(("time", "batch"), [(257, 1), (300, 1), (131, 2), (23, 33), (2, 257)])
def test_a_sequence_whose_last_chunk_is_partial_equals_the_eager_reference(
    time: int, batch: int
) -> None:
    assert are_fine(*errors(EVERYTHING, (time, batch, INPUTS, UNITS)))


def test_two_layers_equal_those_of_the_eager_engine() -> None:
    kinds = {"compiled": torch.float32, "eager": torch.float64}
    found = {}
    for engine, kind in kinds.items():
        layers = build_layers(genome(EVERYTHING), INPUTS, UNITS, 2, engine)
        for i, layer in enumerate(layers):
            layer.reset_parameters(torch.Generator().manual_seed(i))
            layer.to(kind)
        x = randn(TIME, BATCH, INPUTS).to(kind).requires_grad_()
        outputs, _ = layers[1](layers[0](x)[0])
        first = gradients(outputs.square().sum(), layers[0], x=x)
        second = gradients(outputs.square().sum(), layers[1])
        found[engine] = {"outputs": outputs.detach(), **first}
        found[engine] |= {f"second {name}": value for name, value in second.items()}
    assert error(found["compiled"], found["eager"]) <= LOST


@pytest.mark.parametrize("axis", [0, 1])
def test_a_zero_length_is_refused(axis: int) -> None:
    shape = [TIME, BATCH, INPUTS]
    shape[axis] = 0
    with pytest.raises(ValueError, match="expected x of shape"):
        make(EVERYTHING)(torch.zeros(shape))


def test_a_trial_has_the_curve_of_the_eager_engine_and_names_its_own(
    settings: Path, chorales: Path
) -> None:
    spec = make_spec(genome=str(genome(EVERYTHING)))
    setup, splits = setup_of(protocol_in(settings), spec), load(chorales, "search")
    finished = {
        engine: train(dataclasses.replace(setup, engine=engine), splits, NoCheckpoints())
        for engine in ("compiled", "eager")
    }
    named = {engine: each.engine and each.engine.name for engine, each in finished.items()}
    assert named == {"compiled": "compiled", "eager": "eager"}
    ours, eager = (each.epochs[0] for each in finished.values())
    for name in ("train_loss", "valid_loss", "gradient_norm"):
        assert getattr(ours, name) == pytest.approx(getattr(eager, name), rel=1e-5)


# --- against finite differences -------------------------------------------------------------------


def differs_from_finite_differences(text: str) -> str | None:
    cell = make(text, inputs=2, units=3).double()
    weights = {name: weight for name, weight in cell.named_parameters() if weight.numel()}

    def called(x: Tensor, state: Tensor, *values: Tensor) -> tuple[Tensor, Tensor]:
        named = dict(zip(weights, values, strict=True))
        return torch.func.functional_call(cell, named, (x, state))

    x = randn(3, 2, 2).double().requires_grad_()
    state = randn(len(cell.program.states), 2, 3, seed=1).double().requires_grad_()
    try:
        gradcheck(called, (x, state, *weights.values()))
    except GradcheckError as difference:
        return str(difference)
    return None


def test_the_derivative_of_every_primitive_and_leaf_is_that_of_finite_differences() -> None:
    assert PRIMITIVES | set(LEAVES) - {"gate"} | {"linear", "memory"} == set(DIFFERENTIATED)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(differs_from_finite_differences, DIFFERENTIATED.values())
        differ = dict(zip(DIFFERENTIATED, found, strict=True))
    assert {name: said for name, said in differ.items() if said is not None} == {}


@pytest.mark.parametrize("symbols", [4, 9])
def test_the_derivative_by_an_embedding_is_that_of_finite_differences(symbols: int) -> None:
    cell = make(EVERYTHING, inputs=2, units=3).double()
    tokens = torch.tensor([[0, 3], [3, 1], [0, 3]])
    embedding = randn(symbols, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda table: cell(tokens, None, table), (embedding,))


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbols", [2, 9, TIME * BATCH, TIME * BATCH + 1, 500])
def test_tokens_give_what_their_embeddings_give(symbols: int) -> None:
    generator = torch.Generator().manual_seed(4)
    tokens = torch.randint(symbols, (TIME, BATCH), generator=generator)
    embedding, cell = randn(symbols, INPUTS), make(EVERYTHING).double()
    looked_up = run(cell, tokens, embedding)
    assert error(looked_up, run(cell, tokens, embedding, embedded_before=True)) < LOST_IN_DOUBLE


def test_tokens_of_a_long_sequence_equal_the_eager_reference() -> None:
    tokens = torch.randint(20, (150, 3), generator=torch.Generator().manual_seed(4))
    embedding = randn(20, INPUTS)
    reference = run(make(EVERYTHING, "eager").double(), tokens, embedding)
    assert error(run(make(EVERYTHING), tokens, embedding), reference) <= LOST


@pytest.mark.parametrize("token", [-1, 9])
def test_a_token_that_is_no_row_of_the_table_is_refused(token: int) -> None:
    tokens = torch.zeros(TIME, BATCH, dtype=torch.int64)
    tokens[3, 1] = token
    with pytest.raises(IndexError, match="symbols from 0 to 8"):
        make(EVERYTHING)(tokens, None, randn(9, INPUTS))


# --- the same bits --------------------------------------------------------------------------------


def test_a_run_gives_the_same_bits_again() -> None:
    assert digest() == digest()


def test_a_cell_compiled_again_gives_the_same_bits(own_cache: Path) -> None:
    before = digest()
    shutil.rmtree(own_cache)
    assert (make(EVERYTHING).engine.compile_s or 0) > 0
    assert digest() == before


def test_four_processes_at_once_give_the_same_bits_as_one_alone() -> None:
    command = [sys.executable, "-c", "from support.engines import digest; print(digest())"]
    four = [
        subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in four] == [digest()] * 4


def test_threads_at_once_give_the_same_bits_as_one_after_another() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: digest(), range(16))) == {digest()}


def test_nothing_is_read_before_it_is_written() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    before = run(cell, x)
    torch.use_deterministic_algorithms(True)  # which fills new memory with NaN
    try:
        assert torch.empty(1).isnan()
        assert same_bits(run(make(EVERYTHING), x), before)
    finally:
        torch.use_deterministic_algorithms(False)


def test_inputs_and_states_of_any_strides_give_the_same_bits() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    state = randn(3, 1, UNITS, seed=1).expand(3, BATCH, UNITS)
    by_batch = x.transpose(0, 1).contiguous().transpose(0, 1)
    every_second = x.repeat_interleave(2, dim=2)[:, :, ::2]
    assert not by_batch.is_contiguous() and not every_second.is_contiguous()
    expected = run(cell, x, first_state=state.clone())
    for given in (by_batch, every_second):
        assert same_bits(run(cell, given, first_state=state), expected)


def test_gradients_of_any_strides_give_the_same_bits() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    outputs, _ = cell(x)
    ones, weights = torch.ones_like(outputs), list(cell.parameters())
    expected = torch.autograd.grad(outputs, weights, ones, retain_graph=True)
    summed = torch.autograd.grad(outputs.sum(), weights, retain_graph=True)
    turned = torch.autograd.grad(outputs, weights, ones.transpose(0, 1).clone().transpose(0, 1))
    assert all(torch.equal(a, b) for a, b in zip(summed, expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(turned, expected, strict=True))


# --- what is refused ----


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_numbers_that_compiled_code_does_not_have_are_refused(kind: torch.dtype) -> None:
    with pytest.raises(TypeError, match="float32 and float64 numbers"):
        make(EVERYTHING).to(kind)(randn(TIME, BATCH, INPUTS).to(kind))


@pytest.mark.parametrize("which", ["inputs", "state", "layer"])
def test_numbers_of_two_kinds_are_refused(which: str) -> None:
    cell, x, state = make(EVERYTHING), randn(TIME, BATCH, INPUTS), torch.zeros(3, BATCH, UNITS)
    x, state = x.double() if which == "inputs" else x, state.double() if which == "state" else state
    with pytest.raises(TypeError, match="expected all of a layer and its inputs"):
        (cell.double() if which == "layer" else cell)(x, state)


def test_symbols_that_are_not_int64_are_refused() -> None:
    tokens = torch.zeros(TIME, BATCH, dtype=torch.int32)
    with pytest.raises(TypeError, match=r"got torch\.int32"):
        make(EVERYTHING)(tokens, None, randn(9, INPUTS))


@pytest.mark.parametrize("shape", [(3, BATCH - 1, UNITS), (2, BATCH, UNITS), (BATCH, UNITS)])
def test_a_state_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected a state of shape"):
        make(EVERYTHING)(randn(TIME, BATCH, INPUTS), torch.zeros(shape))


def test_torchs_default_device_is_not_where_scratch_memory_is() -> None:
    x, cell = randn(TIME, BATCH, INPUTS), make(EVERYTHING)
    expected = cell(x)[0]

    def elsewhere() -> Tensor:
        with torch.device("meta"):
            return cell(x)[0]

    with ThreadPoolExecutor(1) as pool:  # a thread that has no scratch memory yet
        assert torch.equal(pool.submit(elsewhere).result(), expected)


# --- as a part of torch's graph -------------------------------------------------------------------


@pytest.mark.parametrize("used", ["outputs", "last state", "last memory", "one step"])
def test_a_loss_of_a_part_of_the_results_has_the_eager_gradients(used: str) -> None:
    found = []
    for engine, kind in (("compiled", torch.float32), ("eager", torch.float64)):
        cell = make(EVERYTHING, engine).to(kind)
        x = randn(TIME, BATCH, INPUTS).to(kind).requires_grad_()
        outputs, last = cell(x)
        part = {
            "outputs": outputs,
            "last state": last,
            "last memory": last[2],
            "one step": outputs[4],
        }
        found.append(gradients(part[used].square().sum(), cell, x=x))
    assert error(*found) <= LOST


def test_backward_twice_gives_the_same_gradients() -> None:
    cell = make(EVERYTHING)
    loss = cell(randn(TIME, BATCH, INPUTS))[0].square().sum()
    assert same_bits(gradients(loss, cell), gradients(loss, cell))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_calls_before_their_two_gradients_are_as_one_after_the_other(
    order: tuple[int, int],
) -> None:
    cell = make(EVERYTHING)
    xs = [randn(TIME, BATCH, INPUTS, seed=5), randn(TIME + 3, BATCH + 2, INPUTS, seed=6)]
    alone = [gradients(cell(x)[0].square().sum(), cell) for x in xs]
    losses = [cell(x)[0].square().sum() for x in xs]
    for i in order:
        assert same_bits(gradients(losses[i], cell), alone[i])


def test_the_gradients_of_two_calls_add_up() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    once = gradients(cell(x)[0].square().sum(), cell)
    (cell(x)[0].square().sum() + cell(x)[0].square().sum()).backward()
    for name, w in cell.named_parameters():
        assert w.grad is not None and torch.equal(w.grad, 2 * once[name])


@pytest.mark.parametrize("changed", ["weight_input", "weight_recurrent", "scale", "linear"])
def test_a_weight_changed_before_backward_raises_torchs_own_error(changed: str) -> None:
    cell = make(EVERYTHING)
    outputs, _ = cell(randn(TIME, BATCH, INPUTS))
    with torch.no_grad():
        getattr(cell, changed).mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_outputs_changed_in_place_give_torchs_own_error_not_wrong_gradients() -> None:
    outputs, _ = make(EVERYTHING)(randn(TIME, BATCH, INPUTS))
    with pytest.raises(RuntimeError, match=r"in-?place"):
        outputs.mul_(2).sum().backward()


def test_saved_arrays_that_were_moved_away_and_back_give_the_same_gradients() -> None:
    cell, x = make(EVERYTHING), randn(BATCH, TIME, INPUTS).transpose(0, 1)
    expected = gradients(cell(x)[0].square().sum(), cell)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        loss = cell(x)[0].square().sum()
    kept = [
        torch.full((n,), math.nan) for n in (TIME * BATCH * INPUTS, 500, 5000) for _ in range(9)
    ]
    assert len(kept) == 27
    assert same_bits(gradients(loss, cell), expected)


def test_what_needs_no_gradient_gets_none_and_changes_no_other() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    expected = gradients(cell(x)[0].square().sum(), cell)
    cell.linear.requires_grad_(False)
    cell.weight_input.requires_grad_(False)
    cell(x)[0].square().sum().backward()
    assert x.grad is None and cell.linear.grad is None and cell.weight_input.grad is None
    for name in ("weight_recurrent", "gate_bias", "bias", "scale"):
        assert torch.equal(getattr(cell, name).grad, expected[name])


def test_without_gradients_the_outputs_are_the_same_bits() -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    with torch.no_grad():
        outputs, last = cell(x)
    assert not outputs.requires_grad
    assert torch.equal(outputs, cell(x)[0]) and torch.equal(last, cell(x)[1])


def test_a_carried_state_does_not_keep_the_whole_sequence() -> None:
    last = make(EVERYTHING)(randn(TIME, BATCH, INPUTS))[1].detach()
    assert last.untyped_storage().nbytes() == last.numel() * 4


def test_nothing_is_kept_for_gradients_after_they_are_made() -> None:
    outputs, _ = make(EVERYTHING)(randn(TIME, BATCH, INPUTS))
    outputs.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        outputs.sum().backward()


@pytest.mark.parametrize("copy_of", [copy.deepcopy, lambda cell: pickle.loads(pickle.dumps(cell))])
def test_a_copied_layer_gives_the_same_bits(copy_of: Callable[[Cell], Cell]) -> None:
    cell, x = make(EVERYTHING), randn(TIME, BATCH, INPUTS)
    assert same_bits(run(copy_of(cell), x), run(cell, x))


def test_a_second_derivative_is_refused() -> None:
    cell = make(EVERYTHING)
    outputs, _ = cell(randn(TIME, BATCH, INPUTS))
    [first] = torch.autograd.grad(outputs.square().sum(), cell.scale, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        first.sum().backward()


# --- squashings -----------------------------------------------------------------------------------


def floats(count: int) -> Tensor:
    """Return floats in [-87, 87]: evenly spread, evenly spread over binades from 1e-6, and zero."""
    rng = np.random.default_rng(7)
    low, high = np.array([1e-6, 87], np.float32).view(np.int32)
    by_binade = rng.integers(low, high, count // 2, dtype=np.int32, endpoint=True).view(np.float32)
    signs = rng.choice(np.array([-1, 1], np.float32), count // 2)
    even = rng.uniform(-87, 87, count - count // 2 - 1).astype(np.float32)
    return torch.from_numpy(np.concatenate([by_binade * signs, even, np.zeros(1, np.float32)]))


def squashed(function: str, x: Tensor) -> Tensor:
    """Return a function of numbers, each in its own lane of a layer with the weight 1."""
    lanes = 61  # more than one vector, and a rest
    cell = make(f"h' = {function}(input1)", inputs=lanes, units=lanes)
    with torch.no_grad():
        cell.weight_input.copy_(torch.eye(lanes))
        return cell(x.view(-1, 100, lanes))[0].flatten()


def in_every_lane(function: str, x: list[float]) -> Tensor:
    """Return a function of a few numbers, which may be infinite or NaN: (numbers, lanes)."""
    cell = make(f"h' = {function}(input1)", inputs=1, units=33)
    with torch.no_grad():
        cell.weight_input.fill_(1)
        return cell(torch.tensor(x).view(-1, 1, 1))[0].squeeze(1)


@pytest.mark.parametrize(("function", "ulp"), [("tanh", TANH_ULP), ("sigmoid", SIGMOID_ULP)])
def test_a_squashing_is_right_to_few_ulp(function: str, ulp: float) -> None:
    x = floats(500 * 100 * 61)
    exact = getattr(torch, function)(x.double()).numpy()
    off = np.abs(squashed(function, x).numpy() - exact) / np.spacing(
        np.abs(exact.astype(np.float32))
    )
    assert off.max() <= ulp, f"{off.max()} ulp at {x[off.argmax()].item()!r}"


def test_relu_is_exact() -> None:
    x = floats(10 * 100 * 61)
    assert torch.equal(squashed("relu", x), torch.relu(x))


@pytest.mark.parametrize("function", ["tanh", "sigmoid", "relu"])
def test_not_a_number_stays_so_in_every_lane(function: str) -> None:
    found = in_every_lane(function, [1.0, math.nan, 2.0])
    assert found[1].isnan().all()
    assert not found[[0, 2]].isnan().any()


@pytest.mark.parametrize("size", [88.0, 89.0, 1e4, 3e38, math.inf])
def test_squashings_of_large_numbers_saturate(size: float) -> None:
    smallest_normal = torch.finfo(torch.float32).tiny
    tanh, sigmoid = (in_every_lane(name, [-size, size]) for name in ("tanh", "sigmoid"))
    assert (tanh[0] == -1).all() and (tanh[1] == 1).all()
    assert (sigmoid[0] >= 0).all() and (sigmoid[0] <= smallest_normal).all()
    assert (sigmoid[1] == 1).all()
