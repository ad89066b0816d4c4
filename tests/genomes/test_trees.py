"""Formulas as DEAP trees, and that only what draws genomes imports DEAP."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gp_cells.genomes import variation
from gp_cells.genomes.terms import height, size
from gp_cells.genomes.trees import term_of, trees_of
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.spaces.recurrent_graph import RecurrentGraph


@pytest.mark.parametrize(
    "space", [Recurrent(), RecurrentGraph(), Convolutional()], ids=lambda s: s.language.name
)
@pytest.mark.parametrize("seed", range(5))
def test_a_term_and_its_deap_tree_say_the_same(space: Vocabulary, seed: int) -> None:
    genome = variation.sample(space, np.random.default_rng(seed))
    trees = trees_of(genome)
    assert [(name, term_of(tree)) for name, tree in trees] == list(genome.formulas)
    assert [tree.height for _, tree in trees] == [height(term) for _, term in genome.formulas]
    assert [len(tree) for _, tree in trees] == [size(term) for _, term in genome.formulas]


def test_spaces_genomes_and_their_drawings_need_neither_torch_nor_deap() -> None:
    # the report, the tables and the statistics read genomes, and are to start fast anywhere
    program = (
        "import sys, gp_cells.spaces, gp_cells.genomes.genome, gp_cells.report.drawing\n"
        "from gp_cells import parse\n"
        'genome = parse("h\' = tanh(gate1)")\n'
        "genome.architecture_id, gp_cells.report.drawing.draw(genome)\n"
        "print(sorted({'torch', 'deap'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
