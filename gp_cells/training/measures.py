"""What is measured of a candidate beside its loss: scores before training, latency, introspectability."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gp_cells.config.objectives import LATENCY_BATCHES, TIMED, entanglement
from gp_cells.config.recipe import Form
from gp_cells.networks.network import Network
from gp_cells.tasks import Arrays, SplitName, Task
from gp_cells.training.train import Finished, Setup, is_out_of_memory, make_network
from gp_cells.training.zero_cost import SCORES, first_samples

RUNS = 7  # of each batch; the median counts
PROBED = 1000  # validation targets at which activations are looked at


@dataclass(frozen=True)
class Measures:
    """What a candidate is like; None where it is not measured.

    `latency_ms` maps a batch's size to the median time of a pass without gradient; `scores` are the
    zero-cost ones, `scores_s` what each took, in seconds. `introspectability` is from 0 to 2.
    """

    latency_ms: Mapping[str, float | None]
    introspectability: float | None
    scores: Mapping[str, float | None]
    scores_s: Mapping[str, float]


NOTHING = Measures({}, None, {}, {})


def measure(setup: Setup, splits: Mapping[SplitName, Arrays], finished: Finished) -> Measures:
    """Measure a finished trial's network, with its first weights and with its best.

    Nothing is measured of one that failed, and a measure that runs out of memory is left out.
    """
    if finished.status not in ("ok", "stopped_early"):
        return NOTHING
    task, form = setup.task, setup.form
    inputs = torch.from_numpy(next(iter(task.batches(splits["train"], None))).inputs)
    inputs = first_samples(inputs, form).to(setup.device)
    scores, scores_s = {}, {}
    network = make_network(setup)
    for name, score in SCORES.items():
        began = time.perf_counter()
        scores[name] = _if_it_fits(score, network, inputs, form)
        scores_s[name] = time.perf_counter() - began
    network.load_state_dict(finished.best_weights)
    latency_ms = {
        str(size): _if_it_fits(latency, network, inputs, form, size) for size in LATENCY_BATCHES
    }
    probed = (network, task, form, splits["valid"], setup.device)
    return Measures(latency_ms, _if_it_fits(introspectability, *probed), scores, scores_s)


def _if_it_fits(measured: Callable[..., float | None], *given: Any) -> float | None:
    """Return what a measure comes to, or None if it runs out of memory."""
    try:
        return measured(*given)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def objectives(measures: Measures, finished: Finished) -> dict[str, float | None]:
    """Return what was measured as objectives, to be minimised; None where there is no number."""
    found = {f"latency_{size}_ms": value for size, value in measures.latency_ms.items()}
    return {
        **dict.fromkeys(TIMED),
        **found,
        "entanglement": entanglement(measures.introspectability),
        "cpu_s": sum(epoch.cpu_s for epoch in finished.epochs),
    }


def latency(network: Network, inputs: Tensor, form: Form, size: int) -> float:
    """Return the median time in milliseconds of a pass of `size` sequences or images, no gradient.

    They are those given, over and over; sequences in the length that they have.
    """
    places = torch.arange(size, device=inputs.device) % inputs.shape[form.batch_axis]
    batch = inputs.index_select(form.batch_axis, places)
    network.eval()
    times = []
    with torch.no_grad():
        for _ in range(RUNS + 1):  # the first one warms up
            _wait(batch)
            began = time.perf_counter()
            network(batch, None, None)
            _wait(batch)
            times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[1:])


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize()


def introspectability(
    network: Network, task: Task, form: Form, split: Arrays, device: str
) -> float | None:
    """Return the mean cosine distance between the classes' summed activations, over pairs of classes.

    As XNAS has it in its code (https://github.com/LLNL/XNAS): activations of networks of images are
    what all convolutions and non-linearities give, here also what recurrent layers give at each step
    that has a target (see `Network.activations`); classes are the predicted ones, and those never
    predicted have no part. Deviations: the batches of the validation split up to `PROBED` targets,
    and NaN, not minus infinity, if fewer than two classes are predicted. None where the task has no
    classes.
    """
    if form.targets != "classes":
        return None
    sums: dict[int, Tensor] = {}
    network.eval()
    probed, state, present = 0, None, torch.zeros(form.outputs, dtype=torch.bool, device=device)
    with torch.no_grad():
        for batch in task.batches(split, None):
            inputs = torch.from_numpy(batch.inputs).to(device)
            before = state if batch.continues else None
            predicted, state, activations = network.activations(inputs, before)
            counts = torch.from_numpy(np.flatnonzero(batch.counted > 0)).to(device)
            classes = predicted.flatten(0, -2)[counts].argmax(-1)
            each = nn.functional.one_hot(classes, form.outputs).float()
            present |= each.sum(0) > 0
            for i, activation in enumerate(activations):
                rows = (
                    activation.flatten(1) if form.inputs == "images" else activation.flatten(0, 1)
                )
                summed = each.T @ rows[counts].float()
                sums[i] = sums[i] + summed if i in sums else summed
            probed += len(classes)
            if probed >= PROBED:
                break
    return _mean_distance([of[present].double() for of in sums.values()])


def _mean_distance(parts: list[Tensor]) -> float:
    """Return the mean of 1 − cosine over pairs of rows, each row the parts' rows side by side."""
    products = sum((part @ part.T for part in parts), torch.zeros(()))
    lengths = products.diagonal().sqrt()
    first, second = torch.triu_indices(len(lengths), len(lengths), offset=1)
    cosines = products[first, second] / (lengths[first] * lengths[second])
    cosines = cosines[cosines.isfinite()]
    return 1 - cosines.mean().item() if len(cosines) else math.nan
