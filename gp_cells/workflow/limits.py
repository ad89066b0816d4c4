"""What of this machine's cores and memory a process may use, where a container or a job limits it.

Python and Snakemake count the cores that a process may run on. A control group of Linux limits the time on
them instead, 0.5 of a core or 8 of 64, and memory; neither sees that. Cores are for the user to set; how
many jobs the memory has room for is set here.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

KEPT_MB = 800  # Snakemake with a plan of thousands, the warm process and `gp-cells watch`
GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Limits:
    """What the control groups of a process allow it; infinite where they set no limit."""

    cores: float = math.inf
    memory_mb: float = math.inf


def read_limits(groups: Path = GROUPS, own: Path = OWN) -> Limits:
    """Return the smallest limits of a process's control groups, of either version of them."""
    cores, memory_mb = [math.inf], [math.inf]
    for folder in _folders(groups, own):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        cores.append(_number(quota) / _number(period or "100000"))
        old_period = _number(_text(folder / "cpu.cfs_period_us"))
        cores.append(_number(_text(folder / "cpu.cfs_quota_us")) / old_period)
        memory_mb += [
            _number(_text(folder / name)) / 1e6 for name in ("memory.max", "memory.limit_in_bytes")
        ]
    return Limits(
        min(value for value in cores if value > 0),  # not infinity by infinity either
        min(memory_mb),
    )


def _folders(groups: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of a process's groups and of all around them; in a container some are hidden."""
    for line in _text(own).splitlines():
        _, kinds, path = line.split(":", 2)
        root = groups / kinds.removeprefix("name=")
        inner = root / path.lstrip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(root))


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return ""


def _number(text: str) -> float:
    """Return a limit; without one, as "max", -1 or no file, infinity."""
    return float(text) if text.isdigit() and int(text) > 0 else math.inf


def limits_note() -> str:
    """Return what Snakemake has to be told of the limits of this machine; "" if there is nothing."""
    if not hasattr(os, "sched_getaffinity"):
        return ""  # not Linux
    cores, counted = read_limits().cores, len(os.sched_getaffinity(0))
    if cores >= counted:
        return ""
    advice = f"give Snakemake --cores {max(1, math.floor(cores))}"
    return f"a control group allows {cores:.3g} of {counted} cores here; {advice}"


def workers_here(threads: int) -> int:
    """Return how many trials of so many threads this machine may train at once."""
    counted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, math.floor(min(counted or 1, read_limits().cores)) // threads)


def room_mb() -> int:
    """Return the memory that jobs on this machine may take together, in MB.

    It is what the machine has free or a control group allows, whichever is less, without what runs beside
    the jobs. What others in the same control group take is not seen.
    """
    free_mb = psutil.virtual_memory().available / 1e6
    return max(1, math.floor(min(free_mb, read_limits().memory_mb) - KEPT_MB))


def limit_jobs(workflow: Any) -> None:
    """Let Snakemake's jobs run together while their memory has room, and one of them on a GPU.

    What the command line or a profile says of either comes first. A job that asks for more than there is
    gets all of it.
    """
    for name, amount in (("mem_mb", room_mb()), ("gpu", 1)):
        if name not in workflow.global_resources:
            workflow.register_resource(name, amount)
