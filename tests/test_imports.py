"""Who may import whom: the contracts of pyproject.toml, and what they cannot say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]


def lint(folder):
    """Hold the package of a folder against the contracts; return whether they are kept, and the report."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode == 0, re.sub(r"\x1b\[\d+m", "", done.stdout) + done.stderr


def loaded(program, *names):
    """Return which of some modules a fresh Python has loaded after a program."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{program}\nimport sys\nprint(*sorted({set(names)} & {{*sys.modules}}))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_contracts_of_imports_are_kept():
    kept, report = lint(ROOT)

    assert kept, report


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("config/files.py", "import gp_cells.cli", "floors"),
        ("tables/query.py", "from gp_cells import parse", "floors"),
        ("a_package_without_a_floor.py", "import numpy", "floors"),
        ("tables/query.py", "from torch import nn", "readers"),
        ("compare/pareto.py", "import gp_cells.tasks", "readers"),
        ("workflow/tabulate.py", "from gp_cells.training.train import train", "torch"),
        ("spaces/steps.py", "from gp_cells.genomes import variation", "genomes"),
        ("config/plan.py", "def read():\n    import pandas", "rules"),
        ("tasks/digits.py", "from .mnist_5k import Mnist5k", "tasks"),
        ("tasks/sources.py", "from gp_cells.tasks import digits", "tasks"),
        ("tasks/digits.py", "from gp_cells.tasks import TASKS", "tasks"),
        ("tasks/a_new_task.py", "import gp_cells.tasks.digits", "tasks"),
        ("spaces/recurrent.py", "import gp_cells.spaces.convolutional", "spaces"),
        ("strategies/selection.py", "from .gp import GP", "strategies"),
        ("stopping/patience.py", "from ..stopping.never import Never", "stopping"),
        ("measures/synflow.py", "from gp_cells.measures import latency", "measures"),
    ],
)
def test_a_contract_sees_the_import_it_is_against(tmp_path, module, statement, contract):
    package = tmp_path / "gp_cells"
    for path in (ROOT / "gp_cells").rglob("*.py"):
        copy = package / path.relative_to(ROOT / "gp_cells")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    with (package / module).open("a") as file:
        file.write(f"\n{statement}\n")

    kept, report = lint(tmp_path)

    [name] = [entry["name"] for entry in CONTRACTS["contracts"] if entry["id"] == contract]
    assert not kept and f"{name} BROKEN" in report


def test_no_module_imports_the_python_door():
    graph = grimp.build_graph("gp_cells", exclude_type_checking_imports=True, cache_dir=None)

    assert graph.find_modules_that_directly_import("gp_cells") == set()


def test_the_rules_import_neither_torch_nor_deap_nor_pandas():
    # each job of a cluster parses the Snakefile again, and with it what the rules import
    program = "\n".join(
        line
        for path in RULES
        for line in re.findall(r"^(?:from gp_cells|import gp_cells).*$", path.read_text(), re.M)
    )

    assert program.count("gp_cells.config.plan") and program.count("cost")
    assert loaded(program, "torch", "deap", "pandas") == set()


@pytest.mark.parametrize("module", ["workflow.steps", "workflow.tabulate", "report.page"])
def test_steps_and_pages_load_no_torch_through_a_space(module):
    assert loaded(f"import gp_cells.{module}", "torch") == set()
