"""A task's finalists, designed and evolved, as rows, the best first.

Every finalist was trained again with the same learning rates and seeds, none of which the search saw;
its row is that of its best learning rate, and `trial` the best of those trials. Selection among finalists
uses validation losses only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from gp_cells.compare.records import Records, Row


def rank_finalists(records: Records) -> list[Row]:
    """Return the finalists of a task's runs, the lowest mean validation loss first."""
    return sorted((row for run in records.runs for row in _rows(records, run)), key=_rank)


def once(finalists: Iterable[Row]) -> list[Row]:
    """Return finalists without hand-designed cells that another seed's run trained in the same way."""
    kept: dict[Any, Row] = {}
    for row in finalists:
        found = (row["run"], row["finalist"]) if row["name"] is None else row["name"]
        kept.setdefault((row["strategy"], found), row)
    return list(kept.values())


def _rows(records: Records, run: Row) -> list[Row]:
    """Return the finalists of a run."""
    tested = {row["trial_id"]: row for row in records.tables["test"]}
    trials = [t for t in records.tables["trials"] if t["run"] == run["run"] and t["chosen"]]
    rows = []
    for finalist in sorted({trial["finalist"] for trial in trials}):
        members = [trial for trial in trials if trial["finalist"] == finalist]
        architecture = records.architectures[run["run"], members[0]["architecture_id"]]
        described = ("architecture_id", "name", "genome")
        valid = [trial["fitness"] for trial in members if trial["fitness"] is not None]
        test = [tested[t["trial_id"]] for t in members if t["trial_id"] in tested]
        test_losses = [row["test_loss"] for row in test]
        if not all(map(math.isfinite, test_losses)):
            test_losses = []  # a mean of the others would flatter
        errors = [row["test_error"] for row in test if row["test_error"] is not None]
        best = min(members, key=lambda t: (t["fitness"] is None, t["fitness"], t["candidate"]))
        rows.append(
            {
                **{key: run[key] for key in ("run", "strategy", "seed")},
                "finalist": finalist,
                "trial": f"{run['run']}/{best['candidate']}",
                "trial_id": best["trial_id"],
                **{key: architecture[key] for key in described},
                **{key: members[0][key] for key in ("parameters", "multiply_adds")},
                "learning_rate": members[0]["learning_rate"],
                **({"recipe": members[0]["recipe"]} if members[0]["recipe"] else {}),
                **_spread("valid", valid),
                **_spread("test", test_losses),
                "test_losses": test_losses,
                "test_error": math.fsum(errors) / len(errors) if errors else None,
                "test_errors": errors,
                "confusion": _summed([row["confusion"] for row in test]),
                "seeds": len(members),
                "failed": len(members) - len(valid),
            }
        )
    return rows


def _summed(tables: Sequence[str | None]) -> list[list[int]] | None:
    """Return how often classes were taken for which over all seeds, None where that is not known."""
    known = [json.loads(table) for table in tables if table is not None]
    if not known or len(known) < len(tables):
        return None
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*known, strict=True)]


def _spread(name: str, losses: Sequence[float]) -> Row:
    mean = math.fsum(losses) / len(losses) if losses else None
    return {
        f"{name}_mean": mean,
        f"{name}_min": min(losses, default=None),
        f"{name}_max": max(losses, default=None),
    }


def _rank(row: Row) -> tuple[bool, float, str, int]:
    """Order by mean validation loss; those with a failed trial come last."""
    mean = math.inf if row["valid_mean"] is None else row["valid_mean"]
    return row["failed"] > 0, mean, row["run"], row["finalist"]
