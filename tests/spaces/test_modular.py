from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, GenomeError, parse, written
from gp_cells.genomes.parts import unlike
from gp_cells.genomes.terms import heads
from gp_cells.report.drawing import draw
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.modular import LANGUAGE, Modular
from gp_cells.training.inherit import inherit

SPACE, CELLS = Modular(), Convolutional()
SMALL = Form("images", 1, "classes", 10, 9, 7)  # odd on purpose
RECIPE = Recipe(units=8, layers=1, batch_size=2)


def read(text: str) -> Genome:
    return parse(text, LANGUAGE)


def drawn(seed: int) -> Genome:
    """A genome some mutations and crossings away from a fresh one."""
    rng = np.random.default_rng(seed)
    genome = variation.sample(SPACE, rng)
    for _ in range(seed % 5):
        genome, _ = variation.mutate(SPACE, genome, rng)
    return variation.cross(SPACE, genome, variation.sample(SPACE, rng), rng) or genome


def as_cells(genome: Genome) -> Genome:
    """The genome of the convolutional space that both cells of a blueprint are, written by hand's rules."""
    lines = []
    for output in ("normal", "reduction"):
        for name, term in genome.written_out:
            lines.append(f"{output if name == 'out' else name} = {written(term, LANGUAGE)}")
    return parse("\n".join(lines), CELLS.language)


# --- the language ---------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_any_genome_reads_back_from_its_text(seed: int) -> None:
    genome = drawn(seed)
    assert parse(str(genome), LANGUAGE).formulas == genome.formulas
    assert genome.canonical().formulas == genome.formulas
    assert SPACE.admits(genome)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = conv3(x)\nout = a(x) + x", "a = conv3(x)\nout = x + a(x)"),
        ("a = conv3(x)\nout = a(x)", "d = conv3(x)\nout = d(x)"),
        ("a = conv3(x) + x\nout = a(x)", "a = x + conv3(x)\nout = a(x)"),
        ("a = conv3(x)\nb = max3(x)\nout = b(a(x))", "a = max3(x)\nb = conv3(x)\nout = a(b(x))"),
        ("a = conv3(x)\nb = max3(x)\nout = a(x)", "a = conv3(x)\nout = a(x)"),  # one not called
        ("a = conv3(x)\nb = x\nout = a(b(x))", "a = conv3(x)\nout = a(x)"),  # one that is nothing
        ("a = conv3(x)\nb = conv3(x)\nout = a(x) + b(x)", "a = conv3(x)\nout = a(x) + a(x)"),
        (
            "a = x + conv3(x) + norm(x)\nb = norm(x) + (conv3(x) + x)\nout = b(a(x))",
            "a = norm(x) + x + conv3(x)\nout = a(a(x))",
        ),
    ],
)
def test_two_ways_of_writing_one_genome_are_one_architecture(one: str, other: str) -> None:
    assert read(one).architecture_id == read(other).architecture_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = conv3(x)\nout = a(x) + a(x)", "a = conv3(x)\nout = a(x)"),
        ("a = conv3(x)\nb = max3(x)\nout = b(a(x))", "a = conv3(x)\nb = max3(x)\nout = a(b(x))"),
        ("a = conv3(x)\nout = concat(a(x), x)", "a = conv3(x)\nout = concat(x, a(x))"),
    ],
)
def test_what_computes_other_values_is_another_architecture(one: str, other: str) -> None:
    assert read(one).architecture_id != read(other).architecture_id


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = conv3(x)\nout = b(x)", "line 2: there is no module b; write it above out"),
        ("out = a(x)\na = conv3(x)", "line 1: there is no module a; write it above out"),
        ("a = conv3(a(x))\nout = a(x)", "line 1: module a calls itself"),
        ("a = conv3(x)\nb = a(x)\nout = b(x)", "line 2: module b calls a; only out calls modules"),
        ("a = conv3(x)\nout = x", "out calls no module that does anything; write one, and out ="),
        ("a = x\nout = a(x) + x", "out calls no module that does anything; write one, and out ="),
        ("a = conv3(x)", "no formula writes the output out"),
        ("a = conv3(x)\nout = relu(a(x))", "line 2: out calls modules and joins them by add and"),
        ("a = conv3(x)\nv = a(x)\nout = v + v", "line 2: a module is called a to h, the blueprint"),
        ("a = conv3(x)\nout = a", "line 2: a is a function; write a(…)"),
        ("a = conv3(x)\na = max3(x)\nout = a(x)", "line 2: a is written twice"),
        ("a = conv3(skip)\nout = a(x)", "line 1: there is no 'skip'"),
        ("a = squeeze(x)\nout = a(x)", "line 1: a gate stands where feature maps are wanted"),
    ],
)
def test_what_is_no_genome_is_refused_in_one_line(text: str, line: str) -> None:
    with pytest.raises(GenomeError) as refusal:
        read(text)
    assert line in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"words": ("conv3",)}, "modular.words: add must be there"),
        ({"words": ("add", "conv3")}, "modular.words: one of sep3, sep5"),
        ({"words": ("add", "sep3", "mul")}, "mul and squeeze go together"),
        ({"modules": 9}, "modular.modules: expected at least 1 and at most 8"),
    ],
)
def test_settings_that_leave_nothing_to_search_are_refused(given: dict, line: str) -> None:
    with pytest.raises(SettingError, match=line):
        Modular(**given)


@pytest.mark.parametrize(
    ("narrower", "text"),
    [
        ({"modules": 1}, "a = conv3(x)\nb = max3(x)\nout = b(a(x))"),
        ({"calls": 2}, "a = conv3(x)\nout = a(a(a(x)))"),
        ({"max_depth": 4}, "a = conv3(norm(relu(conv3(norm(x)))))\nout = a(x)"),
        ({"max_nodes": 8}, "a = conv3(x)\nout = a(x) + a(x) + a(x) + a(x)"),
    ],
)
def test_a_search_may_not_propose_what_is_beyond_a_limit(narrower: dict, text: str) -> None:
    assert SPACE.admits(read(text).canonical())
    assert not dataclasses.replace(SPACE, **narrower).admits(read(text).canonical())


# --- the network ----------------------------------------------------------------------------------


def test_each_call_is_a_value_of_its_own_and_what_a_module_reads_twice_is_one() -> None:
    genome = read("a = conv3(x) + x\nout = a(a(x))")
    assert [(name, written(term, LANGUAGE)) for name, term in genome.written_out] == [
        ("a1", "conv3(x) + x"),
        ("out", "conv3(a1) + a1"),
    ]


@pytest.mark.parametrize("seed", range(25))
def test_a_genome_is_the_network_of_the_cells_that_it_writes_out(seed: int) -> None:
    genome = drawn(seed)
    own, other = (
        space.count(of, SMALL, RECIPE) for space, of in ((SPACE, genome), (CELLS, as_cells(genome)))
    )
    assert {**own, "nodes": 0} == {**other, "nodes": 0}


@pytest.mark.parametrize(
    "text",
    [
        "a = norm(conv3(relu(x)))\nb = max3(x)\nout = b(a(x)) + a(x)",
        "a = sep3(x) + x\nout = a(a(x))",
        "a = x * squeeze(conv1(x))\nb = sep3(x)\nout = concat(a(b(x)), x)",
    ],
)
def test_a_genome_predicts_as_the_cells_do_that_it_writes_out(text: str) -> None:
    genome = read(text)
    given = torch.rand(2, 1, 9, 7, generator=torch.Generator().manual_seed(1))
    predicted = []
    for space, of in ((SPACE, genome), (CELLS, as_cells(genome))):
        network = space.network(of, SMALL, RECIPE, "eager", "cpu", "float32")
        network.initialise(3)
        network.eval()
        predicted.append(network(given)[0])
    assert torch.equal(*predicted)


@pytest.mark.parametrize("name", SPACE.baselines)
def test_a_design_is_a_genome_that_a_search_could_propose(name: str) -> None:
    assert SPACE.admits(read(SPACE.baselines[name].read_text()).canonical())


def test_a_child_inherits_the_weights_of_the_calls_that_it_shares() -> None:
    giver = read("a = conv3(norm(x))\nout = a(a(x))").canonical()
    child = read("a = conv3(norm(x))\nb = max3(x)\nout = b(a(a(x)))").canonical()
    networks = []
    for seed, genome in enumerate((giver, child)):
        networks.append(SPACE.network(genome, SMALL, RECIPE, "eager", "cpu", "float32"))
        networks[-1].initialise(seed)
    assert inherit(giver, networks[0], child, networks[1]) > 0.99  # all but the norm at the end


def test_a_drawing_has_every_call() -> None:
    svg = draw(read("a = conv3(x)\nout = a(a(x)) + a(x)"))
    assert svg.count(">conv3<") == 3


# --- variation ------------------------------------------------------------------------------------


def test_fresh_genomes_call_modules_once_and_often_beside_and_after_each_other() -> None:
    rng = np.random.default_rng(1)
    calls = []
    for _ in range(100):
        blueprint = dict(variation.sample(SPACE, rng).formulas)["out"]
        called = [head for head in heads(blueprint) if head in LANGUAGE.kind.named]
        calls.append((len(called), len(set(called)), "add" in set(heads(blueprint))))
    assert {number for number, _, _ in calls} == {1, 2, 3, 4, 5, 6}
    assert {kinds for _, kinds, _ in calls} == {1, 2, 3, 4}
    assert {added for _, _, added in calls} == {True, False}


def test_a_cross_brings_the_module_along_that_it_calls() -> None:
    first = read("a = conv3(x)\nout = a(x)").canonical()
    second = read("a = sep3(x)\nb = max3(x)\nout = a(b(x))").canonical()
    rng = np.random.default_rng(2)
    found = {str(variation.cross(SPACE, first, second, rng)) for _ in range(40)}
    assert "a = conv3(x)\nb = sep3(x)\nout = b(a(x))" in found


def test_parts_of_one_shape_are_at_no_distance_and_others_at_some() -> None:
    one, same, other = (
        dict(read(f"a = {text}\nout = a(x)").formulas)["a"]
        for text in ("conv3(norm(x))", "sep3(relu(x))", "conv3(x) + x")
    )
    assert unlike(one, same, LANGUAGE) == 0.0
    assert 0.0 < unlike(one, other, LANGUAGE) <= 1.0
