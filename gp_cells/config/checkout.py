"""Where the workflow is: Snakefile and rules are part of a checkout, not of the installed package."""

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
