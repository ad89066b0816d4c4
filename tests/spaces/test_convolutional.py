from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes import similarity, variation
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.terms import heads
from gp_cells.spaces import maps
from gp_cells.spaces.convolutional import LANGUAGE, Convolutional
from gp_cells.spaces.maps import FUNCTIONS

SPACE = Convolutional()
EVERYTHING = Convolutional(functions=tuple(function.name for function in FUNCTIONS))
CIFAR = Form("images", 3, "classes", 10, 32, 32)
SMALL = Form("images", 1, "classes", 10, 9, 7)  # odd on purpose
MADE_OF = ("add", "concat", "conv1", "norm", "relu")
RECIPE = Recipe(units=8, layers=1, batch_size=2)


def baseline(name: str) -> Genome:
    return parse(SPACE.baselines[name].read_text(), LANGUAGE)


def read(normal: str, reduction: str = "reduction = max3(x)") -> Genome:
    return parse(f"{normal}\n{reduction}", LANGUAGE)


def drawn(seed: int) -> Genome:
    """A genome some mutations and crossings away from a fresh one."""
    rng = np.random.default_rng(seed)
    genome = variation.sample(EVERYTHING, rng)
    for _ in range(seed % 7):
        genome, _ = variation.mutate(EVERYTHING, genome, rng)
    crossed = variation.cross(EVERYTHING, genome, variation.sample(EVERYTHING, rng), rng)
    return crossed or genome


# --- the language ---------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_any_genome_reads_back_from_its_text(seed: int) -> None:
    genome = drawn(seed)
    assert parse(str(genome), LANGUAGE).formulas == genome.formulas
    assert genome.canonical().formulas == genome.formulas


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("normal = conv3(x) + skip", "normal = skip + conv3(x)"),
        ("a = conv3(x)\nnormal = relu(a)", "normal = relu(conv3(x))"),
        ("a = x\nnormal = a + conv3(a)", "normal = x + conv3(x)"),
        ("a = conv3(x)\nb = sep3(a)\nnormal = a + b", "z = conv3(x)\nnormal = sep3(z) + z"),
        ("normal = x + conv3(x) + skip", "normal = x + (skip + conv3(x))"),
        ("normal = concat(x, skip, conv3(x))", "normal = concat(x, concat(skip, conv3(x)))"),
        ("unread = conv5(x)\nnormal = conv3(x)", "normal = conv3(x)"),
    ],
)
def test_two_ways_of_writing_one_cell_are_one_architecture(one: str, other: str) -> None:
    assert read(one).architecture_id == read(other).architecture_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = conv3(x)\nnormal = a + a", "normal = conv3(x) + conv3(x)"),  # shared weights or not
        ("normal = conv3(x)", "normal = conv3(skip) + x"),
        ("normal = norm(relu(x))", "normal = relu(norm(x))"),
        (
            "normal = concat(conv3(x), sep3(x)) + skip",
            "normal = concat(sep3(x), conv3(x)) + skip",
        ),
    ],
)
def test_what_computes_other_values_is_another_architecture(one: str, other: str) -> None:
    assert read(one).architecture_id != read(other).architecture_id


def test_the_order_of_the_two_cells_does_not_matter() -> None:
    normal, reduction = "a = conv3(x)\nnormal = a + sep3(a)", "a = sep5(x)\nreduction = a + norm(a)"
    one, other = (
        parse(f"{a}\n{b}", LANGUAGE) for a, b in ((normal, reduction), (reduction, normal))
    )
    assert one.architecture_id == other.architecture_id


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("normal = conv3(x)", "no formula writes the output reduction"),
        ("normal = conv4(x)", "line 1: there is no function 'conv4'; known names: x, skip, add"),
        ("normal = x * x", "line 1: mul(x): only a gate can be the right factor"),
        ("normal = squeeze(x)", "line 1: a gate stands where feature maps are wanted"),
        ("normal = x + squeeze(x)", "line 1: add(squeeze(x)): a gate stands where"),
        ("normal = concat(x)", "line 1: concat takes 2 argument(s), 1 given"),
        ("normal = relu(x, x)", "line 1: relu takes 1 argument(s), 2 given"),
        ("normal = y", "line 1: there is no 'y'"),
        ("normal = b", "line 1: there is no 'b'"),  # not a formula's name before it is written
        ("a = conv3(x)\nnormal = a\nreduction = a", "line 3: there is no 'a'"),
        ("normal' = x", "line 1: there is no formula normal'; choose one of normal, reduction"),
        ("normal = 2 * x", "the only number is 1"),
        ("x = conv3(skip)\nnormal = x", "line 1: 'x' already means something else"),
        ("\n".join(f"n{i} = x" for i in range(24)), "line 24: at most 23 named formulas"),
        (
            f"a = {'relu(' * 9}x{')' * 9}\nnormal = {'relu(' * 9}a{')' * 9}\nreduction = x",
            "normal is 18 deep; at most 15",
        ),
    ],
)
def test_what_is_no_genome_is_refused_with_the_place(text: str, line: str) -> None:
    with pytest.raises(GenomeError) as refusal:
        parse(text, LANGUAGE)
    assert line in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"functions": ("conv3",)}, "add must be there"),
        ({"functions": MADE_OF}, "one of sep3, sep5"),
        ({"functions": (*MADE_OF, "sep3", "mul")}, "mul and squeeze go together"),
        ({"functions": ("add", "concat", "sep4")}, "got 'sep4'; choose from add"),
        ({"blocks": 0}, "convolutional.blocks: expected at least 1"),
    ],
)
def test_settings_that_leave_nothing_to_search_are_refused(given: dict, line: str) -> None:
    with pytest.raises(SettingError, match=line.replace("(", r"\(")):
        Convolutional(**given)


# --- counts, against torch ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("genome", "form"),
    [
        *((baseline(name), CIFAR) for name in SPACE.baselines),
        *((drawn(seed), SMALL) for seed in range(40)),
    ],
    ids=[*SPACE.baselines, *map(str, range(40))],
)
def test_a_network_is_as_large_as_was_counted(genome: Genome, form: Form) -> None:
    counts = SPACE.count(genome, form, RECIPE)
    network = SPACE.network(genome, form, RECIPE, "eager", "cpu", "float32")
    network.initialise(1)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, form.features, form.height, form.width), None, None)
    assert sum(weight.numel() for weight in network.parameters()) == counts["parameters"]
    assert counter.get_total_flops() == 2 * counts["multiply_adds"]


@pytest.mark.parametrize(
    ("name", "filters", "published", "within"),
    [
        ("nasnet_a", 32, 3.3e6, 0.01),  # NASNet-A (6 @ 768), table 1 of the paper
        ("darts_v2", 36, 3.3e6, 0.016),  # table 1; two digits
        ("darts_v2", 36, 3_349_342, 0.0004),  # what the authors' code counts, without our last norm
        ("amoebanet_a", 36, 3.2e6, 0.018),  # AmoebaNet-A (6, 36), table 1; two digits
    ],
)
def test_published_cells_have_the_published_number_of_parameters(
    name: str, filters: int, published: float, within: float
) -> None:
    recipe = Recipe(units=filters, layers=6)
    counted = Convolutional(stem=3).count(baseline(name), CIFAR, recipe)["parameters"]
    assert counted == pytest.approx(published, rel=within)


def test_a_network_over_the_memory_cap_is_refused_with_the_estimate() -> None:
    greedy = read("normal = expand1(expand1(expand1(expand1(x))))")
    with pytest.raises(SettingError, match=r"about [\d,]+ MB .* allows 4,000"):
        SPACE.network(greedy, CIFAR, Recipe(units=64, batch_size=64), "eager", "cpu", "float32")


# --- shapes that do not fit -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "normal",
    [
        "normal = concat(x, conv3(x)) + x",
        "normal = narrow1(x) + expand1(x)",
        "normal = expand1(x) * squeeze(conv1(skip))",
        "normal = concat(skip, depth3(x))",
        "normal = skip",
    ],
)
@pytest.mark.parametrize(
    "reduction",
    [
        "reduction = x",
        "reduction = concat(x, max3(x)) + skip",
        "reduction = sep3(sep3(sep3(x))) + conv1(skip)",
        "reduction = x * squeeze(max3(x))",
        "reduction = conv1x7_7x1(x) + avg3(skip)",
    ],
)
def test_shapes_that_do_not_fit_are_mended(normal: str, reduction: str) -> None:
    genome = parse(f"{normal}\n{reduction}", LANGUAGE)
    network = SPACE.network(genome, SMALL, RECIPE, "eager", "cpu", "float32")
    network.initialise(1)
    predicted, _ = network(torch.rand(2, 1, 9, 7), None, None)
    assert predicted.shape == (2, 10) and predicted.isfinite().all()


def test_a_reduction_halves_its_maps_rounding_up_and_doubles_its_width() -> None:
    layers = maps.layers_of(SPACE, baseline("resnet_basic"), SMALL, Recipe(units=8, layers=2))
    shapes = [
        (max(layer.shape.channels for layer in cell), cell[-1].shape.height, cell[-1].shape.width)
        for _, cell in (
            (key, list(group)) for key, group in itertools.groupby(layers, lambda layer: layer.cell)
        )
    ]
    normal = [(8, 9, 7)] * 2
    assert shapes[1:3] == normal
    assert shapes[3:6] == [(16, 5, 4)] * 3
    assert shapes[6:9] == [(32, 3, 2)] * 3


# --- fresh genomes --------------------------------------------------------------------------------


def test_fresh_genomes_are_pairwise_sums_within_the_limits() -> None:
    rng = np.random.default_rng(3)
    genomes = [variation.sample(SPACE, rng) for _ in range(200)]
    assert len({genome.architecture_id for genome in genomes}) == 200
    for genome in genomes:
        assert SPACE.admits(genome)
        used = {head for _, term in genome.formulas for head in heads(term)}
        assert "x" in used and used & {"add", "concat"}


def test_a_long_walk_of_mutations_makes_named_values_and_loses_them() -> None:
    rng = np.random.default_rng(5)
    genome = variation.sample(SPACE, rng)
    counts = []
    for _ in range(150):
        genome, _ = variation.mutate(SPACE, genome, rng)
        counts.append(len(genome.formulas))
    steps = np.diff(counts)
    assert (steps > 0).any() and (steps < 0).any()
    assert min(counts[50:]) > 2  # both cells are still graphs


def test_a_value_that_is_shared_is_read_twice_and_makes_no_longer_formula_elsewhere() -> None:
    rng = np.random.default_rng(2)
    genome = read("normal = relu(conv3(x)) + sep3(skip)")
    for _ in range(20):
        shared, operator = variation.mutate(SPACE, genome, rng, ["share"])
        assert operator == "share"
        uses = [head for _, term in shared.formulas for head in heads(term)]
        [named] = [name for name, _ in shared.formulas if name not in LANGUAGE.kind.outputs]
        assert uses.count(named) == 2


def test_formulas_are_crossed_and_compared_by_their_place_in_their_cell() -> None:
    short = "a = conv3(x)\nreduction = a + norm(a)"
    one = parse(f"normal = sep3(x)\n{short}", LANGUAGE)
    other = parse(f"a = conv5(x)\nnormal = a + sep3(a)\n{short}", LANGUAGE)
    assert LANGUAGE.kind.matched(one.formulas, other.formulas)["a"] == ("conv3", ("x",))
    crossed = [variation.cross(SPACE, one, other, np.random.default_rng(i)) for i in range(30)]
    assert all(child is None or SPACE.admits(child) for child in crossed)
    assert similarity.distance(one, one) == 0.0


def test_every_mutation_and_crossing_gives_a_network_that_trains_a_step() -> None:
    for seed in range(25):
        network = SPACE.network(drawn(seed), SMALL, RECIPE, "eager", "cpu", "float32")
        network.initialise(seed)
        network.train()
        predicted, _ = network(torch.rand(3, 1, 9, 7), None, None)
        predicted.square().sum().backward()
        assert any(w.grad is not None and w.grad.isfinite().all() for w in network.parameters())
