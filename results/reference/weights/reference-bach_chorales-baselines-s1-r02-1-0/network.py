"""A recurrent network in plain torch, trained by gp-cells.

    c' = tanh(c + tanh(relu(input1 + recurrent1) * sigmoid(input2 + recurrent2))) * tanh(relu(input3 * recurrent3) + sigmoid(input4 + recurrent4))
    h' = tanh(c' * tanh(sigmoid(sigmoid(input5 + recurrent5) + tanh(input6 + recurrent6)) + tanh(sigmoid(input7 + recurrent7) * tanh(input8 + recurrent8))))

architecture_id  a9290332f3f9e61d22186b3dd89f6fd6
trial            reference-bach_chorales-baselines-s1/r02-1-0, trial_id 7e574da97721b511aa6386b33573e57e
fitness          8.96393 nats per frame on the validation split of bach_chorales
trained by       gp-cells 0.1.0, commit 09fa2af5859737c05865e70e55dd688ab3afb9ab, torch 2.13.0+cpu

Inputs are (time, batch, FEATURES); predictions are (time, batch, OUTPUTS),
the logits of independent keys.
What is carried over is (h, c) of each layer, (LAYERS, 2, batch, UNITS).

    network = load()
    predictions, state = network(inputs)
    predictions, state = network(more_inputs, state)
"""

import json
from pathlib import Path

import torch
from torch import nn, relu, sigmoid, tanh

FEATURES = 88
UNITS = 64
LAYERS = 1
OUTPUTS = 88
WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Cell(nn.Module):
    """One layer: (time, batch, inputs) and a state → (time, batch, UNITS) and the last state."""

    def __init__(self, inputs):
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(inputs, 8 * UNITS))
        self.weight_recurrent = nn.Parameter(torch.empty(UNITS, 8 * UNITS))

    def forward(self, inputs, state):
        outputs, state = unroll(self.step, inputs @ self.weight_input, tuple(state))
        return outputs, torch.stack(state)

    def step(self, x, h, c):
        products = h @ self.weight_recurrent
        (
            input1, input2, input3, input4, input5, input6,
            input7, input8,
        ) = x.split(UNITS, 1)
        (
            recurrent1, recurrent2, recurrent3, recurrent4, recurrent5, recurrent6,
            recurrent7, recurrent8,
        ) = products.split(UNITS, 1)
        v1 = relu(input1 + recurrent1) * sigmoid(input2 + recurrent2)
        v2 = relu(input3 * recurrent3) + sigmoid(input4 + recurrent4)
        c_new = tanh(c + tanh(v1)) * tanh(v2)
        v3 = sigmoid(input5 + recurrent5) + tanh(input6 + recurrent6)
        v4 = sigmoid(input7 + recurrent7) * tanh(input8 + recurrent8)
        h_new = tanh(c_new * tanh(sigmoid(v3) + tanh(v4)))
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
