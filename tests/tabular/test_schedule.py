"""The simulation of schedules, on which replays tell the time and which is quoted."""

from __future__ import annotations

import numpy as np
import pytest
from schedule import POLL_S, spent

from gp_cells.tabular.schedule import Costs, Schedule, simulate

FREE = Costs()
POLLED = Costs(poll_s=POLL_S, longest_poll_s=POLL_S)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_waves_that_end_between_two_looks_are_all_followed(lag: int) -> None:
    schedule = Schedule(workers=4, runs=1, widths=(2,) * 6, lag=lag)
    times = simulate(schedule, POLLED, np.full((1, 12), 0.5))
    assert (times.ended > 0).all()  # it ends, though several waves become known at once


@pytest.mark.parametrize("costs", [FREE, POLLED])
def test_equal_trials_on_as_many_workers_as_slots_never_wait_with_a_lag(costs: Costs) -> None:
    schedule = Schedule(workers=4, runs=1, widths=(4,) * 5, lag=2)
    times = spent(schedule, costs, np.full((1, 20), 100.0))
    assert times.waiting == pytest.approx(0.0)
    assert times.makespan_s == pytest.approx(500.0)


def test_one_worker_trains_one_after_another() -> None:
    durations = np.array([[3.0, 1.0, 2.0, 4.0]])
    times = simulate(Schedule(workers=1, runs=1, widths=(2,) * 2, lag=1), FREE, durations)
    assert times.started.tolist() == [[0.0, 3.0, 4.0, 6.0]]
    assert times.ended.tolist() == [[3.0, 4.0, 6.0, 10.0]]
    assert times.waited_s == 0.0


def test_a_wave_starts_when_the_slowest_of_the_wave_before_it_has_ended() -> None:
    durations = np.array([[3.0, 1.0, 2.0, 4.0]])
    times = simulate(Schedule(workers=2, runs=1, widths=(2,) * 2, lag=1), FREE, durations)
    assert times.started.tolist() == [[0.0, 0.0, 3.0, 3.0]]
    assert times.waited_s == 2.0


def test_waves_may_have_different_numbers_of_slots() -> None:
    durations = np.array([[3.0, 1.0, 2.0, 4.0]])
    times = simulate(Schedule(workers=2, runs=1, widths=(1, 3), lag=1), FREE, durations)
    assert times.started.tolist() == [[0.0, 3.0, 3.0, 4.0]]


def test_with_a_lag_a_free_worker_goes_on_with_the_next_wave() -> None:
    durations = np.array([[3.0, 1.0, 2.0, 4.0]])
    times = simulate(Schedule(workers=2, runs=1, widths=(2,) * 2, lag=2), FREE, durations)
    assert times.started.tolist() == [[0.0, 0.0, 1.0, 3.0]]
