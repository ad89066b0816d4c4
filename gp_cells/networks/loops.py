"""The words of decoder blocks that are loops over time, in compiled code on the CPU.

Each is the function of its name in `gp_cells.networks.words`, differentiable once, in one thread, and
grows in proportion to the sequence. The C++ is compiled once for all blocks (`loops.cpp`). Attention
without softmax has no C++ of its own: it takes the words' torch, a piece of the sequence after the other.
"""

from __future__ import annotations

import ctypes
import math
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gp_cells.networks import compiler, cpp, words
from gp_cells.networks.block import CODES
from gp_cells.networks.words import Fades, Memory

PIECE = 64  # steps whose scores are taken at once
FLAGS = (*compiler.FLAGS, "-fopenmp-simd")


@cache
def library(kind: torch.dtype) -> compiler.Library:
    """Return the loops for numbers in float32 or float64.

    Raises:
        CompilerError: this machine cannot compile them.
        TypeError: there are none for such numbers.
    """
    if kind not in (torch.float32, torch.float64):
        raise TypeError(f"the compiled engine has float32 and float64 numbers, not {kind}")
    found = compiler.load(cpp.loops(str(kind).removeprefix("torch.")), FLAGS)
    found.code.chunks.restype = found.code.room_of.restype = ctypes.c_long
    return found


def _call(name: str, sizes: tuple[int, ...], *arrays: Tensor) -> None:
    function = getattr(library(arrays[0].dtype).code, name)
    given = (ctypes.c_void_p(array.data_ptr()) for array in arrays)
    function(*(ctypes.c_long(size) for size in sizes), *given)


def _ready(*arrays: Tensor) -> list[Tensor]:
    """Return arrays as compiled code reads them.

    Raises:
        TypeError: one is of another kind, or not on the CPU.
    """
    for array in arrays:
        if array.dtype is not arrays[0].dtype or not array.is_cpu:
            got = f"{array.dtype} on {array.device}"
            raise TypeError(f"expected all on cpu, here in {arrays[0].dtype}; got {got}")
    return [array.contiguous() for array in arrays]


def _adjoint(of: Tensor | None, like: Tensor) -> Tensor:
    """Return an adjoint that is there to be read, or changed."""
    return torch.zeros_like(like) if of is None else of.clone(memory_format=torch.contiguous_format)


def scan(a: Tensor, b: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return h of h_t = a_t h_(t-1) + b_t along axis 1, and the last one."""
    a, b = torch.broadcast_tensors(a, b)
    first = torch.zeros_like(b[:, 0]) if before is None else before[:, 0]
    outputs, last = _Scan.apply(a, b, first)
    return outputs, last[:, None]


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor]:
        a, b, first = _ready(*given)
        outputs = torch.empty_like(b)
        _call("scan_forward", tuple(b.shape), a, b, first, outputs)
        ctx.save_for_backward(a, first, outputs)
        ctx.set_materialize_grads(False)
        return outputs, outputs[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> Any:
        a, first, outputs = ctx.saved_tensors
        of_a, of_b, carry = torch.empty_like(a), torch.empty_like(a), _adjoint(of_last, first)
        given = (a, first, outputs, _adjoint(of_outputs, outputs), of_a, of_b, carry)
        _call("scan_backward", tuple(outputs.shape), *given)
        return of_a, of_b, carry


def wkv(
    key: Tensor, value: Tensor, decay: Tensor, bonus: Tensor, before: Memory | None
) -> tuple[Tensor, Memory]:
    """Return the average over time of RWKV-4, and its sums with their largest exponent; see `words.wkv`.

    It is the ratio of two scans, at each step scaled by the largest exponent so far; that may be off by its
    rounding, since whatever it is cancels out.
    """
    slower = torch.exp(decay)
    if before is None:
        none = torch.zeros_like(key[:, 0])
        before = (none, none, torch.full_like(none, -1e30))
    over, under, first = before
    with torch.no_grad():
        lost = slower * torch.arange(key.shape[1] + 1, dtype=key.dtype)[:, None]
        tops = (torch.cat([first[:, None], key], 1) + lost).cummax(1).values - lost
    earlier, later = tops[:, :-1], tops[:, 1:]
    kept, added = torch.exp(earlier - later - slower), torch.exp(key - later)
    overs, _ = scan(kept, added * value, over[:, None])
    unders, _ = scan(kept, added, under[:, None])
    top = torch.maximum(earlier, key.detach() + bonus.detach())
    old, new = torch.exp(earlier - top), torch.exp(key + bonus - top)
    past = (
        torch.cat([of[:, None], all_of[:, :-1]], 1)
        for of, all_of in ((over, overs), (under, unders))
    )
    above, below = (old * of for of in past)
    return (above + new * value) / (below + new), (overs[:, -1], unders[:, -1], tops[:, -1])


def state(
    query: Tensor, key: Tensor, value: Tensor, gate: Tensor, before: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return gated linear attention, and the last state; see `words.state`."""
    return _matrix("state", query, key, value, (gate,), before)


def delta(
    query: Tensor, key: Tensor, value: Tensor, step: Tensor, gate: Tensor, before: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gated delta rule, and the last state; see `words.delta`."""
    gates = step.transpose(1, 2), gate.transpose(1, 2)
    return _matrix("delta", query, key, value, gates, before)


def _matrix(
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    gates: tuple[Tensor, ...],
    before: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return what a matrix state gives, all with (batch, H, time) first."""
    query = query / math.sqrt(query.shape[-1])
    width = query.shape[-1]
    start = key.new_zeros(*key.shape[:2], width, width) if before is None else before
    found: tuple[Tensor, Tensor] = _Matrix.apply(name, query, key, value, *gates, start)
    return found


class _Matrix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, name: str, *given: Tensor) -> tuple[Tensor, Tensor]:
        *read, start = _ready(*given)
        batch, heads, time, width = read[0].shape
        ctx.name, ctx.sizes = name, (batch * heads, time, width)
        code = library(start.dtype).code
        last, outputs = start.clone(), torch.empty_like(read[0])
        kept = start.new_empty(batch * heads, code.chunks(ctypes.c_long(time)), width, width)
        room = start.new_empty(width)
        _call(f"{name}_forward", ctx.sizes, *read, last, kept, outputs, room)
        ctx.save_for_backward(*read, start, kept)
        ctx.set_materialize_grads(False)
        return outputs, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> Any:
        *read, start, kept = ctx.saved_tensors
        adjoints = [torch.zeros_like(each) for each in read]
        carry = _adjoint(of_last, start)
        code = library(start.dtype).code
        room = start.new_empty(code.room_of(ctypes.c_long(ctx.sizes[2])))
        given = (*read, kept, _adjoint(of_outputs, read[0]), *adjoints, carry, room)
        _call(f"{ctx.name}_backward", ctx.sizes, *given)
        return None, *adjoints, carry


def select(
    x: Tensor,
    span: Tensor,
    into: Tensor,
    out: Tensor,
    rates: Tensor,
    skip: Tensor,
    before: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return the selective scan of Mamba-1, and the last state; see `words.select`."""
    batch, _, width = x.shape
    first = x.new_zeros(batch, width, CODES) if before is None else before[:, 0]
    outputs, last = _Select.apply(x, span, into, out, -torch.exp(rates), first)
    return outputs + x * skip, last[:, None]


class _Select(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor]:
        *read, first = _ready(*given)
        batch, time, width = read[0].shape
        code = library(first.dtype).code
        last, outputs = first.clone(), torch.empty_like(read[0])
        kept = first.new_empty(batch, code.chunks(ctypes.c_long(time)), width, CODES)
        _call("select_forward", (batch, time, width), *read, last, kept, outputs)
        ctx.save_for_backward(*read, first, kept)
        ctx.set_materialize_grads(False)
        return outputs, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> Any:
        *read, first, kept = ctx.saved_tensors
        adjoints = [torch.zeros_like(each) for each in read]
        carry = _adjoint(of_last, first)
        code = library(first.dtype).code
        states = code.room_of(ctypes.c_long(1)) - 2  # of a chunk, and the one before
        room = first.new_empty(states, *first.shape[1:])
        given = (*read, kept, _adjoint(of_outputs, read[0]), *adjoints, carry, room)
        _call("select_backward", tuple(read[0].shape), *given)
        return *adjoints, carry


def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    fades: Fades | None,
    divide: str,
    before: Memory | None,
) -> tuple[Tensor, Memory]:
    """Return attention without softmax, and what it keeps; see `words.linear_attention`."""
    found, time = [], query.shape[2]
    for start in range(0, time, PIECE):
        at = slice(start, start + PIECE)
        own = None
        if fades is not None:
            row, col = fades
            base = row[..., start - 1, None] if start else torch.zeros_like(row[..., :1])
            own = row[..., at] - base, col[..., at] + base
        given = (query[:, :, at], key[:, :, at], value[:, :, at])
        outputs, before = words.linear_attention(*given, own, divide, before)
        found.append(outputs)
    assert before is not None
    return torch.cat(found, 2), before
