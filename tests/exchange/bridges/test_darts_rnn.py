"""DARTS recurrent genotypes as formulas, held against the published step in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.original_cells import BATCH, INPUTS, TIME, UNITS, Given, draw, run, sigmoid

from gp_cells.cli import main
from gp_cells.exchange.bridges import BridgeError
from gp_cells.exchange.bridges.darts_rnn import Genotype, from_genotype

# The cell that the paper found (its figure 3), and one of every operation.
FOUND = Genotype(
    [
        *(("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1)),
        *(("tanh", 2), ("sigmoid", 5), ("tanh", 3), ("relu", 5)),
    ],
    range(1, 9),
)
SOME = Genotype([("tanh", 0), ("identity", 1), ("sigmoid", 0), ("relu", 3)], [0, 2, 4])
ONE = Genotype([("relu", 0)], [1])

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "identity": lambda x: x,
}


def interpret(genotype: Genotype, given: Given, x: np.ndarray) -> np.ndarray:
    """Return the outputs (TIME, BATCH, UNITS) of the published step."""
    h, outputs = np.zeros((BATCH, UNITS)), []
    for step in x:
        gate = step @ given["s0 gate", "x"] + h @ given["s0 gate", "h"]
        new = step @ given["s0 candidate", "x"] + h @ given["s0 candidate", "h"]
        values = [h + sigmoid(gate) * (np.tanh(new) - h)]
        for i, (operation, source) in enumerate(genotype.recurrent, start=1):
            s = values[source]
            gate = s @ given[f"s{i} gate", f"s{source}"]
            new = OPERATIONS[operation](s @ given[f"s{i} candidate", f"s{source}"])
            values.append(s + sigmoid(gate) * (new - s))
        h = np.mean([values[i] for i in genotype.concat], axis=0)
        outputs.append(h)
    return np.stack(outputs)


@pytest.mark.parametrize("genotype", [FOUND, SOME, ONE], ids=["found", "some", "one"])
def test_a_genotype_computes_the_published_step(genotype: Genotype) -> None:
    rng = np.random.default_rng(5)
    imported = from_genotype(genotype)
    given, x = draw(imported, rng), rng.normal(size=(TIME, BATCH, INPUTS))
    assert np.abs(run(imported, given, x) - interpret(genotype, given, x)).max() < 1e-12


def test_canonical_form_keeps_a_genotype_small_and_reads_back() -> None:
    genome = from_genotype(FOUND).genome
    text = str(genome.canonical())
    assert len(text) < 700 and text.count("\n") == 5
    same = Genotype(FOUND.recurrent, [8, 7, 6, 5, 4, 3, 2, 1])
    assert from_genotype(same).genome.architecture_id == genome.architecture_id


@pytest.mark.parametrize(
    ("genotype", "said"),
    [
        (Genotype([("none", 0)], [1]), "step 1 is .*expected one of tanh, relu, sigmoid, identity"),
        (Genotype([("tanh", 1)], [1]), "step 1 reads value 1; there are only 0 to 0"),
        (Genotype([("tanh", 0)], [2]), r"concat is \[2\]; expected some of 0 to 1"),
        (Genotype([("tanh", 0)] * 30, [1]), "it needs|31 values; at most 24"),
    ],
)
def test_what_is_no_genotype_or_cannot_be_said_is_refused(genotype: Genotype, said: str) -> None:
    with pytest.raises(BridgeError, match=said):
        from_genotype(genotype)


def test_a_file_of_genotypes_is_read_and_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "genotypes.py"
    file.write_text(
        "import nothing_that_exists\n"
        "MINE = Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))\n"
        "CNN = Genotype(normal=[], reduce=[])\n"
    )
    assert main(["import", "darts_rnn", str(file), "--to", str(tmp_path)]) == 0
    assert "1 of 1 are formulas of space recurrent_graph" in capsys.readouterr().out
    assert main(["show", str(tmp_path / "mine.cell"), "--space", "recurrent_graph"]) == 0
