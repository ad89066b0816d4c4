"""A recurrent network in plain torch, trained by gp-cells.

    c' = c * sigmoid(gate1 + c * scale1) + sigmoid(gate2 + c * scale2) * tanh(gate3)
    h' = sigmoid(gate4 + c' * scale3) * tanh(c')

architecture_id  cb403a632c275c7cae4156c9dc66400f
trial            reference-japanese_vowels-baselines-s1/r00-2-0, trial_id df368ac1dd427a28a4a2e0bb05e8605e
fitness          0.0169525 nats per sequence on the validation split of japanese_vowels
trained by       gp-cells 0.1.0, commit 09fa2af5859737c05865e70e55dd688ab3afb9ab, torch 2.13.0+cpu

Inputs are (time, batch, FEATURES); predictions are (time, batch, OUTPUTS),
the logits of classes.
What is carried over is (h, c) of each layer, (LAYERS, 2, batch, UNITS).

    network = load()
    predictions, state = network(inputs)
    predictions, state = network(more_inputs, state)
"""

import json
from pathlib import Path

import torch
from torch import nn, sigmoid, tanh
from torch.nn import functional

FEATURES = 12
UNITS = 32
LAYERS = 1
OUTPUTS = 9
WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Cell(nn.Module):
    """One layer: (time, batch, inputs) and a state → (time, batch, UNITS) and the last state."""

    def __init__(self, inputs):
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(inputs, 4 * UNITS))
        self.weight_recurrent = nn.Parameter(torch.empty(UNITS, 4 * UNITS))
        self.gate_bias = nn.Parameter(torch.empty(4 * UNITS))
        self.scale = nn.Parameter(torch.empty(3, UNITS))

    def forward(self, inputs, state):
        outputs, state = unroll(self.step, inputs @ self.weight_input, tuple(state))
        return outputs, torch.stack(state)

    def step(self, x, h, c):
        products = h @ self.weight_recurrent
        gates = x + products + self.gate_bias
        gate1, gate2, gate3, gate4 = gates.split(UNITS, 1)
        v1 = sigmoid(gate2 + c * self.scale[1]) * tanh(gate3)
        c_new = c * sigmoid(gate1 + c * self.scale[0]) + v1
        h_new = sigmoid(gate4 + c_new * self.scale[2]) * tanh(c_new)
        return h_new, c_new


def unroll(step, inputs, state):
    """Take step after step; return the outputs of all, and the last state."""
    outputs = []
    for x in inputs:
        state = step(x, *state)
        outputs.append(state[0])
    return torch.stack(outputs), state


class Network(nn.Module):
    """Layers of the cell between inputs and predictions."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Cell(FEATURES if i == 0 else UNITS) for i in range(LAYERS))
        self.output = nn.Linear(UNITS, OUTPUTS)

    def forward(self, inputs, state=None):
        values = inputs
        if state is None:
            state = values.new_zeros(LAYERS, 2, values.shape[1], UNITS)
        carried = []
        for layer, before in zip(self.layers, state, strict=True):
            values, after = layer(values, before)
            values = functional.dropout(values, 0.3, self.training)
            carried.append(after)
        return self.output(values), torch.stack(carried)


def load(path=WEIGHTS):
    """Return the trained network, its weights read from a safetensors file."""
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    weights = {}
    for name, entry in json.loads(data[8:start]).items():
        first, last = entry["data_offsets"]
        place = {"offset": start + first, "count": (last - first) // 4}
        numbers = torch.frombuffer(data, dtype=torch.float32, **place)
        weights[name] = numbers.reshape(entry["shape"]).clone()
    network = Network()
    network.load_state_dict(weights)
    return network.eval()
