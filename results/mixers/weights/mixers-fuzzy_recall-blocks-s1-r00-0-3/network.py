"""A decoder in plain torch, trained by gp-cells.

    a = layernorm(x)
    b = depth3(linear(a))
    mixer = linear(attend(softmax(dot(rotate(split(linear(b))), rotate(split(b)))), split(depth3(linear(a))))) + x
    mlp = layernorm(narrow(square(relu(wide4(x))))) + x

architecture_id  ac4e5224527b5c66e2c4a699888dacfd
trial            mixers-fuzzy_recall-blocks-s1/r00-0-3, trial_id be4cca3f67dafff8d30069f428f4c353
fitness          0.054059 nats per scored step on the validation split of fuzzy_recall
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

FEATURES = 17
UNITS = 32
HEADS = 4
LAYERS = 2
OUTPUTS = 17
WEIGHTS = Path(__file__).with_name("weights.safetensors")

Memory = tuple[Tensor, ...]
Fades = tuple[Tensor, Tensor]

def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Return x over its root mean square (Zhang and Sennrich 2019), with a gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def layernorm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the layer norm (Ba et al. 2016)."""
    return functional.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)


def split(x: Tensor, heads: int) -> Tensor:
    """Return a stream (batch, time, D) as heads (batch, H, time, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x: Tensor) -> Tensor:
    """Return heads (batch, H, time, K) as a stream (batch, time, D)."""
    return x.transpose(1, 2).flatten(-2)


def rotate(x: Tensor, steps: int) -> Tensor:
    """Return heads turned by their place, after `steps` earlier ones: RoPE (Su et al. 2021)."""
    half = x.shape[-1] // 2
    speeds = 10000.0 ** (-torch.arange(half, dtype=x.dtype, device=x.device) / half)
    places = torch.arange(steps, steps + x.shape[2], dtype=x.dtype, device=x.device)
    angles = places[:, None] * speeds
    cos, sin = angles.cos(), angles.sin()
    first, second = x[..., :half], x[..., half : 2 * half]
    turned = [first * cos - second * sin, second * cos + first * sin, x[..., 2 * half :]]
    return torch.cat(turned, -1)


def depth(x: Tensor, weight: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return a causal convolution of each channel; `weight` (taps, D) begins with the step itself."""
    taps, time = len(weight), x.shape[1]
    first = x.new_zeros(x.shape[0], taps - 1, x.shape[2]) if before is None else before
    whole = torch.cat([first, x], 1)
    parts = [weight[i] * whole[:, taps - 1 - i : taps - 1 - i + time] for i in range(taps)]
    return torch.stack(parts).sum(0), whole[:, time:]


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
        self.a_bias = nn.Parameter(torch.empty(32))
        self.b_0_weight = nn.Parameter(torch.empty(32, 32))
        self.b_weight = nn.Parameter(torch.empty(3, 32))
        self.mixer_0_0_0_0_0_0_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mixer_0_0_1_0_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mixer_0_0_1_0_weight = nn.Parameter(torch.empty(3, 32))
        self.mixer_0_weight = nn.Parameter(torch.empty(32, 32))
        self.mlp_0_0_0_0_0_weight = nn.Parameter(torch.empty(32, 128))
        self.mlp_0_0_weight = nn.Parameter(torch.empty(128, 32))
        self.mlp_0_weight = nn.Parameter(torch.empty(32))
        self.mlp_0_bias = nn.Parameter(torch.empty(32))

    def forward(self, x):
        # mixer
        v0 = x                                            # x
        v1 = layernorm(v0, self.a_weight, self.a_bias)    # layernorm
        v2 = v1 @ self.b_0_weight                         # linear
        v3 = depth(v2, self.b_weight, None)[0]            # depth3
        v4 = v3 @ self.mixer_0_0_0_0_0_0_0_weight         # linear
        v5 = split(v4, HEADS)                             # split
        v6 = rotate(v5, 0)                                # rotate
        v7 = split(v3, HEADS)                             # split
        v8 = rotate(v7, 0)                                # rotate
        v11 = v1 @ self.mixer_0_0_1_0_0_weight            # linear
        v12 = depth(v11, self.mixer_0_0_1_0_weight, None)[0]  # depth3
        v13 = split(v12, HEADS)                           # split
        v14 = merge(softmax_attention(v6, v8, v13, None, None)[0])  # attend
        v15 = v14 @ self.mixer_0_weight                   # linear
        v16 = v15 + v0                                    # add
        x = v16

        # mlp
        v0 = x                                            # x
        v1 = v0 @ self.mlp_0_0_0_0_0_weight               # wide4
        v2 = torch.relu(v1)                               # relu
        v3 = v2 * v2                                      # square
        v4 = v3 @ self.mlp_0_0_weight                     # narrow
        v5 = layernorm(v4, self.mlp_0_weight, self.mlp_0_bias)  # layernorm
        v6 = v5 + v0                                      # add
        x = v6
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
