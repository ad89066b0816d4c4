"""What the spaces of CNN cells share: the words over feature maps, their settings, size and network.

A space has its own language and limits, and calls these with itself for how cells are stacked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gp_cells.config.choose import SettingError, setting
from gp_cells.config.recipe import Form, Inputs, Recipe
from gp_cells.genomes.genome import Genome
from gp_cells.genomes.language import Function, Value
from gp_cells.genomes.terms import size
from gp_cells.networks import layers
from gp_cells.networks.layers import Layer, Shape, network_layers

if TYPE_CHECKING:
    from gp_cells.networks.convolutional import ConvolutionalNetwork

READS: tuple[Inputs, ...] = ("images",)
ENGINES = ("eager",)  # torch's convolutions are compiled code already


class Maps(Value):
    """Type of feature maps."""

    refusal = "a gate stands where feature maps are wanted"


class Gate(Value):
    """Type of one factor a map, between 0 and 1."""

    refusal = "only a gate can be the right factor, as in x * squeeze(x)"


FUNCTIONS = (
    Function("add", (Maps, Maps), Maps, commutative=True, associative=True, pattern="{0} + {1}"),
    Function("concat", (Maps, Maps), Maps, associative=True),  # in order, which sums of them heed
    Function("mul", (Maps, Gate), Maps, pattern="{0} * {1}"),
    Function("squeeze", (Maps,), Gate),  # mean of each map, 1×1, relu, 1×1, sigmoid
    *(
        Function(name, (Maps,), Maps)
        for name in (
            *("conv1", "conv3", "conv5"),  # convolution to F maps
            *("narrow1", "narrow3"),  # convolution to F / 4 maps
            "expand1",  # 1×1 convolution to 6 times the maps
            *("depth3", "depth5"),  # depthwise convolution
            *("sep3", "sep5", "sep7"),  # twice: relu, depthwise, 1×1 to F maps, norm
            *("dil3", "dil5"),  # relu, depthwise with dilation 2, 1×1 to F maps, norm
            "conv1x7_7x1",  # relu, 1×7 and 7×1 to F maps, norm
            *("avg3", "max3"),  # pools
            *("norm", "relu", "swish"),
        )
    ),
)

# What a fresh genome applies to a value; these normalise what they give, or learn nothing.
OPERATIONS = ("sep3", "sep5", "sep7", "dil3", "dil5", "conv1x7_7x1", "avg3", "max3")

PROBE, MOST_PARAMETERS = Shape(1, 8, 8), 10**8  # joins of joins grow without bound


class Stack(Protocol):
    """The settings of a space of CNN cells that shape the network."""

    @property
    def reductions(self) -> int:
        """How often the network halves its maps."""
        ...

    @property
    def stem(self) -> int:
        """Times F maps that the first convolution gives."""
        ...

    @property
    def max_memory_mb(self) -> float:
        """Most that one batch may keep for its gradient."""
        ...


def reductions_setting() -> Any:
    """Return the setting `reductions`."""
    said = "how often the network halves its maps"
    return setting(2, said, unit="reduction cells", low=0, high=6)


def stem_setting() -> Any:
    """Return the setting `stem`."""
    said = "times F maps that the first convolution gives; 3 in NASNet, AmoebaNet and DARTS"
    return setting(1, said, low=1, high=16)


def max_memory_setting() -> Any:
    """Return the setting `max_memory_mb`."""
    return setting(4000.0, "most that one batch may keep for its gradient", unit="MB", low=1)


def is_trainable(genome: Genome) -> bool:
    """Return whether a network, small as it may be set, has no more parameters than any machine trains."""
    return layers.count(network_layers(genome, PROBE, 16, 2, 2)).parameters <= MOST_PARAMETERS


def count(space: Stack, genome: Genome, form: Form, recipe: Recipe) -> dict[str, int]:
    """Return the sizes of the whole network; see `Space.count`."""
    stacked = layers_of(space, genome, form, recipe)
    counts, classifier = layers.count(stacked), stacked[-1].shape.channels * form.outputs
    parameters = counts.parameters + classifier + form.outputs
    multiply_adds = counts.multiply_adds + classifier
    return {
        "parameters": parameters,
        "multiply_adds": multiply_adds,
        "network_parameters": parameters,
        "network_multiply_adds": multiply_adds,
        "kept": counts.activations,
        "nodes": sum(size(term) for _, term in genome.formulas),
    }


def network(
    space: Stack, genome: Genome, form: Form, recipe: Recipe, engine: str, precision: str
) -> ConvolutionalNetwork:
    """Return stacked cells between images and predictions; see `Space.network`.

    Raises:
        SettingError: there is no such engine, or a batch would keep more than `max_memory_mb`.
    """
    from gp_cells.networks.convolutional import ConvolutionalNetwork

    if engine not in ENGINES:
        raise SettingError(f"CNN cells run in torch's own operations: engine eager, not {engine}")
    stacked = layers_of(space, genome, form, recipe)
    needed_mb = 4 * layers.count(stacked).activations * recipe.batch_size // 10**6
    if needed_mb > space.max_memory_mb:
        name = type(space).__name__.lower()
        raise SettingError(
            f"a batch would keep about {needed_mb:,} MB for its gradient; "
            f"{name}.max_memory_mb allows {space.max_memory_mb:,.0f}"
        )
    return ConvolutionalNetwork(stacked, form.outputs, recipe.dropout, precision)


def layers_of(space: Stack, genome: Genome, form: Form, recipe: Recipe) -> list[Layer]:
    """Return the layers of a genome's network for a task."""
    image = Shape(form.features, form.height, form.width)
    return network_layers(genome, image, recipe.units, recipe.layers, space.reductions, space.stem)
