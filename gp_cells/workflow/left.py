"""How long a run will still take: its schedule played on, at the pace of the trials that have ended.

What a trial of one kind takes beside another is foretold (`workflow.forecast`), or taken to be alike; how
long they really take is what those that ended here took. The end that is shown follows what each look
foretells only by a share, so that it does not jump.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gp_cells.config.plan import Plan, Run
from gp_cells.config.records import RunConfig
from gp_cells.workflow.cost import UNMEASURED, Measured, Size
from gp_cells.workflow.schedule import Stages, wall_s

if TYPE_CHECKING:
    from gp_cells.workflow.forecast import Forecast

FOLLOWED = 0.2  # the share of a new look that the end shown follows, once some trials have ended
LOOKS = 500  # at the schedule in a whole run, at most
TRUSTED = 3  # trials that a forecast from the tables counts as
ENOUGH = 4  # trials to know a pace by, where there is no forecast, or one more than workers


def unmeasured(_: RunConfig) -> list[Measured]:
    """Stand in for probe trainings: trials as slow as is assumed before anything was measured."""
    sizes = Size(1e6, 0.0, 0.0), Size(0.0, 1e12, 0.0)
    return [Measured("", size, UNMEASURED.seconds(size), UNMEASURED.process_mb) for size in sizes]


@dataclass
class TimeLeft:
    """The end of a run in seconds as time.time() has them, of so many trainings at once."""

    plan: Plan
    workers: int
    end_s: float | None = None  # as it is shown
    _costs: dict[tuple[str, str], list[float]] = field(default_factory=dict)  # of each stage
    _is_foretold: bool = False  # the costs are seconds
    _ended: list[tuple[Run, int, float]] = field(default_factory=list)
    _looked_at: int = -1  # trials that had ended

    @property
    def is_due(self) -> bool:
        """Whether the end is to be foretold anew; of a large plan that is after some trials more."""
        wanted = max(1, sum(run.trials for run in self.plan.runs.values()) // LOOKS)
        return self._looked_at < 0 or len(self._ended) >= self._looked_at + wanted

    def learn(self, forecasts: Sequence[Forecast]) -> None:
        """Take what trials of each kind cost beside one another from a forecast with `unmeasured`."""
        self._costs = {
            (of.task, of.strategy): [cost.seconds for cost in of.costs] for of in forecasts
        }
        if any(math.isnan(cost) for costs in self._costs.values() for cost in costs):
            self._costs = {}
        paces = [of.pace for of in forecasts]
        self._is_foretold = bool(self._costs) and not any(p is None or p.is_probed for p in paces)

    def note(self, run: Run, stage: int, seconds: float) -> None:
        """Note what a trial that has ended took."""
        self._ended.append((run, stage, seconds))

    def look(self, unfinished: Mapping[str, Sequence[int]], under_way_s: float, now: float) -> None:
        """Foretell the end anew from the trials of each stage that have not ended.

        `under_way_s` is what the trials under way have taken so far.
        """
        pace = self._pace()
        if pace is None:
            return
        self._looked_at = len(self._ended)
        runs = [(self.plan.runs[name], counts) for name, counts in unfinished.items()]
        stages = [
            Stages(
                tuple(counts),
                tuple(pace * self._cost(run, stage) for stage in range(len(counts))),
                run.lag,
            )
            for run, counts in runs
        ]
        end_s = now + max(0.0, wall_s(stages, self.workers) - under_way_s / self.workers)
        share = max(FOLLOWED, 1 / (1 + len(self._ended)))
        self.end_s = end_s if self.end_s is None else self.end_s + share * (end_s - self.end_s)

    def left_s(self, now: float) -> float | None:
        """Return the seconds that are left, None while they are unknown."""
        return None if self.end_s is None else max(0.0, self.end_s - now)

    def _cost(self, run: Run, stage: int) -> float:
        costs = self._costs.get((run.task, run.strategy))
        return costs[stage] if costs else 1.0

    def _pace(self) -> float | None:
        """Return the seconds that a cost of 1 takes, None while too few trials have ended."""
        took_s = math.fsum(seconds for _, _, seconds in self._ended)
        cost = math.fsum(self._cost(run, stage) for run, stage, _ in self._ended)
        if self._is_foretold:
            trusted = TRUSTED * (cost / len(self._ended) if self._ended else 1.0)
            return (trusted + took_s) / (trusted + cost)
        return took_s / cost if len(self._ended) >= max(ENOUGH, self.workers + 1) else None
