"""What each operator of a search is worth: its children beside their parents."""

from __future__ import annotations

import statistics

from gp_cells.compare.records import Records, Row


def operator_credit(records: Records) -> list[Row]:
    """Return, for each strategy and operator, how its children did.

    A child is better if its fitness is lower than that of every parent; one that failed is not. A child
    counts for each operator that took part in it. Those of no parents, or of one that failed, are
    left out. The gain is the best parent's fitness less the child's, over children that trained.
    """
    fitness = {
        (row["run"], row["candidate"]): row["fitness"] for row in records.tables["candidates"]
    }
    strategy_of = {run["run"]: run["strategy"] for run in records.runs}
    born: dict[tuple[str, str, str], list[str]] = {}
    for edge in records.tables["lineage"]:
        born.setdefault((edge["run"], edge["child"], edge["operator"]), []).append(edge["parent"])
    gains: dict[tuple[str, str], list[float | None]] = {}
    for (run, child, operators), parents in born.items():
        before = [fitness[run, parent] for parent in parents]
        if None in before:
            continue
        after = fitness[run, child]
        for operator in sorted(set(operators.split("+"))):
            gain = None if after is None else min(before) - after
            gains.setdefault((strategy_of[run], operator), []).append(gain)
    return [_credit(*key, of) for key, of in sorted(gains.items())]


def _credit(strategy: str, operator: str, gains: list[float | None]) -> Row:
    known = [gain for gain in gains if gain is not None]
    return {
        "strategy": strategy,
        "operator": operator,
        "n": len(gains),
        "failed": len(gains) - len(known),
        "better": sum(gain > 0 for gain in known) / len(gains),
        "median_gain": statistics.median(known) if known else None,
    }
