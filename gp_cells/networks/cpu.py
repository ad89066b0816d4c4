"""A cell's whole sequence as one differentiable operation in compiled code, on the CPU.

Loops and products are C++ that is compiled once for all cells (`sequence.cpp`), the elementwise work C++ of
each cell's own; this file hands them torch's arrays. It works in one thread, whatever torch uses elsewhere.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gp_cells.networks import compiler, cpp
from gp_cells.networks.cell import Engine, SequenceFunction, Weights
from gp_cells.networks.passes import Passes

READ = (
    *("inputs", "weight_input", "tokens", "table"),
    *("recurrent", "gate_bias", "bias", "scale", "linear", "first_state"),
)
ARRAYS = (
    *READ,
    *("states", "tape", "cell", "scratch", "outputs_adjoint", "last_state_adjoint"),
    *(f"{name}_adjoint" for name in READ if name != "tokens"),
)  # in the order of `Given` in sequence.h
PLACE = {name: i for i, name in enumerate(ARRAYS)}
_Given = ctypes.c_void_p * len(ARRAYS)


class _Room(threading.local):
    """Scratch memory by kind of number, used again by every call of a thread."""

    def __init__(self) -> None:
        self.length: dict[torch.dtype, int] = {}
        self.memory: dict[torch.dtype, Tensor] = {}

    def address(self, kind: torch.dtype, length: int) -> int:
        """Return where memory of at least this length is."""
        if self.length.get(kind, 0) < length:
            self.memory[kind] = torch.empty(length, dtype=kind, device="cpu")
            self.length[kind] = length
        return self.memory[kind].data_ptr()


_ROOM = _Room()


class _Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("time", "rows", "units", "inputs", "symbols")]


def sequence(passes: Passes, precision: str = "float32") -> tuple[SequenceFunction, Engine]:
    """Return what runs a cell in compiled code, in float32 or float64, and how it was made.

    With the precision `bfloat16` products of float32 numbers round their factors to it.

    Raises:
        CompilerError: this machine cannot compile it.
    """
    layer = _Layer(passes, precision)
    code = layer.code(torch.float32)
    return layer.run, Engine("compiled", code.compiler, code.compile_s)


@dataclass(frozen=True)
class _Code:
    """The functions that all cells share in one precision, and where the cell is that they are handed."""

    functions: ctypes.CDLL
    cell: int
    compiler: str
    compile_s: float
    lengths: dict[tuple[int, ...], tuple[Any, int, int]] = field(default_factory=dict)

    def lengths_for(self, *sizes: int) -> tuple[Any, int, int]:
        """Return sizes as C reads them, and how long tape and scratch have to be for them."""
        if sizes not in self.lengths:
            given, cell = ctypes.byref(_Sizes(*sizes)), ctypes.c_void_p(self.cell)
            lengths = (self.functions.tape_length, self.functions.scratch_length)
            self.lengths[sizes] = (given, *(length(given, cell) for length in lengths))
        return self.lengths[sizes]


@dataclass(frozen=True)
class _Layer:
    """The code of one cell, a library for each precision, compiled when it is first wanted."""

    passes: Passes
    precision: str
    codes: dict[torch.dtype, _Code] = field(default_factory=dict)

    def __deepcopy__(self, memo: object) -> _Layer:
        """Return itself: code is shared."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the code behind; it is loaded again where it is wanted."""
        return _Layer, (self.passes, self.precision)

    def code(self, kind: torch.dtype) -> _Code:
        """Return the code for numbers in float32 or float64."""
        if kind not in self.codes:
            if kind not in (torch.float32, torch.float64):
                raise TypeError(f"the compiled engine has float32 and float64 numbers, not {kind}")
            name = str(kind).removeprefix("torch.")
            shared = compiler.load(cpp.sequence(self.precision if name == "float32" else name))
            cell = compiler.load(cpp.source(self.passes, name))
            shared.code.tape_length.restype = shared.code.scratch_length.restype = ctypes.c_long
            self.codes[kind] = _Code(
                shared.code,
                ctypes.addressof(ctypes.c_char.in_dll(cell.code, "cell")),
                cell.compiler,
                shared.compile_s + cell.compile_s,
            )
        return self.codes[kind]

    def run(
        self, inputs: Tensor, weight_input: Tensor, weights: Weights, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Run the layer; see `cell.SequenceFunction`."""
        present = [getattr(weights, name) for name in self.passes.weights]
        return _Run.apply(self, inputs, weight_input, *present, state)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layer: _Layer, inputs: Tensor, weight_input: Tensor, *rest: Tensor
    ) -> tuple[Tensor, Tensor]:
        time, rows, *features = inputs.shape
        units, parts, kind = rest[0].shape[0], len(layer.passes.program.states), weight_input.dtype
        _check(inputs, kind if features else torch.int64)
        for each in (weight_input, *rest):
            _check(each, kind)
        code = layer.code(kind)
        width = (features[0], 0) if features else (0, weight_input.shape[0])
        sizes, tape_length, scratch_length = code.lengths_for(time, rows, units, *width)
        if not features and not 0 <= inputs.min() <= inputs.max() < width[1]:
            raise IndexError(f"expected symbols from 0 to {width[1] - 1}, got others")
        names = layer.passes.reads[not features]
        read = [
            None if each is None else each.contiguous() for each in (inputs, weight_input, *rest)
        ]
        states = weight_input.new_empty(parts, time + 1, rows, units)
        tape = weight_input.new_empty(tape_length)
        given = _addresses(code, names, read, states, tape, scratch_length)
        code.functions.forward(sizes, _Given(*given))
        ctx.code, ctx.sizes, ctx.names, ctx.scratch_length = code, sizes, names, scratch_length
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*read, states, tape)
        return states[0, 1:], states[:, -1].clone()  # else a carried state would keep all states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor | None, of_last_state: Tensor | None) -> Any:
        *read, states, tape = ctx.saved_tensors
        adjoints = [
            torch.empty_like(tensor) if is_wanted else None
            for tensor, is_wanted in zip(read, ctx.needs_input_grad[1:], strict=True)
        ]
        if of_outputs is None:
            of_outputs = torch.zeros_like(states[0, 1:])
        of_outputs = of_outputs.contiguous()
        of_last_state = None if of_last_state is None else of_last_state.contiguous()
        given = _addresses(ctx.code, ctx.names, read, states, tape, ctx.scratch_length)
        given[PLACE["outputs_adjoint"]] = of_outputs.data_ptr()
        given[PLACE["last_state_adjoint"]] = _address(of_last_state)
        for name, adjoint in zip(ctx.names, adjoints, strict=True):
            if adjoint is not None:
                given[PLACE[f"{name}_adjoint"]] = adjoint.data_ptr()
        ctx.code.functions.backward(ctx.sizes, _Given(*given))
        return None, *adjoints


def _check(tensor: Tensor | None, kind: torch.dtype) -> None:
    """Refuse what compiled code would take for something else."""
    if tensor is not None and (tensor.dtype is not kind or not tensor.is_cpu):
        got = f"{tensor.dtype} on {tensor.device}"
        raise TypeError(f"expected all of a layer and its inputs on cpu, here in {kind}; got {got}")


def _addresses(
    code: _Code,
    names: Iterable[str],
    read: Iterable[Tensor | None],
    states: Tensor,
    tape: Tensor,
    scratch_length: int,
) -> list[int | None]:
    """Return what both directions are handed, in the order of `ARRAYS`."""
    given: list[int | None] = [None] * len(ARRAYS)
    for name, tensor in zip(names, read, strict=True):
        given[PLACE[name]] = _address(tensor)
    given[PLACE["states"]], given[PLACE["tape"]] = states.data_ptr(), tape.data_ptr()
    given[PLACE["cell"]] = code.cell
    given[PLACE["scratch"]] = _ROOM.address(states.dtype, scratch_length)
    return given


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
