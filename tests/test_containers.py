"""Recipes of containers: nothing builds them here, so what they copy and install is held."""

from __future__ import annotations

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from support.package import build, files_of_checkout

ROOT = Path(__file__).parents[1]
DOCKER = (ROOT / "containers/Dockerfile").read_text()
APPTAINER = (ROOT / "containers/gp-cells.def").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def copied_by_docker() -> list[str]:
    """Return what the Dockerfile copies."""
    return [
        name
        for line in re.findall(r"^COPY (.*) \S+$", DOCKER, re.MULTILINE)
        for name in line.split()
    ]


def copied_by_apptainer() -> list[str]:
    """Return what the definition copies."""
    section = APPTAINER.partition("%files\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


def installs(recipe: str) -> list[str]:
    """Return what a recipe gives to pip, line by line."""
    return re.findall(r"pip install (.*?)(?: \\)?$", recipe, re.MULTILINE)


def test_a_wheel_of_what_the_recipes_copy_is_the_wheel_of_the_checkout(tmp_path: Path) -> None:
    copied = copied_by_docker()
    assert copied == copied_by_apptainer()
    ignored = (ROOT / ".dockerignore").read_text()
    assert [line[1:] for line in ignored.splitlines() if line.startswith("!")] == copied
    files = files_of_checkout()
    kept = [file for file in files if file in copied or file.partition("/")[0] in copied]

    names = []
    for place, of in (("whole", files), ("copied", kept)):
        with zipfile.ZipFile(build(tmp_path / place, "wheel", of)) as wheel:
            names.append(sorted(wheel.namelist()))

    assert names[0] == names[1]


@pytest.mark.parametrize("recipe", [DOCKER, APPTAINER], ids=["docker", "apptainer"])
def test_a_recipe_installs_the_pinned_versions_and_extras_that_there_are(recipe: str) -> None:
    [package, data] = installs(recipe)

    assert package.startswith("--no-cache-dir --constraint envs/constraints.txt ")
    extras = re.fullmatch(r'.* "\.\[([a-z,]+)\]"', package)
    assert extras and set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])
    assert data == "--no-cache-dir --no-deps --requirement envs/data-alone.txt"


def test_both_recipes_install_the_same_on_the_same_image() -> None:
    [docker], [apptainer] = re.findall("FROM (.*)", DOCKER), re.findall("From: (.*)", APPTAINER)

    assert docker == apptainer == "python:3.11-slim-bookworm"
    assert installs(DOCKER) == installs(APPTAINER)
    assert re.findall("apt-get install .*?recommends (.*?)(?: \\\\)?\n", DOCKER) == re.findall(
        "apt-get install .*?recommends (.*)\n", APPTAINER
    )
