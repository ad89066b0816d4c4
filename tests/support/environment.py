"""Environments of some of the packages that are installed here, made by links and without a network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


def link_environment(folder: Path, packages: Iterable[Distribution]) -> Path:
    """Make an environment of packages, each a link to the one installed here, and return its packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    for package in packages:
        tops = {Path(file).parts[0] for file in package.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            installed = Path(str(package.locate_file(top)))
            if installed.exists() and not (site / top).exists():
                (site / top).symlink_to(installed.resolve())
    return site


def needed(names: list[str]) -> list[Distribution]:
    """Return the packages of these names and all that they require on this machine."""
    found: dict[tuple[str, str], Distribution] = {}
    wanted = [(name, "") for name in names]
    while wanted:
        name, extra = wanted.pop()
        if (name, extra) in found:
            continue
        found[name, extra] = distribution(name)
        for line in found[name, extra].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted += [(requirement.name, extra) for extra in {"", *requirement.extras}]
    return list(found.values())
