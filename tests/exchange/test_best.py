"""The best cells of tables as files: which they are, what they say, and when they are refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gp_cells.cli import main
from gp_cells.config.cell_files import found_on
from gp_cells.genomes.genome import parse
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.tables.parquet import read_tables

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results/reference"


def best(to: Path, *options: str, task: str = "peptides") -> int:
    return main(["best", task, "--results", str(REFERENCE), "--to", str(to), *options])


def test_the_best_are_those_of_the_lowest_losses_of_searches(tmp_path: Path) -> None:
    assert best(tmp_path / "cells", "--top", "3") == 0
    rows = read_tables(REFERENCE, "candidates").to_pylist()
    searched = [
        row for row in rows if "-peptides-" in row["run"] and "-baselines-" not in row["run"]
    ]
    ranked = sorted(searched, key=lambda row: row["fitness"] or math.inf)
    wanted = list(dict.fromkeys(row["architecture_id"] for row in ranked))[:3]
    texts = [path.read_text() for path in sorted((tmp_path / "cells").iterdir())]
    assert [parse(text, Recurrent().language).architecture_id for text in texts] == wanted
    assert {found_on(text) for text in texts} == {"peptides"}
    assert f"{ranked[0]['run']}/{ranked[0]['candidate']}, validation loss" in texts[0]
    assert ranked[0]["trial_id"] in texts[0]


def test_the_cells_of_the_config_are_those_that_its_command_writes() -> None:
    for task in ("bach_chorales", "japanese_vowels", "peptides"):
        folder = ROOT / "config/transfer" / task
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert best(folder, "--top", "5", task=task) == 0  # refuses to write other cells
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "task", "said"),
    [
        ((), "digits", "has no search on the task 'digits'; choose one of bach_chorales,"),
        (("--top", "0"), "peptides", "--top: expected 1 to "),
        (("--benchmark", "none"), "peptides", "no benchmark 'none'"),
    ],
)
def test_what_the_tables_have_not_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    task: str,
    said: str,
) -> None:
    assert best(tmp_path / "cells", *options, task=task) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "cells").exists()


def test_a_folder_with_other_cells_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert best(tmp_path, "--top", "2") == 0
    assert best(tmp_path, "--top", "2") == 0
    assert best(tmp_path, "--top", "1") == 2
    assert "is there already and another cell; name an empty folder" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2
