"""A cell's whole sequence as one differentiable operation on a GPU, in float32.

The products are torch's, the passes between them Triton kernels. That is hundreds of short launches, so
a shape that comes again has them recorded as CUDA graphs and replayed. None of it has run on a GPU yet:
the kernels are tested in Triton's interpreter, and compiled for a GPU but not started.
"""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gp_cells.networks import triton
from gp_cells.networks.cell import Engine, SequenceFunction, Weights
from gp_cells.networks.compiler import CompilerError
from gp_cells.networks.passes import Passes

LANES = 256  # values a program of a kernel works on
MOST_IDLE = 16  # works kept for shapes that may come again; each has the memory of a sequence

Arrays = dict[str, Tensor]


def sequence(passes: Passes) -> tuple[SequenceFunction, Engine]:
    """Return what runs a cell on a GPU, and how it was made.

    Raises:
        CompilerError: there is no Triton.
    """
    try:
        from triton import __version__
    except ImportError as error:
        raise CompilerError("there is no package triton, which a GPU's kernels need") from error
    return _Layer(passes).run, Engine("compiled", f"triton {__version__}")


def load(text: str) -> dict[str, Any]:
    """Return the names of a generated module, whose source Triton reads again from `linecache`."""
    name = f"<cell {hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    names: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), names)
    return names


@dataclass(frozen=True)
class _Layer:
    """The kernels of one cell, and what it has for shapes that it ran before, the oldest first."""

    passes: Passes
    idle: list[_Work] = field(default_factory=list)
    returned: deque[_Work] = field(
        default_factory=deque
    )  # by whichever thread, and not in `idle` yet
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __deepcopy__(self, memo: object) -> _Layer:
        """Return itself: kernels are shared."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave kernels and arrays behind; they are made again where they are wanted."""
        return _Layer, (self.passes,)

    @cached_property
    def kernels(self) -> dict[str, Any]:
        """The kernel of each pass, by its name."""
        return load(triton.source(self.passes))

    def run(
        self, inputs: Tensor, weight_input: Tensor, weights: Weights, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Run the layer; see `cell.SequenceFunction`."""
        if state is None:
            parts, units = len(self.passes.program.states), len(weights.recurrent)
            state = weight_input.new_zeros(parts, inputs.shape[1], units)
        present = [getattr(weights, name) for name in self.passes.weights]
        needs_gradients = torch.is_grad_enabled()  # which inside of `apply` it never is
        return _Run.apply(self, needs_gradients, inputs, weight_input, *present, state)

    def work(self, given: Arrays, wanted: tuple[str, ...]) -> _Work:
        """Return room for a sequence that nobody uses; one that has run before is recorded."""
        on_gpu = given["recurrent"].is_cuda
        stream = torch.cuda.current_stream().cuda_stream if on_gpu else 0
        key = (wanted, stream, *((n, a.shape, a.dtype, a.device) for n, a in given.items()))
        with self.lock:
            while self.returned:
                self.idle.append(self.returned.popleft())
            found = next((work for work in self.idle if work.key == key), None)
            self.idle[:] = [work for work in self.idle if work is not found][-MOST_IDLE:]
        if found is None:
            return self._new_work(key, given, wanted)
        if on_gpu and not found.is_recorded and not torch.cuda.is_current_stream_capturing():
            found.record()
        return found

    def _new_work(self, key: object, given: Arrays, wanted: tuple[str, ...]) -> _Work:
        try:
            return _Work(self, key, given, wanted)
        except torch.OutOfMemoryError:
            with self.lock:
                self.idle.clear()
            torch.cuda.empty_cache()
            return _Work(self, key, given, wanted)


class _Work:
    """The arrays of a sequence of one shape, for one forward and its backward at a time.

    Axes: tape (time, rows, blocks of units), states (states, time + 1, rows, units), adjoints like
    what they are of.
    """

    def __init__(self, layer: _Layer, key: object, given: Arrays, wanted: Iterable[str]) -> None:
        passes, counts = layer.passes, layer.passes.program.counts
        self.layer, self.key, self.is_recorded = layer, key, False
        (time, rows), units = next(iter(given.values())).shape[:2], len(given["recurrent"])
        self.time, self.rows, self.units = time, rows, units
        self.gated = counts["gate"] * units
        empty, parts = given["recurrent"].new_empty, len(passes.program.states)

        def blocks(count: int) -> Tensor:
            return empty(time, rows, count * units)

        def applications() -> Tensor:
            return empty(time, rows, len(passes.applied), units)

        self.arrays = {name: torch.empty_like(array) for name, array in given.items()} | {
            "states": empty(parts, time + 1, rows, units),
            "projections": blocks(counts["gate"] + counts["input"]),
            "recurrents": blocks(counts["recurrent"]),
            "extra": blocks(passes.extra),
            "arguments": applications(),
            "applied": applications(),
        }
        self.adjoints = {name: torch.empty_like(given[name]) for name in wanted}
        if self.adjoints:
            self.arrays |= {
                "outputs_adjoint": empty(time, rows, units),
                "carried": empty(parts, rows, units),
                "returned": empty(rows, len(passes.applied), units),
                "projections_adjoint": torch.empty_like(self.arrays["projections"]),
                "recurrents_adjoint": torch.empty_like(self.arrays["recurrents"]),
                "applied_adjoint": applications(),
                "shared_adjoint": blocks(counts["bias"] + counts["scale"]),
                "last_state_adjoint": empty(parts, rows, units),
            }

    def forward(self) -> None:
        """Compute all states from what is to be read."""
        a, gated = self.arrays, self.gated
        weight, applied = a["recurrent"], self.layer.passes.applied
        projected = a["projections"].flatten(0, 1)
        if "tokens" in a:
            torch.index_select(a["table"], 0, a["tokens"].flatten(), out=projected)
        else:
            torch.mm(a["inputs"].flatten(0, 1), a["weight_input"], out=projected)
        a["states"][:, 0] = a["first_state"]
        for t in range(self.time):
            output = a["states"][0, t]
            a["projections"][t, :, :gated].addmm_(output, weight[:, :gated])
            torch.mm(output, weight[:, gated:], out=a["recurrents"][t])
            for i, each in enumerate(self.layer.passes.forward):
                self._launch(f"forward_{i}", t)
                for k in each.products:
                    a["applied"][t, :, k] = a["arguments"][t, :, k] @ a["linear"][applied[k]]

    def backward(self) -> None:
        """Compute all adjoints that are wanted."""
        a, gated = self.arrays, self.gated
        weight, applied = a["recurrent"], self.layer.passes.applied
        a["carried"].copy_(a["last_state_adjoint"])
        for t in reversed(range(self.time)):
            for i, each in enumerate(self.layer.passes.backward):
                self._launch(f"backward_{i}", t)
                for k in each.products:
                    back = a["linear"][applied[k]].t()
                    a["returned"][:, k] = a["applied_adjoint"][t, :, k] @ back
            a["carried"][0].addmm_(a["projections_adjoint"][t, :, :gated], weight[:, :gated].t())
            a["carried"][0].addmm_(a["recurrents_adjoint"][t], weight[:, gated:].t())
        for name, adjoint in self.adjoints.items():
            adjoint.copy_(self._adjoint(name))

    def _adjoint(self, name: str) -> Tensor:
        """Return the adjoint of an array that all steps read, from those of every step."""
        a, biases = self.arrays, self.layer.passes.program.counts["bias"]
        projected = a["projections_adjoint"].flatten(0, 1)
        match name:
            case "inputs":
                return (projected @ a["weight_input"].t()).view_as(a["inputs"])
            case "weight_input":
                return a["inputs"].flatten(0, 1).t() @ projected
            case "table":
                add_up = (
                    torch.ops.aten.embedding_dense_backward
                )  # in a fixed order, unlike index_add_
                return add_up(projected, a["tokens"].flatten(), len(a["table"]), -1, False)
            case "recurrent":
                outputs, rest = a["states"][0, :-1].flatten(0, 1), a["recurrents_adjoint"]
                both = torch.cat([projected[:, : self.gated], rest.flatten(0, 1)], 1)
                return outputs.t() @ both
            case "gate_bias":
                return projected[:, : self.gated].sum(0)
            case "bias":
                return a["shared_adjoint"].sum((0, 1)).view(-1, self.units)[:biases]
            case "scale":
                return a["shared_adjoint"].sum((0, 1)).view(-1, self.units)[biases:]
            case "linear":
                total = torch.zeros_like(a["linear"])
                for k, number in enumerate(self.layer.passes.applied):
                    arguments = a["arguments"][:, :, k].flatten(0, 1)
                    total[number] += arguments.t() @ a["applied_adjoint"][:, :, k].flatten(0, 1)
                return total
            case _:
                return a["carried"]

    def _launch(self, name: str, t: int) -> None:
        a, number = self.arrays, self.rows * self.units
        handed = [
            a.get(each, a["states"]) for each in triton.ARRAYS
        ]  # no pass reads what is not there
        kernel = self.layer.kernels[name][(-(-number // LANES),)]
        kernel(*handed, t, self.time, self.rows, units=self.units, LANES=LANES)

    def record(self) -> None:
        """Record what `forward` and `backward` launch, to be launched at one go from now on."""
        self.forward = _recorded(self.forward)  # type: ignore[method-assign]
        if self.adjoints:
            self.backward = _recorded(self.backward)  # type: ignore[method-assign]
        self.is_recorded = True


class _Loan:
    """Gives a work back when torch needs it no more."""

    def __init__(self, work: _Work) -> None:
        self.work = work

    def __del__(self) -> None:
        self.work.layer.returned.append(self.work)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layer: _Layer, needs_gradients: bool, *read: Tensor
    ) -> tuple[Tensor, Tensor]:
        names = layer.passes.reads[read[0].dtype == torch.int64]
        given = dict(zip(names, (tensor.contiguous() for tensor in read), strict=True))
        needed = zip(names, ctx.needs_input_grad[2:], strict=True)
        wanted = tuple(name for name, need in needed if need and needs_gradients)
        with _plainly(read[0].device):
            ctx.names, ctx.loan = names, _Loan(layer.work(given, wanted))
            work = ctx.loan.work
            for name, tensor in given.items():
                work.arrays[name].copy_(tensor)
            work.forward()
        states = work.arrays["states"]
        return states[0, 1:].clone(), states[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor, of_last_state: Tensor) -> Any:
        work = ctx.loan.work
        with _plainly(of_outputs.device):
            work.arrays["outputs_adjoint"].copy_(of_outputs)
            work.arrays["last_state_adjoint"].copy_(of_last_state)
            work.backward()
        adjoints = {name: adjoint.clone() for name, adjoint in work.adjoints.items()}
        return None, None, *map(adjoints.get, ctx.names)


@contextlib.contextmanager
def _plainly(device: torch.device) -> Iterator[None]:
    """Work on a device in float32, on arrays that any later call may use."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if device.type == "cuda":
            stack.enter_context(torch.cuda.device(device))
        yield


def _recorded(launch: Callable[[], None]) -> Callable[[], None]:
    here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
    aside.wait_stream(here)
    with torch.cuda.stream(aside):
        launch()  # compiles what is not compiled yet, which cannot be recorded
    here.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        launch()
    return graph.replay
