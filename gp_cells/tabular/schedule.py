"""When each trial of some runs starts and ends on workers that they share: a discrete-event simulation.

A wave is bred when every result up to the wave `lag` before it is known. Workers take jobs in the order
of submission. What a wave holds does not depend on the schedule, so durations can be given beforehand.

A worker trains, or starts and ends a job, or waits: no job is queued, since the next wave needs results
that are not there.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field

import numpy as np

ENDED, POLLED, QUEUED = "ended", "polled", "queued"  # the events


@dataclass(frozen=True)
class Costs:
    """What a schedule takes besides training, in seconds; without any, what ends is known at once."""

    start_s: float = 0.0  # from a worker's taking a job to the first step of training
    end_s: float = 0.0  # from the last step to the worker's being free
    turn_s: float = 0.0  # from noticing a wave's last result to submitting a wave's first job
    submit_s: float = 0.0  # from the submission of one job to that of the next
    # between two looks at what ended, and so much more after each that saw nothing
    poll_s: float = 0.0
    longest_poll_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Independent runs of waves of so many candidates each, `widths`, on workers that they share."""

    workers: int
    runs: int
    widths: tuple[int, ...]
    lag: int

    @property
    def candidates(self) -> int:
        """How many candidates a run has."""
        return sum(self.widths)


@dataclass(frozen=True)
class Times:
    """What came of a schedule: seconds from its begin, (runs, candidates).

    A worker is taken at `started` and free again at `ended`; `waited_s` is what workers waited in all,
    up to the last start.
    """

    started: np.ndarray
    ended: np.ndarray
    waited_s: float

    @property
    def makespan_s(self) -> float:
        """How long all took."""
        return float(self.ended.max())


@dataclass
class _Run:
    """What one run knows of its jobs, and when it looks next."""

    left: list[int]  # results of each wave that have not been noticed
    ended: list[int] = field(default_factory=list)  # waves of the jobs that ended since it looked
    known: int = 0  # waves whose results are all known
    poll_s: float = 0.0
    submitted_at: float = 0.0

    def look(self, costs: Costs) -> range:
        """Notice what ended; return the waves whose results have all become known just now."""
        longer = min(self.poll_s + costs.poll_s, costs.longest_poll_s)
        self.poll_s = costs.poll_s if self.ended else longer
        for wave in self.ended:
            self.left[wave] -= 1
        self.ended.clear()
        before = self.known
        while self.known < len(self.left) and self.left[self.known] == 0:
            self.known += 1
        return range(before, self.known)


def simulate(schedule: Schedule, costs: Costs, durations: np.ndarray) -> Times:
    """Play a schedule; `durations` of training in seconds are (runs, candidates)."""
    runs = [_Run([*schedule.widths], poll_s=costs.poll_s) for _ in range(schedule.runs)]
    waves, ends = len(schedule.widths), [*itertools.accumulate(schedule.widths)]
    wave_of = [wave for wave, width in enumerate(schedule.widths) for _ in range(width)]
    order = itertools.count()
    events: list[tuple[float, int, str, int, int]] = []
    queue: deque[tuple[int, int]] = deque()
    free, now, waited, waited_at_start = schedule.workers, 0.0, 0.0, 0.0
    started, ended = np.zeros_like(durations, float), np.zeros_like(durations, float)

    def plan(at: float, event: str, run: int, slot: int = 0) -> None:
        heapq.heappush(events, (at, next(order), event, run, slot))

    def submit(run: int, wave: int, at: float) -> None:
        if wave < waves:
            for slot in range(ends[wave] - schedule.widths[wave], ends[wave]):
                runs[run].submitted_at = max(runs[run].submitted_at + costs.submit_s, at)
                plan(runs[run].submitted_at, QUEUED, run, slot)

    for run in range(schedule.runs):
        for wave in range(schedule.lag):
            submit(run, wave, 0.0)
        if costs.poll_s:
            plan(costs.poll_s, POLLED, run)
    while events:
        before, (now, _, event, run, slot) = now, heapq.heappop(events)
        waited += free * (now - before)  # were a job queued, no worker would be free
        if event == QUEUED:
            queue.append((run, slot))
        elif event == ENDED:
            free += 1
            runs[run].ended.append(wave_of[slot])
        if event == POLLED or (event == ENDED and not costs.poll_s):
            for wave in runs[run].look(costs):
                submit(run, wave + schedule.lag, now + costs.turn_s)
        if event == POLLED and runs[run].known < waves:
            plan(now + runs[run].poll_s, POLLED, run)
        while free and queue:
            free -= 1
            run, slot = queue.popleft()
            started[run, slot], waited_at_start = now, waited
            ended[run, slot] = now + costs.start_s + durations[run, slot] + costs.end_s
            plan(ended[run, slot], ENDED, run, slot)
    return Times(started, ended, waited_at_start)
