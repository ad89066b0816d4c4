"""The simulation of schedules, which decides nothing but is quoted."""

from __future__ import annotations

import numpy as np
import pytest
from schedule import Costs, Schedule, simulate

FREE = Costs(start_s=0.0, end_s=0.0, turn_s=0.0, submit_s=0.0)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_waves_that_end_between_two_looks_are_all_followed(lag: int) -> None:
    schedule = Schedule(workers=4, runs=1, waves=6, slots=2, lag=lag)
    spent = simulate(schedule, FREE, np.full((1, 12), 0.5))
    assert spent.makespan_s > 0  # it ends, though several waves become known at once


def test_equal_trials_on_as_many_workers_as_slots_never_wait_with_a_lag() -> None:
    schedule = Schedule(workers=4, runs=1, waves=5, slots=4, lag=2)
    spent = simulate(schedule, FREE, np.full((1, 20), 100.0))
    assert spent.waiting == pytest.approx(0.0)
    assert spent.makespan_s == pytest.approx(500.0)
