"""Runs an imported cell in float64 with weights given by the original's own names."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from gp_cells.exchange.bridges import Imported
from gp_cells.networks import eager
from gp_cells.networks.cell import Weights
from gp_cells.networks.program import compile_as_written

TIME, BATCH, INPUTS, UNITS = 7, 3, 4, 5

Given = Mapping[tuple[str, str], np.ndarray]  # (node, what it multiplies or "bias") → its weights


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def draw(imported: Imported, rng: np.random.Generator) -> Given:
    """Return random weights for every one that the original has: x (INPUTS, UNITS), bias (UNITS,)."""
    shapes = {"x": (INPUTS, UNITS), "bias": (UNITS,)}
    return {
        (node, read): rng.normal(0, 0.6, shapes.get(read, (UNITS, UNITS)))
        for node, read, _ in imported.weights
    }


def run(imported: Imported, given: Given, x: np.ndarray) -> np.ndarray:
    """Return our outputs (TIME, BATCH, UNITS) of x (TIME, BATCH, INPUTS)."""
    program = compile_as_written(imported.genome)
    count = program.counts
    weight_input = np.zeros((INPUTS, count["gate"] + count["input"], UNITS))
    recurrent = np.zeros((UNITS, count["gate"] + count["recurrent"], UNITS))
    gate_bias = np.zeros((count["gate"], UNITS))
    bias, linear = np.zeros((count["bias"], UNITS)), np.zeros((count["linear"], UNITS, UNITS))
    for node, read, name in imported.weights:
        family = name.rstrip("0123456789")
        i = int(name.removeprefix(family)) - 1
        weight = given[node, read]
        if family == "linear":
            linear[i] = weight
        elif read == "bias":
            (gate_bias if family == "gate" else bias)[i] = weight
        elif read == "x":
            weight_input[:, i + (count["gate"] if family == "input" else 0)] = weight
        else:
            recurrent[:, i + (count["gate"] if family == "recurrent" else 0)] = weight
    numbers = [recurrent.reshape(UNITS, -1), gate_bias.ravel(), bias]
    numbers += [np.zeros((0, UNITS)), linear]
    weights = Weights(*(torch.from_numpy(array) for array in numbers))
    projected = torch.from_numpy(weight_input.reshape(INPUTS, -1))
    outputs, _ = eager.sequence(program)(torch.from_numpy(x), projected, weights, None)
    return outputs.numpy()
