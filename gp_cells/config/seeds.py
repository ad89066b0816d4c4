"""Seeds from named axes: the same names give the same seed, on any machine and in any order.

Nothing in this package draws from a global random state; a function that needs chance is handed a
seed or a numpy Generator made here.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def derive(**axes: int | str) -> int:
    """Return a seed in [0, 2**63) for the named axes, e.g. `derive(seed=1, purpose="breed")`."""
    text = json.dumps(axes, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(**axes: int | str) -> np.random.Generator:
    """Return a numpy Generator seeded from the named axes."""
    return np.random.Generator(np.random.PCG64(derive(**axes)))


@contextmanager
def deap_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Let DEAP draw from `random` as if it were `rng`, leaving the global state as it was."""
    before = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(before)
