from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gp_cells.genomes import similarity, variation
from gp_cells.genomes.genome import parse
from gp_cells.genomes.terms import height, size
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent

SPACE = Recurrent()
FAMILY = """
import {first}
import numpy as np, hashlib
{second}
from gp_cells.genomes import similarity, variation
from gp_cells.spaces.recurrent import Recurrent
rng, space = np.random.default_rng(7), Recurrent(memory_cells=3)
genomes = [variation.sample(space, rng) for _ in range(20)]
for _ in range(200):
    a, b = rng.integers(len(genomes), size=2)
    child = variation.cross(space, genomes[a], genomes[b], rng)
    genomes.append(child or variation.mutate(space, genomes[a], rng)[0])
print(hashlib.sha256("".join(map(str, genomes)).encode()).hexdigest())
"""


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(seed=some.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_every_child_is_legal_canonical_and_unlike_its_parent(seed: int) -> None:
    dice = rng(seed)
    first, second = variation.sample(SPACE, dice), variation.sample(SPACE, dice)
    children = [
        variation.mutate(SPACE, first, dice)[0],
        variation.cross(SPACE, first, second, dice),
    ]
    for child in filter(None, children):
        assert child.architecture_id != first.architecture_id
        assert child == child.canonical() == parse(str(child), LANGUAGE)
        assert all(height(term) <= SPACE.max_depth for _, term in child.formulas)
        assert all(size(term) <= SPACE.max_nodes for _, term in child.formulas)


def test_the_same_seed_gives_the_same_family_whatever_was_imported_and_hashed_before() -> None:
    variants = [
        ("sys", "", "0"),
        ("argparse", "import decimal, json, logging", "1"),
        ("sqlite3", "classes = [type(f'C{i}', (), {}) for i in range(500)]", "2"),
        ("email", "import torch", "random"),
    ]
    families = set()
    for first, second, hash_seed in variants:
        code = FAMILY.format(first=first, second=second)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        families.add(done.stdout)
    assert len(families) == 1


def test_sampling_leaves_the_global_random_state_alone() -> None:
    import random

    random.seed(3)
    expected = random.Random(3).random()
    variation.sample(SPACE, rng(1))
    assert random.random() == expected


def test_the_distance_of_mirror_images_is_zero() -> None:
    one = parse("h' = tanh(gate1 * gate2) + gate3", LANGUAGE)
    other = parse("h' = gate1 + sigmoid(gate2 + gate3)", LANGUAGE)
    assert similarity.distance(one, other) == pytest.approx(0)


def test_the_distance_is_that_of_the_published_formula() -> None:
    # h' = gate1 (1 node, depth 1) and h' = tanh(gate1) (2 nodes, depth 2), each below one more root:
    # N = 5, D = 5, shared root and formula root: n = 2, d = 2; (5 - 4) / 3 for both halves.
    one, other = parse("h' = gate1", LANGUAGE), parse("h' = tanh(gate1)", LANGUAGE)
    assert similarity.distance(one, other) == pytest.approx(1 / 3)


@given(seed=some.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_the_distance_is_symmetric_within_zero_and_one_and_zero_to_itself(seed: int) -> None:
    dice = rng(seed)
    one, other = variation.sample(SPACE, dice), variation.sample(SPACE, dice)
    assert similarity.distance(one, one) == 0
    assert similarity.distance(one, other) == pytest.approx(similarity.distance(other, one))
    assert 0 <= similarity.distance(one, other) <= 1


def test_a_memory_cell_comes_along_with_a_subtree_that_reads_it() -> None:
    first = parse("h' = tanh(gate1)", LANGUAGE)
    second = parse("c' = sigmoid(gate1)\nh' = tanh(c * gate2)", LANGUAGE)
    child = variation.cross(SPACE, first, second, rng(0))
    assert child is not None
    assert child == parse("c' = sigmoid(gate1)\nh' = tanh(c * gate2)", LANGUAGE).canonical()


def test_all_three_mutations_occur() -> None:
    genome = variation.sample(SPACE, rng(5))
    made = {variation.mutate(SPACE, genome, rng(seed))[1] for seed in range(50)}
    assert made == {"replace", "insert", "shrink"}
