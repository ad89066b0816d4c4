"""The comparison of a benchmark from its tables alone: cells, strategies, and what predicts a loss.

Every number stands beside its n; what is missing is counted and never replaced; losses are minimised.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gp_cells.compare.anytime import anytime
from gp_cells.compare.checklist import fill_checklist
from gp_cells.compare.finalists import rank_finalists
from gp_cells.compare.fronts import searched_fronts, size_against_loss
from gp_cells.compare.guards import guard
from gp_cells.compare.labels import ablations, spent
from gp_cells.compare.noise import is_luck, seed_against_architecture
from gp_cells.compare.novelty import novelty
from gp_cells.compare.operators import operator_credit
from gp_cells.compare.predictors import early_epochs, rank_predictors, search_as_predictor
from gp_cells.compare.records import Records, Row, read_records
from gp_cells.compare.sizes import at_equal_size
from gp_cells.compare.stopping import stopping_cost
from gp_cells.compare.strategies import compare_strategies, over_tasks
from gp_cells.compare.tested import losses_over_time
from gp_cells.config.files import RecordError, read_json

VERSION = "11"  # of comparison.json


def compare(results: Path, benchmark: str, runs: Iterable[str]) -> dict[str, Any]:
    """Return what the tables of some runs say, task by task and over all tasks.

    Raises:
        RecordError: a table of one of the runs is missing or broken.
    """
    records = read_records(results, runs)
    tasks = [(of_task, rank_finalists(of_task)) for of_task in records]
    rows = [_task(of_task, finalists) for of_task, finalists in tasks]
    return {
        "version": VERSION,
        "benchmark": benchmark,
        "tasks": rows,
        "strategies": over_tasks(tasks, [row["task"] for row in rows if is_luck(row["variance"])]),
        "checklist": fill_checklist(records),
    }


def read_comparison(path: Path) -> dict[str, Any]:
    """Return a comparison from its file.

    Raises:
        RecordError: it cannot be read, or an earlier version wrote it.
    """
    comparison: dict[str, Any] = read_json(path)
    if comparison.get("version") != VERSION:
        raise RecordError(f"{path} is of an earlier version of gp-cells; delete it and run again")
    return comparison


def _task(records: Records, finalists: list[Row]) -> Row:
    strategies = compare_strategies(records, finalists)
    return {
        "task": records.task,
        "loss_unit": records.runs[0]["loss_unit"],
        "references": records.references,
        "symbol": records.symbol,
        "rows": finalists,
        "guards": guard(records, finalists),
        "equal_size": at_equal_size(finalists),
        "strategies": strategies,
        "spent": spent(records),
        "ablations": ablations(records, strategies["rows"], strategies["pairs"]),
        "anytime": anytime(records),
        "tested_over_time": losses_over_time(records, finalists),
        "fronts": searched_fronts(records),
        "size_against_loss": size_against_loss(records),
        "variance": seed_against_architecture(records),
        "operators": operator_credit(records),
        "novelty": novelty(records),
        "predictors": rank_predictors(records),
        "epochs": early_epochs(records),
        "stopping": stopping_cost(records),
        "search_as_predictor": search_as_predictor(records, finalists),
    }
