"""`gp-cells rerun` on the tiny benchmark, as a user would call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.benchmark import ROOT, Benchmark

RUN = "tiny-bach-gp-s1"


def rerun(benchmark: Benchmark, *arguments: str) -> tuple[int, str, str]:
    """Run `gp-cells rerun` as a user would; return its exit status and what it said."""
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        [str(bin_folder / "gp-cells"), "rerun", *arguments, "--profile", f"{ROOT}/profiles/local"],
        cwd=benchmark.folder,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
