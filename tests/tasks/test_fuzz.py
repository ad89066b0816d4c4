"""A few of the generated files of `benchmarks/fuzz.py`."""

from __future__ import annotations

from fuzz import run


def test_generated_files_are_read_or_refused_in_a_line():
    ended = run(150, 1)
    assert ended["read"] >= 3
    assert len(ended) > 10
