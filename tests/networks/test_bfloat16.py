"""Products of factors rounded to bfloat16, against the same products of rounded numbers in float64."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from support.engines import BATCH, EVERYTHING, INPUTS, TIME, error, genome, randn, run, same_bits
from torch import Tensor

from gp_cells.config.choose import SettingError
from gp_cells.networks import compiler, cpp, eager
from gp_cells.networks.cell import Cell
from gp_cells.networks.engine import build

needs_bfloat16 = pytest.mark.skipif(
    "avx512_bf16" not in compiler.cpu_features(), reason="this CPU has no bfloat16 products"
)

SUM = """
c' = gate1 + linear1(input1) + recurrent1
h' = c'
"""  # linear in all, so that one rounding never decides another


class Rounded(torch.autograd.Function):
    """A product of rounded factors, whose derivative is two such products."""

    @staticmethod
    def forward(ctx, left: Tensor, right: Tensor) -> Tensor:
        ctx.save_for_backward(left, right)
        return nearest(left) @ nearest(right)

    @staticmethod
    def backward(ctx, adjoint: Tensor) -> tuple[Tensor, Tensor]:
        left, right = ctx.saved_tensors
        back = nearest(left).flatten(0, -2).t() @ nearest(adjoint).flatten(0, -2)
        return nearest(adjoint) @ nearest(right).t(), back


def nearest(numbers: Tensor) -> Tensor:
    return numbers.float().bfloat16().to(numbers.dtype)


def make(
    text: str,
    engine: str = "compiled",
    inputs: int = INPUTS,
    units: int = 7,
    precision: str = "bfloat16",
) -> Cell:
    layer = build(genome(text), inputs, units, engine, precision=precision)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    return layer


def errors(text: str, sizes: tuple[int, int, int, int], patch: pytest.MonkeyPatch) -> float:
    """Return the error against an eager engine whose products are of rounded numbers, and exact."""
    time, batch, inputs, units = sizes
    patch.setattr(eager, "_multiply_rounded", Rounded.apply)
    x = randn(time, batch, inputs)
    reference = run(make(text, "eager", inputs, units).double(), x)
    return error(run(make(text, "compiled", inputs, units), x), reference)


@needs_bfloat16
@pytest.mark.parametrize("units", [1, 7, 16, 33, 50])
@pytest.mark.parametrize(("batch", "inputs"), [(1, 1), (3, 5), (16, 32), (33, 17)])
def test_one_step_has_the_products_of_rounded_factors(
    batch: int, inputs: int, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert errors(SUM, (1, batch, inputs, units), monkeypatch) <= 2e-6


@needs_bfloat16
def test_a_sequence_is_as_near_to_the_reference_as_roundings_that_fall_otherwise_let_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert errors(EVERYTHING, (40, 33, 9, 50), monkeypatch) <= 2e-2


@needs_bfloat16
def test_a_run_gives_the_same_bits_again() -> None:
    x = randn(TIME, BATCH, INPUTS)
    assert same_bits(run(make(EVERYTHING), x), run(make(EVERYTHING), x))


@needs_bfloat16
def test_not_a_number_and_infinity_stay_what_they_are() -> None:
    layer = make("h' = input1", inputs=1, units=33)
    with torch.no_grad():
        layer.weight_input.fill_(1)
        found = layer(torch.tensor([1.0, math.nan, math.inf, 2.0]).view(4, 1, 1))[0]
    assert found[1].isnan().all() and (found[2] == math.inf).all()
    assert (found[0] == 1).all() and (found[3] == 2).all()


@needs_bfloat16
def test_a_layer_in_float64_rounds_nothing() -> None:
    x = randn(TIME, BATCH, INPUTS)
    rounding, exact = (
        run(make(EVERYTHING, precision=precision).double(), x)
        for precision in ("bfloat16", "float32")
    )
    assert same_bits(rounding, exact)


# Inputs of 256 MiB, and then so much more memory that the rounded ones, 128 MiB, do not fit into it.
TOO_LARGE = """
import resource, psutil, torch
from gp_cells import parse
from gp_cells.networks.engine import build
layer = build(parse("h' = tanh(input1)"), 2**14, 1, "compiled", precision="bfloat16")
layer.reset_parameters(torch.Generator().manual_seed(0))
inputs = torch.ones(1, 2**12, 2**14)
most = psutil.Process().memory_info().vms + 2**26
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for _ in range(2):
    try:
        layer(inputs)
    except RuntimeError as error:
        print(error)
"""


@needs_bfloat16
def test_rounded_factors_that_find_no_memory_are_an_error_and_no_crash() -> None:
    done = subprocess.run([sys.executable, "-c", TOO_LARGE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("can't allocate memory") == 2


def test_a_cpu_without_such_products_is_told_so() -> None:
    flags = [f.replace("=native", "=x86-64") for f in compiler.FLAGS]
    with pytest.raises(compiler.CompilerError, match="no bfloat16 products"):
        compiler.load(cpp.sequence("bfloat16"), flags)


def test_on_cuda_it_is_refused() -> None:
    with pytest.raises(SettingError, match="float32, not bfloat16"):
        build(genome(SUM), 1, 1, "compiled", "cuda", "bfloat16")


def test_the_eager_engine_has_it_too() -> None:
    x = randn(TIME, BATCH, INPUTS)
    rounded, exact = (
        make(EVERYTHING, "eager", precision=precision)(x)[0].detach()
        for precision in ("bfloat16", "float32")
    )
    assert 0 < (rounded - exact).abs().max() < 0.02
