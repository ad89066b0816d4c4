"""What an architecture is judged by beside its fitness: the names, as settings, files and tables have them.

All are minimised. Those that are timed vary from run to run and from machine to machine: a search that
selects on one is not reproducible to the bit, and its fitness files hold it only then.
"""

from __future__ import annotations

import math

FITNESS = "fitness"  # best validation loss
COUNTED = (  # from the genome alone; see `Space.count`
    "parameters",
    "multiply_adds",
    "network_parameters",
    "network_multiply_adds",
)
# The same, of spaces that count what a network carries over time; elsewhere it is NULL.
CARRIED = ("state_size", "cache_per_token")
MEASURED = ("entanglement",)  # 1 − introspectability
LATENCY_BATCHES = (1, 64)  # sequences or images of a timed pass
TIMED = (*(f"latency_{n}_ms" for n in LATENCY_BATCHES), "cpu_s")  # of a pass; of the whole training
# What a fitness file says for a budget, by its key: of all epochs' training and validation.
HOURS = {"cpu_hours": "cpu_s", "gpu_hours": "wall_s"}
OBJECTIVES = (FITNESS, *COUNTED, *CARRIED, *MEASURED, *TIMED)

# The measure that gives an objective, of those that come from one.
GIVEN_BY = {
    "entanglement": "introspectability",
    **{f"latency_{n}_ms": "latency" for n in LATENCY_BATCHES},
}


def entanglement(introspectability: float | None) -> float | None:
    """Return 1 − introspectability, to be minimised; None where that is no number."""
    if introspectability is None or math.isnan(introspectability):
        return None
    return 1 - introspectability
