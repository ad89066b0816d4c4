"""Which nodes of a child are its giver's."""

from __future__ import annotations

import numpy as np
import pytest

from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.survivors import Survivors, survivors
from gp_cells.genomes.terms import heads, paths, subtree
from gp_cells.spaces import SPACES
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent

GIVER = "c' = sigmoid(gate1) * c + tanh(gate2)\nh' = sigmoid(gate3) * tanh(c')"


def of(giver: str, child: str) -> tuple[Survivors, Genome, Genome]:
    language = Recurrent().language
    one, other = (parse(text, language).canonical() for text in (giver, child))
    return survivors(one, other), one, other


def gate_under(genome: Genome, context: str) -> str:
    """Return the gate that stands in a piece of a genome's text, where # is its number."""
    found = [f"gate{i}" for i in range(1, 9) if context.replace("#", str(i)) in str(genome)]
    assert len(found) == 1, str(genome)
    return found[0]


@pytest.mark.parametrize("space", sorted(SPACES))
def test_a_genome_survives_whole_in_itself(space: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        genome = variation.sample(SPACES[space](), rng)
        kept = survivors(genome, genome)
        assert all(own == theirs for own, theirs in kept.places.items())
        assert all(own == theirs for own, theirs in kept.names.items())
        assert len(kept.names) == len(
            {h for _, t in genome.formulas for h in heads(t) if genome.language.is_learned(h)}
        )


def test_gates_are_known_by_what_they_do_and_not_by_their_number() -> None:
    kept, giver, child = of(GIVER, "c' = sigmoid(gate3) * c + tanh(gate1)\nh' = tanh(c') * gate2")
    for context in ("c * sigmoid(gate#)", "tanh(gate#)"):
        assert kept.names[gate_under(child, context)] == gate_under(giver, context)


def test_what_was_put_in_above_a_gate_costs_it_nothing() -> None:
    kept, giver, child = of(
        GIVER, "c' = sigmoid(gate1) * c + c * tanh(gate2)\nh' = sigmoid(gate3) * tanh(c')"
    )
    assert len(kept.names) == 3
    assert kept.names[gate_under(child, "tanh(gate#)")] == gate_under(giver, "tanh(gate#)")


def test_a_new_gate_has_no_giver() -> None:
    kept, _, child = of(GIVER, GIVER.replace("tanh(c')", "tanh(c' + gate4)"))
    [new] = {f"gate{i}" for i in range(1, 5)} - set(kept.names)
    assert f"{new} + c'" in str(child) or f"c' + {new}" in str(child)


@pytest.mark.parametrize("space", sorted(SPACES))
def test_one_mutation_leaves_most_nodes_and_pairs_none_twice(space: str) -> None:
    rng, made = np.random.default_rng(5), SPACES[space]()
    for _ in range(30):
        giver = variation.sample(made, rng)
        child, operator = variation.mutate(made, giver, rng)
        kept = survivors(giver, child)
        assert len(set(kept.places.values())) == len(kept.places)
        assert len(set(kept.names.values())) == len(kept.names)
        own, theirs = dict(child.written_out), dict(giver.written_out)
        for (name, path), (other, there) in kept.places.items():
            head, before = subtree(own[name], path)[0], subtree(theirs[other], there)[0]
            assert (
                len(subtree(own[name], path)) == len(subtree(theirs[other], there))
                or head == before
            )
        if (
            operator in ("insert", "replace") and space != "modular"
        ):  # where all calls change with it
            nodes = sum(1 for _, term in giver.formulas for _ in paths(term))
            assert len(kept.places) >= 0.5 * nodes


def test_a_convolution_is_known_by_what_it_reads_and_is_read_by() -> None:
    language = Convolutional().language
    giver = parse(
        "normal = relu(x + norm(conv3(x)))\nreduction = norm(conv5(x)) + norm(conv3(x))", language
    )
    child = parse(
        "normal = relu(x + norm(conv3(relu(x))))\nreduction = norm(conv3(x)) + max3(x)", language
    )
    kept = survivors(giver.canonical(), child.canonical())
    own, theirs = dict(child.canonical().formulas), dict(giver.canonical().formulas)
    convolutions = {
        (name, subtree(own[name], path)[0], subtree(theirs[other], there)[0])
        for (name, path), (other, there) in kept.places.items()
        if subtree(own[name], path)[0].startswith("conv")
    }
    assert convolutions == {("normal", "conv3", "conv3"), ("reduction", "conv3", "conv3")}
