"""The names of the tables and of their keys, without Arrow, for rules and SQL.

The rules list the tables once per job of a cluster, and a query is answered before Arrow is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What tells the rows of a table apart.
KEYS: Mapping[str, Sequence[str]] = {
    "runs": ("run",),
    "architectures": ("run", "architecture_id"),
    "candidates": ("run", "candidate"),
    "lineage": ("run", "child", "parent_number"),
    "trials": ("run", "candidate"),
    "curves": ("run", "trial_id", "epoch"),
    "test": ("run", "trial_id"),
    "hardware": ("run", "hardware_id"),
}

TABLES = tuple(KEYS)
