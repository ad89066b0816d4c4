"""Every notebook runs to its end, in a folder of its own and with less to train than a reader has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
LESS = {
    "evolve_a_token_mixer": {"WAVES, EPOCHS = 4, 3": "WAVES, EPOCHS = 2, 1"},
    "read_results": {},
    "search_on_digits": {"WAVES = 6": "WAVES = 1", '"epochs": 4': '"epochs": 1'},
    "write_a_strategy": {"SEEDS, CANDIDATES = 20, 100": "SEEDS, CANDIDATES = 2, 50"},
    "your_own_csv": {"ROWS, WAVES = 2000, 3": "ROWS, WAVES = 400, 1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(notebook: Path, tmp_path: Path) -> None:
    text = notebook.read_text()
    for whole, part in LESS[notebook.stem].items():
        assert whole in text
        text = text.replace(whole, part)
    (tmp_path / notebook.name).write_text(text)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/reference").symlink_to(ROOT / "results/reference")

    ran = subprocess.run(
        [sys.executable, notebook.name], cwd=tmp_path, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stderr
