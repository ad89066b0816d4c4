"""Start a benchmark by the very Snakemake command that a person would type."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from gp_cells.config.checkout import checkout, find_profile, shown
from gp_cells.config.choose import SettingError

PROFILED = ("--profile", "--workflow-profile")
PLACED = ("-s", "--snakefile")


def command_of(config: str, profile: str, options: Sequence[str]) -> list[str]:
    """Return the Snakemake command that runs a config file, with some of Snakemake's own options.

    One of those may name another profile. Where there is no Snakefile in this folder, that of
    the package is taken.

    Raises:
        SettingError: there is no such file, or no workflow.
    """
    if not Path(config).is_file():
        raise SettingError(f"expected a config file, got {config!r}: there is none in {Path.cwd()}")
    command = ["snakemake"]
    if not _has(options, PROFILED):
        command += ["--profile", find_profile(profile, "run")]
    if not Path("Snakefile").is_file() and not _has(options, PLACED):
        command += ["--snakefile", shown(checkout("run") / "Snakefile")]
    command += ["--configfile", config]
    is_target = bool(options) and not options[0].startswith("-")
    return [*command, *(["--"] if is_target else []), *options]


def start(command: list[str]) -> NoReturn:
    """Print a command of Snakemake's and become it; all that it tells goes to standard output."""
    print(shlex.join(command), flush=True)
    here = Path(sys.executable).parent
    if shutil.which("gp-cells") is None:  # the rules call it
        os.environ["PATH"] = f"{here}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.dup2(1, 2)
    program = here / command[0]
    os.execvp(program if program.exists() else command[0], command)


def _has(options: Sequence[str], names: Sequence[str]) -> bool:
    return any(option.partition("=")[0] in names for option in options)
