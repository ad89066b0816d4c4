"""A cell's whole sequence as one differentiable operation in compiled code, on the CPU.

Loops, products and elementwise work are C++ (`sequence.cpp` around the cell's own passes); this file
hands it torch's arrays. It works in one thread, whatever torch uses elsewhere.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gp_cells.engine import compiler, cpp
from gp_cells.engine.cell import Engine, Sequence, Weights
from gp_cells.engine.passes import Passes

ARRAYS = (
    *("inputs", "weight_input", "tokens", "table"),
    *("weight_recurrent", "gate_bias", "bias", "scale", "linear"),
    *("first_state", "states", "tape", "products", "scratch"),
    *("outputs_adjoint", "last_state_adjoint"),
    *("first_state_adjoint", "inputs_adjoint", "weight_input_adjoint", "table_adjoint"),
    *("weight_recurrent_adjoint", "linear_adjoint", "shared_adjoint"),
)
SHARED = {"gate_bias": "gate", "bias": "bias", "scale": "scale"}  # weights that all rows share
_ROOM = threading.local()  # scratch memory, used again by every call of a thread


class _Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("time", "rows", "inputs", "units")]


class _Given(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ARRAYS]


def sequence(passes: Passes) -> tuple[Sequence, Engine]:
    """Return what runs a cell in compiled code, in float32 or float64, and how it was made.

    Raises:
        CompilerError: this machine cannot compile it.
    """
    layer = _Layer(passes)
    code = layer.code(torch.float32)
    return layer.run, Engine("compiled", code.compiler, code.compile_s)


@dataclass(frozen=True)
class _Code:
    """The compiled functions of a cell in one precision, and the table of those of all cells."""

    cell: ctypes.CDLL
    products: int
    compiler: str
    compile_s: float
    lengths: dict[tuple[int, ...], tuple[Any, int, int]] = field(default_factory=dict)

    def lengths_for(self, *sizes: int) -> tuple[Any, int, int]:
        """Return sizes as C reads them, and how long tape and scratch have to be for them."""
        if sizes not in self.lengths:
            given = ctypes.byref(_Sizes(*sizes))
            scratch = self.cell.scratch_length(given, ctypes.c_void_p(self.products))
            self.lengths[sizes] = (given, self.cell.tape_length(given), scratch)
        return self.lengths[sizes]


@dataclass(frozen=True)
class _Layer:
    """The code of one cell, a library for each precision, compiled when it is first wanted."""

    passes: Passes
    codes: dict[torch.dtype, _Code] = field(default_factory=dict)

    def code(self, precision: torch.dtype) -> _Code:
        """Return the code for float32 or float64."""
        if precision not in self.codes:
            double = precision is torch.float64
            products = compiler.load(cpp.products(double))
            cell = compiler.load(cpp.source(self.passes, double))
            cell.code.tape_length.restype = cell.code.scratch_length.restype = ctypes.c_long
            self.codes[precision] = _Code(
                cell.code,
                ctypes.addressof(ctypes.c_char.in_dll(products.code, "products")),
                cell.compiler,
                products.compile_s + cell.compile_s,
            )
        return self.codes[precision]

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """The names of the weights that this cell has, in the order of `Weights`."""
        counts = self.passes.program.counts
        shared = [name for name, leaf in SHARED.items() if counts[leaf]]
        return ("weight_recurrent", *shared, *(["linear"] if counts["linear"] else []))

    def run(
        self, inputs: Tensor, weight_input: Tensor, weights: Weights, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Run the layer; see `cell.Sequence`."""
        present = [weight for weight in weights[1:] if len(weight)]
        return _Run.apply(self, inputs, weight_input, state, weights.recurrent, *present)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layer: _Layer, inputs: Tensor, weight_input: Tensor, state: Any, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        (time, rows), units = inputs.shape[:2], weights[0].shape[0]
        precision, looked_up = weight_input.dtype, inputs.dtype == torch.int64
        code, width = layer.code(precision), 0 if looked_up else inputs.shape[2]
        sizes, tape, scratch = code.lengths_for(time, rows, width, units)
        parts = len(layer.passes.program.states)
        states = weight_input.new_empty(parts, time + 1, rows, units)
        read = [tensor.contiguous() for tensor in (inputs, weight_input, *weights)]
        written = [states, weight_input.new_empty(tape)]
        read_names = ("tokens", "table") if looked_up else ("inputs", "weight_input")
        names = (*read_names, *layer.weights, "states", "tape")
        given = _Given(products=code.products)
        _point(given, names, read + written)
        if state is not None:
            state = state.contiguous()
            given.first_state = state.data_ptr()
        given.scratch = _room(precision, scratch)
        code.cell.forward(sizes, ctypes.byref(given))
        ctx.layer, ctx.code, ctx.sizes, ctx.scratch = layer, code, sizes, scratch
        ctx.given, ctx.names, ctx.tape, ctx.looked_up = given, names[:-1], written[1], looked_up
        ctx.save_for_backward(*read, states)
        return states[0, 1:], states[:, -1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs_adjoint: Tensor, state_adjoint: Tensor) -> Any:
        saved = ctx.saved_tensors  # which torch may have moved since
        inputs, weight_input, recurrent, *others, states = saved
        counts, given = ctx.layer.passes.program.counts, ctx.given
        _point(given, ctx.names, saved)
        outputs_adjoint, state_adjoint = outputs_adjoint.contiguous(), state_adjoint.contiguous()
        given.scratch = _room(states.dtype, ctx.scratch)
        given.outputs_adjoint = outputs_adjoint.data_ptr()
        given.last_state_adjoint = state_adjoint.data_ptr()

        def wanted(name: str, tensor: Tensor | None) -> Tensor | None:
            setattr(given, name, None if tensor is None else tensor.data_ptr())
            return tensor

        of_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[1] else None
        of_state = torch.empty_like(state_adjoint) if ctx.needs_input_grad[3] else None
        of_weights = [wanted("weight_recurrent_adjoint", torch.empty_like(recurrent))]
        shared = states.new_zeros(sum(counts[leaf] for leaf in SHARED.values()), states.shape[3])
        given.shared_adjoint = shared.data_ptr()
        first = 0
        for name, leaf in SHARED.items():
            if counts[leaf]:
                part = shared[first : first + counts[leaf]]
                of_weights.append(part.flatten() if name == "gate_bias" else part)
                first += counts[leaf]
        if counts["linear"]:
            of_weights.append(wanted("linear_adjoint", torch.zeros_like(others[-1])))
        if ctx.looked_up:
            of_weight_input = wanted("table_adjoint", torch.zeros_like(weight_input))
        else:
            of_weight_input = wanted("weight_input_adjoint", torch.empty_like(weight_input))
        wanted("inputs_adjoint", of_inputs)
        wanted("first_state_adjoint", of_state)
        ctx.code.cell.backward(ctx.sizes, ctypes.byref(given))
        return None, of_inputs, of_weight_input, of_state, *of_weights


def _point(given: _Given, names: Iterable[str], tensors: Iterable[Tensor]) -> None:
    for name, tensor in zip(names, tensors, strict=True):
        setattr(given, name, tensor.data_ptr())


def _room(precision: torch.dtype, length: int) -> int:
    """Return the address of this thread's scratch memory, grown to a length if it is shorter."""
    name = str(precision)
    scratch = getattr(_ROOM, name, None)
    if scratch is None or len(scratch) < length:
        scratch = torch.empty(length, dtype=precision)
        setattr(_ROOM, name, scratch)
    return scratch.data_ptr()
