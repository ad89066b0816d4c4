"""Whatever happens around the warm process, a run completes, with the same bytes, and leaves nobody."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.benchmark import GP, LOCALLY, ROOT, Benchmark, check_out, said_in

from gp_cells.training.trial_file import read_trial
from gp_cells.warm.request import LINK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a warm start is Linux's alone")

MARK = "GP_CELLS_TEST"  # an environment variable by which all that a run starts is known
FIRST_WAVE = f"{GP}/waves/000/history.jsonl.gz"
MAY_MOUNT = subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
needs_mounts = pytest.mark.skipif(not MAY_MOUNT, reason="mounting a file system needs root")


def until(is_so: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def marked(mark: str) -> dict[int, str]:
    """Return the processes that were started with a mark in their environment, and their commands."""
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    return found


def servers(mark: str) -> list[int]:
    """Return the warm processes of a run; forks that train have the same command."""
    return [pid for pid, command in marked(mark).items() if "gp_cells.warm.server" in command]


def started(benchmark: Benchmark) -> set[str]:
    """Return how the trials of a benchmark started."""
    trials = benchmark.folder.rglob("trial.h5")
    return {str(read_trial(path).provenance["started"]) for path in trials}


def is_as_in(base: Benchmark, benchmark: Benchmark, mark: str) -> bool:
    """Say whether the first wave is there with the bytes that it has elsewhere, and nobody is left."""
    until(lambda: marked(mark) == {}, seconds=30)
    found, whole = benchmark.deterministic(), base.deterministic()
    return FIRST_WAVE in found and found.items() <= whole.items()


def ended_well(benchmark: Benchmark, process: subprocess.Popen[bytes]) -> None:
    """Wait for a Snakemake that has to end well."""
    assert process.wait(timeout=600) == 0, said_in(benchmark.folder)


def test_a_run_whose_warm_process_is_killed_while_it_trains_goes_on_without_it(
    base: Benchmark, tmp_path: Path
) -> None:
    benchmark, mark = Benchmark(tmp_path), secrets.token_hex(16)
    process = benchmark.start(FIRST_WAVE, **{MARK: mark})
    logs = tmp_path / "results/logs/train"
    until(lambda: list(logs.rglob("*.log")))
    for server in servers(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)

    ended_well(benchmark, process)

    assert "cold" in started(benchmark)
    assert is_as_in(base, benchmark, mark)


def test_a_run_whose_snakemake_is_killed_leaves_nobody_and_goes_on_to_the_same_bytes(
    base: Benchmark, tmp_path: Path
) -> None:
    benchmark, mark = Benchmark(tmp_path), secrets.token_hex(16)
    process = benchmark.start(FIRST_WAVE, **{MARK: mark})
    until(lambda: list((tmp_path / "results/logs/train").rglob("*.log")))

    process.kill()
    process.wait()

    until(lambda: marked(mark) == {}, seconds=60)
    benchmark.finish("--unlock")
    benchmark.finish(FIRST_WAVE, **{MARK: mark})
    assert is_as_in(base, benchmark, mark)


def test_a_link_that_leads_nowhere_starts_every_trial_by_itself(
    base: Benchmark, tmp_path: Path
) -> None:
    benchmark, mark = Benchmark(tmp_path), secrets.token_hex(16)

    benchmark.finish(FIRST_WAVE, **{MARK: mark, LINK: "gone"})

    assert started(benchmark) == {"cold"}
    assert is_as_in(base, benchmark, mark)


def test_two_checkouts_at_once_have_a_warm_process_each(base: Benchmark, tmp_path: Path) -> None:
    runs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        here = check_out(tmp_path / name)
        moved = (word.replace(str(ROOT), str(here)) for word in LOCALLY[1:])
        command = (LOCALLY[0], *moved)
        runs.append((Benchmark(here, command=command), secrets.token_hex(16)))

    processes = [
        each.start("-c1", FIRST_WAVE, **{MARK: mark, "PYTHONPATH": str(each.folder)})
        for each, mark in runs
    ]

    for (each, mark), process in zip(runs, processes, strict=True):
        ended_well(each, process)
        assert started(each) == {"warm"}
        assert is_as_in(base, each, mark)


# What a shell does in a mount namespace of its own before it starts Snakemake.
FULL = """
mount -t tmpfs -o size=64k tmpfs "$0"
head -c 1M /dev/zero > "$0/zeros" 2> /dev/null || true
[[ -s "$0/zeros" ]]
export TMPDIR=$0
exec "$@"
"""
HOMELESS = """
mount --bind /dev/null /etc/passwd
unset HOME GP_CELLS_CACHE XDG_CACHE_HOME
exec "$@"
"""


@needs_mounts
@pytest.mark.parametrize("fault", [FULL, HOMELESS], ids=["a full TMPDIR", "a user without a home"])
def test_a_run_completes_with_the_same_bytes_for(
    fault: str, base: Benchmark, tmp_path: Path
) -> None:
    for name in ("run", "mounted"):
        (tmp_path / name).mkdir()
    command = ("unshare", "-m", "bash", "-euc", fault, str(tmp_path / "mounted"), *LOCALLY)
    benchmark, mark = Benchmark(tmp_path / "run", command=command), secrets.token_hex(16)
    cache = {} if fault is HOMELESS else {"GP_CELLS_CACHE": str(tmp_path / "cache")}

    benchmark.finish(FIRST_WAVE, **{MARK: mark, **cache})

    assert is_as_in(base, benchmark, mark)
