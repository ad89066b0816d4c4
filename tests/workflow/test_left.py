import heapq
import itertools

import numpy as np
import pytest
from support.tiny import TINY

from gp_cells.config.plan import read_plan
from gp_cells.workflow.left import TimeLeft

PLAN = read_plan(
    {
        **TINY,
        "strategies": {
            name: {"name": name, "search": {"waves": 6, "slots": 8, "lag": 1, "finalists": 2}}
            for name in ("gp", "random")
        },
    }
)


def told(seconds: list[float], workers: int) -> list[tuple[float, float | None]]:
    """Run trials of the plan, wave by wave, on workers; return when each ended and the end foretold."""
    left = TimeLeft(PLAN, workers)
    unfinished = {
        name: [*run.widths, run.trials - sum(run.widths)] for name, run in PLAN.runs.items()
    }
    free, now, found = [0.0] * workers, 0.0, []
    pending = iter(seconds)
    for stage in range(7):
        ends = []
        for name, counts in unfinished.items():
            for _ in range(counts[stage]):
                started = max(now, heapq.heappop(free))
                took = next(pending)
                heapq.heappush(free, started + took)
                ends.append((started + took, took, name))
        for end, took, name in sorted(ends):
            unfinished[name][stage] -= 1
            left.note(PLAN.runs[name], stage, took)
            left.look(unfinished, 0.0, end)
            found.append((end, left.end_s))
        now = max(end for end, _, _ in ends)
    return found


TRIALS = sum(run.trials for run in PLAN.runs.values())


def test_the_end_of_trials_that_take_alike_is_known_once_the_workers_have_been_seen():
    found = told([30.0] * TRIALS, 2)
    end = found[-1][0]

    known = [foretold for _, foretold in found if foretold is not None]

    assert len(known) >= TRIALS - 4
    # as the model has no trials under way here, it is off by one trial at most
    assert all(abs(foretold - end) <= 30.0 for foretold in known)


@pytest.mark.parametrize("seed", range(5))
def test_the_end_does_not_jump_where_trials_take_very_differently(seed):
    seconds = np.random.default_rng(seed).lognormal(3.0, 0.8, TRIALS)
    found = [(at, end) for at, end in told(list(seconds), 2) if end is not None]
    last = found[-1][0]

    moves = [abs(two[1] - one[1]) for one, two in itertools.pairwise(found)]

    assert max(moves) < 0.12 * last
    half = [end for at, end in found if at > last / 2]
    assert all(abs(end - last) < 0.25 * last for end in half)


def test_nothing_is_known_before_more_trials_than_workers_have_ended():
    left = TimeLeft(PLAN, 8)
    run = next(iter(PLAN.runs.values()))
    for _ in range(8):
        left.note(run, 0, 10.0)
    left.look({run.name: [0, 8]}, 0.0, 100.0)
    assert left.left_s(100.0) is None

    left.note(run, 0, 10.0)
    left.look({run.name: [0, 8]}, 0.0, 100.0)

    assert left.left_s(100.0) == pytest.approx(10.0)
