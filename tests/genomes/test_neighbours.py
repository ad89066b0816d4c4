"""The genomes one edit away: on NAS-Bench-201, where they are known, and in all spaces."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.neighbours import neighbours
from gp_cells.spaces import SPACES
from gp_cells.tabular.truth import nas_bench_201, nas_bench_graph

CELLS, GRAPHS = nas_bench_201.NASBench201(), nas_bench_graph.NASBenchGraph()


def around(space: Any, seed: int, mutations: Any = variation.MUTATIONS) -> tuple[Any, list[Any]]:
    genome = variation.sample(space, generator(seed=seed))
    return genome, list(neighbours(space, genome, generator(order=seed), mutations))


@pytest.mark.parametrize("seed", range(3))
def test_a_cell_of_nas_bench_201_has_the_24_that_differ_in_one_operation(seed: int) -> None:
    genome, found = around(CELLS, seed)
    old = nas_bench_201.cell_of(genome)
    cells = {nas_bench_201.cell_of(neighbour) for _, neighbour, _ in found}
    assert len(found) == len(cells) == 24
    assert old is not None
    for cell in cells:
        assert cell is not None
        assert sum(a != b for a, b in zip(old, cell, strict=True)) == 1


def test_a_graph_network_has_the_40_of_another_operation_or_structure() -> None:
    _, found = around(GRAPHS, 1)
    assert len(found) == 4 * 8 + 8


@pytest.mark.parametrize("name", SPACES)
def test_neighbours_are_legal_different_and_in_an_order_that_the_generator_draws(name: str) -> None:
    space = SPACES[name]()
    genome = variation.sample(space, generator(seed=2))
    found = [
        [next(order) for _ in range(12)]
        for order in (
            neighbours(space, genome, generator(order=order), variation.MUTATIONS)
            for order in (1, 1, 2)
        )
    ]
    assert found[0] == found[1] != found[2]
    for number, neighbour, mutation in found[0]:
        assert space.admits(neighbour) and neighbour == neighbour.canonical()
        assert neighbour.architecture_id != genome.architecture_id
        assert mutation in variation.MUTATIONS and number >= 0
    ids = [neighbour.architecture_id for _, neighbour, _ in found[0]]
    assert all(one != other for one, other in combinations(ids, 2))


@pytest.mark.parametrize("mutation", ["replace", "shrink", "share"])
@pytest.mark.parametrize("name", ["recurrent", "convolutional"])
def test_what_a_mutation_draws_is_among_the_neighbours(name: str, mutation: str) -> None:
    space = SPACES[name]()
    genome, found = around(space, 5, [mutation])
    ids = {neighbour.architecture_id for _, neighbour, _ in found}
    for seed in range(40 if found else 0):
        child, operator = variation.mutate(space, genome, generator(seed=seed), [mutation])
        assert operator != mutation or child.architecture_id in ids
    assert found or (name, mutation) == ("recurrent", "share")  # cells have nothing to share
