"""On one machine a benchmark's trials start warm, and nothing of it is left when Snakemake has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from support.benchmark import Benchmark

from gp_cells.training.trial_file import read_trial


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, ten seconds at most."""
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_trials_of_a_local_run_start_warm_and_the_server_ends_with_it(base: Benchmark) -> None:
    trials = [read_trial(path) for path in sorted(base.folder.rglob("trial.h5"))]
    log = (base.folder / ".snakemake/log/warm.log").read_text(encoding="utf-8")
    [link] = re.findall("^warm: (gp-cells-[0-9a-f]+) serves", log, re.M)

    assert {trial.provenance["started"] for trial in trials} == {"warm"}, log
    until(lambda: link not in Path("/proc/net/unix").read_text(encoding="utf-8"))
