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


def modules_of(room):
    """Return every module of a folder of the package, by its full name."""
    paths = sorted((ROOT / "gp_cells" / room).glob("*.py"))
    names = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("room", ["compare", "tables", "exchange/release", "report"])
def test_what_reads_tables_loads_no_torch_no_deap_and_no_task(room):
    modules = modules_of(room)

    assert len(modules) > 3
    assert loaded(f"import {', '.join(modules)}", "torch", "deap", "gp_cells.tasks") == []


@pytest.mark.parametrize(
    "module",
    [
        "gp_cells.workflow.tabulate",
        "gp_cells.workflow.rerun",
        "gp_cells.training.trial_file",
        "gp_cells.measures",
        "gp_cells.networks.network",
        "gp_cells.spaces",
    ],
)
def test_records_and_rows_are_read_without_torch(module):
    assert loaded(f"import {module}", "torch") == []


def test_the_names_of_tables_and_a_query_need_no_arrow():
    statement = "import gp_cells.tables.names, gp_cells.tables.query"
    assert loaded(statement, "pyarrow", "numpy", "torch", "deap") == []


def test_the_logger_plugin_which_every_snakemake_imports_loads_next_to_nothing():
    libraries = "torch", "deap", "numpy", "pandas", "pyarrow", "rich", "gp_cells.workflow"
    assert loaded("import snakemake_logger_plugin_gp_cells", *libraries) == []


def test_a_run_is_told_without_what_breeds_and_trains():
    assert loaded("import gp_cells.workflow.board", "torch", "deap") == []


def test_a_command_that_asks_the_warm_process_imports_next_to_nothing():
    libraries = ("argparse", "dataclasses", "inspect", "pathlib", "subprocess", "typing", "numpy")
    program = "import gp_cells.__main__, gp_cells.warm.client"
    assert loaded(program, *libraries) == loaded("", *libraries)
