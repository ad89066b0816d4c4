"""Waves played on workers: known wall times."""

import pytest

from gp_cells.workflow.schedule import Stages, wall_s


def run(waves: int, slots: int, finalists: int = 0, lag: int = 1, seconds: float = 1.0) -> Stages:
    return Stages((*([slots] * waves), finalists), (*([seconds] * waves), 10.0), lag)


@pytest.mark.parametrize(
    ("runs", "workers", "wall"),
    [
        ([run(3, 4)], 1, 12.0),
        ([run(3, 4)], 4, 3.0),
        ([run(3, 4)], 100, 3.0),  # waves wait for each other
        ([run(3, 4), run(3, 4)], 4, 6.0),
        ([run(3, 3)], 2, 6.0),  # a worker stands idle at the end of each wave
        ([run(4, 3, lag=2)], 2, 6.0),  # and not with two waves under way
        ([run(1, 4, finalists=3)], 3, 2.0 + 10.0),
        ([run(0, 0)], 1, 0.0),
    ],
    ids=str,
)
def test_waves_wait_for_workers_and_for_each_other(runs, workers, wall):
    assert wall_s(runs, workers) == pytest.approx(wall)


def test_a_large_plan_is_played_in_no_time():
    assert wall_s([run(50, 20, 60)] * 100, 64) > 0
