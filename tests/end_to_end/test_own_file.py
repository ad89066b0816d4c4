"""A file of the user's own is an input of the workflow: what is done when it is changed or missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.benchmark import CONFIG, Benchmark

DATA = "results/data/tiny-mine/data.json"
TEXTS = "".join(f"{'ab' * (i % 4)}{'cd' * (i // 4)}e,{i % 2}\n" for i in range(40))


@pytest.fixture
def mine(tmp_path: Path) -> Benchmark:
    """A benchmark on a small file beside it."""
    settings = {
        **{"file": "texts.csv", "inputs": "symbols", "input": ["text"]},
        **{"targets": "classes", "target": ["kind"], "recipe": {"units": 8, "epochs": 1}},
    }
    tasks = {"mine": {"name": "own_data", "settings": settings}}
    (tmp_path / "texts.csv").write_text(f"text,kind\n{TEXTS}")
    return Benchmark(tmp_path, {**CONFIG, "tasks": tasks})


def test_data_are_prepared_anew_when_the_file_has_another_content_alone(mine: Benchmark) -> None:
    assert mine.finish(DATA).jobs == {"prepare/tiny-mine"}
    (mine.folder / "texts.csv").touch()
    assert mine.finish(DATA).jobs == set()
    (mine.folder / "texts.csv").write_text(f"text,kind\n{TEXTS}abc,0\n")
    assert mine.finish(DATA).jobs == {"prepare/tiny-mine"}


def test_a_file_that_is_not_there_is_named_before_any_job_starts(mine: Benchmark) -> None:
    (mine.folder / "texts.csv").unlink()
    ran = mine.run()
    assert ran.status == 2
    [line] = [line for line in ran.said.splitlines() if "texts.csv" in line]
    assert line.startswith("config: tasks.mine.settings.file: there is no file 'texts.csv' in /")
    assert ran.jobs == set()


def test_a_file_that_cannot_be_used_ends_with_its_line_before_any_job_starts(
    mine: Benchmark,
) -> None:
    (mine.folder / "texts.csv").write_text("text,kind\nabc,0\n,1\n")
    ran = mine.run(DATA)
    assert ran.status != 0
    assert ran.said.count("texts.csv: row 2: it is empty, expected at least one step") == 1
    assert "Job stats" not in ran.said and "Building DAG" not in ran.said
    assert ran.jobs == set()


@pytest.mark.parametrize("name", ["{data}.csv", "a{b}c, d.csv", "../{x}/ä b.csv"])
def test_a_file_may_have_braces_in_its_name_and_is_watched_all_the_same(
    tmp_path: Path, name: str
) -> None:
    settings = {
        **{"file": name, "inputs": "symbols", "input": ["text"]},
        **{"targets": "classes", "target": ["kind"], "recipe": {"units": 8, "epochs": 1}},
    }
    tasks = {"mine": {"name": "own_data", "settings": settings}}
    folder = tmp_path / "here"
    folder.mkdir()
    mine = Benchmark(folder, {**CONFIG, "tasks": tasks})
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(f"text,kind\n{TEXTS}")
    assert mine.finish(DATA).jobs == {"prepare/tiny-mine"}
    (folder / name).touch()
    assert mine.finish(DATA).jobs == set()
    (folder / name).write_text(f"text,kind\n{TEXTS}abc,0\n")
    assert mine.finish(DATA).jobs == {"prepare/tiny-mine"}


def test_a_task_and_a_run_may_be_longer_than_an_argument_of_linux(tmp_path: Path) -> None:
    names = [f"expression_of_the_gene_number_{i:04}" for i in range(5000)]
    assert len(json.dumps(names)) > 128 << 10
    numbers = np.random.default_rng(1).integers(0, 10, (40, 5000)).tolist()
    lines = [
        ",".join(map(str, [f"sample{i // 2}", i // 2 % 2, *row])) for i, row in enumerate(numbers)
    ]
    (tmp_path / "genes.csv").write_text("\n".join([",".join(["sample", "kind", *names]), *lines]))
    settings = {
        **{"file": "genes.csv", "inputs": "frames", "input": names, "sequence": "sample"},
        **{"targets": "classes", "target": ["kind"], "recipe": {"units": 2, "epochs": 1}},
    }
    search = {"waves": 1, "slots": 1, "lag": 1, "finalists": 1}
    strategy = {"name": "baselines", "settings": {"cells": ["tanh_rnn"]}, "search": search}
    tasks = {"mine": {"name": "own_data", "settings": settings}}
    mine = Benchmark(tmp_path, {**CONFIG, "tasks": tasks, "strategies": {"base": strategy}})
    assert {"prepare", "settings", "train", "test", "report"} <= mine.finish().rules
    assert mine.finish().jobs == set()
    gp_cells = str(Path(sys.executable).with_name("gp-cells"))
    command = [gp_cells, "rerun", "tiny-mine-base-s1/w000-00"]
    rerun = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (rerun.returncode, "identical" in rerun.stdout) == (0, True), rerun.stderr
