"""A convolutional genome as the layers of its network, each with the shape of what it gives.

Everything that runs, counts or draws such a network reads these layers, never the trees. The network
is stacked cells: a 3×3 convolution to `stem` times F maps and a norm; N normal cells, a reduction, N normal
cells, …; at last norm, relu, the mean of each map, and a linear layer. A reduction halves height and width
and doubles F (Zoph et al. 2018, https://arxiv.org/abs/1707.07012). Each cell reads the outputs of the cell
before (`x`) and of the one before that (`skip`); the first one reads the stem twice.

Shapes that do not fit are adapted by these rules:
- In a reduction a layer with a window (3×3 and larger, pools too) has stride 2 where it reads a map of the
  size that the reduction began with; what it gives is smaller, so what reads that has stride 1.
- A `skip` that is larger than `x` is sampled down, every second row and column.
- Sums and concatenations are as small as the smallest of their parts. What is larger, or of a sum is of
  another width, is projected: 1×1 convolution with stride, norm (He et al. 2016, shortcut B,
  https://arxiv.org/abs/1512.03385). A sum is as wide as F if one of its parts is, else as its widest part.
- A gate is as wide as what it multiplies.
- The alternatives of a choice are fitted to each other as the parts of a sum are.
- A reduction whose formulas have no window ends in a 3×3 mean with stride 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.supernets import CHOICE
from gp_cells.genomes.terms import NodePath, Term, heads, members

WIDEN = 6  # times the maps that `expand1` reads: Sandler et al. 2018
NARROW = 4  # of F that `narrow1` and `narrow3` give: He et al. 2016
SQUEEZE = 16  # of the maps that a gate reads it looks at: Hu et al. 2018

WINDOWS: Mapping[str, int] = {
    **{"conv1": 1, "conv3": 3, "conv5": 5, "narrow1": 1, "narrow3": 3, "expand1": 1},
    **{"depth3": 3, "depth5": 5, "sep3": 3, "sep5": 5, "sep7": 7, "dil3": 3, "dil5": 5},
    **{"conv1x7_7x1": 7, "avg3": 3, "max3": 3},
}


@dataclass(frozen=True)
class Shape:
    """What one layer gives an image: (channels, height, width)."""

    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """How many numbers that is."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Layer:
    """One value: an operation on earlier values (their positions), and its shape.

    `cell` numbers the cell that it is of, from 0; the stem is -1. `node` is the node of the formulas that
    it is of, by formula and path: what makes its value, or of a projection, what made the value that it
    adapts; None of the layers around, and where that is `x` or `skip`.
    """

    operation: str
    arguments: tuple[int, ...]
    shape: Shape
    stride: tuple[int, int] = (1, 1)
    cell: int = -1
    node: tuple[str, NodePath] | None = None


def network_layers(
    genome: Genome, image: Shape, filters: int, normals: int, reductions: int, stem: int = 1
) -> list[Layer]:
    """Return the layers between an image, value 0, and the classifier, which reads the last one."""
    parts = genome.language.kind.parts(genome.written_out)
    whole = parts[genome.language.kind.outputs[-1]]  # of a language that has no two cells
    layers = [Layer("image", (), image)]
    start = _Cell(layers, stem * filters)
    last = before = start.add("norm", start.window("conv3", 0))
    number, width = 0, filters
    for stage in range(reductions + 1):
        kinds = ["normal"] * normals + ["reduction"] * (stage < reductions)
        for kind in kinds:
            width *= 1 + (kind == "reduction")
            cell = _Cell(layers, width, number, halving=kind == "reduction")
            before, last = last, cell.build(parts.get(kind, whole), last, before)
            number += 1
    end = _Cell(layers, width)
    end.add("relu", end.add("norm", last))
    return layers


@dataclass
class _Cell:
    """Adds the layers of one cell to a network's."""

    layers: list[Layer]
    filters: int
    number: int = -1
    halving: bool = False
    named: dict[str, int] = field(default_factory=dict)  # the values of names
    full: Shape = Shape(0, 0, 0)  # of what the cell begins with
    node: tuple[str, NodePath] | None = None  # of which layers are being added

    def build(self, formulas: Sequence[tuple[str, Term]], x: int, skip: int) -> int:
        """Add all layers of a cell; return the value that it gives."""
        self.full, before = self.shape(x), self.shape(skip)
        self.named = {"x": x, "skip": skip}
        reads_skip = any("skip" in heads(term) for _, term in formulas)
        if reads_skip and (before.height, before.width) != (self.full.height, self.full.width):
            shape = Shape(before.channels, self.full.height, self.full.width)
            self.named["skip"] = self.put("sample", [skip], shape, _strides(before, self.full))
        for name, term in formulas:
            self.named[name] = self.place(term, (name, ()))
        output = self.named[formulas[-1][0]]
        return self.window("avg3", output) if self.is_full(output) else output

    def shape(self, value: int) -> Shape:
        return self.layers[value].shape

    def is_full(self, value: int) -> bool:
        """Return whether a value of a reduction has still to be halved."""
        shape = self.shape(value)
        size = shape.height, shape.width
        return self.halving and size == (self.full.height, self.full.width) != (1, 1)

    def place(self, term: Term, node: tuple[str, NodePath]) -> int:
        """Add the layers of a term, which stands at a node; return the value that it gives."""
        head, (name, path) = term[0], node
        if head in self.named:
            return self.named[head]
        if head == "mul":
            maps, gate = term[1:]
            value = self.place(maps, (name, (*path, 0)))
            of = self.place(gate[1:][0], (name, (*path, 1, 0)))
            self.node = name, (*path, 1)
            return self.scaled(value, of)
        values = [self.place(child, (name, (*path, *way))) for way, child in _members(term)]
        self.node = node
        if head == "add":
            return self.summed(values)
        if head == "concat":
            return self.joined(values)
        if head == CHOICE:
            return self.summed(values, CHOICE)
        return self.window(head, values[0]) if head in WINDOWS else self.add(head, values[0])

    def put(
        self, operation: str, values: Sequence[int], shape: Shape, stride: tuple[int, int] = (1, 1)
    ) -> int:
        made_by = self.layers[values[0]].node if operation == "project" else self.node
        self.layers.append(
            Layer(operation, tuple(values), shape, stride, cell=self.number, node=made_by)
        )
        return len(self.layers) - 1

    def add(self, operation: str, *values: int) -> int:
        """Add a layer that gives the shape of what it reads first."""
        return self.put(operation, values, self.shape(values[0]))

    def window(self, operation: str, value: int) -> int:
        """Add a convolution or pool; it keeps height and width, or halves them, rounding up."""
        given = self.shape(value)
        stride = 2 if WINDOWS[operation] > 1 and self.is_full(value) else 1
        channels = {
            **dict.fromkeys(("avg3", "max3", "depth3", "depth5"), given.channels),
            **dict.fromkeys(("narrow1", "narrow3"), max(1, self.filters // NARROW)),
            "expand1": WIDEN * given.channels,
        }.get(operation, self.filters)
        shape = Shape(channels, ceil(given.height / stride), ceil(given.width / stride))
        return self.put(operation, [value], shape, (stride, stride))

    def scaled(self, value: int, of: int) -> int:
        gate = self.put("squeeze", [of], Shape(self.shape(value).channels, 1, 1))
        return self.add("mul", value, gate)

    def summed(self, values: Sequence[int], operation: str = "add") -> int:
        widths = [self.shape(value).channels for value in values]
        width = self.filters if self.filters in widths else max(widths)
        return self.add(operation, *(self.fitted(value, values, width) for value in values))

    def joined(self, values: Sequence[int]) -> int:
        fitted = [self.fitted(value, values, self.shape(value).channels) for value in values]
        shape = self.shape(fitted[0])
        channels = sum(self.shape(value).channels for value in fitted)
        return self.put("concat", fitted, Shape(channels, shape.height, shape.width))

    def fitted(self, value: int, beside: Sequence[int], channels: int) -> int:
        """Project a value to a width, and to the size of the smallest of some values, if it differs."""
        own, goal = self.shape(value), self.smallest(beside)
        if own == Shape(channels, goal.height, goal.width):
            return value
        shape = Shape(channels, goal.height, goal.width)
        return self.put("project", [value], shape, _strides(own, goal))

    def smallest(self, values: Sequence[int]) -> Shape:
        return min((self.shape(value) for value in values), key=lambda s: s.height * s.width)


def _members(term: Term) -> list[tuple[NodePath, Term]]:
    """Return what a sum, concatenation or choice is of, however it is nested, else the arguments."""
    if term[0] in ("add", "concat", CHOICE):
        return members(term)
    return [((i,), child) for i, child in enumerate(term[1:])]


def _strides(larger: Shape, smaller: Shape) -> tuple[int, int]:
    """Return the strides that bring one height and width to another."""
    return ceil(larger.height / smaller.height), ceil(larger.width / smaller.width)


# --- what a layer learns --------------------------------------------------------------------------


@dataclass(frozen=True)
class Convolution:
    """A convolution with padding that keeps height and width, but for its strides."""

    inputs: int
    outputs: int
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    groups: int = 1
    dilation: int = 1
    bias: bool = False

    @property
    def weights(self) -> int:
        """How many numbers it learns without bias, and multiply-adds at each place of a map."""
        return self.window[0] * self.window[1] * self.inputs // self.groups * self.outputs


@dataclass(frozen=True)
class Norm:
    """Batch norm over some channels."""

    channels: int


Piece = Convolution | Norm | str  # or relu, swish, sigmoid, mean


def pieces(layer: Layer, given: Shape) -> list[Piece]:
    """Return what a layer with one argument does, in order; pools, sums and the like have no pieces.

    `sep…` is the separable convolution of NASNet, AmoebaNet and DARTS: relu, depthwise, pointwise,
    norm, and all that again without stride. `dil…` is that of DARTS (Liu et al. 2019,
    https://arxiv.org/abs/1806.09055): relu, dilated depthwise, pointwise, norm, once; so is its
    `conv1x7_7x1`: relu, 1×7, 7×1, norm.
    """
    operation, stride = layer.operation, layer.stride
    first, last = given.channels, layer.shape.channels
    size = WINDOWS.get(operation, 1)
    window = (size, size)
    if operation.startswith(("conv", "narrow", "expand", "project")) and size < 7:
        whole: list[Piece] = [Convolution(first, last, window, stride)]
        return [*whole, Norm(last)] if operation == "project" else whole
    if operation.startswith("depth"):
        return [Convolution(first, first, window, stride, groups=first)]
    if operation.startswith("sep"):
        deep = Convolution(first, first, window, stride, groups=first)
        again = (Convolution(last, last, window, groups=last), Convolution(last, last))
        return ["relu", deep, Convolution(first, last), Norm(last), "relu", *again, Norm(last)]
    if operation.startswith("dil"):
        wide = Convolution(first, first, window, stride, groups=first, dilation=2)
        return ["relu", wide, Convolution(first, last), Norm(last)]
    if operation == "conv1x7_7x1":
        across = Convolution(first, last, (1, size), (1, stride[1]))
        return ["relu", across, Convolution(last, last, (size, 1), (stride[0], 1)), Norm(last)]
    if operation == "squeeze":
        narrow = max(1, first // SQUEEZE)
        ends = [Convolution(first, narrow, bias=True), Convolution(narrow, last, bias=True)]
        return ["mean", ends[0], "relu", ends[1], "sigmoid"]
    if operation == "norm":
        return [Norm(first)]
    return [operation] if operation in ("relu", "swish") else []


@dataclass(frozen=True)
class Counts:
    """How large some layers are: learned numbers, multiply-adds and activations an image.

    Activations are the numbers stored for the gradient.
    """

    parameters: int
    multiply_adds: int
    activations: int


def count(layers: Sequence[Layer]) -> Counts:
    """Return how large layers are.

    Multiply-adds are those of convolutions, as papers and torch's own counter have them. Stored for
    the gradient is about what every piece gives.
    """
    parameters = multiply_adds = activations = 0
    for layer in layers:
        given = layers[layer.arguments[0]].shape if layer.arguments else layer.shape
        made = pieces(layer, given) if len(layer.arguments) == 1 else []
        height, width = given.height, given.width
        activations += 0 if made else layer.shape.size
        channels = given.channels
        for piece in made:
            if isinstance(piece, Convolution):
                height, width = ceil(height / piece.stride[0]), ceil(width / piece.stride[1])
                channels = piece.outputs
                parameters += piece.weights + piece.bias * channels
                multiply_adds += piece.weights * height * width
            elif isinstance(piece, Norm):
                parameters += 2 * channels
            elif piece == "mean":
                height = width = 1
            activations += channels * height * width
    return Counts(parameters, multiply_adds, activations)
