"""Evolved against designed cells of equal size: the best of each under every limit of parameters.

Limits are the sizes of the designed cells, and the size of the largest evolved one. Under each the best of
both kinds is chosen by validation loss, and what is compared are their test losses over training
seeds, so an interval says nothing of how often a search finds such a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from gp_cells.compare.finalists import once
from gp_cells.compare.intervals import interval_of_difference
from gp_cells.compare.records import Row

TOLD = ("run", "strategy", "seed", "finalist", "name", "trial", "trial_id", "architecture_id")
MEASURED = ("parameters", "valid_mean", "test_mean", "test_error", "seeds")


def at_equal_size(finalists: Sequence[Row]) -> list[Row]:
    """Return the best evolved and designed cell under each limit, where one of the two is another one.

    `finalists` are a task's, the best first. Each row has the `difference` of the test losses, evolved
    less designed, and its interval. A limit without a cell of both kinds is left out.
    """
    known = [
        row
        for row in once(finalists)
        if not row["failed"] and row["test_mean"] is not None and row["parameters"] is not None
    ]
    designed = [row for row in known if row["name"] is not None]
    evolved = [row for row in known if row["name"] is None]
    if not designed or not evolved:
        return []
    limits = {row["parameters"] for row in designed}
    limits.add(max(*limits, *(row["parameters"] for row in evolved)))
    rows: list[Row] = []
    for limit in sorted(limits):
        best = [_smaller(kind, limit) for kind in (evolved, designed)]
        if best[0] is not None and best[1] is not None:
            row = _row(limit, best[0], best[1])
            if not rows or any(row[kind] != rows[-1][kind] for kind in ("evolved", "designed")):
                rows.append(row)
    return rows


def _smaller(rows: Sequence[Row], limit: int) -> Row | None:
    """Return the best of some rows that has at most so many parameters."""
    return next((row for row in rows if row["parameters"] <= limit), None)


def _row(limit: int, evolved: Row, designed: Row) -> Row:
    low, high = interval_of_difference(evolved["test_losses"], designed["test_losses"])
    return {
        "parameters": limit,
        **{
            kind: {key: row[key] for key in (*TOLD, *MEASURED)}
            for kind, row in (("evolved", evolved), ("designed", designed))
        },
        "difference": evolved["test_mean"] - designed["test_mean"],
        "low": low,
        "high": high,
    }


def say_sizes(rows: Sequence[Row]) -> str:
    """Return in a sentence how evolved cells fare at equal size; "" if nothing is known."""
    known = [row for row in rows if row["low"] is not None]
    if not known:
        return ""
    ahead = [f"{row['parameters']:,}" for row in known if row["high"] < 0]
    behind = [f"{row['parameters']:,}" for row in known if row["low"] > 0]
    apart = len(known) - len(ahead) - len(behind)
    parts = [
        f"{word} up to {', '.join(limits)} parameters"
        for word, limits in (("ahead at", ahead), ("behind at", behind))
        if limits
    ]
    parts += (
        [f"within the spread of training seeds at {apart} of {len(known)} limits"] if apart else []
    )
    return f"at equal size the best evolved cell is {'; '.join(parts)}"
