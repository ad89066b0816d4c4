"""A decoder in plain torch, trained by gp-cells.

    a = norm(x)
    mixer = linear(attend(softmax(tilt(dot(split(linear(a)), split(linear(a))), fade(each(a)))), split(linear(a)))) + x
    b = norm(x)
    mlp = narrow(swish(wide3(b)) * wide3(b)) + x

architecture_id  fee1ed423d1a4d1a76feddbc4b4ab3c5
trial            mixers-recall-blocks-s1/r00-0-2, trial_id 1c4f845503126f3a7a04177bb64b11a8
fitness          0.00122883 nats per scored step on the validation split of recall
trained by       gp-cells 0.1.0, commit 623949f8a4d92ef0202f4d5a65380dd3b8472a01, torch 2.13.0+cpu

Inputs are (time, batch) int64, each batch a window of its own; predictions are (time, batch,
OUTPUTS), the logits of classes.
Beside each step of the block stands its word in the formulas.

    network = load()
    predictions = network(inputs)
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 16
UNITS = 32
HEADS = 4
LAYERS = 2
OUTPUTS = 16
WEIGHTS = Path(__file__).with_name("weights.safetensors")

Memory = tuple[Tensor, ...]
Fades = tuple[Tensor, Tensor]

def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Return x over its root mean square (Zhang and Sennrich 2019), with a gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def split(x: Tensor, heads: int) -> Tensor:
    """Return a stream (batch, time, D) as heads (batch, H, time, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x: Tensor) -> Tensor:
    """Return heads (batch, H, time, K) as a stream (batch, time, D)."""
    return x.transpose(1, 2).flatten(-2)


def fade(logs: Tensor) -> Fades:
    """Return the sums of logarithms (batch, time, H) after one step until another."""
    sums = logs.transpose(1, 2).cumsum(2)
    return sums, -sums


def earlier(rows: int, columns: int, device: torch.device) -> Tensor:
    """Return which of so many steps each of the last ones may read: itself and those before."""
    return torch.ones(rows, columns, dtype=torch.bool, device=device).tril(columns - rows)


def softmax_attention(
    query: Tensor, key: Tensor, value: Tensor, fades: Fades | None, before: Memory | None
) -> tuple[Tensor, Memory]:
    """Return softmax attention (Vaswani et al. 2017), its logits tilted by fades, and all keys so far."""
    row, col = (None, None) if fades is None else fades
    if before is not None:
        key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        if col is not None:
            col = torch.cat([before[2], col.expand(len(key), -1, -1)], 2)
    logits = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    if row is not None and col is not None:
        logits = logits + row[..., None] + col[:, :, None]
    seen = earlier(logits.shape[2], logits.shape[3], logits.device)
    outputs = logits.masked_fill(~seen, -math.inf).softmax(-1) @ value
    if row is None or col is None:
        return outputs, (key, value)
    return outputs, (key, value, (col + row[..., -1:]).expand(len(key), -1, -1))


class Block(nn.Module):
    """One layer: (batch, time, UNITS) → (batch, time, UNITS)."""

    def __init__(self):
        super().__init__()
        self.a_weight = nn.Parameter(torch.empty(32))
        self.mixer_0_0_0_0_0_0_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mixer_0_0_0_0_0_1_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mixer_0_0_0_0_1_0_weight = nn.Parameter(torch.empty(32, 4))
        self.mixer_0_0_0_0_1_bias = nn.Parameter(torch.empty(4))
        self.mixer_0_0_1_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mixer_0_weight = nn.Parameter(torch.empty(32, 32))
        self.b_weight = nn.Parameter(torch.empty(32))
        self.mlp_0_0_0_0_weight = nn.Parameter(torch.empty(32, 96))
        self.mlp_0_0_1_weight = nn.Parameter(torch.empty(32, 96))
        self.mlp_0_weight = nn.Parameter(torch.empty(96, 32))

    def forward(self, x):
        # mixer
        v0 = x                                            # x
        v1 = norm(v0, self.a_weight)                      # norm
        v2 = v1 @ self.mixer_0_0_0_0_0_0_0_weight         # linear
        v3 = split(v2, HEADS)                             # split
        v4 = v1 @ self.mixer_0_0_0_0_0_1_0_weight         # linear
        v5 = split(v4, HEADS)                             # split
        v7 = v1 @ self.mixer_0_0_0_0_1_0_weight           # each
        v8 = fade(functional.logsigmoid(v7 + self.mixer_0_0_0_0_1_bias))  # fade
        v11 = v1 @ self.mixer_0_0_1_0_weight              # linear
        v12 = split(v11, HEADS)                           # split
        v13 = merge(softmax_attention(v3, v5, v12, v8, None)[0])  # attend
        v14 = v13 @ self.mixer_0_weight                   # linear
        v15 = v14 + v0                                    # add
        x = v15

        # mlp
        v0 = x                                            # x
        v1 = norm(v0, self.b_weight)                      # norm
        v2 = v1 @ self.mlp_0_0_0_0_weight                 # wide3
        v3 = functional.silu(v2)                          # swish
        v4 = v1 @ self.mlp_0_0_1_weight                   # wide3
        v5 = v3 * v4                                      # mul
        v6 = v5 @ self.mlp_0_weight                       # narrow
        v7 = v6 + v0                                      # add
        x = v7
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
