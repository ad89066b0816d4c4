"""Measure what the plan of a large benchmark costs: python benchmarks/scale.py

1. `snakemake -n` of searches of 2,000 to 50,000 candidates, the deepest in 500 waves; of the last wave
   of one, asked for alone; of many runs, and of one run out of many; of searches whose trials start from
   others, beside one whose do not. Nothing runs.
2. A search of 2,000 candidates in 40 waves that runs to its last history: real breeding and scoring,
   trained by a stand-in that sleeps for no time.

Times are CPU seconds of Snakemake and all its jobs, memory that of the largest process.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from workflow import ROOT, STAND_IN, Cost, run

from gp_cells.config.plan import read_plan


def config(
    waves: int,
    slots: int | list[int],
    seeds: int = 1,
    strategy: str = "gp",
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the quickstart with one strategy of so many candidates a run, and one run a seed."""
    read = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    read["benchmark"] = "scale"
    read["seeds"] = list(range(1, seeds + 1))
    search = {"waves": waves, "slots": slots, "lag": 1, "finalists": 1}
    named = {"name": strategy, "settings": settings or {}, "search": search}
    read["strategies"] = {strategy: named}
    read["finalists"] = {"learning_rate_factors": [1.0], "seeds": [101]}
    return read


def show(what: str, candidates: int, cost: Cost) -> None:
    """Print one row of the table."""
    each = 1000 * cost.cpu_s / candidates
    print(
        f"{what:44} {candidates:>7,} {cost.cpu_s:>8.1f} {cost.wall_s:>8.1f} {each:>8.1f}"
        f" {cost.memory_mb:>9,.0f}",
        flush=True,
    )


def plan_only(what: str, chosen: dict[str, Any], candidates: int, *targets: str) -> None:
    """Print the cost of a dry run."""
    with tempfile.TemporaryDirectory() as name:
        show(what, candidates, run(Path(name), chosen, "--dry-run", *targets))


def plan_starts() -> None:
    """Print what trials that start from others cost in planning, beside as many that do not."""
    rungs = [40, 30, 20, 10]
    halving = config(400, rungs * 100, strategy="halving", settings={"rungs": len(rungs)})
    tournament = config(400, 25, strategy="tournament")
    for what, chosen in (
        ("gp, 400 waves of 25", config(400, 25)),
        ("halving, 100 brackets of 40, 30, 20, 10", halving),
        ("tournament, 400 waves of 25", tournament),
        ("gp, again", config(400, 25)),
    ):
        plan_only(f"plan: {what}", chosen, 10_000)


def run_whole(waves: int, slots: int) -> None:
    """Print the cost of running a search, and of starting it again when nothing is left to do."""
    chosen = config(waves, slots)
    [search] = read_plan(chosen).runs.values()
    target = search.history_after(waves - 1)[0]
    with tempfile.TemporaryDirectory() as name:
        for what in (f"run: {waves} waves of {slots}", "run again: nothing to do"):
            cost = run(Path(name), chosen, target, first_in_path=STAND_IN, STAND_IN_PACE="0")
            show(what, waves * slots, cost)


if __name__ == "__main__":
    print(f"{'':44} {'cand.':>7} {'CPU s':>8} {'wall s':>8} {'ms each':>8} {'memory MB':>9}")
    for waves, slots in ((40, 50), (400, 25), (500, 100)):
        plan_only(f"plan: {waves} waves of {slots}", config(waves, slots), waves * slots)
    plan_starts()
    deep = config(400, 25)
    [last] = read_plan(deep).runs["scale-bach_chorales-gp-s1"].history_after(399)
    plan_only("plan: 400 waves of 25, the last history alone", deep, 10_000, last)
    many = config(10, 20, seeds=50)
    plan_only("plan: 50 runs, 10 waves of 20 each", many, 10_000)
    one = "results/tables/trials/run=scale-bach_chorales-gp-s1/part.parquet"
    plan_only("plan: one of these 50 runs", many, 200, one)
    run_whole(40, 50)
