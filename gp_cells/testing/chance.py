"""Whether a block of code draws from a global random state."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np


def _states() -> tuple[Any, ...]:
    import torch

    numpys: Any = np.random.get_state()
    _, keys, *rest = numpys
    return random.getstate(), keys.tobytes(), rest, torch.get_rng_state().numpy().tobytes()


@contextlib.contextmanager
def untouched_chance() -> Iterator[None]:
    """Hold a block to draw nothing from the global random states of Python, numpy and torch."""
    before = _states()
    yield
    assert _states() == before, "it draws from a global random state; draw from the seed handed in"
