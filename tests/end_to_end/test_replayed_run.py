"""A finished benchmark replayed from its tables: what Snakemake's own files say."""

from __future__ import annotations

import pytest
from support.benchmark import Benchmark

from gp_cells.strategies.history import read_history
from gp_cells.tabular.replay import Replay


@pytest.mark.parametrize("name", ["tiny-bach-gp-s1", "tiny-bach-steady-s1"])
def test_a_real_run_replayed_has_the_history_that_its_waves_were_bred_from(
    base: Benchmark, name: str
) -> None:
    run = base.plan.runs[name]
    [last] = run.history_after(run.waves - 1)
    replayed = Replay(base.folder / "results", workers=3).run(run)
    assert replayed.outcomes == read_history(base.folder / last)
    assert all(answer.train_s > 0 for answer in replayed.answers)
