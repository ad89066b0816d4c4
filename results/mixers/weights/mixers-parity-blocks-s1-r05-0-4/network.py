"""A decoder in plain torch, trained by gp-cells.

    mixer = lstm(norm(x)) + x
    mlp = narrow(gelu(wide2(norm(x)))) + x

architecture_id  3d0924c2fc0790a30fdbe7f151c0ec80
trial            mixers-parity-blocks-s1/r05-0-4, trial_id d4b7faa4e0832e863c5f9c41d715b296
fitness          7.7887e-05 nats per scored step on the validation split of parity
trained by       gp-cells 0.1.0, commit 623949f8a4d92ef0202f4d5a65380dd3b8472a01, torch 2.13.0+cpu

Inputs are (time, batch) int64, each batch a window of its own; predictions are (time, batch,
OUTPUTS), the logits of classes.
Beside each step of the block stands its word in the formulas.

    network = load()
    predictions = network(inputs)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn import functional

FEATURES = 2
UNITS = 32
HEADS = 4
LAYERS = 2
OUTPUTS = 2
WEIGHTS = Path(__file__).with_name("weights.safetensors")

Memory = tuple[Tensor, ...]

def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Return x over its root mean square (Zhang and Sennrich 2019), with a gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def unroll(
    step: Callable[..., Memory], inputs: Tensor | Memory, state: Memory
) -> tuple[Tensor, Memory]:
    """Take step after step along the first axis: (*inputs, *state) → state, whose first is the output."""
    outputs = []
    for given in zip(*(inputs if isinstance(inputs, tuple) else (inputs,)), strict=True):
        state = step(*given, *state)
        outputs.append(state[0])
    return torch.stack(outputs), state


class LstmCell(nn.Module):
    """One layer: (time, batch, inputs) and a state → (time, batch, UNITS) and the last state."""

    def __init__(self, inputs):
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(inputs, 4 * UNITS))
        self.weight_recurrent = nn.Parameter(torch.empty(UNITS, 4 * UNITS))
        self.gate_bias = nn.Parameter(torch.empty(4 * UNITS))

    def forward(self, inputs, state):
        outputs, state = unroll(self.step, inputs @ self.weight_input, tuple(state))
        return outputs, torch.stack(state)

    def step(self, x, h, c):
        products = h @ self.weight_recurrent
        gates = x + products + self.gate_bias
        gate1, gate2, gate3, gate4 = gates.split(UNITS, 1)
        c_new = c * sigmoid(gate1) + sigmoid(gate2) * tanh(gate3)
        h_new = sigmoid(gate4) * tanh(c_new)
        return h_new, c_new


class Block(nn.Module):
    """One layer: (batch, time, UNITS) → (batch, time, UNITS)."""

    def __init__(self):
        super().__init__()
        self.mixer_0_0_weight = nn.Parameter(torch.empty(32))
        self.mixer_0_cell = LstmCell(UNITS)
        self.mlp_0_0_0_0_weight = nn.Parameter(torch.empty(32))
        self.mlp_0_0_0_weight = nn.Parameter(torch.empty(32, 64))
        self.mlp_0_weight = nn.Parameter(torch.empty(64, 32))

    def forward(self, x):
        # mixer
        v0 = x                                            # x
        v1 = norm(v0, self.mixer_0_0_weight)              # norm
        v2 = self.mixer_0_cell(v1.transpose(0, 1), x.new_zeros(2, x.shape[0], UNITS))[0].transpose(0, 1)  # lstm
        v3 = v2 + v0                                      # add
        x = v3

        # mlp
        v0 = x                                            # x
        v1 = norm(v0, self.mlp_0_0_0_0_weight)            # norm
        v2 = v1 @ self.mlp_0_0_0_weight                   # wide2
        v3 = functional.gelu(v2)                          # gelu
        v4 = v3 @ self.mlp_0_weight                       # narrow
        v5 = v4 + v0                                      # add
        x = v5
        return x


class Network(nn.Module):
    """Layers of the block between inputs and predictions."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.embedding = nn.Embedding(FEATURES, UNITS)
        self.norm = nn.Parameter(torch.empty(UNITS))
        self.output = nn.Linear(UNITS, OUTPUTS)

    def forward(self, inputs):
        x = self.embedding(inputs).transpose(0, 1)
        for layer in self.layers:
            x = layer(x)
        return self.output(norm(x, self.norm)).transpose(0, 1)


def load(path=WEIGHTS):
    """Return the trained network, its weights read from a safetensors file."""
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    weights, entries = {}, json.loads(data[8:start])
    entries.pop("__metadata__", None)
    for name, entry in entries.items():
        first, last = entry["data_offsets"]
        place = {"offset": start + first, "count": (last - first) // 4}
        numbers = torch.frombuffer(data, dtype=torch.float32, **place)
        weights[name] = numbers.reshape(entry["shape"]).clone()
    network = Network()
    network.load_state_dict(weights)
    return network.eval()
