"""What the documents say of the package's files is true."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gp_cells"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def entries(text):
    """Return the names of the tree of the package, a folder with its slash."""
    tree = text.partition("\n    gp_cells/ ")[2].partition("\n    envs/ ")[0]
    return [line.split()[0] for line in tree.splitlines()[1:]]


def test_the_tree_names_each_part_of_the_package_once_and_nothing_else():
    folders = [f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")]
    modules = [path.name for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]

    assert sorted(entries((ROOT / "CONTRIBUTING.md").read_text())) == sorted(folders + modules)


def test_the_tree_is_in_the_order_of_the_floors():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [floors] = [
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["id"] == "floors"
    ]
    floor = {name: i for i, names in enumerate(floors) for name in names.split(" | ")}
    tree = [re.split(r"[/.]", name)[0] for name in entries((ROOT / "CONTRIBUTING.md").read_text())]

    assert tree == sorted(tree, key=floor.__getitem__)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_of_the_package_that_a_document_names_exists(path):
    named = set(re.findall(r"\bgp_cells/[\w/.]*\w/?", path.read_text()))

    assert {name for name in named if "NAME" not in name and not (ROOT / name).exists()} == set()


def steps_of_the_walk():
    """Return file and functions of each row of the table that follows a genome to its row."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walk = text.partition("\n| step | file | functions")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in walk.splitlines()[2:]]
    return [(row[1].strip("` "), re.findall(r"`(\w+)`", row[2])) for row in rows]


def test_the_walk_from_a_genome_to_a_row_names_functions_that_are_in_their_files():
    steps = steps_of_the_walk()
    missing = [
        (file, function)
        for file, functions in steps
        for function in functions
        if not re.search(rf"^ *def {function}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]

    assert len(steps) == 11 and all(functions for _, functions in steps)
    assert missing == []
