"""Simulate which schedule keeps how many workers busy: python benchmarks/schedule.py COMMAND

    check MEASURED.json          the simulation beside the real run of benchmarks/waiting.py
    figure RESULTS CHART.svg     8 to 27,648 workers, trials spread like those in RESULTS
    local RESULTS                runs as the quickstart's that share one machine, with and without a lag

What the suite does on a cluster, one Snakemake a run, by `gp_cells.tabular.schedule`. A wave is bred when
Snakemake has noticed every result up to the wave `lag` before it. Snakemake asks for the states of its
jobs 10 s after it saw one end, and 10 s later each time that it saw none (snakemake-executor-plugin-slurm
2.8, as `profiles/slurm` sets it).

What comes after the last candidate's start is left out of the shares of a worker's time, whatever the
schedule: there is nothing left to do.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gp_cells.tabular.schedule import Costs, Schedule, simulate

POLL_S, LONGEST_POLL_S = 10.0, 180.0


@dataclass(frozen=True)
class Spent:
    """How long all took, and how workers spent their time up to the last start, in shares."""

    makespan_s: float
    training: float
    waiting: float

    @property
    def starting(self) -> float:
        """The share that went into starting and ending jobs."""
        return 1 - self.training - self.waiting


def spent(schedule: Schedule, costs: Costs, durations: np.ndarray) -> Spent:
    """Simulate a schedule; `durations` of training in seconds are (runs, candidates)."""
    times = simulate(schedule, costs, durations)
    last = times.started.max()
    began = times.started + costs.start_s
    trained_s = np.minimum(began + durations, last) - np.minimum(began, last)
    space_s = schedule.workers * last
    return Spent(times.makespan_s, float(trained_s.sum()) / space_s, times.waited_s / space_s)


# --- beside the real run ----------------------------------------------------------------------------


def measured_spent(jobs: Sequence[dict[str, float]], workers: int) -> Spent:
    """Return how workers of a real cluster spent their time, from each job's times."""
    first = min(job["submitted"] for job in jobs)
    last = max(job["started"] for job in jobs)
    changes = sorted(
        [(job["submitted"], 1, 0) for job in jobs]
        + [(job["started"], -1, 1) for job in jobs]
        + [(job["ended"], 0, -1) for job in jobs]
    )
    waited_s, queued, running, before = 0.0, 0, 0, first
    for at, of_queue, of_running in changes:
        if queued == 0 and at <= last:
            waited_s += (workers - running) * (at - before)
        queued, running, before = queued + of_queue, running + of_running, at
    trained_s = sum(min(job["slept"], last) - min(job["began"], last) for job in jobs)
    space_s = workers * (last - first)
    makespan_s = max(job["ended"] for job in jobs) - first
    return Spent(makespan_s, trained_s / space_s, waited_s / space_s)


def measured_costs(search: dict[str, Any], generational: dict[str, Any]) -> Costs:
    """Return a search's own mean job costs, and the generational one's between waves."""
    jobs = search["jobs"]
    waves = [
        [job["submitted"] for job in wave] for wave in split(generational["jobs"], search["slots"])
    ]
    turns = [
        min(after) - scored
        for scored, after in zip(generational["scoring"], waves[1:], strict=False)
    ]
    return Costs(
        start_s=statistics.mean(job["began"] - job["started"] for job in jobs),
        end_s=statistics.mean(job["ended"] - job["slept"] for job in jobs),
        turn_s=statistics.mean(turns),
        submit_s=statistics.mean((max(wave) - min(wave)) / (len(wave) - 1) for wave in waves),
        poll_s=POLL_S,
        longest_poll_s=LONGEST_POLL_S,
    )


def split(jobs: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Return a list in pieces of equal size."""
    return [jobs[i : i + size] for i in range(0, len(jobs), size)]


def check(measured_file: Path) -> None:
    """Print each real search beside its simulation."""
    measured = json.loads(measured_file.read_text(encoding="utf-8"))
    searches, workers = measured["searches"], measured["workers"]
    print(f"{'':52} {'makespan s':>10} {'training':>9} {'starting':>9} {'waiting':>9}")
    for label, search in searches.items():
        costs = measured_costs(search, searches["generational"])
        schedule = Schedule(
            workers=workers,
            runs=1,
            widths=(search["slots"],) * search["waves"],
            lag=search["lag"],
        )
        slept = np.array([[job["slept"] - job["began"] for job in search["jobs"]]])
        show(f"{label}, measured", measured_spent(search["jobs"], workers))
        show(f"{label}, simulated", spent(schedule, costs, slept))
        print(f"  with {costs}")


def show(what: str, row: Spent) -> None:
    """Print one row of a table."""
    print(
        f"{what:52} {row.makespan_s:>10,.0f} {row.training:>9.1%} {row.starting:>9.1%} {row.waiting:>9.1%}"
    )


# --- the figure -------------------------------------------------------------------------------------

WORKERS = (8, 32, 128, 512, 2048, 8192, 27_648)
LAGS = (1, 2, 4, 8)
WAVES = 20
MOST_SLOTS = 100  # of a wave
MEAN_S = 1800.0
ON_A_CLUSTER = Costs(
    start_s=10.0,
    end_s=2.0,
    turn_s=4.0,
    submit_s=0.1,
    poll_s=POLL_S,
    longest_poll_s=LONGEST_POLL_S,
)


def trial_lengths(results: Path) -> np.ndarray:
    """Return the CPU time of every finished search trial below a folder, as multiples of the mean."""
    from gp_cells.training.trial_file import read_trial

    files = sorted(results.glob("runs/*/waves/*/*/trial.h5"))
    lengths = np.array([read_trial(file).curve["cpu_s"].sum() for file in files])
    print(
        f"{len(files)} trials of {lengths.min():.1f} to {lengths.max():.1f} s, mean {lengths.mean():.1f} s"
    )
    return lengths / lengths.mean()


def figure(results: Path, chart: Path) -> None:
    """Simulate every number of workers and lag, and draw the share of time spent waiting."""
    spreads = {
        "as measured in a search": trial_lengths(results),
        "evenly from 1 to 5": np.linspace(20.0, 100.0, 81) / 60.0,
    }
    rows = []
    for (spread, lengths), workers, lag in itertools.product(spreads.items(), WORKERS, LAGS):
        runs = -(-workers // MOST_SLOTS)
        schedule = Schedule(
            workers=workers, runs=runs, widths=(-(-workers // runs),) * WAVES, lag=lag
        )
        size = (runs, schedule.candidates)
        durations = MEAN_S * np.random.default_rng(1).choice(lengths, size)
        row = spent(schedule, ON_A_CLUSTER, durations)
        show(f"{spread}: {workers:,} workers, lag {lag}", row)
        rows.append({"workers": workers, "lag": str(lag), "trials": spread, "waiting": row.waiting})
    draw(rows, chart)


ON_ONE_MACHINE = Costs(start_s=0.3, end_s=0.1, turn_s=0.6)
SHARED = ((1, 2), (2, 2), (2, 4), (2, 8), (2, 16), (4, 16))  # runs, workers


def local(results: Path, seeds: int = 20) -> None:
    """Print what runs of 14 waves of 9 take on one machine, in the mean over draws of trials."""
    lengths, widths = trial_lengths(results), (9,) * 14
    for (runs, workers), lag in itertools.product(SHARED, (1, 2)):
        schedule = Schedule(workers=workers, runs=runs, widths=widths, lag=lag)
        size = (runs, schedule.candidates)
        rows = [
            spent(schedule, ON_ONE_MACHINE, 2 * np.random.default_rng(seed).choice(lengths, size))
            for seed in range(seeds)
        ]
        makespan_s = statistics.mean(row.makespan_s for row in rows)
        training = statistics.mean(row.training for row in rows)
        waiting = statistics.mean(row.waiting for row in rows)
        show(f"{runs} runs, {workers} workers, lag {lag}", Spent(makespan_s, training, waiting))


def draw(rows: Sequence[dict[str, Any]], chart: Path) -> None:
    """Draw the share of workers' time spent waiting, by number of workers and lag."""
    import altair as alt

    x = alt.X("workers:Q", scale=alt.Scale(type="log"), axis=alt.Axis(values=WORKERS, format=",d"))
    y = alt.Y("waiting:Q", title="share of worker time waiting", axis=alt.Axis(format="%"))
    line = alt.Chart(alt.InlineData(values=rows)).mark_line(point=True, strokeWidth=2)
    lines = line.encode(x=x, y=y, color=alt.Color("lag:N", scale=alt.Scale(scheme="viridis")))
    panel = alt.Column("trials:N", title="length of trials")
    lines.properties(width=300, height=220).facet(column=panel).save(chart)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("measured", type=Path)
    drawing = commands.add_parser("figure")
    drawing.add_argument("results", type=Path)
    drawing.add_argument("chart", type=Path)
    commands.add_parser("local").add_argument("results", type=Path)
    options = parser.parse_args()
    if options.command == "check":
        check(options.measured)
    elif options.command == "local":
        local(options.results)
    else:
        figure(options.results, options.chart)
