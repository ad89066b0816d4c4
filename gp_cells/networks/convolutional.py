"""The network of a convolutional genome, by torch's own operations."""

from __future__ import annotations

import copy
import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.genomes.supernets import CHOICE, Place
from gp_cells.networks.cell import Engine
from gp_cells.networks.head import draw_weights, drop, outputs_of
from gp_cells.networks.layers import Convolution, Layer, Norm, Piece, pieces
from gp_cells.networks.network import OUTSIDE, Part

State = tuple[Tensor, ...]  # empty

MOMENTUM = 0.1  # of a norm's running mean and variance
YOUNG = 10  # batches of which those are plain means
EPSILON = 1e-5
ACTIVE = (nn.Conv2d, nn.ReLU, nn.SiLU, nn.Sigmoid)  # whose outputs are activations


@dataclass(frozen=True)
class Open:
    """Which alternatives of a choice are computed, and their weights, (alternatives,); none of one."""

    alternatives: tuple[int, ...]
    weights: Tensor | None = None


class ConvolutionalNetwork(nn.Module):
    """Layers between images and predictions.

    Inputs are (batch, channels, height, width), predictions (batch, outputs). Nothing is carried over
    from one batch to the next. With the precision `bfloat16` convolutions run in torch's
    autocast, which leaves float64 as it is.
    """

    def __init__(
        self, layers: Sequence[Layer], outputs: int, dropout: float, precision: str
    ) -> None:
        super().__init__()
        self.layers, self.dropout, self.precision = layers, dropout, precision
        self.engine = Engine("eager")
        self.learned = nn.ModuleList(
            _module(layer, layers) if len(layer.arguments) == 1 else nn.Identity()
            for layer in layers
        )
        self.output = nn.Linear(layers[-1].shape.channels, outputs)
        nodes = [layer.node for layer in layers if layer.operation == CHOICE]
        self.open_paths({node: Open((0,)) for node in nodes if node is not None})
        self.last_use = {value: i for i, layer in enumerate(layers) for value in layer.arguments}
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def initialise(self, seed: int) -> None:
        """Draw all weights from one seed: convolutions as He et al. 2015, norms as no change."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        draw_weights(self.output, generator)

    def start_from(self, guess: Tensor) -> None:
        """Let predictions begin at (outputs,) values: the output layer's bias."""
        self.output.bias.data.copy_(guess)

    def forward(
        self, inputs: Tensor, state: State | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, State]:
        """Return predictions, and an empty state; dropout of means draws from `generator`."""
        half = torch.autocast(inputs.device.type, torch.bfloat16, self.precision == "bfloat16")
        with half:
            means = self.features(inputs).mean((2, 3))
        means = means.to(self.output.weight.dtype)
        if self.training and self.dropout > 0:
            means = drop(means, self.dropout, generator)
        return self.output(means), ()

    def activations(
        self, inputs: Tensor, state: State | None = None
    ) -> tuple[Tensor, State, list[Tensor]]:
        """Return predictions, an empty state, and what convolutions and non-linearities give."""
        modules = [module for module in self.modules() if isinstance(module, ACTIVE)]
        with outputs_of(modules) as given:
            predicted, nothing = self(inputs)
        return predicted, nothing, given

    def parts(self) -> dict[Part, Tensor]:
        """Return the tensors of each operation in each cell, and those around; see `Network`."""
        found: dict[Part, Tensor] = {}
        for name, tensor in self.state_dict().items():
            place, _, own = name.removeprefix("learned.").partition(".")
            layer = self.layers[int(place)] if name.startswith("learned.") else None
            node = OUTSIDE if layer is None else layer.node or OUTSIDE
            # A cell may adapt one value twice; the second is none of another genome's.
            role = name if layer is None else f"{layer.cell} {layer.operation} {own}"
            found[(node, name if (node, role) in found else role)] = tensor
        return found

    def embed(self, inputs: Tensor) -> Tensor:
        """Return images as they are."""
        return inputs

    def without_dropout(self) -> ConvolutionalNetwork:
        """Return a copy whose training zeroes nothing."""
        network = copy.deepcopy(self)
        network.dropout = 0.0
        return network

    def open_paths(self, paths: Mapping[Place, Open]) -> None:
        """Say of each choice of a supernet, by its place, which alternatives are computed, how weighted."""
        self.paths = paths
        self.needed: set[int] | None = None
        if not paths:
            return
        self.needed, waiting = set(), [len(self.layers) - 1]
        while waiting:
            place = waiting.pop()
            if place not in self.needed:
                self.needed.add(place)
                waiting += self._read_by(place)

    def _read_by(self, place: int) -> list[int]:
        """Return the values that a layer reads: of a choice those that are open."""
        layer = self.layers[place]
        if layer.operation != CHOICE:
            return list(layer.arguments)
        return [layer.arguments[i] for i in self._open(layer).alternatives]

    def _open(self, layer: Layer) -> Open:
        assert layer.node is not None
        return self.paths[layer.node]

    def _chosen(self, place: int, values: Mapping[int, Tensor]) -> Tensor:
        """Return what a choice gives: the one alternative that is open, or the weighted sum of several."""
        weights = self._open(self.layers[place]).weights
        given = [values[value] for value in self._read_by(place)]
        if weights is None:
            return given[0]
        return functools.reduce(
            operator.add, (weight * value for weight, value in zip(weights, given, strict=True))
        )

    def features(self, images: Tensor) -> Tensor:
        """Return the last maps, (batch, channels, height, width)."""
        values: dict[int, Tensor] = {0: images.contiguous(memory_format=torch.channels_last)}
        for i, (layer, learned) in enumerate(zip(self.layers, self.learned, strict=True)):
            if self.needed is not None and i not in self.needed:
                continue
            if layer.operation == CHOICE:
                values[i] = self._chosen(i, values)
            elif layer.arguments:
                given = [values[value] for value in layer.arguments]
                values[i] = learned(given[0]) if len(given) == 1 else _joined(layer, given)
            if layer.arguments:
                for value in layer.arguments:
                    if self.last_use[value] == i:
                        values.pop(value, None)
        return values[len(self.layers) - 1]


def _joined(layer: Layer, given: list[Tensor]) -> Tensor:
    if layer.operation == "concat":
        return torch.cat(given, 1)
    return functools.reduce(operator.add if layer.operation == "add" else operator.mul, given)


def _module(layer: Layer, layers: Sequence[Layer]) -> nn.Module:
    """Return the module of a layer that reads one value."""
    if layer.operation == "avg3":
        return nn.AvgPool2d(3, layer.stride, padding=1, count_include_pad=False)
    if layer.operation == "max3":
        return nn.MaxPool2d(3, layer.stride, padding=1)
    if layer.operation == "sample":
        return Sample(layer.stride)
    made = [_piece(piece) for piece in pieces(layer, layers[layer.arguments[0]].shape)]
    return made[0] if len(made) == 1 else nn.Sequential(*made)


def _piece(piece: Piece) -> nn.Module:
    if isinstance(piece, Norm):
        return BatchNorm(piece.channels)
    if isinstance(piece, Convolution):
        padding = [piece.dilation * (size // 2) for size in piece.window]
        kind = PointConvolution if piece.window == (1, 1) else nn.Conv2d
        return kind(
            piece.inputs,
            piece.outputs,
            piece.window,
            piece.stride,
            (padding[0], padding[1]),
            piece.dilation,
            piece.groups,
            piece.bias,
        )
    return {"relu": nn.ReLU, "swish": nn.SiLU, "sigmoid": nn.Sigmoid, "mean": Mean}[piece]()


class BatchNorm(nn.Module):
    """Batch norm (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167) over (batch, height, width).

    Two deviations from torch's: where a batch has one number a channel alone, it has no variance, and
    the running one is taken. And the running values are plain means of the first ten batches: started
    at 0 and 1 they would be wrong for as long, the more so the deeper the network, and on a small
    data set that would be its validation loss for epochs.
    """

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        # Asking a GPU how many batches there were means waiting for it.
        self.is_young = True

    def forward(self, maps: Tensor) -> Tensor:
        """Return (batch, channels, height, width) of mean 0 and variance 1, scaled and shifted."""
        own = self.training and maps.numel() > maps.shape[1]
        running, learned = (self.mean, self.variance), (self.weight, self.bias)
        momentum = self._momentum() if own else MOMENTUM
        return functional.batch_norm(maps, *running, *learned, own, momentum, EPSILON)

    def forget(self) -> None:
        """Begin anew with running values that have seen nothing."""
        self.mean.zero_()
        self.variance.fill_(1.0)
        self.batches.zero_()
        self.is_young = True

    def _momentum(self) -> float:
        seen = int(self.batches) if self.is_young else YOUNG
        if seen == YOUNG:
            self.is_young = False
            return MOMENTUM
        self.batches += 1
        return 1 / (seen + 1)


class Mean(nn.Module):
    """The mean of each map: (batch, channels, 1, 1)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the means of (batch, channels, height, width)."""
        return maps.mean((2, 3), keepdim=True)


class PointConvolution(nn.Conv2d):
    """A 1×1 convolution, whose strides thin the map out before it.

    It is the same sum. With AVX2 alone oneDNN (of torch 2.13.0) writes beyond its memory in the gradient of
    such weights with strides, in maps of fewer than eight channels: other bits, and at last a crash.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return (batch, channels, height, width), thinned out and mixed."""
        down, across = self.stride
        thinned = maps[:, :, ::down, ::across]
        return functional.conv2d(thinned, self.weight, self.bias, groups=self.groups)


class Sample(nn.Module):
    """Every so many rows and columns of a map."""

    def __init__(self, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        """Return (batch, channels, height, width) thinned out."""
        return maps[:, :, :: self.stride[0], :: self.stride[1]]
