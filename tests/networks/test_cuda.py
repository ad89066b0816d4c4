"""The engine for a GPU, without one: its kernels in Triton's interpreter, and compiled for GPUs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from support.engines import (
    EVERYTHING,
    INPUTS,
    LINEAR,
    LOST,
    ODD,
    SIZES,
    SPACE,
    are_fine,
    error,
    genome,
    make,
    randn,
    random_genome,
    run,
    same_bits,
)
from torch import Tensor

from gp_cells.genomes.genome import Genome
from gp_cells.networks import cuda
from gp_cells.networks.cell import Cell
from gp_cells.networks.engine import build_layers
from gp_cells.networks.passes import make_passes
from gp_cells.networks.program import compile_program
from gp_cells.networks.triton import ARRAYS, source

triton = pytest.importorskip("triton")
pytestmark = pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # which numpy says
BASELINES = {name: path.read_text() for name, path in SPACE.baselines.items()}


@pytest.fixture
def interpreter() -> Iterator[None]:
    """Let kernels run where they are, on the CPU."""
    with triton.knobs.runtime.scope():
        triton.knobs.runtime.interpret = True
        yield


def make_cuda(cell: Genome | str, inputs: int = INPUTS, units: int = 7) -> Cell:
    """Return a layer of the GPU's engine that computes on the CPU."""
    made = genome(cell) if isinstance(cell, str) else cell
    [layer] = build_layers(made, inputs, units, 1, "compiled", "cuda")
    layer.reset_parameters(torch.Generator().manual_seed(0))
    return layer


def errors(cell: Genome | str, sizes: tuple[int, int, int, int] = SIZES) -> tuple[float, float]:
    """Return the error of the GPU's engine, and that of torch's own operations in float32."""
    time, batch, inputs, units = sizes
    x = randn(time, batch, inputs)
    reference = run(make(cell, "eager", inputs, units).double(), x)
    ours = error(run(make_cuda(cell, inputs, units), x), reference)
    return ours, error(run(make(cell, "eager", inputs, units), x), reference)


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("cell", [*BASELINES.values(), *LINEAR.values(), *ODD.values(), EVERYTHING])
def test_a_cell_equals_the_eager_reference(cell: str) -> None:
    assert are_fine(*errors(cell))


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("seed", range(12))
def test_a_random_cell_equals_the_eager_reference(seed: int) -> None:
    assert are_fine(*errors(random_genome(seed)))


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 1, 3, 300), (3, 37, 1, 33), (1, 2, 5, 256)])
def test_a_layer_of_any_shape_equals_the_eager_reference(sizes: tuple[int, int, int, int]) -> None:
    assert are_fine(*errors(EVERYTHING, sizes))


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("symbols", [9, 500])
def test_tokens_give_what_the_eager_reference_gives(symbols: int) -> None:
    tokens = torch.randint(symbols, (5, 3), generator=torch.Generator().manual_seed(4))
    embedding = randn(symbols, INPUTS)
    reference = run(make(EVERYTHING, "eager").double(), tokens, embedding)
    assert error(run(make_cuda(EVERYTHING), tokens, embedding), reference) <= LOST


@pytest.mark.usefixtures("interpreter")
def test_a_shape_that_comes_again_takes_the_same_arrays_and_gives_the_same_bits() -> None:
    layer, x = make_cuda(EVERYTHING), randn(4, 3, INPUTS)
    returned = cast(Any, layer.sequence).__self__.returned
    first = run(layer, x)
    [work] = returned
    assert same_bits(run(layer, x), first)
    assert list(returned) == [work]


@pytest.mark.usefixtures("interpreter")
def test_a_sequence_without_gradients_has_no_arrays_for_them() -> None:
    layer, x = make_cuda(EVERYTHING), randn(4, 3, INPUTS)
    with torch.no_grad():
        layer(x)
    assert not cast(Any, layer.sequence).__self__.returned[0].adjoints


@pytest.mark.usefixtures("interpreter")
def test_inference_mode_leaves_nothing_that_a_later_call_could_not_use() -> None:
    layer, x = make_cuda(EVERYTHING), randn(4, 3, INPUTS)
    expected = run(make_cuda(EVERYTHING), x)
    with torch.inference_mode():
        layer(x)
        layer(x)
    layer(x.detach())
    assert same_bits(run(layer, x), expected)


@pytest.mark.usefixtures("interpreter")
def test_two_sequences_under_way_at_once_do_not_share_arrays() -> None:
    layer = make_cuda(EVERYTHING)
    xs = [randn(4, 3, INPUTS, seed=seed) for seed in (5, 6)]

    def outputs_of(x: Tensor) -> Tensor:
        return layer(x)[0]

    def gradient(outputs: Tensor) -> Tensor:
        return torch.autograd.grad(outputs.square().sum(), layer.weight_recurrent)[0]

    alone = [gradient(outputs_of(x)) for x in xs]
    together = [outputs_of(x) for x in xs]
    assert all(torch.equal(gradient(o), g) for o, g in zip(together, alone, strict=True))


@pytest.mark.usefixtures("interpreter")
def test_only_some_arrays_are_kept_for_shapes_that_may_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cuda, "MOST_IDLE", 2)
    layer = make_cuda("h' = tanh(gate1)")
    for time in range(1, 6):
        layer(randn(time, 1, INPUTS))
    assert [work.time for work in cast(Any, layer.sequence).__self__.idle] == [3, 4]


@pytest.mark.usefixtures("interpreter")
def test_without_gradients_the_outputs_are_the_same_bits() -> None:
    layer, x = make_cuda(EVERYTHING), randn(4, 3, INPUTS)
    with torch.no_grad():
        outputs = layer(x)[0]
    assert torch.equal(outputs, layer(x)[0])


@pytest.mark.parametrize("capability", [70, 80, 90])
@pytest.mark.parametrize("cell", [BASELINES["lstm"], BASELINES["nascell"], EVERYTHING])
def test_every_kernel_compiles_for_a_gpu(cell: str, capability: int) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    passes = make_passes(compile_program(genome(cell)))
    names = cuda.load(source(passes))
    sizes = {"units": 64, "LANES": cuda.LANES}
    for name in ("forward", "backward"):
        for i in range(len(getattr(passes, name))):
            kinds = dict.fromkeys(ARRAYS, "*fp32") | dict.fromkeys(("t", "time", "rows"), "i32")
            text = ASTSource(names[f"{name}_{i}"], kinds | dict.fromkeys(sizes, "constexpr"), sizes)
            made = triton.compile(text, target=GPUTarget("cuda", capability, 32))
            assert made.asm["cubin"]


def test_a_machine_without_triton_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(OSError, match="no package triton"):
        make_cuda(EVERYTHING)
