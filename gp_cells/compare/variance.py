"""How much of the spread of losses is the architecture's, and how much the seed's."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from gp_cells.compare.hypotheses import intraclass_correlation
from gp_cells.compare.records import Records, Row


def seed_against_architecture(records: Records) -> Row | None:
    """Return the spread between finalists and between the seeds of one, on the validation split.

    Of each architecture the replicates at its chosen rate count, once; those with a failed seed are
    left out and counted. None where fewer than two architectures have the same two seeds or more.
    """
    losses: dict[str, dict[int, float | None]] = {}
    for trial in records.tables["trials"]:
        if trial["chosen"]:
            losses.setdefault(trial["architecture_id"], {})[trial["seed"]] = trial["fitness"]
    whole = [of for of in losses.values() if None not in of.values()]
    groups = [[of[seed] for seed in sorted(of)] for of in whole]
    share = intraclass_correlation(_known(groups))
    if share is None:
        return None
    spread = [statistics.stdev(group) for group in _known(groups)]
    return {
        "architectures": len(groups),
        "left_out": len(losses) - len(whole),
        "seeds": len(groups[0]),
        "seed_deviation": statistics.fmean(value**2 for value in spread) ** 0.5,
        "architecture_deviation": statistics.stdev(map(statistics.fmean, _known(groups))),
        "share_of_architecture": share,
    }


def _known(groups: Sequence[Sequence[float | None]]) -> list[list[float]]:
    return [[value for value in group if value is not None] for group in groups]
