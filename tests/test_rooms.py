"""The order of the rooms of gp_cells: who may import whom, held by reading every import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gp_cells"

# A room imports only rooms before it in this list; `gp_cells`, the Python door, is after them all.
ORDER = [
    "choose",
    "objectives",
    "files",
    "plan",
    "schedule",
    "seeds",
    "recipe",
    "language",
    "canonical",
    "genome",
    "program",
    "layers",
    "engine",
    "spaces",
    "variation",
    "pareto",
    "tasks",
    "stopping",
    "train",
    "zero_cost",
    "measures",
    "record",
    "tables",
    "query",
    "cost",
    "strategies",
    "truth",
    "search",
    "replay",
    "tabulate",
    "holdout",
    "compare",
    "report",
    "watch",
    "rerun",
    "bridges",
    "export",
    "release",
    "cli",
]

# The file of each family that says what its plug-ins have to do, and that all of them may import.
CONTRACTS = {
    "spaces": "space",
    "strategies": "strategy",
    "stopping": "stopper",
    "tasks": "task",
}

# What several plug-ins of a family share; it stands on no plug-in.
SHARED = {
    "spaces": {"spaces.steps"},
    "tasks": {"tasks.columns", "tasks.examples", "tasks.rows", "tasks.sources"},
}


def module_name(path):
    """Return the dotted name of a module inside the package: `tasks/task.py` is `tasks.task`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules():
    """Return the path of every module by its dotted name; the package itself is the empty name."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_type_checking(test):
    """Say whether a condition is `TYPE_CHECKING`, so that its imports never run."""
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def import_statements(tree):
    """Yield every import that can run, those inside functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            for statement in node.orelse:
                yield from import_statements(ast.Module([statement], []))
        else:
            yield from import_statements(node)


def imported(text, name, is_package, known):
    """Return the modules of gp_cells that a module imports, as dotted names without `gp_cells.`."""
    found = set()
    for node in import_statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            sources = [alias.name for alias in node.names]
        else:
            here = ["gp_cells", *filter(None, name.split("."))]
            above = here[: len(here) - node.level + is_package] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            # `from gp_cells import seeds` names a module, `import parse` one of the door's own
            sources = [
                inner
                if (inner := f"{source}.{alias.name}").removeprefix("gp_cells.") in known
                else source
                for alias in node.names
            ]
        found |= {source for source in sources if f"{source}.".startswith("gp_cells.")}
    return {source.removeprefix("gp_cells").removeprefix(".") for source in found}


def room(name):
    """Return the room that a module stands in."""
    return name.split(".")[0]


def imports_of(name):
    """Return what a module of the package imports from the package."""
    path = modules()[name]
    return imported(path.read_text(), name, path.name == "__init__.py", modules())


INSIDE = [name for name in modules() if name]
PLUG_INS = [
    name
    for name in INSIDE
    if "." in name
    and room(name) in CONTRACTS
    and name != f"{room(name)}.{CONTRACTS[room(name)]}"
    and name not in SHARED.get(room(name), ())
]


@pytest.mark.parametrize("name", INSIDE)
def test_every_module_stands_in_a_room_of_the_order(name):
    assert room(name) in ORDER, f"give {name} its place in ORDER"


@pytest.mark.parametrize("name", INSIDE)
def test_a_room_imports_only_rooms_before_it(name):
    before = ORDER[: ORDER.index(room(name)) + 1]

    assert {other for other in imports_of(name) if room(other) not in before} == set()


@pytest.mark.parametrize("name", PLUG_INS)
def test_a_plug_in_imports_no_sibling_but_its_contract_and_what_is_shared(name):
    family = room(name)
    siblings = {other for other in imports_of(name) if room(other) == family}

    assert siblings <= {f"{family}.{CONTRACTS[family]}", *SHARED.get(family, ())}


@pytest.mark.parametrize("name", sorted(set().union(*SHARED.values())))
def test_what_is_shared_imports_no_plug_in(name):
    family = room(name)
    siblings = {other for other in imports_of(name) if room(other) == family}

    assert siblings <= {f"{family}.{CONTRACTS[family]}", *SHARED[family]}


@pytest.mark.parametrize(("family", "contract"), CONTRACTS.items())
def test_a_contract_imports_none_of_its_plug_ins(family, contract):
    assert {other for other in imports_of(f"{family}.{contract}") if room(other) == family} == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import gp_cells.training.train", {"train"}),
        ("import numpy, gp_cells_extra", set()),
        ("from gp_cells import seeds, parse", {"seeds", ""}),
        ("from gp_cells.tasks.task import Data", {"tasks.task"}),
        ("from gp_cells.tasks import task", {"tasks.task"}),
        ("from .task import Data", {"tasks.task"}),
        ("from . import TASKS", {"tasks"}),
        ("from ..train import train", {"train"}),
        ("def build():\n    from gp_cells.networks.engine import build", {"engine"}),
        (
            "if TYPE_CHECKING:\n    import gp_cells.cli\nelse:\n    import gp_cells.config.plan",
            {"plan"},
        ),
    ],
)
def test_an_import_is_seen_however_it_is_written(text, found):
    assert imported(text, "tasks.digits", False, ["tasks.task", "seeds", "tasks"]) == found


def test_a_package_resolves_relative_imports_from_itself():
    assert imported("from .task import Data", "tasks", True, []) == {"tasks.task"}


def test_the_plan_imports_neither_torch_nor_deap_nor_pandas():
    # each job of a cluster parses the Snakefile again, and with it the plan
    program = (
        "import sys, gp_cells.config.plan, gp_cells.workflow.cost\n"
        "print(sorted({'torch', 'deap', 'pandas'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_breeding_imports_no_torch():
    program = "import sys, gp_cells.workflow.steps; print('torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.smk")), ids=lambda path: path.name)
def test_a_rule_file_opens_with_one_line_that_is_a_sentence_and_with_its_files(path):
    first, empty, *rest = ast.get_docstring(ast.parse(opening(path))).splitlines()
    assert len(first) <= 97 and first.endswith(".") and empty == ""
    assert rest[0].startswith("REQUIRED INPUTS:")
    assert any(line.startswith("OUTPUTS:") for line in rest)


def opening(path):
    """Return the docstring of a rule file with its quotes: the rest is no Python."""
    return path.read_text().partition('\n"""\n')[0] + '\n"""\n'
