"""The package as it is built from this checkout: its wheel, and its source distribution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.benchmark import ROOT


def files_of_checkout() -> list[str]:
    """Return the files that git has or would take; where there is no git, as in an sdist, all there are."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        return sorted(
            file for file in set(listed.split("\0")) if file and os.path.lexists(ROOT / file)
        )
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    made = ("__pycache__", ".venv", ".snakemake", ".pytest_cache", ".hypothesis", ".git")
    return sorted(str(path) for path in found if not set(path.parts) & set(made))


def build(folder: Path, what: str, files: Sequence[str] | None = None) -> Path:
    """Build a "wheel" or an "sdist" from a copy of these files of the checkout, or of all of them.

    Returns its file; needs no network.
    """
    copy, built = folder / "checkout", folder / "built"
    for name in files or files_of_checkout():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    built.mkdir()
    program = f"from setuptools.build_meta import build_{what} as build; build({str(built)!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [file] = built.iterdir()
    return file
