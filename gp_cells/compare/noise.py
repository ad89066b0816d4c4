"""How much of the spread of losses is the architecture's, how much the seed's, and what can be told so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from gp_cells.compare.hypotheses import ALPHA, variance_components
from gp_cells.compare.power import smallest_difference
from gp_cells.compare.records import Records, Row, chosen_benchmark, read_records, runs_of
from gp_cells.config.files import RecordError

PLANNED = (3, 5, 10, 20)  # seeds of which is told what they could show
TELLING = 0.5  # smallest share of the architecture in the variance of a task that can rank
FEWEST = 5  # architectures that this is judged by

# The loss of each architecture by its seed, None where that training failed.
Losses = Mapping[str, Mapping[int, float | None]]


def seed_against_architecture(records: Records) -> Row | None:
    """Return what `noise` says of finalists' validation losses."""
    return noise(_losses(records, "valid"))


def is_luck(variance: Row | None) -> bool:
    """Return whether most of a task's spread of validation losses is luck, so that it can rank nothing."""
    if variance is None or variance["architectures"] < FEWEST:
        return False
    share = variance["share_of_architecture"]
    return share is not None and share < TELLING


def noise(losses: Losses) -> Row | None:
    """Return the spread of losses by architecture, by seed, and what is left, and what that lets one tell.

    All finalists, found and designed, were trained with the same seeds: a seed can be good for all
    of them (`seed_deviation`) or for one alone (`rest_deviation`). The share is that of the architecture
    in the variance of a single training. Finalists are a choice of the best, so architectures at large
    differ more. `smallest` are the smallest differences of two cells that as many paired seeds would tell
    (`power`); of `pairs` of cells, `told_apart` differ at 5 % by a paired t-test, not corrected.

    Those with a failed seed are left out and counted; None with fewer than two architectures or seeds.
    """
    seeds = sorted({seed for of in losses.values() for seed in of})
    whole = [row for of in losses.values() if None not in (row := [of.get(s) for s in seeds])]
    if len(whole) < 2 or len(seeds) < 2:
        return None
    known = np.array(whole, dtype=float)
    variances = variance_components(known)
    rest = math.sqrt(variances[2])
    first, second = np.triu_indices(len(known), 1)
    return {
        "architectures": len(whole),
        "left_out": len(losses) - len(whole),
        "seeds": len(seeds),
        "lowest_mean": float(known.mean(axis=1).min()),
        "architecture_deviation": math.sqrt(variances[0]),
        "seed_deviation": math.sqrt(variances[1]),
        "rest_deviation": rest,
        "share_of_architecture": variances[0] / sum(variances) if sum(variances) else None,
        "smallest": {str(n): smallest_difference(math.sqrt(2) * rest, n) for n in PLANNED},
        "pairs": len(first),
        "told_apart": int(_differ(known[first] - known[second]).sum()),
    }


def _differ(differences: np.ndarray) -> np.ndarray:
    """Return whether each row of differences, one a seed, is told from none by a t-test."""
    n = differences.shape[1]
    means, errors = differences.mean(axis=1), differences.std(axis=1, ddof=1) / np.sqrt(n)
    differ: np.ndarray = np.abs(means) > stats.t.ppf(1 - ALPHA / 2, n - 1) * errors
    return differ


def _losses(records: Records, split: str) -> Losses:
    """Return the losses of a task's finalists, each at its best learning rate."""
    tested = {row["trial_id"]: row["test_loss"] for row in records.tables.get("test", ())}
    losses: dict[str, dict[int, float | None]] = {}
    for trial in records.tables["trials"]:
        if trial["chosen"]:
            loss = trial["fitness"] if split == "valid" else tested.get(trial["trial_id"])
            losses.setdefault(trial["architecture_id"], {})[trial["seed"]] = loss
    return losses


# --- the noise floor of each task -----------------------------------------------------------------


def read_noise(results: Path, benchmark: str | None) -> list[Row]:
    """Return what `noise` says of each task of a benchmark in the tables, of validation and of test losses.

    Raises:
        RecordError: there is no such benchmark, or no task of it has two cells with two seeds each.
    """
    benchmark = chosen_benchmark(results, benchmark)
    rows = []
    for records in read_records(results, runs_of(results, benchmark)):
        for split in ("valid", "test"):
            if found := noise(_losses(records, split)):
                unit = records.runs[0]["loss_unit"]
                rows.append({"task": records.task, "unit": unit, "split": split, **found})
    if not rows:
        raise RecordError(
            f"{benchmark} has no task of which two finalists have two seeds each; give finalists.seeds more"
        )
    return rows


def say_noise(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table in Markdown, and what its columns mean."""
    head = ["task", "losses", "unit", "cells", "seeds", "lowest mean"]
    head += ["SD cell", "SD seed", "SD rest", "share of the cell"]
    head += [f"{n} seeds tell" for n in PLANNED] + ["pairs told apart"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in rows:
        share = row["share_of_architecture"]
        deviations = (row[f"{of}_deviation"] for of in ("architecture", "seed", "rest"))
        cells = [
            *(row["task"], row["split"], row["unit"], _of(row), str(row["seeds"])),
            f"{row['lowest_mean']:.3f}",
            *(f"{deviation:.4f}" for deviation in deviations),
            "-" if share is None else f"{100 * share:.0f} %",
            *(f"{row['smallest'][str(n)]:.4f}" for n in PLANNED),
            f"{row['told_apart']} of {row['pairs']}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "SD: standard deviation of the loss of one training by cell, by seed, and what is left of both. "
        "n seeds tell: the smallest difference of two cells that a paired t-test at 5 % finds in 4 of 5 "
        "cases. Pairs told apart: at 5 %, not corrected.",
    ]


def _of(row: Row) -> str:
    left_out = row["left_out"]
    return f"{row['architectures']}" + (
        f" ({left_out} with a failed seed left out)" if left_out else ""
    )
