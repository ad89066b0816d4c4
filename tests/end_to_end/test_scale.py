"""A deep search is planned whole, and older waves go first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.benchmark import GP, Benchmark, log_in

from gp_cells.tables.parquet import read_tables


@pytest.mark.parametrize("lag", [1, 4])
def test_the_last_of_four_hundred_waves_is_planned_with_all_before_it(
    tmp_path: Path, lag: int
) -> None:
    deep = Benchmark(tmp_path)
    search = {"waves": 400, "slots": 2, "lag": lag, "finalists": 1}
    deep.config["strategies"] = {"gp": {"name": "gp", "search": search}}

    whole = deep.finish("-n", "--quiet", "host")
    last = deep.finish(f"{GP}/waves/399/history.jsonl.gz", "-n", "--quiet", "host")

    assert whole.planned["train"] == 400 * 2 + 1
    assert (last.planned["breed_gp"], last.planned["train"]) == (400, 400 * 2)


def test_of_the_waves_under_way_the_oldest_is_bred_and_trained_first(tmp_path: Path) -> None:
    lagged = Benchmark(tmp_path)
    search = {"waves": 6, "slots": 2, "lag": 6, "finalists": 1}
    lagged.config["strategies"] = {"gp": {"name": "gp", "search": search}}

    lagged.finish("-c1", f"{GP}/waves/005/history.jsonl.gz")

    started = re.findall(
        r"log: results/logs/(\w+)/tiny-bach-gp-s1/(?:waves/)?(\d+)", log_in(tmp_path)
    )
    waves = {rule: [wave for at, wave in started if at == rule] for rule in ("breed", "train")}
    assert len(waves["train"]) == 12
    assert waves == {rule: sorted(order) for rule, order in waves.items()}


def test_waves_of_different_widths_are_planned_bred_and_tabulated(tmp_path: Path) -> None:
    uneven = Benchmark(tmp_path)
    search = {"waves": 3, "slots": [3, 1, 3], "lag": 2, "finalists": 1}
    uneven.config["strategies"] = {"gp": {"name": "gp", "search": search}}

    planned = uneven.finish("-n", "--quiet", "host").planned
    ran = uneven.finish()

    assert (planned["breed3_gp"], planned["breed1_gp"]) == (2, 1)
    assert planned["train"] == 7 + 1 == len(ran.trained)
    candidates = read_tables(tmp_path / "results", "candidates").to_pylist()
    assert [(row["wave"], row["slot"]) for row in candidates] == [
        *((0, 0), (0, 1), (0, 2), (1, 0)),
        *((2, 0), (2, 1), (2, 2)),
    ]
    assert not uneven.finish().jobs
