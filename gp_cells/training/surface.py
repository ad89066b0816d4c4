"""The surface of a network that reads two numbers and tells two classes; see `gp_cells.config.surface`."""

from __future__ import annotations

import numpy as np
import torch

from gp_cells.config.recipe import Form
from gp_cells.config.surface import MOST_POINTS, SIDE, Surface
from gp_cells.networks.network import Network
from gp_cells.tasks import Arrays

MARGIN = 0.04  # of the range of the training points, on each side


@torch.no_grad()
def surface_of(network: Network, form: Form, train: Arrays, device: str) -> Surface | None:
    """Return what a network tells of a grid around its training points; None of any other form."""
    if (form.inputs, form.features, form.targets, form.outputs) != ("numbers", 2, "classes", 2):
        return None
    points = train["numbers"]
    spread = np.ptp(points, 0)
    low, high = points.min(0) - MARGIN * spread, points.max(0) + MARGIN * spread
    middles = (np.arange(SIDE) + 0.5) / SIDE
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2) * (high - low) + low
    rows = torch.from_numpy(grid.astype(np.float32)).to(device)
    second = network.eval()(rows, None, None)[0].softmax(-1)[:, 1].cpu().numpy()
    width = np.where(high > low, high - low, 1)
    placed = (points[:MOST_POINTS] - low) / width
    stored = np.column_stack([np.rint(255 * placed), train["targets"][:MOST_POINTS]])
    return Surface(
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        second=np.rint(255 * np.nan_to_num(second)).astype(np.uint8).tobytes().hex(),
        points=stored.astype(np.uint8).tobytes().hex(),
    )
