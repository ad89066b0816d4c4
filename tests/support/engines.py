"""Cells, sizes and bounds that the tests of all engines share, and what a layer computes.

Errors are relative to the largest magnitude of their array, against the eager engine in float64. Some
cells are sensitive to rounding, such as 1 - (1 - x) or a memory that grows; there torch's own float32
operations say how much of it is the cell's fault.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.terms import grafted, paths, subtree
from gp_cells.networks.cell import Cell
from gp_cells.networks.engine import build
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.spaces.steps import FUNCTIONS, LEAVES

SPACE = Recurrent(tuple(f.name for f in FUNCTIONS), tuple(LEAVES), memory_cells=4)
TIME, BATCH, INPUTS, UNITS = 11, 3, 5, 7
SIZES = (TIME, BATCH, INPUTS, UNITS)

LOST, TIMES_TORCHS_OWN = 5e-6, 3  # in float32: the bound is the larger of the two
EVERYTHING = """
c' = sigmoid(gate1 + scale1 * c) * c + tanh(input1 + bias1) * (1 - sigmoid(gate1))
d' = sigmoid(bias2) * d + relu(linear1(c' * h) + recurrent1)
h' = tanh(linear2(linear1(tanh(c')) - h) + linear3(d' + 1)) * sigmoid(gate2 - 1)
"""
LINEAR = {
    "a linear of a linear": "h' = tanh(input1 + linear1(linear2(h)))",
    "one weight applied to itself": "h' = tanh(linear1(linear1(h) + gate1))",
    "one weight applied twice at once": "h' = tanh(linear1(h) + input1) * sigmoid(linear1(input2))",
    "three deep": "h' = tanh(linear1(tanh(linear2(sigmoid(linear3(h) + gate1)))) + bias1)",
    "of what has no rows": "h' = tanh(linear1(bias1) + gate1)",
    "a bare one as the next state": "c' = linear1(c) + tanh(gate1)\nh' = linear2(c')",
}
ODD = {
    "no input": "h' = tanh(recurrent1 + bias1)",
    "no product": "h' = tanh(scale1 * h + bias1)",
    "a state that nothing reads": "h' = tanh(input1)",
    "the memory before as output": "c' = tanh(gate1) * c + input1\nh' = c",
    "the memory after as output": "c' = tanh(gate1) + c * scale1\nh' = c'",
    "a bare leaf": "h' = gate1",
}

Found = dict[str, Tensor]


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def genome(text: str) -> Genome:
    return parse(text, LANGUAGE)


def random_genome(seed: int) -> Genome:
    """Draw a genome; every fourth gets a few `linear`, which a search never draws."""
    rng = np.random.default_rng(seed)
    drawn = variation.sample(SPACE, rng)
    return drawn if seed % 4 else with_linear(drawn, rng)


def with_linear(drawn: Genome, rng: np.random.Generator) -> Genome:
    terms = list(drawn.formulas)
    for _ in range(rng.integers(1, 4)):
        i = rng.integers(len(terms))
        name, term = terms[i]
        places = list(paths(term))
        path = places[rng.integers(len(places))]
        part = (f"linear{rng.integers(1, 5)}", subtree(term, path))
        terms[i] = (name, grafted(term, path, part))
    return Genome(LANGUAGE, tuple(terms)).canonical()


def make(
    cell: Genome | str, engine: str = "compiled", inputs: int = INPUTS, units: int = UNITS
) -> Cell:
    """Return a layer whose weights depend on its shape alone."""
    layer = build(genome(cell) if isinstance(cell, str) else cell, inputs, units, engine)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    return layer


def run(
    cell: Cell,
    x: Tensor,
    embedding: Tensor | None = None,
    embedded_before: bool = False,
    first_state: Tensor | None = None,
) -> Found:
    """Return outputs, last state, and all gradients of a random weighting of both.

    Numbers are drawn in float32 and then converted, so that both precisions get the same.
    """
    kind, parts = cell.weight_recurrent.dtype, len(cell.program.states)
    state = randn(parts, x.shape[1], cell.units, seed=1) if first_state is None else first_state
    given = {"state": state.to(kind).detach().requires_grad_()}
    if embedding is None:
        given["x"] = x = x.to(kind).detach().requires_grad_()
    else:
        given["embedding"] = embedding = embedding.to(kind).detach().requires_grad_()
    if embedded_before and embedding is not None:
        outputs, last = cell(embedding[x], given["state"])
    else:
        outputs, last = cell(x, given["state"], embedding)
    loss = (outputs * randn(*outputs.shape, seed=2).to(kind)).sum()
    loss = loss + (last * randn(*last.shape, seed=3).to(kind)).sum()
    return {"outputs": outputs.detach(), "last": last.detach(), **gradients(loss, cell, **given)}


def gradients(loss: Tensor, cell: Cell, **others: Tensor) -> Found:
    wanted = {**others, **{name: w for name, w in cell.named_parameters() if w.numel()}}
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, retain_graph=True)
    pairs = zip(wanted.items(), found, strict=True)
    return {name: torch.zeros_like(w) if g is None else g for (name, w), g in pairs}


def error(found: Found, reference: Found) -> float:
    """Return the largest difference of an array from its reference, infinite if one is NaN."""
    assert found.keys() == reference.keys()
    worst = 0.0
    for name, expected in reference.items():
        assert found[name].shape == expected.shape
        difference = (found[name].double() - expected).abs().max().item()
        largest = expected.abs().max().item()
        each = 0.0 if difference == 0 else difference / largest if largest else math.inf
        worst = max(worst, math.inf if math.isnan(each) else each)
    return worst


def errors(cell: Genome | str, sizes: tuple[int, int, int, int] = SIZES) -> tuple[float, float]:
    """Return the error of the compiled engine in float32, and that of torch's own operations."""
    time, batch, inputs, units = sizes
    x = randn(time, batch, inputs)
    reference = run(make(cell, "eager", inputs, units).double(), x)
    ours, torchs = (
        error(run(make(cell, engine, inputs, units), x), reference)
        for engine in ("compiled", "eager")
    )
    return ours, torchs


def are_fine(ours: float, torchs: float) -> bool:
    return ours <= max(LOST, TIMES_TORCHS_OWN * torchs)


def same_bits(one: Found, other: Found) -> bool:
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


def digest() -> str:
    """Return a hash of all that a large layer finds."""
    found = run(make(EVERYTHING, units=50), randn(40, 33, INPUTS))
    return hashlib.blake2b(b"".join(v.numpy().tobytes() for v in found.values())).hexdigest()
