"""Results that were copied to another place without what Snakemake keeps beside them."""

from __future__ import annotations

import os
import shutil

from support.benchmark import Benchmark


def test_copied_results_are_taken_as_they_are_after_a_touch(copied: Benchmark) -> None:
    shutil.rmtree(copied.folder / ".snakemake")
    results = copied.folder / "results"
    files = {path: path.read_bytes() for path in sorted(results.rglob("*")) if path.is_file()}
    for number, path in enumerate(files):  # as `cp -r` gives each file a time of its own
        os.utime(path, (10**9 + number, 10**9 + number))
    copied.finish("--touch")
    assert copied.finish().jobs == set()
    kept = {path: path.read_bytes() for path in files if "/logs/" not in str(path)}
    assert all(files[path] == content for path, content in kept.items())
