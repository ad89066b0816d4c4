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
    said = capsys.readouterr().out
    assert "cnn: refused: it is the genotype of a convolutional cell" in said
    assert "1 of 2 are formulas of space recurrent_graph" in said
    assert main(["show", str(tmp_path / "mine.cell"), "--space", "recurrent_graph"]) == 0


STEPS = "[('tanh', 0), ('relu', 1)], concat=range(1, 3)"
OTHERS = "[('sigmoid', 0), ('identity', 0)], concat=range(1, 3)"


def imported(tmp_path: Path, text: str) -> tuple[int, set[str]]:
    file = tmp_path / "genotypes.py"
    file.write_text(text, encoding="utf-8")
    status = main(["import", "darts_rnn", str(file), "--to", str(tmp_path / "cells")])
    return status, {path.name for path in (tmp_path / "cells").glob("*")}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"A: Genotype = Genotype(recurrent={STEPS})", {"a"}),
        ("A = Genotype([('tanh', 0)], range(1, 2))", {"a"}),
        ("A = Genotype([('tanh', 0)], concat=[1])", {"a"}),
        (f"A = models.genotypes.Genotype(recurrent={STEPS})", {"a"}),
        (f"ALL = {{'one': Genotype(recurrent={STEPS})}}", {"one"}),
        (f"ALL = [Genotype(recurrent={STEPS}), Genotype(recurrent={OTHERS})]", {"all", "all-2"}),
        (f"FOUND['x/../y'] = Genotype(recurrent={STEPS})", {"x_.._y"}),
        (f"if True:\n  def best():\n    return Genotype(recurrent={STEPS})", {"best"}),
        (f"print(Genotype(recurrent={STEPS}))", {"genotypes"}),
    ],
)
def test_a_genotype_is_found_wherever_it_stands(tmp_path: Path, text: str, names: set[str]) -> None:
    assert imported(tmp_path, text) == (0, {f"{name}.cell" for name in names})


def test_names_that_differ_in_case_alone_are_files_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"Best = Genotype(recurrent={STEPS})\nBEST = Genotype(recurrent={OTHERS})\n"
    assert imported(tmp_path, text) == (0, {"best.cell", "best-2.cell"})
    one, other = (
        (tmp_path / "cells" / name).read_text("utf-8") for name in ("best.cell", "best-2.cell")
    )
    assert one != other
    assert imported(tmp_path, text)[0] == 0  # the same once more changes nothing
    capsys.readouterr()
    assert imported(tmp_path, f"best = Genotype(recurrent={OTHERS})")[0] == 2
    assert "best.cell is there already with another text" in capsys.readouterr().err
    assert (tmp_path / "cells/best.cell").read_text("utf-8") == one


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            "[0, 1], [1, 2]",
            "[('tanh', 0.0)], [1]",
            "[('tanh', '0')], [1]",
            "[('tanh', True)], [1]",
        ),
        *("None, [1]", "[('tanh', 0)], None", "[('tanh', 0)], [None]", "[('tanh', 0)], range('1')"),
        *(
            "[('tanh', 0)], range(10**30)",
            "[('tanh', 0)], range(99999999)",
            "[('tanh', 0)], range(2, 1)",
        ),
        *("steps, [1]", "*both", "**both", "", "[], [1], [], [1]", "recurrent=[], normal=[]"),
        *("[(['tanh'], 0)], [1]", "7, 7", "[('tanh', 0, 0)], [1]", "{1: 2}, {1}"),
    ],
)
def test_a_malformed_genotype_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    assert imported(tmp_path, f"A = Genotype({arguments})") == (2, set())
    said = capsys.readouterr().err
    assert said.startswith("gp-cells import: a: refused: ") and said.count("\n") == 1


@pytest.mark.parametrize("content", [b"\xff\xfea\0", b"# caf\xe9", b"a = (", b"(" * 5000, b"a = 1"])
def test_a_file_that_is_no_python_of_genotypes_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    file = tmp_path / "genotypes.py"
    file.write_bytes(content)
    assert main(["import", "darts_rnn", str(file), "--to", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_is_not_there_and_a_folder_that_is_a_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "genotypes.py"
    assert main(["import", "darts_rnn", str(file), "--to", str(tmp_path)]) == 2
    assert f"{file} is missing" in capsys.readouterr().err
    file.write_bytes(b"")
    assert main(["import", "darts_rnn", str(file), "--to", str(file)]) == 2
