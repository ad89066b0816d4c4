"""Whether an exported network is the trial's: what both give for random inputs."""

from __future__ import annotations

import importlib.util
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from gp_cells.config.recipe import Form
from gp_cells.networks.network import Network

CLOSE = 1e-4  # most that outputs may differ, as a share of the largest, or of 1 if that is less


def load_module(python: Path) -> ModuleType:
    """Return an exported Python file as the module that it is.

    Torch looks its functions up by the module's name when it traces a network, and remembers what it
    found; so every one has a name of its own.
    """
    spec = importlib.util.spec_from_file_location(f"exported_{secrets.token_hex(6)}", python)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def make_inputs(network: Network, form: Form, time: int, batch: int) -> tuple[Tensor, ...]:
    """Return made-up inputs of a trial's network: images, or sequences and a state to go on from.

    A file has no state where each layer's is not of one shape, or there is none.
    """
    generator = torch.Generator().manual_seed(time)
    if form.inputs == "images":
        return (torch.randn(batch, form.features, form.height, form.width, generator=generator),)
    shape = (time, batch) if form.inputs == "symbols" else (time, batch, form.features)
    with torch.no_grad():
        kind = torch.int64 if form.inputs == "symbols" else torch.float32
        _, after = network(torch.zeros(shape, dtype=kind), None, None)
    shapes = {layer.shape for layer in after}
    is_told = len(shapes) == 1
    state = (torch.randn(torch.stack(after).shape, generator=generator),) if is_told else ()
    if form.inputs == "symbols":
        return torch.randint(form.features, (time, batch), generator=generator), *state
    return torch.randn(time, batch, form.features, generator=generator), *state


def compare(network: Network, exported: Callable[..., Any], inputs: tuple[Tensor, ...]) -> float:
    """Return how far an exported network's outputs and state are from those of the trial's network.

    Raises:
        RuntimeError: further than rounding explains.
    """
    with torch.no_grad():
        predictions, state = network(inputs[0], tuple(inputs[1]) if len(inputs) > 1 else None, None)
        given = exported(*inputs)
        expected = [predictions, *([torch.stack(state)] if len(inputs) > 1 else [])]
        found = [given] if isinstance(given, Tensor) else given
        apart = max(_apart(*pair) for pair in zip(found, expected, strict=True))
    if not apart <= CLOSE:  # nor if it is NaN
        raise RuntimeError(f"the exported network's outputs are {apart:.2g} from the trial's")
    return apart


def _apart(one: Tensor, other: Tensor) -> float:
    largest = max(1.0, other.abs().max().item())
    return float((one - other).abs().max()) / largest if one.shape == other.shape else float("inf")
