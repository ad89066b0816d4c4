"""The language of decoder blocks: what it can say, what it refuses, and what chance makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes import variation
from gp_cells.genomes.genome import GenomeError, parse
from gp_cells.genomes.terms import heads, height, size
from gp_cells.networks import block
from gp_cells.spaces.decoder import BLOCKS, LANGUAGE, PROBE, Decoder, published
from gp_cells.spaces.steps import CELLS

SPACE = Decoder()
SCRATCH = Decoder(start=(), words=tuple(LANGUAGE.spelt))
TEXT = Form("symbols", 11, "classes", 11)
MLP = "mlp = x + narrow(gelu(wide4(norm(x))))"


def block_of(mixer: str, mlp: str = MLP) -> str:
    return f"{mixer}\n{mlp}"


# --- what it can say ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BLOCKS)
def test_a_published_block_reads_back_and_a_search_may_propose_it(name: str) -> None:
    genome = published(name)
    again = parse(str(genome.canonical()), LANGUAGE)
    assert again.canonical() == genome.canonical()
    assert again.architecture_id == genome.architecture_id
    assert Decoder(words=tuple(LANGUAGE.spelt)).admits(genome.canonical())


@pytest.mark.parametrize("units", [32, 64, 128])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_published_block_has_about_as_many_numbers_as_the_gpt_block(
    name: str, units: int
) -> None:
    counts = [SPACE.count(published(of), TEXT, Recipe(units=units)) for of in (name, "gpt")]
    own, gpt = (of["parameters"] for of in counts)
    assert 0.85 < own / gpt <= 1.25


def test_published_blocks_are_different_architectures() -> None:
    assert len({published(name).architecture_id for name in BLOCKS}) == len(BLOCKS)


def test_one_block_has_one_id_however_it_is_written() -> None:
    one = block_of(
        "n = norm(x)\nz = sigmoid(linear(n))\nmixer = x + scan(1 - z, z * tanh(linear(n)))"
    )
    other = block_of(
        "same = norm(x)\nunread = linear(x)\ngate = sigmoid(linear(same))\n"
        "value = tanh(linear(same))\nmixer = scan(1 - gate, value * gate) + x"
    )
    assert parse(one, LANGUAGE).architecture_id == parse(other, LANGUAGE).architecture_id


def test_words_that_learn_are_apart_and_names_are_one_value() -> None:
    shared = parse(
        block_of("k = split(linear(x))\nmixer = attend(softmax(dot(k, k)), k)"), LANGUAGE
    )
    apart = parse(
        block_of(
            "mixer = attend(softmax(dot(split(linear(x)), split(linear(x)))), split(linear(x)))"
        ),
        LANGUAGE,
    )
    sizes = [block.totals(genome, PROBE)["parameters"] for genome in (shared, apart)]
    assert sizes[1] - sizes[0] == 2 * 128 * 128


def test_a_name_has_the_type_of_its_value() -> None:
    parse(block_of("g = sigmoid(linear(x))\nmixer = scan(g, x)"), LANGUAGE)
    with pytest.raises(GenomeError, match=r"line 2: scan\(a\): expected a stream in \[-1, 1\]"):
        parse(block_of("g = relu(linear(x))\nmixer = scan(g, x)"), LANGUAGE)


# --- what it refuses, in one line with the place --------------------------------------------------


@pytest.mark.parametrize(
    ("mixer", "said"),
    [
        ("mixer = x + reverse(x)", "line 1: there is no function 'reverse'"),
        ("mixer = x + y", "line 1: there is no 'y'"),
        (
            "mixer = scan(linear(x), x)",
            r"line 1: scan\(linear\(x\)\): expected a stream in \[-1, 1\]",
        ),
        ("mixer = scan(positive(x), x)", "got a stream of softplus"),
        (
            "mixer = sigmoid(tanh(x))",
            r"sigmoid\(tanh\(x\)\): expected a stream that may be squashed",
        ),
        (
            "mixer = x + wide4(x)",
            "add: its arguments do not go together; they are a stream that may",
        ),
        ("mixer = wide2(x)", "line 1: expected a stream, got a stream 2 times as wide"),
        ("mixer = slope", "line 1: expected a stream, got fades"),
        (
            "mixer = attend(softmax(dot(x, split(x))), split(x))",
            r"line 1: dot\(x\): expected .*heads",
        ),
        (
            "mixer = attend(dot(split(x), split(x)), x)",
            r"attend\(x\): expected heads, got a stream",
        ),
        (
            "mixer = attend(average(dot(split(x), split(x))), split(x))",
            "expected scores of positive",
        ),
        (
            "mixer = attend(softmax(softmax(dot(split(x), split(x)))), split(x))",
            "normalised already",
        ),
        (
            "mixer = attend(weigh(weigh(dot(split(x), split(x)), slope), alibi), split(x))",
            "expected scores as dot gives them",
        ),
        (
            "h = split(x)\nmixer = delta(h, h, h, sigmoid(each(x)), sigmoid(each(x)))",
            "expected heads of length 1, got heads",
        ),
        (
            "h = split(x)\nmixer = delta(h, unit(h), h, tanh(each(x)), sigmoid(each(x)))",
            r"expected one number a head in \[0, 1\], got one number a head in \[-1, 1\]",
        ),
        (f"mixer = {'linear(' * 16}x{')' * 16}", "line 1: mixer is 16 deep; at most 15 is allowed"),
        ("mixer = x + 2", "the only number is 1"),
    ],
)
def test_a_text_that_is_no_block_is_refused_with_the_place(mixer: str, said: str) -> None:
    with pytest.raises(GenomeError, match=said) as refusal:
        parse(block_of(mixer), LANGUAGE)
    assert "\n" not in str(refusal.value)


def test_a_block_of_one_part_is_refused() -> None:
    with pytest.raises(GenomeError, match="no formula writes the output mlp"):
        parse("mixer = x", LANGUAGE)


def test_a_block_larger_than_the_gpt_block_allows_is_refused_and_never_proposed() -> None:
    deep = f"mixer = {'linear(' * 8}x{')' * 8}"
    larger = parse(block_of(deep, "mlp = x + narrow(wide4(x))"), LANGUAGE)
    assert not SPACE.admits(larger.canonical())
    with pytest.raises(
        SettingError, match=r"1\.33 times the GPT block's .*parameters allows 1\.25"
    ):
        SPACE.network(larger, TEXT, Recipe(units=64), "eager", "cpu", "float32")
    free = Decoder(most_parameters=0)
    assert free.admits(larger.canonical())
    free.network(larger, TEXT, Recipe(units=64), "eager", "cpu", "float32")


def test_a_state_larger_than_allowed_is_refused() -> None:
    small = Decoder(most_state=0.05)
    assert not small.admits(published("gpt").canonical())
    assert small.admits(published("min_gru").canonical())


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(
        SettingError, match=r"decoder\.heads: 30 units cannot be split into 4 heads"
    ):
        SPACE.count(published("gpt"), TEXT, Recipe(units=30))


def test_a_memory_that_grows_is_not_carried_over() -> None:
    carrying = Decoder(carries=True)
    carrying.network(published("min_gru"), TEXT, Recipe(units=16), "eager", "cpu", "float32")
    with pytest.raises(SettingError, match=r"decoder\.carries: the block's memory grows"):
        carrying.network(published("gpt"), TEXT, Recipe(units=16), "eager", "cpu", "float32")


# --- recurrent cells as words ---------------------------------------------------------------------

CELL = "c' = c + sigmoid(gate1) * tanh(gate2)\nh' = tanh(c') * sigmoid(gate3)"
SAME = "c' = tanh(gate9) * sigmoid(gate2) + c\nh' = sigmoid(gate5) * tanh(c')"


def test_a_cell_of_ones_own_is_a_word_that_its_architecture_names() -> None:
    space = Decoder(cells=(CELL,))
    [word] = set(space.functions) - set(SPACE.functions)
    assert word == f"cell_{parse(CELL, CELLS).architecture_id[:8]}"
    assert set(Decoder(cells=(SAME,)).functions) == set(space.functions)
    text = block_of(f"mixer = x + {word}(norm(x))", "mlp = x + narrow(gelu(wide2(norm(x))))")
    genome = parse(text, space.language)
    assert space.admits(genome.canonical())
    network = space.network(genome, TEXT, Recipe(units=8), "eager", "cpu", "float32")
    counts = space.count(genome, TEXT, Recipe(units=8))
    assert counts["network_parameters"] == sum(of.numel() for of in network.parameters())
    with pytest.raises(GenomeError, match=f"there is no function '{word}'"):
        parse(text, SPACE.language)


def test_a_search_writes_cells_of_ones_own_beside_attention() -> None:
    space, dice = Decoder(cells=(CELL,), edits=1, most_parameters=0), np.random.default_rng(2)
    drawn = [str(variation.sample(space, dice)) for _ in range(150)]
    assert any("cell_" in text and "softmax" in text for text in drawn)
    for text in drawn:
        parse(text, space.language)


def test_a_text_that_is_no_cell_is_refused() -> None:
    with pytest.raises(SettingError, match=r"decoder\.cells: line 1: .*there is no 'y'"):
        Decoder(cells=("h' = y",))


# --- chance ---------------------------------------------------------------------------------------


@given(seed=some.integers(0, 10**6), space=some.sampled_from((SPACE, SCRATCH)))
@settings(max_examples=30, deadline=None)
def test_every_child_is_typed_canonical_within_limits_and_new(seed: int, space: Decoder) -> None:
    dice = np.random.default_rng(seed)
    first, second = (variation.sample(space, dice) for _ in range(2))
    mutant, operator = variation.mutate(space, first, dice)
    crossed = variation.cross(space, first, second, dice)
    assert operator in (*variation.MUTATIONS, "sample")
    for child in (first, second, mutant, *([crossed] if crossed else [])):
        assert LANGUAGE.is_typed(child.formulas)
        assert parse(str(child), LANGUAGE).canonical() == child.canonical() == child
        assert space.admits(child)
        assert len(child.formulas) <= space.max_formulas
        for _, term in child.formulas:
            assert height(term) <= space.max_depth and size(term) <= space.max_nodes
    for child in (mutant, *([crossed] if crossed else [])):
        assert child.architecture_id != first.architecture_id


def test_one_seed_draws_the_same_blocks_and_another_others() -> None:
    drawn = [
        [str(variation.sample(SPACE, dice)) for _ in range(5)]
        for dice in map(np.random.default_rng, (1, 1, 2))
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_fresh_genomes_are_edits_of_the_block_that_is_named() -> None:
    dice, space = np.random.default_rng(3), Decoder(start=("min_gru",), edits=1)
    drawn = [variation.sample(space, dice) for _ in range(20)]
    assert published("min_gru").architecture_id not in {genome.architecture_id for genome in drawn}
    scans = [any("scan" in heads(term) for _, term in genome.formulas) for genome in drawn]
    assert sum(scans) >= 15


def test_one_edit_finds_the_gate_that_parity_needs() -> None:
    start = parse(block_of("mixer = x + scan(sigmoid(linear(norm(x))), linear(x))"), LANGUAGE)
    wanted = parse(block_of("mixer = x + scan(tanh(linear(norm(x))), linear(x))"), LANGUAGE)
    dice = np.random.default_rng(1)
    found = {variation.mutate(SPACE, start, dice)[0].architecture_id for _ in range(400)}
    assert wanted.architecture_id in found


def test_fresh_genomes_are_edits_of_the_formulas_that_are_given() -> None:
    text = block_of("mixer = x + scan(sigmoid(linear(norm(x))), linear(x))")
    dice, space = np.random.default_rng(3), Decoder(start=(text,), edits=1)
    drawn = [variation.sample(space, dice) for _ in range(20)]
    scans = [any("scan" in heads(term) for _, term in genome.formulas) for genome in drawn]
    assert sum(scans) >= 15


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "min_gro",
            r"decoder\.start: there is no block 'min_gro'; write formulas, or choose .*min_gru",
        ),
        ("mixer = y", r"decoder\.start: line 1: .*there is no 'y'"),
    ],
)
def test_a_start_that_is_no_block_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        Decoder(start=(text,))
