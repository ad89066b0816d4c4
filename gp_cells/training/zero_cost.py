"""Zero-cost scores: what the first weights and one batch predict of a network, before any training.

Each is a function of a network with its first weights, one batch and the form of the data; higher is
said to be better. They cost one or two passes each, which is on record beside them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gp_cells.config import objectives
from gp_cells.config.recipe import Form
from gp_cells.networks.network import Network

SAMPLES = 16  # sequences or images of the batch that are looked at
STABLE = 1e-5  # added to each eigenvalue, as Mellor et al. 2021 do

Score = Callable[[Network, Tensor, Form], float | None]


def synflow(network: Network, inputs: Tensor, form: Form) -> float | None:
    """Return ln Σ |w ∂R/∂w|, R the summed output for an input of ones, all weights made positive.

    Tanaka et al. 2020 (https://arxiv.org/abs/2006.05467), over all weights of more than one axis, so
    that a norm, which has seen nothing yet and changes nothing, adds nothing. A symbol is an input of
    ones too, being looked up.
    """
    network = copy.deepcopy(network).eval()
    if form.inputs == "images":
        network = network.double()  # a deep network's flow is beyond float32
    with torch.no_grad():
        for weight in network.parameters():
            weight.abs_()
    ones = network.embed(first_samples(inputs, form, 1))
    ones = torch.ones_like(ones, dtype=next(network.parameters()).dtype)
    predicted, _ = network(ones, None, None)
    predicted.sum().backward()
    flows = [
        (weight * weight.grad).abs().sum(dtype=torch.float64).item()
        for weight in network.parameters()
        if weight.grad is not None and weight.dim() > 1
    ]
    total = math.fsum(flow for flow in flows if math.isfinite(flow))
    return math.log(total) if total > 0 and all(map(math.isfinite, flows)) else math.nan


def jacobian_covariance(network: Network, inputs: Tensor, form: Form) -> float | None:
    """Return how differently a network's output changes with each of some inputs.

    `jacob_cov` of Mellor et al. 2021 (https://arxiv.org/abs/2006.04647, first version): with λ the
    eigenvalues of the correlations between inputs' Jacobians, −Σ ln(λ + k) + 1 / (λ + k).
    """
    network = network.without_dropout().train()  # norms by the batch
    given = network.embed(inputs).detach().requires_grad_()
    predicted, _ = network(given, None, None)
    (jacobian,) = torch.autograd.grad(predicted.sum(), given)
    return _spread(jacobian.movedim(form.batch_axis, 0).flatten(1))


def hidden_covariance(network: Network, inputs: Tensor, form: Form) -> float | None:
    """Return how differently a recurrent network remembers each of some sequences; else None.

    Serianni and Kalita 2023 (https://arxiv.org/abs/2306.00288): as `jacobian_covariance`, of the outputs
    of the last recurrent layer at all steps.
    """
    if form.inputs == "images":
        return None
    with torch.no_grad():
        _, _, activations = network.eval().activations(inputs, None)
    return _spread(activations[-1].movedim(form.batch_axis, 0).flatten(1))


SCORES: Mapping[str, Score] = dict(
    zip(objectives.SCORES, (synflow, jacobian_covariance, hidden_covariance), strict=True)
)


def first_samples(inputs: Tensor, form: Form, count: int = SAMPLES) -> Tensor:
    """Return the first few sequences or images of a batch, or all if there are no more."""
    return inputs.narrow(form.batch_axis, 0, min(count, inputs.shape[form.batch_axis]))


def _spread(rows: Tensor) -> float:
    """Return −Σ ln(λ + k) + 1 / (λ + k) of the correlations between rows; NaN without any."""
    rows = rows.double()
    rows = rows - rows.mean(1, keepdim=True)
    lengths = rows.norm(dim=1)
    if len(rows) < 2 or not bool((lengths > 0).all()) or not bool(lengths.isfinite().all()):
        return math.nan
    rows = rows / lengths[:, None]
    eigenvalues = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0) + STABLE
    return -(eigenvalues.log() + 1 / eigenvalues).sum().item()
