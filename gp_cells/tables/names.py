"""The names of the tables, their keys and their version, without Arrow, for rules and SQL.

The rules list the tables once per job of a cluster, and a query is answered before Arrow is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gp_cells.config.objectives import CARRIED, COUNTED

VERSION = "2"  # of the tables; `version_1` reads those of the version before

# The columns that identify a row of each table.
KEYS: Mapping[str, Sequence[str]] = {
    "runs": ("run",),
    "architectures": ("run", "architecture_id"),
    "candidates": ("run", "candidate"),
    "lineage": ("run", "child", "parent_number"),
    "assemblies": ("run", "candidate", "name"),
    "trials": ("run", "candidate"),
    "curves": ("run", "trial_id", "epoch"),
    "test": ("run", "trial_id"),
    "hardware": ("run", "hardware_id"),
}

TABLES = tuple(KEYS)

CARRIED_COLUMNS = dict.fromkeys(CARRIED, "bigint")

# Columns that tables of this version have had only since later, with SQL's types; NULL before, but for
# what `failures` works out.
ADDED_LATER: Mapping[str, Mapping[str, str]] = {
    "architectures": CARRIED_COLUMNS,
    "trials": {
        **CARRIED_COLUMNS,
        **{"failure": "varchar", "failure_epoch": "bigint"},
        **{"cpu_capability": "varchar", "git_unknown": "varchar"},
        **{"recipe": "varchar", "start": "varchar", "start_state": "varchar"},
        **{"total_epochs": "bigint", "inherited": "double", "judged": "varchar"},
        **{"stop_epoch": "bigint", "stop_code": "varchar", "stop_observed": "double"},
        **{"stop_predicted": "double", "control": "boolean", "learned": "varchar"},
        "surface": "varchar",
    },
    "candidates": {"note": "varchar"},
    "lineage": {"weights": "varchar"},
    "test": {"confusion": "varchar"},
}

# Whole tables that there have been only since later, with SQL's types; without rows before.
TABLES_ADDED_LATER: Mapping[str, Mapping[str, str]] = {
    "assemblies": dict.fromkeys(("run", "candidate", "name", "role", "part"), "varchar"),
}
OLD_TABLES = tuple(table for table in TABLES if table not in TABLES_ADDED_LATER)

SIZES = (*COUNTED, "activations")  # columns of `architectures` and of `trials`
