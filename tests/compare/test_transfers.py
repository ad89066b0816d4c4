"""The table of transfer and its rank correlations, on rows whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from gp_cells.cli import main
from gp_cells.compare.transfers import say, transfers

REFERENCE = Path(__file__).parents[2] / "results/reference"
RUNS = [
    {"run": f"t-{task}-transfer-s{seed}", "task": task, "loss_unit": "nats"}
    for task in ("left", "right")
    for seed in (1, 2)
]
# Of each cell: the task that it was found on, and its mean loss on the left and the right.
LOSSES: dict[str, tuple[str | None, float, float]] = {
    "a": ("left", 1.0, 4.0),
    "b": ("left", 2.0, 3.0),
    "c": ("right", 3.0, 1.0),
    "d": ("right", 4.0, 2.5),
    "e": (None, 5.0, 5.0),
    "f": ("elsewhere", 6.0, 6.0),
}


def row(run: str, cell: str, fitness: float | None, operator: str = "transfer") -> dict[str, Any]:
    note = {"found_on": LOSSES[cell][0], "source": f"cell {cell}", "text": "0" * 32}
    return {
        "run": run,
        "candidate": f"w000-{ord(cell) - ord('a'):02d}",
        "operator": operator,
        "architecture_id": cell,
        "fitness": fitness,
        "note": json.dumps(note) if operator == "transfer" else None,
    }


def rows() -> list[dict[str, Any]]:
    """Return both seeds of each task, whose losses differ around the mean."""
    found = []
    for run in RUNS:
        apart = 0.25 if run["run"].endswith("1") else -0.25
        for cell, (_, left, right) in LOSSES.items():
            loss = left if run["task"] == "left" else right
            found.append(row(run["run"], cell, loss + apart))
    return found


def test_the_winner_of_each_task_is_told_with_its_mean_loss_on_every_task() -> None:
    child = row(RUNS[0]["run"], "a", 0.0, "replace") | {"architecture_id": "child"}
    found = transfers(RUNS, [*rows(), child])
    assert [(of["found_on"], of["architecture_id"], of["cells"]) for of in found["winners"]] == [
        ("elsewhere", None, 1),
        ("left", "a", 2),
        ("right", "c", 2),
    ]
    assert found["winners"][1]["losses"] == {"left": 1.0, "right": 4.0}
    assert found["winners"][2]["losses"] == {"left": 3.0, "right": 1.0}
    assert "child" not in {of["architecture_id"] for of in found["cells"]}


def test_the_rank_correlation_is_kendalls_over_all_cells_of_both_tasks() -> None:
    [found] = transfers(RUNS, rows())["correlations"]
    left, right = zip(*(of[1:] for of in LOSSES.values()), strict=True)
    assert found["tau"] == pytest.approx(kendalltau(left, right).statistic)
    assert found["n"] == 6
    assert -1 <= found["low"] < found["tau"] < found["high"] <= 1


def test_a_cell_that_failed_once_has_no_loss_there_and_is_counted() -> None:
    lost = [of | {"fitness": None} if of["architecture_id"] == "a" else of for of in rows()[:6]]
    found = transfers(RUNS, [*lost, *rows()[6:]])
    assert found["failed"] == {"left": 1, "right": 0}
    assert found["winners"][1]["architecture_id"] == "b"
    assert found["correlations"][0]["n"] == 5
    assert "Cells that failed, which have no loss there: 1 on left" in "\n".join(
        say({"benchmark": "t", **found})
    )


def test_a_perfect_order_has_no_interval_and_few_cells_no_correlation() -> None:
    same = [of | {"fitness": float(ord(of["architecture_id"]))} for of in rows()]
    [perfect] = transfers(RUNS, same)["correlations"]
    assert (perfect["tau"], perfect["low"], perfect["high"]) == (pytest.approx(1.0), None, None)
    few = [of for of in rows() if of["architecture_id"] in "abcd"]
    [none] = transfers(RUNS, few)["correlations"]
    assert (none["tau"], none["n"]) == (None, 4)


def test_the_matrix_has_a_row_for_each_source_and_a_column_for_each_task() -> None:
    lines = list(say({"benchmark": "t", **transfers(RUNS, rows())}))
    assert lines[2:7] == [
        "| found on | left, nats | right, nats |",
        "| --- | --- | --- |",
        "| elsewhere, of 1 | – | – |",
        "| left, of 2 | 1 | 4 |",
        "| right, of 2 | 3 | 1 |",
    ]


def test_tables_without_a_transfer_are_refused_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["transfers", "--results", str(REFERENCE)]) == 2
    assert "has no candidate that was transferred" in capsys.readouterr().err
