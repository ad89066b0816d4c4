"""Run Snakemake on a config in a folder of its own, with some other `gp-cells`, and say what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gp_cells.warm.request import LINK

ROOT = Path(__file__).parent.parent
STAND_IN = ROOT / "benchmarks/stand_in"  # its gp-cells sleeps instead of training


@dataclass(frozen=True)
class Cost:
    """What one invocation of Snakemake took, its local jobs included; memory is the largest process's."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def run(
    folder: Path,
    config: Mapping[str, Any],
    *arguments: str,
    profile: str = "local",
    first_in_path: Path | None = None,
    **environment: str,
) -> Cost:
    """Run Snakemake as a user would; what it says goes to FOLDER/said.txt.

    Raises:
        SystemExit: Snakemake failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    places = [first_in_path, Path(sys.executable).parent, os.environ["PATH"]]
    path = ":".join(str(place) for place in places if place is not None)
    command = [
        *(sys.executable, "-m", "snakemake", *arguments),
        *("--snakefile", str(ROOT / "Snakefile"), "--profile", str(ROOT / "profiles" / profile)),
        *("--configfile", "config.yaml"),
    ]
    switched = {LINK: "off"} if first_in_path else {}  # a stand-in imports nothing
    began = time.monotonic()
    with (folder / "said.txt").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **switched, "PATH": path, **environment},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(
            f"snakemake failed:\n{(folder / 'said.txt').read_text(encoding='utf-8')[-3000:]}"
        )
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(time.monotonic() - began, cpu_s, usage.ru_maxrss / 1000)
