"""An exported network as an ONNX graph; for sequences of any length, batches of any size.

A recurrent layer's loop over time becomes ONNX's Scan: before torch traces the network, its function
`unroll` is put on torch's own scan.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # the extra `export`

State = tuple[Tensor, ...]


def is_there() -> bool:
    """Return whether what writes and runs ONNX is installed."""
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def write(
    module: ModuleType,
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    metadata: Mapping[str, str],
    path: Path,
) -> None:
    """Write the network of an exported Python file, traced with some inputs, and texts by name beside it.

    Inputs of sequences are these and the state, if a file has one; the axes time and batch stay open.
    """
    module.unroll = _unroll  # type: ignore[attr-defined]
    any_size = torch.export.Dim.DYNAMIC
    is_images = inputs[0].dim() == 4
    sizes = [{0: any_size}] if is_images else [{0: any_size, 1: any_size}, {2: any_size}]
    names = ["images"] if is_images else ["inputs", "state"]
    with _silence():
        graph = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            dynamic_shapes=tuple(sizes[: len(inputs)]),
            input_names=names[: len(inputs)],
            output_names=["predictions", "last_state"][: len(inputs)],
            verbose=False,
        )
    assert graph is not None
    _forget_places(graph.model)
    graph.model.metadata_props.update(metadata)
    graph.save(path)


def _forget_places(model: Any) -> None:
    """Remove the exporter's record of the lines and folders that a graph was traced from."""
    for graph in (model.graph, *model.functions.values()):
        for node in graph.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None


def run(path: Path, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Return what onnxruntime gives for some inputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    named = zip(session.get_inputs(), inputs, strict=True)
    outputs = session.run(None, {entry.name: tensor.numpy() for entry, tensor in named})
    return [torch.from_numpy(output) for output in outputs]


def _unroll(
    step: Callable[..., State], inputs: Tensor | State, state: State
) -> tuple[Tensor, State]:
    """Do as `unroll` of an exported file; what scan is given and gives may share no memory."""

    def once(carried: State, x: Tensor | State) -> tuple[State, Tensor]:
        given = x if isinstance(x, tuple) else (x,)
        after = tuple(part.clone() for part in step(*given, *carried))
        return after, after[0].clone()

    last, outputs = scan(once, tuple(part.clone() for part in state), inputs)
    return outputs, last


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep to itself what the exporter says of packages that it does without."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
