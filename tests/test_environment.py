"""The pinned software: one set of versions for pip and conda, inside what pyproject.toml allows."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONSTRAINTS = (ROOT / "envs/constraints.txt").read_text().splitlines()
CONDA = yaml.safe_load((ROOT / "envs/gp-cells.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WANTED = [
    *PROJECT["dependencies"],
    *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
]


def pins(lines):
    """Return versions by canonical name, refusing any line that is not a plain pin."""
    found = {}
    for line in lines:
        match = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)", line)
        assert match, f"not a plain pin: {line!r}"
        name, version = match.groups()
        assert name == canonicalize_name(name), f"write {canonicalize_name(name)}, not {name}"
        assert name not in found, f"pinned twice: {name}"
        found[name] = version
    return found


def test_conda_and_pip_get_the_same_versions():
    [by_pip] = [entry["pip"] for entry in CONDA["dependencies"] if isinstance(entry, dict)]

    assert pins(by_pip) == pins(CONSTRAINTS)


def test_constraints_are_sorted_by_name():
    assert list(pins(CONSTRAINTS)) == sorted(pins(CONSTRAINTS))


@pytest.mark.parametrize("wanted", WANTED)
def test_every_dependency_is_pinned_inside_its_range(wanted):
    requirement = Requirement(wanted)

    version = pins(CONSTRAINTS)[canonicalize_name(requirement.name)]

    assert requirement.specifier.contains(version)


def test_the_conda_python_is_one_the_project_allows():
    [python] = [str(entry) for entry in CONDA["dependencies"] if str(entry).startswith("python=")]

    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))


def test_conda_takes_nothing_from_the_default_channels():
    assert "nodefaults" in CONDA["channels"]
    assert "defaults" not in CONDA["channels"]


@pytest.mark.parametrize("path", sorted((ROOT / "envs").iterdir()), ids=lambda path: path.name)
def test_nothing_in_envs_is_bound_to_a_machine(path):
    text = path.read_text().removeprefix("#!/usr/bin/env bash")

    bound = re.findall(
        r"https?:|\w+://|\+cpu|\+cu\d+|--hash|@ ?file"  # one source or one build
        r"|(?<![\w.])[/~]\w+"  # an absolute path
        r"|\b[\w-]+\.(?:com|org|net|io|dev|local|internal)\b",  # a host
        text,
    )

    assert bound == []


# --- what make installs ---------------------------------------------------------------------------


def planned(folder, target, *installed):
    """Return what `make TARGET` would do in a fresh checkout where so much is installed already."""
    folder.mkdir()
    for file in ("Makefile", "pyproject.toml", "envs/constraints.txt", "envs/data-alone.txt"):
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / file, folder / file)
    for name in installed:
        (folder / ".venv").mkdir(exist_ok=True)
        (folder / ".venv" / name).touch()
    command = ["make", "--dry-run", "--no-print-directory", target]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_quickstart_installs_the_package_and_the_chorales_alone(tmp_path):
    [line] = [line for line in planned(tmp_path / "new", "quickstart").splitlines() if "-e" in line]
    assert line.split("-e ")[1] == ". music21"


@pytest.mark.parametrize(
    ("target", "before", "installs"),
    [
        ("quickstart", ".quickstart", None),
        ("quickstart", ".installed", None),
        ("environment", ".installed", None),
        ("environment", ".quickstart", "-e '.[data,test,"),
    ],
)
def test_a_quickstart_and_a_whole_environment_come_in_either_order(
    tmp_path, target, before, installs
):
    said = planned(tmp_path / "there", target, before)
    assert installs in said if installs else "pip" not in said
