"""New folders for a user of the package: one to run benchmarks in, and a package of plug-ins.

The workflow itself is not copied, so that it always fits the package that is installed; profiles are,
since a cluster's account and partition are written there.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gp_cells.config.checkout import checkout
from gp_cells.config.choose import SettingError

SNAKEFILE = '''"""The benchmark of this folder, by the workflow of the gp-cells that is installed.

snakemake --profile profiles/local
"""

from gp_cells.config.checkout import checkout

# Only without another config: Snakemake would merge the two, strategy by strategy.
if not workflow.configfiles:

    configfile: "config.yaml"


include: str(checkout("the Snakefile") / "Snakefile")


localrules:
    everything,


# Snakemake takes no target from a file that is included.
rule everything:
    default_target: True
    input:
        rules.all.input,
'''

CONFIG = """\
# What is measured: as it is, recurrent cells are evolved on the Bach chorales and compared with six
# that were designed by hand, in about four minutes on two idle cores.
#
#     gp-cells check config.yaml       # what would keep it from running, and what its data are
#     gp-cells plan config.yaml        # hours, memory and disk that it takes
#     gp-cells settings-reference      # every key, task, space, strategy and setting
#     gp-cells schema > schema.json    # for an editor that completes YAML
"""

TEMPLATE = "outside_cells"  # the name of the package in template/


def begin_benchmark(folder: Path) -> str:
    """Make a folder to run benchmarks in: Snakefile, config.yaml and profiles. Return what to do next.

    Raises:
        SettingError: the folder is not empty, or cannot be made.
    """
    workflow = checkout("init")
    with _new(folder):
        (folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
        quickstart = (workflow / "config/quickstart.yaml").read_text(encoding="utf-8")
        keys = quickstart[quickstart.index("benchmark:") :]
        (folder / "config.yaml").write_text(CONFIG + keys, encoding="utf-8")
        shutil.copytree(workflow / "profiles", folder / "profiles", copy_function=shutil.copyfile)
        readme = folder / "profiles/README.md"
        readme.write_text(_without_links(readme.read_text(encoding="utf-8")), encoding="utf-8")
        (folder / "slurm").symlink_to("profiles/slurm")  # for `--profile slurm`
    return (
        f"made {folder}: config.yaml says what is measured, profiles/ where it runs\n"
        f"next: cd {folder}\n"
        "      gp-cells check config.yaml    # says which package its data need, where that is missing\n"
        "      gp-cells run config.yaml      # or: snakemake --profile profiles/local"
    )


def begin_plug_ins(name: str, folder: Path) -> str:
    """Make a package of plug-ins, one of each family, with its tests. Return what to do next.

    Raises:
        SettingError: a package cannot have the name, the folder is not empty, or it cannot be made.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise SettingError(
            f"--plugin: expected the name of a Python package in small letters, digits and _, got {name!r}"
        )
    if importlib.util.find_spec(name) is not None:
        raise SettingError(
            f"--plugin: there is a Python module {name!r} already; choose another name"
        )
    names = {TEMPLATE: name, TEMPLATE.replace("_", "-"): name.replace("_", "-")}
    with _new(folder):
        for path in sorted((checkout("init") / "template").glob("*.*")):
            file, text = path.name, path.read_text(encoding="utf-8")
            for old, new in names.items():
                file, text = file.replace(old, new), text.replace(old, new)
            (folder / file).write_text(text, encoding="utf-8")
    return (
        f"made {folder}: a plug-in of each family in {name}.py, their entry points in pyproject.toml\n"
        f"next: cd {folder}\n"
        "      pip install -e .\n"
        "      gp-cells vet strategy same_again    # does it do what a strategy has to?\n"
        "      pytest"
    )


@contextmanager
def _new(folder: Path) -> Iterator[None]:
    """Make a folder, or take an empty one; tell in a line why it cannot be written."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SettingError(f"{folder} is there already; name a folder that is new or empty")
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise SettingError(f"{folder} cannot be written: {error.strerror}") from error


def _without_links(markdown: str) -> str:
    """Return a page without its links to other folders, which are not where it goes."""
    return re.sub(r"\[([^]\n]+)\]\(\.\./[^)\s]*\)", r"\1", markdown)
