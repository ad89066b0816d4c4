"""Edits of networks: marks that depend on nobody's order, unions without circles."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as draw

from gp_cells.config.seeds import generator
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.nodes import (
    branch,
    connect,
    connections_of,
    distance,
    logistic_regression,
    mark,
    merged,
    nodes_of,
)
from gp_cells.genomes.survivors import survivors
from gp_cells.spaces.feedforward import Feedforward

SPACE = Feedforward()
LANGUAGE, FUNCTIONS = SPACE.language, SPACE.functions
START = logistic_regression(LANGUAGE)


def grown(seed: int, edits: int = 12) -> Genome:
    """Return a network after so many edits."""
    rng, genome = generator(seed=seed), START
    for _ in range(edits):
        genome = (connect(genome, FUNCTIONS, rng) if rng.random() < 0.6 else None) or branch(
            genome, FUNCTIONS, rng
        )
    return genome


def edges(genome: Genome) -> set[tuple[str, str]]:
    return set(connections_of(nodes_of(genome)))


def test_growth_begins_with_logistic_regression() -> None:
    assert str(START) == "y1 = x1 + x2 + bias"


def test_a_mark_is_the_edit_and_nothing_else() -> None:
    name = mark("x1", "y1", "tanh", ())
    assert name[0] == "n" and len(name) == 7
    assert name == mark("x1", "y1", "tanh", {"n1", "x2"})
    others = {mark(*edit, ()) for edit in (("x2", "y1", "tanh"), ("x1", "y1", "sine"))}
    assert len({name, *others}) == 3
    assert mark("x1", "y1", "tanh", {name}) not in {name, *others}


def test_the_same_branch_after_other_edits_has_the_same_mark() -> None:
    one = parse("y1 = x1 + x2", LANGUAGE).canonical()
    other = parse("a = sine(x2)\ny1 = x1 + a", LANGUAGE).canonical()
    marks = [
        {
            node.name
            for seed in range(200)
            for node in nodes_of(branch(of, ("tanh",), generator(s=seed)))
        }
        for of in (one, other)
    ]
    assert mark("x1", "y1", "tanh", ()) in marks[0] & marks[1]


def test_a_branch_puts_a_node_beside_a_connection_and_leaves_all_that_was() -> None:
    child = branch(START, ("tanh",), generator(seed=1))
    [name] = {node.name for node in nodes_of(child)} - {"y1"}
    [source] = next(node.sources for node in nodes_of(child) if node.name == name)
    assert edges(child) - edges(START) == {(source, name), (name, "y1")}
    assert edges(START) <= edges(child)


@given(seed=draw.integers(0, 2**32))
def test_a_new_connection_is_new_and_the_only_one(seed: int) -> None:
    before = grown(seed)
    after = connect(before, FUNCTIONS, generator(seed=seed))
    assume(after is not None)
    assert after is not None
    assert len(edges(after) - edges(before)) == 1 and edges(before) < edges(after)
    assert parse(str(after), LANGUAGE) == after


def test_where_all_are_connected_there_is_no_new_connection() -> None:
    assert connect(START, FUNCTIONS, generator(seed=1)) is None


@given(first=draw.integers(0, 2**16), second=draw.integers(0, 2**16))
def test_a_union_has_all_of_the_first_and_closes_no_circle(first: int, second: int) -> None:
    one, other = grown(first), grown(second)
    union = merged(one, other)
    assert edges(one) <= edges(union) <= edges(one) | edges(other)
    assert parse(str(union), LANGUAGE) == union
    assert merged(one, one) == one


@given(first=draw.integers(0, 2**16), second=draw.integers(0, 2**16))
def test_a_distance_is_a_share(first: int, second: int) -> None:
    one, other = grown(first), grown(second)
    assert 0 <= distance(one, other) == distance(other, one) <= 1
    assert (distance(one, other) == 0) == (edges(one) == edges(other))


@given(seed=draw.integers(0, 2**16))
def test_every_connection_that_stayed_is_known_again(seed: int) -> None:
    giver = grown(seed)
    child = branch(giver, FUNCTIONS, generator(seed=seed))
    kept = survivors(giver, child).places
    own = {
        (name, place)
        for name, term in child.formulas
        for place in [p for (n, p) in kept if n == name]
    }
    assert own == set(kept)
    stayed = edges(giver) & edges(child)
    named = {
        (source, name)
        for (name, path) in kept
        for source in [leaf_at(child, name, path)]
        if source is not None
    }
    assert named == stayed


def leaf_at(genome: Genome, name: str, path: tuple[int, ...]) -> str | None:
    """Return the name that stands at a place, None if it is no leaf."""
    part = dict(genome.formulas)[name]
    for i in path:
        part = part[1:][i]
    return part[0] if len(part) == 1 else None
