"""Where the workflow is: Snakefile, rules, profiles and configs, of a checkout or in a wheel."""

import os
from pathlib import Path

from gp_cells.config.choose import SettingError

HERE = Path(__file__).parents[2]
SHIPPED = Path(__file__).parents[1] / "shipped"  # `setup.py` puts it into a wheel


def checkout(who: str) -> Path:
    """Return the folder of the workflow that belongs to this package: of its checkout, or of its wheel.

    Raises:
        SettingError: there is none; `who` needs it.
    """
    for folder in (SHIPPED, HERE):
        if (folder / "Snakefile").is_file() and (folder / "rules").is_dir():
            return folder
    raise SettingError(
        f"{who} needs the workflow, and this package is without one in {HERE}; install its wheel, or "
        "clone gp-cells, and there run make environment"
    )


def find_profile(name: str, who: str) -> str:
    """Return a profile as Snakemake finds it from here: of this folder, of the workflow, or its own.

    Raises:
        SettingError: there is no workflow, which `who` needs.
    """
    root = checkout(who)
    for path in (Path(name), root / name, root / "profiles" / name):
        if path.is_dir():
            return shown(path)
    return name


def shown(path: Path) -> str:
    """Return a path as a user in this folder would type it."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
