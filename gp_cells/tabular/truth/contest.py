"""A strategy against random search on a complete table: the regret of both, over the same seeds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from gp_cells.config.choose import SettingError, check_range
from gp_cells.config.records import PlugIn, Search
from gp_cells.genomes.genome import parse
from gp_cells.plugins import plug_in
from gp_cells.strategies.random import Random
from gp_cells.strategies.strategy import Strategy, searches
from gp_cells.tabular.searches import Played, compare_played, looks
from gp_cells.tabular.truth.known import least, truth
from gp_cells.tabular.truth.play import play

UNIT = "points of accuracy"
AGAINST = "random"


@dataclass(frozen=True)
class Contest:
    """What is played: a table by its name, and how many candidates a search has, in which waves."""

    table: str
    candidates: int
    slots: int
    lag: int

    def __post_init__(self) -> None:
        for name in ("candidates", "slots", "lag"):
            check_range(f"--{name}", getattr(self, name), 1)

    @property
    def widths(self) -> list[int]:
        """The slots of each wave; the last may have fewer."""
        whole, rest = divmod(self.candidates, self.slots)
        return [self.slots] * whole + [rest] * bool(rest)

    @property
    def search(self) -> Search:
        """The same as a config says it."""
        widths = tuple(self.widths)
        return Search(waves=len(widths), slots=widths, lag=self.lag, finalists=1)


def play_against_random(
    contest: Contest, name: str, settings: Mapping[str, Any], seeds: Sequence[int]
) -> dict[str, Any]:
    """Return the comparison of a strategy with random search, by regret in points of accuracy.

    Raises:
        SettingError: there is no such strategy or table, or they do not fit each other.
    """
    known = truth(contest.table)
    strategy: Strategy = plug_in("strategy", PlugIn(name=name, settings=settings))
    if not searches(strategy):
        raise SettingError(f"{name} lists designs and does not search; choose a strategy that does")
    strategy.check(contest.search, known.space)
    label = name if name != AGAINST else f"{name}, again"
    arms = {label: strategy, AGAINST: Random()}
    least(contest.table)  # reads the table once, before processes are forked
    with ProcessPoolExecutor(min(len(seeds), os.cpu_count() or 1)) as pool:
        played = [
            search
            for arm, of in arms.items()
            for search in pool.map(partial(search_once, contest, arm, of), seeds)
        ]
    return compare_played(contest.table, UNIT, played, looks(contest.candidates), 0.0)


def search_once(contest: Contest, label: str, strategy: Strategy, seed: int) -> Played:
    """Return one search on the table, its losses as regrets."""
    known = truth(contest.table)
    lowest, lowest_test = least(contest.table)
    history = play(strategy, known.space, known.table, contest.widths, contest.lag, seed)
    tests = [known.table(parse(of.genome, known.space.language)).test for of in history]
    trials = [
        {
            "candidate": of.candidate,
            "architecture_id": of.architecture_id,
            "fitness": None if of.failed else 100 * (of.fitness - lowest),
            "epochs": 1,
            "cpu_s": None,
        }
        for of in history
    ]
    judged = [None if test is None else 100 * (test - lowest_test) for test in tests]
    return Played(label, seed, trials, judged)
