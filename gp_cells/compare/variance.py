"""How much of the spread of losses is the architecture's, and how much the seed's."""

from __future__ import annotations

import math

import numpy as np

from gp_cells.compare.hypotheses import variance_components
from gp_cells.compare.records import Records, Row


def seed_against_architecture(records: Records) -> Row | None:
    """Return the spread of finalists' validation losses by architecture, by seed, and what is left.

    All finalists, found and designed, were trained with the same seeds: a seed can be good for all
    of them (`seed_deviation`) or for one alone (`rest_deviation`). The share is that of the architecture
    in the variance of a single training. Finalists are a choice of the best, so architectures at large
    differ more. Those with a failed seed are left out and counted; None with fewer than two
    architectures or seeds.
    """
    losses: dict[str, dict[int, float | None]] = {}
    for trial in records.tables["trials"]:
        if trial["chosen"]:
            losses.setdefault(trial["architecture_id"], {})[trial["seed"]] = trial["fitness"]
    seeds = sorted({seed for of in losses.values() for seed in of})
    whole = [row for of in losses.values() if None not in (row := [of.get(s) for s in seeds])]
    if len(whole) < 2 or len(seeds) < 2:
        return None
    variances = variance_components(np.array(whole, dtype=float))
    return {
        "architectures": len(whole),
        "left_out": len(losses) - len(whole),
        "seeds": len(seeds),
        "architecture_deviation": math.sqrt(variances[0]),
        "seed_deviation": math.sqrt(variances[1]),
        "rest_deviation": math.sqrt(variances[2]),
        "share_of_architecture": variances[0] / sum(variances) if sum(variances) else None,
    }
