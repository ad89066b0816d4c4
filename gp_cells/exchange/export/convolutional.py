"""A network of CNN cells as a Python file that needs only torch, a line for each of its layers."""

from __future__ import annotations

import re
from itertools import groupby

from torch import Tensor

from gp_cells.config.recipe import Form
from gp_cells.exchange.export.file import LOAD, PREDICTIONS, WEIGHTS
from gp_cells.networks.convolutional import ConvolutionalNetwork
from gp_cells.networks.layers import Convolution, Layer, Norm, Piece, pieces

WIDEST = 100  # characters of a line
NORM = {"mean": "running_mean", "variance": "running_var"}  # as torch's own batch norm has them


def weights(network: ConvolutionalNetwork) -> dict[str, Tensor]:
    """Return the network's weights by their names in the file, but for those that nothing reads."""
    found, needed = {}, read_layers(network)
    for name, weight in network.state_dict().items():
        learned = re.match(r"learned\.(\d+)", name)
        if name.endswith(".batches"):
            continue  # how many a norm has seen matters in training alone
        if learned is None or int(learned[1]) in needed:
            front, _, last = re.sub(r"^learned\.", "v", name).rpartition(".")
            found[f"{front}.{NORM.get(last, last)}"] = weight
    return found


def read_layers(network: ConvolutionalNetwork) -> dict[int, Layer]:
    """Return the layers that the predictions depend on, but for the image, by the value each gives."""
    needed = {len(network.layers) - 1}
    for i in reversed(range(len(network.layers))):
        if i in needed:
            needed |= set(network.layers[i].arguments)
    return {i: network.layers[i] for i in sorted(needed - {0})}


CONV = '''\
def conv(inputs, outputs, window, stride=(1, 1), groups=1, dilation=1, bias=False):
    """Return a convolution whose padding keeps height and width, but for its stride."""
    padding = [dilation * (size // 2) for size in window]
    return nn.Conv2d(inputs, outputs, window, stride, padding, dilation, groups, bias)
'''


def source(network: ConvolutionalNetwork, form: Form, about: str) -> str:
    """Return the text of the file."""
    return "\n\n".join([_opening(network, form, about), CONV, _network(network), LOAD])


def _lines(network: ConvolutionalNetwork) -> tuple[list[str], list[str]]:
    """Return the lines that make the network's layers, and those that run them."""
    build: list[str] = []
    run = ["v0 = images"]
    for cell, group in groupby(read_layers(network).items(), lambda pair: pair[1].cell):
        layers = list(group)
        heading = ["", f"# cell {cell + 1}" if cell >= 0 else "# around the cells"]
        built = [line for i, layer in layers for line in _built(i, layer, network)]
        build += [*heading, *built] if built else []
        run += [*heading, *(_run(i, layer) for i, layer in layers)]
    drop = [f"means = functional.dropout(means, {network.dropout}, self.training)"]
    run += [
        "",
        f"means = v{len(network.layers) - 1}.mean((2, 3))",
        *(drop if network.dropout else []),
        "return self.output(means)",
    ]
    return build, run


def _opening(network: ConvolutionalNetwork, form: Form, about: str) -> str:
    """Return the file's docstring, imports and sizes."""
    image = network.layers[0].shape
    functional = "\nfrom torch.nn import functional" if network.dropout else ""
    return f'''\
"""A network of CNN cells in plain torch, trained by gp-cells.

{about}

Images are (batch, {image.channels}, {image.height}, {image.width}); predictions are (batch, OUTPUTS),
{PREDICTIONS[form.targets]}.
Beside each step stands the word of the formulas that it is of, and what it gives an image: channels ×
height × width. `project`, `sample` and an `avg3` at the end of a cell mend shapes that do not fit.

    network = load()
    predictions = network(images)
"""

import json
from pathlib import Path

import torch
from torch import nn{functional}

OUTPUTS = {form.outputs}
{WEIGHTS}
'''


def _network(network: ConvolutionalNetwork) -> str:
    """Return the class of the whole network."""
    build, run = _lines(network)
    return f'''\
class Network(nn.Module):
    """The layers between images and predictions."""

    def __init__(self):
        super().__init__()
{_indented(build)}

        self.output = nn.Linear({network.output.in_features}, OUTPUTS)

    def forward(self, images):
{_indented(run)}
'''


def _indented(lines: list[str]) -> str:
    return "\n".join(f"        {line}" if line else "" for line in lines).lstrip("\n")


def _built(i: int, layer: Layer, network: ConvolutionalNetwork) -> list[str]:
    """Return the lines that make what a layer needs, none if that is nothing."""
    if layer.operation == "avg3":
        return [f"self.v{i} = nn.AvgPool2d(3, {layer.stride}, padding=1, count_include_pad=False)"]
    if layer.operation == "max3":
        return [f"self.v{i} = nn.MaxPool2d(3, {layer.stride}, padding=1)"]
    if len(layer.arguments) != 1 or layer.operation == "sample":
        return []
    given = network.layers[layer.arguments[0]].shape
    made = [_piece(piece) for piece in pieces(layer, given)]
    if len(made) == 1:
        return [f"self.v{i} = {made[0]}"]
    line = f"self.v{i} = nn.Sequential({', '.join(made)})"
    if len(line) + 8 <= WIDEST:
        return [line]
    return [f"self.v{i} = nn.Sequential(", *(f"    {piece}," for piece in made), ")"]


def _piece(piece: Piece) -> str:
    if isinstance(piece, Norm):
        return f"nn.BatchNorm2d({piece.channels})"
    if isinstance(piece, Convolution):
        settings = {
            "stride": (piece.stride, (1, 1)),
            "groups": (piece.groups, 1),
            "dilation": (piece.dilation, 1),
            "bias": (piece.bias, False),
        }
        said = [f", {name}={value}" for name, (value, usual) in settings.items() if value != usual]
        return f"conv({piece.inputs}, {piece.outputs}, {piece.window}{''.join(said)})"
    return {
        "relu": "nn.ReLU()",
        "swish": "nn.SiLU()",
        "sigmoid": "nn.Sigmoid()",
        "mean": "nn.AdaptiveAvgPool2d(1)",
    }[piece]


def _run(i: int, layer: Layer) -> str:
    """Return the line that takes a layer's step."""
    given = [f"v{argument}" for argument in layer.arguments]
    step = {
        "add": " + ".join(given),
        "mul": " * ".join(given),
        "concat": f"torch.cat([{', '.join(given)}], 1)",
        "sample": f"{given[0]}[:, :, ::{layer.stride[0]}, ::{layer.stride[1]}]",
    }.get(layer.operation, f"self.v{i}({given[0]})")
    shape = layer.shape
    line = f"v{i} = {step}"
    return f"{line:<36}  # {layer.operation}: {shape.channels} × {shape.height} × {shape.width}"
