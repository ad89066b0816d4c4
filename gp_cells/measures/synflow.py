"""Synflow, a zero-cost score: how much flows through the first weights, all made positive.

Tanaka et al. 2020, https://arxiv.org/abs/2006.05467. What differs: only weights of more than one axis
count, so that a norm, which has seen nothing yet and changes nothing, adds nothing; a symbol is an input
of ones too, being looked up. One pass of one sequence or image, forward and backward.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gp_cells.measures.measure import Column, Subject

if TYPE_CHECKING:
    from torch import Tensor

    from gp_cells.config.recipe import Form
    from gp_cells.networks.network import Network


@dataclass(frozen=True)
class Synflow:
    """How much flows through the first weights, all made positive: Tanaka et al. 2020."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "synflow", "ln", "zero-cost score: flow through positive first weights", predicts=True
        ),
    )

    def measure(self, subject: Subject) -> Mapping[str, float | None]:
        """Return the score; NaN where the flow is zero or beyond all numbers."""
        return {"synflow": flow(subject.untrained, subject.samples(1), subject.form)}


def flow(network: Network, inputs: Tensor, form: Form) -> float:
    """Return ln Σ |w ∂R/∂w|, R the summed output for an input of ones of the shape of `inputs`."""
    import torch

    flows_ = [of.sum(dtype=torch.float64).item() for of in flows(network, inputs, form).values()]
    total = math.fsum(flow for flow in flows_ if math.isfinite(flow))
    return math.log(total) if total > 0 and all(map(math.isfinite, flows_)) else math.nan


def flows(network: Network, inputs: Tensor, form: Form) -> dict[str, Tensor]:
    """Return |w ∂R/∂w| of each weight of more than one axis, by its name; see `flow`."""
    import torch

    network = copy.deepcopy(network).eval()
    if form.inputs == "images":
        network = network.double()  # a deep network's flow is beyond float32
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    kind = next(network.parameters()).dtype
    ones = torch.ones_like(network.embed(inputs), dtype=kind)
    predicted, _ = network(ones, None, None)
    predicted.sum().backward()
    return {
        name: (weight * weight.grad).abs().detach()
        for name, weight in network.named_parameters()
        if weight.grad is not None and weight.dim() > 1
    }
