"""Why a trial failed, as a code and the epoch, read from its status and reason, in Python and in SQL.

The tables have had both as columns only since later; here they are worked out for tables from before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gp_cells.config.records import ENDED_WELL

# How the reason of a trial that diverged begins (`training.train`), and its code.
CODES: Mapping[str, str] = {
    "training loss or gradient not finite": "training_not_finite",
    "validation loss not finite": "validation_not_finite",
    "validation loss exploded": "validation_exploded",
}
EPOCH = r"in epoch ([0-9]+)"


def failure_of(status: str | None, reason: str | None) -> tuple[str | None, int | None]:
    """Return the code of a failure, else its status, and the epoch it names; twice None if all was well."""
    if status is None or status in ENDED_WELL:
        return None, None
    reason = reason or ""
    code = next((code for said, code in CODES.items() if reason.startswith(said)), status)
    epoch = re.search(EPOCH, reason)
    return code, int(epoch[1]) if epoch else None


def columns_in_sql() -> str:
    """Return what gives `failure` and `failure_epoch` in a selection from trials."""
    well = ", ".join(f"'{status}'" for status in ENDED_WELL)
    told = " ".join(
        f"when starts_with(reason, '{said}') then '{code}'" for said, code in CODES.items()
    )
    epoch = f"nullif(regexp_extract(reason, '{EPOCH}', 1), '')::bigint"
    return (
        f"case when status in ({well}) then null {told} else status end as failure, "
        f"case when status not in ({well}) then {epoch} end as failure_epoch"
    )
