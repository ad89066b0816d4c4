"""A benchmark run in one process has the bytes of the workflow's, and goes on where it was interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.benchmark import Benchmark, differing

import gp_cells
from gp_cells.training import record

RUN = """
import json, sys, gp_cells
results = gp_cells.run(json.loads(sys.argv[1]))
print(results.table("trials").num_rows)
"""


def begin(benchmark: Benchmark) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(benchmark.config)],
        cwd=benchmark.folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_run_in_one_process_that_is_interrupted_ends_with_the_workflows_bytes(
    base: Benchmark, tmp_path: Path
) -> None:
    here = Benchmark(tmp_path)
    first = begin(here)
    while len(done := list(tmp_path.rglob("fitness.json"))) < 3 and first.poll() is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    assert first.wait() != 0
    first.communicate()
    times = {path: path.stat().st_mtime_ns for path in done}

    second = begin(here)
    told, _ = second.communicate()

    assert second.returncode == 0
    assert int(told.split()[-1]) == len(base.plan.candidates())
    assert {path: path.stat().st_mtime_ns for path in done} == times
    assert differing(base.deterministic(), here.deterministic()) == set()
    assert (tmp_path / "results/report" / base.plan.benchmark / "index.html").is_file()


def test_an_interrupt_that_comes_as_a_trial_ends_keeps_it_and_ends_the_run(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write = record.write_fitness

    def interrupted(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        write(*given)

    monkeypatch.setattr(record, "write_fitness", interrupted)

    with pytest.raises(KeyboardInterrupt):
        gp_cells.run(tiny)

    assert len(list(tmp_path.rglob("fitness.json"))) == 1
