"""Tables of version 1, read as those of the present version; no other module knows their form.

Two columns of `architectures` had other names, `runs` did not say whether the strategy searches, and
`trials` had no sizes. Those are the architecture's where finalists were trained by the search's recipe;
else they are NULL, since what an enlarged network counts is not in these tables. Nor do they say what
some measures took, or why one failed; `_s` of a zero-cost score was wall time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gp_cells.tables.names import SIZES, VERSION

if TYPE_CHECKING:  # SQL does without
    import pyarrow as pa

OLD_VERSION = "1"
RENAMED = {"kept": "activations", "gates": "projections"}  # columns of `architectures`
OLD_NAMES = {new: old for old, new in RENAMED.items()}
ADDED = {  # columns of `trials` that are NULL for all of these, with SQL's types
    **dict.fromkeys(("latency_s", "introspectability_s"), "double"),
    **dict.fromkeys(("other_measures", "measure_failures"), "varchar"),
}
LISTING = "baselines"  # the one strategy that lists designs instead of searching


def upgraded(table: str, part: pa.Table, other: Callable[[str], pa.Table]) -> pa.Table:
    """Return a part of a table of version 1 as it is today.

    `other` reads the part of another table that belongs to the same runs, as it is in its file.
    """
    if table == "architectures":
        return part.rename_columns([RENAMED.get(name, name) for name in part.column_names])
    if table == "runs":
        return _with_searches(part)
    return _with_added(_with_sizes(part, other)) if table == "trials" else part


def _with_added(trials: pa.Table) -> pa.Table:
    import pyarrow as pa

    types = {"double": pa.float64(), "varchar": pa.string(), "bigint": pa.int64()}
    for name, kind in ADDED.items():
        trials = trials.append_column(name, pa.nulls(trials.num_rows, types[kind]))
    return trials


def _with_searches(runs: pa.Table) -> pa.Table:
    import pyarrow as pa

    settings = [json.loads(text) for text in runs["settings"].to_pylist()]
    searches = pa.array([of["strategy"]["name"] != LISTING for of in settings], pa.bool_())
    versions = pa.array([VERSION] * runs.num_rows, pa.string())
    return (
        runs.drop_columns("schema_version")
        .append_column("searches", searches)
        .append_column("schema_version", versions)
    )


def _with_sizes(trials: pa.Table, other: Callable[[str], pa.Table]) -> pa.Table:
    import pyarrow as pa

    runs = other("runs").select(["run", "settings"]).to_pylist()
    enlarged = {
        run["run"] for run in runs if "recipe" in json.loads(run["settings"]).get("finalists", {})
    }
    old_names = [OLD_NAMES.get(size, size) for size in SIZES]
    counted = other("architectures").select(["run", "architecture_id", *old_names])
    architectures = {(row["run"], row["architecture_id"]): row for row in counted.to_pylist()}
    keys = trials.select(["run", "architecture_id", "finalist"]).to_pylist()
    known = [
        {}
        if key["finalist"] is not None and key["run"] in enlarged
        else architectures[key["run"], key["architecture_id"]]
        for key in keys
    ]
    for size, old_name in zip(SIZES, old_names, strict=True):
        column = pa.array([row.get(old_name) for row in known], pa.int64())
        trials = trials.append_column(size, column)
    return trials


def selections(sources: Mapping[str, str]) -> dict[str, str]:
    """Return SQL that gives each table as it is today, from SQL that gives it as it is in its files."""
    found = {table: f"select * from {source}" for table, source in sources.items()}
    if "architectures" in sources:
        renamed = ", ".join(f"{old} as {new}" for old, new in RENAMED.items())
        found["architectures"] = f"select * rename ({renamed}) from {sources['architectures']}"
    if "runs" in sources:
        found["runs"] = (
            f"select * exclude (schema_version), (settings->>'$.strategy.name') <> '{LISTING}'"
            f" as searches, '{VERSION}' as schema_version from {sources['runs']}"
        )
    if {"trials", "architectures", "runs"} <= sources.keys():
        sizes = ", ".join(
            f"case when trial.finalist is null or (run.settings->'$.finalists.recipe') is null"
            f" then architecture.{OLD_NAMES.get(size, size)} end as {size}"
            for size in SIZES
        )
        added = ", ".join(f"null::{kind} as {name}" for name, kind in ADDED.items())
        found["trials"] = (
            f"select trial.*, {sizes}, {added} from {sources['trials']} trial"
            f" join {sources['architectures']} architecture using (run, architecture_id)"
            f" join {sources['runs']} run using (run)"
        )
    return found
