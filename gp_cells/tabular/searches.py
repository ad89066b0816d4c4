"""Searches that were played instead of trained, compared as trained ones are.

Each search becomes a run of one task as `gp_cells.compare` reads it, so means, intervals, paired tests,
corrections and curves are the very same. A search counts with the best that it found: there are no
finalists that were trained again, so the loss of a search is that of what it chose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gp_cells.compare.anytime import anytime
from gp_cells.compare.power import say_power
from gp_cells.compare.records import Records, Row
from gp_cells.compare.strategies import compare_strategies
from gp_cells.compare.summary import aligned, mean_within, pair_rows

PARTS = (6, 3, 2)  # of the candidates: after a sixth, a third and half of them it is looked, too


@dataclass(frozen=True)
class Played:
    """One search: its trials in order, and the loss that each would be judged by in the end.

    A trial has a `candidate`, an `architecture_id`, its `fitness`, None if it failed, and what it cost:
    `epochs` and `cpu_s`. `judged` is, for each trial, a loss beside the one selected on, if there is one.
    """

    strategy: str
    seed: int
    trials: Sequence[Row]
    judged: Sequence[float | None] | None = None

    @property
    def run(self) -> str:
        """Its name."""
        return f"{self.strategy}-s{self.seed}"

    def best(self, after: int) -> int | None:
        """Return the place of the best of the first so many trials; None if none ended well."""
        known = [i for i, t in enumerate(self.trials[:after]) if t["fitness"] is not None]
        return min(known, key=lambda i: self.trials[i]["fitness"], default=None)


def looks(candidates: int) -> list[int]:
    """Return after how many candidates searches are compared: some early ones, and all."""
    return sorted({candidates, *(candidates // part for part in PARTS)} - {0})


def compare_played(
    task: str, unit: str, searches: Sequence[Played], after: Sequence[int], least: float | None
) -> dict[str, Any]:
    """Return a comparison of searches on one task, after each of some numbers of candidates.

    Its `after` have `candidates`, and `strategies` as a comparison of trained searches has them, by the
    loss selected on; `judged`, after the last, by the other one if all searches have it. `anytime` is as
    there. `least` is the lowest loss there is, if it is known.
    """
    records = _records(task, searches)
    curves = anytime(records)
    if least is not None and curves["best_known"] is not None:
        curves["best_known"]["loss"] = least
    has_judged = all(search.judged is not None for search in searches)
    return {
        "task": task,
        "loss_unit": unit,
        "after": [
            {"candidates": n, "strategies": _compared(records, searches, n, False)} for n in after
        ],
        "judged": _compared(records, searches, after[-1], True) if has_judged else None,
        "anytime": curves,
    }


def _compared(records: Records, searches: Sequence[Played], after: int, judged: bool) -> Row:
    found = compare_strategies(records, list(_finalists(searches, after, judged)))
    # one table has few architectures that are the best: that searches share one is what they are for
    found["warnings"] = [said for said in found["warnings"] if "equal cells" not in said]
    return found


def _finalists(searches: Sequence[Played], after: int, judged: bool) -> Iterator[Row]:
    """Yield the best of each search as a finalist that was trained once."""
    for search in searches:
        place = search.best(after)
        if place is None:
            continue
        trial = search.trials[place]
        loss = search.judged[place] if judged and search.judged else trial["fitness"]
        yield {
            **{"run": search.run, "strategy": search.strategy, "seed": search.seed, "finalist": 0},
            **{"name": None, "valid_mean": trial["fitness"], "test_mean": loss, "failed": 0},
            **{"test_error": None, "parameters": None, "trial_id": trial["candidate"]},
            **{"trial": f"{search.run}/{trial['candidate']}"},
            **{"architecture_id": trial["architecture_id"]},
        }


def _records(task: str, searches: Sequence[Played]) -> Records:
    runs = [
        {"run": s.run, "strategy": s.strategy, "seed": s.seed, "task": task, "searches": True}
        for s in searches
    ]
    trials = [
        {**trial, "run": search.run, "role": "search", "process_cpu_s": trial["cpu_s"]}
        | {"recipe": None}  # what is played trains on no shard
        for search in searches
        for trial in search.trials
    ]
    return Records(task, {"runs": runs, "trials": trials}, {})


def tell(compared: Mapping[str, Any], title: str) -> str:
    """Return the comparison in words and columns."""
    last = compared["after"][-1]["strategies"]
    lines = aligned(columns(compared, title))
    if last["pairs"]:
        lines += ["", *aligned(pair_rows(last["pairs"]))]
        lines += [said for said in [say_power(last["pairs"])] if said]
    return "\n".join([*lines, *(f"warning: {said}" for said in last["warnings"])])


def columns(compared: Mapping[str, Any], title: str) -> list[list[str]]:
    """Return a row for each strategy, of its mean loss after some numbers of candidates; the head first."""
    head = [title, *(f"{of['candidates']:,} trained" for of in compared["after"])]
    parts = [of["strategies"] for of in compared["after"]]
    if compared["judged"] is not None:
        head.append("test, at the end")
        parts.append(compared["judged"])
    names = [row["strategy"] for row in parts[0]["rows"]]
    rows = [
        [name, *(mean_within(next(r for r in of["rows"] if r["strategy"] == name)) for of in parts)]
        for name in names
    ]
    return [head, *rows]
