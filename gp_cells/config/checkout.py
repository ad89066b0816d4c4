"""Where the workflow is: Snakefile and rules are part of a checkout, not of the installed package."""

import os
from pathlib import Path

from gp_cells.config.choose import SettingError

HERE = Path(__file__).parents[2]


def checkout(who: str) -> Path:
    """Return the folder of the checkout that this package is imported from.

    Raises:
        SettingError: there is none; `who` needs it.
    """
    if not (HERE / "Snakefile").is_file() or not (HERE / "rules").is_dir():
        raise SettingError(
            f"{who} needs the workflow of a checkout, and this package is installed without one in "
            f"{HERE}; clone gp-cells, and there run make environment"
        )
    return HERE


def find_profile(name: str, who: str) -> str:
    """Return a profile as Snakemake finds it from here: of this folder, of the checkout, or its own.

    Raises:
        SettingError: there is no checkout, which `who` needs.
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
