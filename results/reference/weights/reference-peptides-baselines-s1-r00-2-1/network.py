"""A recurrent network in plain torch, trained by gp-cells.

    h' = (1 - sigmoid(gate1)) * tanh(bias1 + input1 + (bias2 + recurrent1) * sigmoid(gate2)) + h * sigmoid(gate1)

architecture_id  67504e5df1d7f72f802da1d38bce92c5
trial            reference-peptides-baselines-s1/r00-2-1, trial_id 04afb8559cdbb6b943464c7fa7cae064
fitness          0.353056 nats per sequence on the validation split of peptides
trained by       gp-cells 0.1.0, commit 09fa2af5859737c05865e70e55dd688ab3afb9ab, torch 2.13.0+cpu

Inputs are (time, batch) int64; predictions are (time, batch, OUTPUTS),
the logits of classes.
What is carried over is (h) of each layer, (LAYERS, 1, batch, UNITS).

    network = load()
    predictions, state = network(inputs)
    predictions, state = network(more_inputs, state)
"""

import json
from pathlib import Path

import torch
from torch import nn, sigmoid, tanh
from torch.nn import functional

FEATURES = 20
UNITS = 32
LAYERS = 1
OUTPUTS = 2
WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Cell(nn.Module):
    """One layer: (time, batch, inputs) and a state → (time, batch, UNITS) and the last state."""

    def __init__(self, inputs):
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(inputs, 3 * UNITS))
        self.weight_recurrent = nn.Parameter(torch.empty(UNITS, 3 * UNITS))
        self.gate_bias = nn.Parameter(torch.empty(2 * UNITS))
        self.bias = nn.Parameter(torch.empty(2, UNITS))

    def forward(self, inputs, state):
        outputs, state = unroll(self.step, inputs @ self.weight_input, tuple(state))
        return outputs, torch.stack(state)

    def step(self, x, h):
        products = h @ self.weight_recurrent
        x, inputs = x.split((2 * UNITS, 1 * UNITS), 1)
        products, recurrents = products.split((2 * UNITS, 1 * UNITS), 1)
        gates = x + products + self.gate_bias
        gate1, gate2 = gates.split(UNITS, 1)
        input1 = inputs
        recurrent1 = recurrents
        v1 = sigmoid(gate1)
        v2 = (self.bias[1] + recurrent1) * sigmoid(gate2)
        v3 = (1 - v1) * tanh(self.bias[0] + input1 + v2)
        h_new = v3 + v1 * h
        return h_new,


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
        self.embedding = nn.Embedding(FEATURES, UNITS)
        self.layers = nn.ModuleList(Cell(UNITS if i == 0 else UNITS) for i in range(LAYERS))
        self.output = nn.Linear(UNITS, OUTPUTS)

    def forward(self, inputs, state=None):
        values = self.embedding(inputs)
        if state is None:
            state = values.new_zeros(LAYERS, 1, values.shape[1], UNITS)
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
