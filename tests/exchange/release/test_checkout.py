"""A checkout of the published results has their bytes, however Git is set up to end lines."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gp_cells.exchange.release.verify import check_sums

ROOT = Path(__file__).parents[3]


def git(folder, *arguments):
    command = [
        "git",
        "-C",
        folder,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        *arguments,
    ]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.eol=crlf", "core.autocrlf=input"])
def test_a_checkout_with_other_ends_of_lines_verifies(tmp_path, setting, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    there, here = tmp_path / "there", tmp_path / "here"
    shutil.copytree(ROOT / "results/reference", there / "results/reference")
    shutil.copy(ROOT / ".gitattributes", there)
    (there / "a.cell").write_bytes(b"h' = tanh(gate1)\n")
    git(there, "init", "-q")
    git(there, "add", "-f", ".")
    git(there, "commit", "-q", "-m", "all")
    git(tmp_path, "clone", "-q", "-c", setting, there, here)
    assert not [*check_sums(here / "results/reference")]
    assert (here / "a.cell").read_bytes() == b"h' = tanh(gate1)\n"
