"""Start the warm process beside a Snakemake on this machine; the Snakefile calls it before any job."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from gp_cells.warm.request import LINK

# What Snakemake sets for every job, so that libraries imported warm have read the same.
THREADS = (
    *(f"{library}_NUM_THREADS" for library in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")),
    "VECLIB_MAXIMUM_THREADS",
)


def start_warm(threads: int, log: Path) -> None:
    """Start a server for this process's jobs, unless the environment says `off`; see `server`.

    Jobs find it by the environment. Until it has imported all, and wherever it cannot be started,
    they run by themselves.
    """
    if sys.platform != "linux" or LINK in os.environ:
        return
    name = f"gp-cells-{secrets.token_hex(16)}"
    environment = os.environ | dict.fromkeys(THREADS, str(threads))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as written:
        subprocess.Popen(
            [sys.executable, "-m", "gp_cells.warm.server", name, str(os.getpid())],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for the jobs
        )
    os.environ[LINK] = name
