"""Latency: how long the trained network takes for one sequence or image, and for 64 together.

Sequences are as long as those that it is trained on. It varies from run to run and from machine to
machine; nothing is selected on it unless a strategy asks for it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gp_cells.config.choose import check_settings, setting
from gp_cells.config.objectives import LATENCY_BATCHES
from gp_cells.measures.measure import Column, Subject

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 16  # different sequences or images, which a larger batch has more than once


@dataclass(frozen=True)
class Latency:
    """The median time of a pass of 1, and of 64 sequences or images, without gradient."""

    columns: ClassVar[tuple[Column, ...]] = tuple(
        Column(f"latency_{size}_ms", "ms", f"median time of a pass of {what}", "minimised")
        for size, what in zip(
            LATENCY_BATCHES,
            ("1 sequence or image, no gradient", "64 sequences or images together"),
            strict=True,
        )
    )

    passes: int = setting(
        7, "of each batch that are timed, after one that warms up", unit="passes", low=1
    )

    def __post_init__(self) -> None:
        check_settings(self, "latency")

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return the median time of each batch."""
        return {f"latency_{size}_ms": self.time(subject, size) for size in LATENCY_BATCHES}

    def time(self, subject: Subject, size: int) -> float:
        """Return the median time in milliseconds of a pass of `size` sequences or images."""
        import torch

        inputs, axis = subject.samples(SAMPLES), subject.form.batch_axis
        places = torch.arange(size, device=inputs.device) % inputs.shape[axis]
        batch, network = inputs.index_select(axis, places), subject.trained.eval()
        return pass_ms(lambda: network(batch, None, None), batch, self.passes)


def pass_ms(run: Callable[[], object], batch: Tensor, passes: int) -> float:
    """Return the median time in milliseconds of some passes of a batch, after one that warms up."""
    import torch

    times = []
    with torch.no_grad():
        for _ in range(passes + 1):
            _wait(batch)
            began = time.perf_counter()
            run()
            _wait(batch)
            times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[1:])


def _wait(tensor: Tensor) -> None:
    import torch

    if tensor.is_cuda:
        torch.cuda.synchronize()
