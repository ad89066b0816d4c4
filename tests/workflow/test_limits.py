"""Limits of control groups, read from files as Linux has them."""

import math
from types import SimpleNamespace

import pytest

from gp_cells.workflow import limits
from gp_cells.workflow.limits import Limits, read_limits

OLD = "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/\n"
NEW = "0::/job/step\n"


def make(tmp_path, own, files):
    """Return what is read of files below the folder of control groups."""
    (tmp_path / "own").write_text(own, encoding="utf-8")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return read_limits(tmp_path / "groups", tmp_path / "own")


@pytest.mark.parametrize(
    ("own", "files", "found"),
    [
        (NEW, {"cpu.max": "50000 100000", "memory.max": "2000000000"}, Limits(0.5, 2000)),
        (NEW, {"cpu.max": "max 100000", "memory.max": "max"}, Limits()),
        (NEW, {"job/cpu.max": "400000 100000", "cpu.max": "max 100000"}, Limits(4)),
        (NEW, {"job/step/memory.max": "3000000", "job/memory.max": "2000000"}, Limits(math.inf, 2)),
        (NEW, {"cpu.max": "200000"}, Limits(2)),
        (NEW, {}, Limits()),
        ("", {}, Limits()),
        (
            OLD,
            {"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"},
            Limits(),
        ),
        (
            OLD,
            {
                "cpu,cpuacct/job/cpu.cfs_quota_us": "150000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "1000000000",
            },
            Limits(1.5, 1000),
        ),
    ],
)
def test_the_smallest_limit_of_all_groups_counts(tmp_path, own, files, found):
    assert make(tmp_path, own, files) == found


def test_a_note_says_what_to_tell_snakemake(monkeypatch):
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(limits, "read_limits", lambda: Limits(0.5, 2000.4))
    note = limits.limits_note()
    assert note == "a control group allows 0.5 of 64 cores here; give Snakemake --cores 1"
    monkeypatch.setattr(limits, "read_limits", Limits)
    assert limits.limits_note() == ""


@pytest.mark.parametrize(
    ("free", "allowed", "room"),
    [(8e9, math.inf, 7200), (8e9, 3000, 2200), (2e9, 3000, 1200), (5e8, 9, 1)],
)
def test_jobs_have_what_is_free_or_allowed_less_what_runs_beside(monkeypatch, free, allowed, room):
    memory = SimpleNamespace(available=free)
    monkeypatch.setattr(limits.psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(limits, "read_limits", lambda: Limits(memory_mb=allowed))
    assert limits.room_mb() == room
