"""Print which decoder block solves what: python benchmarks/mixers.py [--results FOLDER]

Of the tables that `config/mixers.yaml` leaves: of each block and task the share of scored test targets
that are right, mean over training seeds with Student's interval of 95 %, and after how many steps of the
optimiser nine of ten validation targets were right: to the end of an epoch, the median of the seeds that
got there, in brackets how many did where not all. A trial that failed has no share; it is counted apart.
Beside them stand the numbers that one block learns, and those that it keeps of a sequence.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gp_cells.compare.intervals import interval
from gp_cells.tables.query import ask

BENCHMARK = "mixers"
REACHED = 0.1  # share of wrong validation targets
STEPS = 100  # of an epoch

ROWS = f"""
    select results.task, results.name, results.seed, any_value(1 - results.test_error) as share,
        any_value(results.parameters) as parameters, any_value(results.state_size) as state_size,
        any_value(trials.cache_per_token) as cache,
        {STEPS} * min(curves.epoch) filter (where curves.valid_error <= {REACHED}) as steps
    from results join trials using (trial_id) left join curves using (trial_id)
    where results.finalist is not null and results.benchmark = '{BENCHMARK}'
    group by all order by results.task, results.name, results.seed"""


def share(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the mean share of right targets, how sure it is, and how many trials have none."""
    known = [row["share"] for row in rows if row["share"] is not None]
    if not known:
        return "failed"
    low, high = interval(known)
    sure = "" if low is None or high is None else f" ± {(high - low) / 2:.3f}"
    failed = "" if len(known) == len(rows) else f", {len(rows) - len(known)} failed"
    return f"{statistics.mean(known):.3f}{sure}{failed}"


def steps(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return after how many steps enough targets were right, and of how many seeds if not of all."""
    reached = [row["steps"] for row in rows if row["steps"] is not None]
    if not reached:
        return "-"
    some = "" if len(reached) == len(rows) else f" ({len(reached)} of {len(rows)})"
    return f"{statistics.median_low(reached)}{some}"


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the table, as Markdown; blocks that are right more often come first."""
    tasks = sorted({row["task"] for row in rows})
    blocks: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        blocks.setdefault(row["name"], []).append(row)

    def right(name: str) -> float:
        return statistics.mean(row["share"] or 0.0 for row in blocks[name])

    head = ["block", "numbers", "state", *(x for task in tasks for x in (task, "steps"))]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for name in sorted(blocks, key=right, reverse=True):
        one = blocks[name][0]
        state = f"{one['state_size']:,}" + (", grows" if one["cache"] else "")
        cells = [name, f"{one['parameters']:,}", state]
        for task in tasks:
            own = [row for row in blocks[name] if row["task"] == task]
            cells += [share(own), steps(own)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("results"))
    print("\n".join(table(ask(parser.parse_args().results, ROWS).to_pylist())))


if __name__ == "__main__":
    main()
