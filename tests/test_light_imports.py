"""What starts without the libraries that it has no need of: a fresh process per statement."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def loaded(statement, *libraries):
    """Return which of some libraries a fresh Python has loaded after a statement."""
    program = f"import sys\n{statement}\nprint(*sorted({{*{libraries!r}}} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "module",
    ["gp_cells.workflow.tabulate", "gp_cells.workflow.rerun", "gp_cells.training.trial_file"],
)
def test_records_and_rows_are_read_without_torch(module):
    assert loaded(f"import {module}", "torch") == []
