"""How long runs take on so many workers: their waves played as Snakemake starts them, oldest first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Stages:
    """A run: trials and seconds of each wave, and of its finalists last.

    Wave w waits for all trials up to wave w − lag, the finalists for all.
    """

    trials: tuple[int, ...]
    seconds: tuple[float, ...]
    lag: int

    def waits_for(self, stage: int) -> int:
        """Return how many stages, from the first, have to be done before one may start."""
        return stage if stage == len(self.trials) - 1 else max(0, stage + 1 - self.lag)


def wall_s(runs: Sequence[Stages], workers: int) -> float:
    """Return the seconds until all trials of all runs are done, if each takes what its stage says."""
    now, free = 0.0, workers
    left = [list(run.trials) for run in runs]  # of each stage, not done yet
    done = [0] * len(runs)  # stages in a row that are
    opened = [0] * len(runs)
    ready: list[tuple[int, int, int]] = []  # stage, run, trials to start
    running: list[tuple[float, int, int]] = []  # end, run, stage

    def open_stages(number: int) -> None:
        run = runs[number]
        while done[number] < len(run.trials) and left[number][done[number]] == 0:
            done[number] += 1
        while opened[number] < len(run.trials) and run.waits_for(opened[number]) <= done[number]:
            heapq.heappush(ready, (opened[number], number, run.trials[opened[number]]))
            opened[number] += 1

    for number in range(len(runs)):
        open_stages(number)
    while ready or running:
        while ready and free:
            stage, number, trials = heapq.heappop(ready)
            started = min(free, trials)
            free -= started
            for _ in range(started):
                heapq.heappush(running, (now + runs[number].seconds[stage], number, stage))
            if started < trials:
                heapq.heappush(ready, (stage, number, trials - started))
        if running:
            now, number, stage = heapq.heappop(running)
            free += 1
            left[number][stage] -= 1
            open_stages(number)
    return now
