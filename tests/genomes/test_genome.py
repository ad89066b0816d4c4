from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, GenomeError, parse
from gp_cells.genomes.terms import Term
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent

SPACE = Recurrent(
    functions=("add", "mul", "sub", "complement", "tanh", "sigmoid", "relu"),
    leaves=("gate", "input", "scale"),
    memory_cells=4,
)
LSTM = """
c' = sigmoid(gate1) * c + sigmoid(gate2) * tanh(gate3)
h' = sigmoid(gate4) * tanh(c')
"""


def sampled(seed: int) -> Genome:
    return variation.sample(SPACE, np.random.default_rng(seed))


def disguised(genome: Genome, seed: int) -> Genome:
    """The same architecture in other words: arguments commuted, projections and memories renamed."""
    dice = random.Random(seed)
    language = genome.language
    names: dict[str, str] = {}
    for family in ("gate", "input", "scale"):
        numbers = dice.sample(range(1, 17), 16)
        names |= {
            f"{family}{i}": f"{family}{j}" for i, j in zip(range(1, 17), numbers, strict=True)
        }
    memories = list(language.kind.named)
    dice.shuffle(memories)
    for old, new in zip(language.kind.named, memories, strict=True):
        names |= {old: new, old[0]: new[0]}

    def reword(term: Term) -> Term:
        children = [reword(child) for child in term[1:]]
        if term[0] in ("add", "mul"):
            dice.shuffle(children)
        return (names.get(term[0], term[0]), *children)

    terms = [(names.get(name, name), reword(term)) for name, term in genome.formulas]
    return Genome(language, tuple(terms))


@given(seed=some.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_a_genome_reads_back_from_its_own_text(seed: int) -> None:
    genome = sampled(seed)
    assert parse(str(genome), LANGUAGE) == genome


@given(seed=some.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_the_canonical_form_is_its_own_canonical_form(seed: int) -> None:
    genome = disguised(sampled(seed), seed)
    assert genome.canonical().canonical() == genome.canonical()


@given(seed=some.integers(0, 10**6), disguise=some.integers(0, 10**6))
@settings(max_examples=300, deadline=None)
def test_the_canonical_form_does_not_depend_on_names_or_the_order_of_arguments(
    seed: int, disguise: int
) -> None:
    genome = sampled(seed)
    other = disguised(genome, disguise)
    assert other.canonical() == genome.canonical()
    assert other.architecture_id == genome.architecture_id


def test_interchangeable_projections_get_the_same_id_however_they_are_used_again() -> None:
    texts = [
        "h' = sigmoid(gate1) * sigmoid(gate2) + tanh(gate1)",
        "h' = sigmoid(gate2) * sigmoid(gate1) + tanh(gate2)",
        "h' = tanh(gate7) + sigmoid(gate3) * sigmoid(gate7)",
    ]
    assert len({parse(text, LANGUAGE).architecture_id for text in texts}) == 1


def test_different_uses_of_the_same_projections_get_different_ids() -> None:
    shared = parse("h' = tanh(gate1) * sigmoid(gate1)", LANGUAGE)
    separate = parse("h' = tanh(gate1) * sigmoid(gate2)", LANGUAGE)
    assert shared.architecture_id != separate.architecture_id


def test_the_canonical_form_drops_a_formula_that_reaches_no_output() -> None:
    with_idle = parse("d' = d + gate9\n" + LSTM, LANGUAGE)
    assert with_idle.architecture_id == parse(LSTM, LANGUAGE).architecture_id


def test_a_local_name_stands_for_its_formula() -> None:
    named = "forget = sigmoid(gate1)\nc' = forget * c + sigmoid(gate2) * tanh(gate3)\n"
    named += "h' = sigmoid(gate4) * tanh(c')"
    assert parse(named, LANGUAGE).canonical() == parse(LSTM, LANGUAGE).canonical()


def test_the_id_of_the_lstm_is_the_one_that_was_published() -> None:
    assert parse(LSTM, LANGUAGE).architecture_id == "bddc36b1f37389f8bf9a1bd75a0e7b9f"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no formula writes the output h'"),
        ("c' = gate1", "no formula writes the output h'"),
        ("h' = tanh(gat1)", "line 1: there is no 'gat1'; known names: gate1…gate16"),
        ("h' = softmax(gate1)", "there is no function 'softmax'; known names"),
        ("h' = tanh(gate1, gate2)", "tanh takes 1 argument(s), 2 given"),
        ("h' = tanh(sigmoid(gate1))", "two non-linearities in a row"),
        ("h' = tanh(gate1) * d", "h' reads memory cell d, which no formula writes"),
        ("h' = tanh(c')\nc' = gate1", "line 1: c' is used before it is written"),
        ("h' = gate17", "there is no 'gate17'"),
        ("q' = gate1", "there is no state q'; choose one of h', c', d', e', f'"),
        ("h' = gate1\nh' = gate2", "line 2: h' is written twice"),
        ("gate1 = gate2\nh' = gate1", "'gate1' already means something else"),
        ("h' = gate1 / gate2", "the infix operators are + - *"),
        ("h' = 2 * gate1", "the only number is 1"),
        ("h' = __import__(gate1)", "names may not end in an underscore"),
        ("h' = exec(gate1)", "there is no function 'exec'"),
        ("h' = " + "+".join(["gate1"] * 600), "too deeply nested"),
        ("h' = " + "-" * 900 + "gate1", "is not part of a formula"),
        ("h' = 0x" + "f" * 5000, "the only number is 1"),
        ("h' = \ud800", "is not a formula"),
        ("h' = gate1.real", "is not part of a formula"),
        ("h' = (", "is not a formula"),
        ("import os", "expected one formula"),
        ("h' = " + "tanh(1 + " * 16 + "gate1" + ")" * 16, "deep; at most 24"),
        ("h' = " + "(" * 300 + "gate1" + ")" * 300, "is not a formula"),
        ("h' = gate1" + " " * 20_000, "at most 20000 characters"),
    ],
)
def test_a_bad_genome_is_refused_with_its_place_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(GenomeError) as refusal:
        parse(text, LANGUAGE)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_formula_that_doubles_with_every_line_is_refused_while_it_is_small() -> None:
    lines = ["a0 = gate1 + gate2"] + [f"a{i} = a{i - 1} * a{i - 1}" for i in range(1, 60)]
    with pytest.raises(GenomeError, match="nodes; at most 128"):
        parse("\n".join([*lines, "h' = a59"]), LANGUAGE)


def test_a_ring_of_two_and_one_of_six_read_from_different_names_have_one_id() -> None:
    # Eight gates in products that form a two-ring and a six-ring look alike from every gate.
    texts = [
        "h' = tanh(gate1 * gate2 + gate3 * gate4 + (gate5 * gate6 + gate7 * gate8) + "
        "(gate1 * gate2 + gate4 * gate5 + (gate6 * gate7 + gate8 * gate3)))",
        "h' = tanh(gate5 * gate2 + gate6 * gate3 + (gate1 * gate4 + gate8 * gate7) + "
        "(gate5 * gate2 + gate3 * gate1 + (gate4 * gate8 + gate7 * gate6)))",
    ]
    genomes = [parse(text, LANGUAGE) for text in texts]
    assert genomes[0].architecture_id == genomes[1].architecture_id
    assert genomes[0].canonical().canonical() == genomes[0].canonical()


@given(text=some.text(max_size=60) | some.text(alphabet="hcd' =+-*()tanhgate1\n#_;:", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_genome_or_refused_in_one_line(text: str) -> None:
    try:
        parse(text, LANGUAGE)
    except GenomeError as refusal:
        assert "\n" not in str(refusal)


@pytest.mark.parametrize("text", ["h' = 1or x", "h' = '\\d'", "h' = 0x1for x in y"])
def test_a_refused_text_gives_no_warning_of_python_beside_the_refusal(text: str) -> None:
    with warnings.catch_warnings(), pytest.raises(GenomeError):
        warnings.simplefilter("error")
        parse(text, LANGUAGE)


@pytest.mark.parametrize("text", ["h' = {0}", "h' = {0}(x)", "h' = {0}'", "{0}' = x", "{0}_ = x"])
def test_a_long_name_is_cut_in_a_refusal(text: str) -> None:
    with pytest.raises(GenomeError) as refused:
        parse(text.format("v" * 2000), LANGUAGE)
    assert len(str(refused.value)) < 1000
