"""Published blocks against references written from the papers, step by step: outputs and all gradients.

A reference is handed a block's weights by word, in the order in which the words are run, and shares no
code with the package: sums over time are loops, and exponentials are taken as they stand, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.networks.block import weights
from gp_cells.networks.decoder_block import Block
from gp_cells.spaces.decoder import BLOCKS, Decoder, published

D, H, K, TIME, BATCH = 12, 2, 6, 7, 2
SPACE = Decoder(heads=H, most_parameters=0)

Reference = Callable[[Tensor, Any], Tensor]


class Weights:
    """The weights of a block, the next one of a word at each call."""

    def __init__(self, block: Block) -> None:
        self.found: dict[str, list[list[Tensor]]] = {}
        for part in block.parts_:
            for step in part.steps:
                learned = block.weights_of(step) if weights(step, block.sizes) else []
                if step.word == "lstm":
                    cell: Any = next(iter(block.cells.values()))
                    learned = [cell.weight_input, cell.weight_recurrent, cell.gate_bias]
                if learned:
                    self.found.setdefault(step.word, []).append(learned)

    def next(self, word: str) -> Any:
        found = self.found[word].pop(0)
        return found[0] if len(found) == 1 else found


# --- what references have in common ---------------------------------------------------------------


def rms(x: Tensor, w: Weights) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), w.next("norm"), 1e-6)


def layernorm(x: Tensor, w: Weights) -> Tensor:
    weight, bias = w.next("layernorm")
    return functional.layer_norm(x, (D,), weight, bias, 1e-5)


def headnorm(x: Tensor, w: Weights) -> Tensor:
    parts = [functional.rms_norm(part, (K,), eps=1e-6) for part in x.split(K, -1)]
    return torch.cat(parts, -1) * w.next("headnorm")


def linear(x: Tensor, w: Weights) -> Tensor:
    return x @ w.next("linear")


def heads_of(x: Tensor) -> Tensor:
    """(batch, time, D) as (batch, H, time, K)."""
    return x.reshape(BATCH, TIME, H, K).permute(0, 2, 1, 3)


def joined(x: Tensor) -> Tensor:
    return x.permute(0, 2, 1, 3).reshape(BATCH, TIME, D)


def rope(x: Tensor) -> Tensor:
    """Turn pairs of numbers as complex ones, as LLaMA's authors do."""
    half = K // 2
    speeds = 10000.0 ** (-torch.arange(half).double() / half)
    turns = torch.polar(
        torch.ones(TIME, half).double(), torch.outer(torch.arange(TIME).double(), speeds)
    )
    turned = torch.complex(x[..., :half], x[..., half:]) * turns
    return torch.cat([turned.real, turned.imag], -1)


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True)


def conv(x: Tensor, w: Weights, taps: int) -> Tensor:
    """A depthwise convolution by torch's own, with zeros before the sequence."""
    kernel = w.next(f"depth{taps}").flip(0).T[:, None]
    padded = functional.pad(x.transpose(1, 2), (taps - 1, 0))
    return functional.conv1d(padded, kernel, groups=x.shape[2]).transpose(1, 2)


def over_time(step: Callable[..., Any], state: Any, *inputs: Tensor, axis: int = 1) -> Tensor:
    """Return what `step(state, inputs at t) -> (state, output)` gives along an axis."""
    outputs = []
    for at in zip(*(x.unbind(axis) for x in inputs), strict=True):
        state, output = step(state, *at)
        outputs.append(output)
    return torch.stack(outputs, axis)


def gelu_mlp(x: Tensor, w: Weights, norm: Callable[..., Tensor], wide: int = 4) -> Tensor:
    hidden = functional.gelu(norm(x, w) @ w.next(f"wide{wide}"))
    return x + hidden @ w.next("narrow")


def swiglu(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    one, other = n @ w.next("wide3"), n @ w.next("wide3")
    return x + (functional.silu(one) * other) @ w.next("narrow")


# --- softmax attention ----------------------------------------------------------------------------


def turned(n: Tensor, w: Weights) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = (heads_of(linear(n, w)) for _ in range(3))
    return rope(q), rope(k), v


def gpt(x: Tensor, w: Weights) -> Tensor:
    x = x + linear(joined(sdpa(*turned(layernorm(x, w), w))), w)
    return gelu_mlp(x, w, layernorm)


def llama(x: Tensor, w: Weights) -> Tensor:
    return swiglu(x + linear(joined(sdpa(*turned(rms(x, w), w))), w), w)


def squared_relu(x: Tensor, w: Weights) -> Tensor:
    x = x + linear(joined(sdpa(*turned(layernorm(x, w), w))), w)
    return x + functional.relu(layernorm(x, w) @ w.next("wide4")) ** 2 @ w.next("narrow")


def qk_norm(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    q, k = (rope(heads_of(headnorm(linear(n, w), w))) for _ in range(2))
    x = x + linear(joined(sdpa(q, k, heads_of(linear(n, w)))), w)
    return x + functional.relu(rms(x, w) @ w.next("wide4")) ** 2 @ w.next("narrow")


def primer(x: Tensor, w: Weights) -> Tensor:
    n = layernorm(x, w)
    k = conv(linear(n, w), w, 3)
    q = linear(k, w)
    v = conv(linear(n, w), w, 3)
    x = x + linear(joined(sdpa(rope(heads_of(q)), rope(heads_of(k)), heads_of(v))), w)
    return x + layernorm(functional.relu(x @ w.next("wide4")) ** 2 @ w.next("narrow"), w)


def fox(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    q, k = (heads_of(linear(n, w)) for _ in range(2))
    forget = torch.sigmoid(n @ w.next("each") + w.next("fade")).transpose(1, 2)
    v = heads_of(linear(n, w))
    rows = []
    for t in range(TIME):
        kept = torch.stack([forget[:, :, s + 1 : t + 1].prod(-1) for s in range(t + 1)], -1)
        scores = torch.exp((q[:, :, t, None] * k[:, :, : t + 1]).sum(-1) / math.sqrt(K)) * kept
        rows.append((scores[..., None] * v[:, :, : t + 1]).sum(2) / scores.sum(-1, keepdim=True))
    return swiglu(x + linear(joined(torch.stack(rows, 2)), w), w)


# --- matrix states --------------------------------------------------------------------------------


def outer(k: Tensor, v: Tensor) -> Tensor:
    return torch.einsum("bhk,bhv->bhkv", k, v)


def read(q: Tensor, state: Tensor) -> Tensor:
    return torch.einsum("bhk,bhkv->bhv", q, state) / math.sqrt(K)


def empty() -> Tensor:
    return torch.zeros(BATCH, H, K, K).double()


def linear_attention(x: Tensor, w: Weights) -> Tensor:
    n = layernorm(x, w)
    q, k = (functional.elu(heads_of(linear(n, w))) + 1 for _ in range(2))

    def step(state: Any, q: Tensor, k: Tensor, v: Tensor) -> Any:
        sums, keys = state[0] + outer(k, v), state[1] + k
        return (sums, keys), read(q, sums) / ((q * keys).sum(-1, keepdim=True) / math.sqrt(K))

    start = empty(), torch.zeros(BATCH, H, K).double()
    y = over_time(step, start, q, k, heads_of(linear(n, w)), axis=2)
    return gelu_mlp(x + linear(joined(y), w), w, layernorm)


def retnet(x: Tensor, w: Weights) -> Tensor:
    n = layernorm(x, w)
    decay = 1 - 2.0 ** (-5 - torch.arange(H).double())

    def step(state: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Any:
        state = decay[:, None, None] * state + outer(k, v)
        return state, read(q, state)

    y = over_time(step, empty(), *turned(n, w), axis=2)
    x = x + linear(headnorm(joined(y), w) * functional.silu(linear(n, w)), w)
    return gelu_mlp(x, w, layernorm)


def gated(state: Tensor, q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> Any:
    state = g[..., None] * state + outer(k, v)
    return state, read(q, state)


def gla(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    q, k, v = (heads_of(linear(n, w)) for _ in range(3))
    down, up, bias = w.next("low")
    g = heads_of(torch.exp(functional.logsigmoid(n @ down @ up + bias) / 16))
    y = joined(over_time(gated, empty(), q, k, v, g, axis=2))
    return swiglu(x + linear(headnorm(y, w) * functional.silu(linear(n, w)), w), w)


def hgrn2(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    g = heads_of(torch.sigmoid(linear(n, w)))
    q, v = heads_of(functional.silu(linear(n, w))), heads_of(linear(n, w))
    y = joined(over_time(gated, empty(), q, 1 - g, v, g, axis=2))
    return swiglu(x + linear(headnorm(y, w), w), w)


def ssd(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    dt = functional.softplus(n @ w.next("each") + w.next("bias"))
    q, k = (heads_of(functional.silu(conv(linear(n, w), w, 4) + w.next("bias"))) for _ in range(2))
    kept = torch.exp(-torch.exp(w.next("rate")) * dt)
    v = heads_of(functional.silu(conv(linear(n, w), w, 4) + w.next("bias")))

    def step(state: Tensor, q: Tensor, k: Tensor, v: Tensor, dt: Tensor, kept: Tensor) -> Any:
        state = kept[..., None, None] * state + outer(k, dt[..., None] * v)
        return state, read(q, state)

    inputs = (q, k, v, dt.transpose(1, 2), kept.transpose(1, 2))
    y = joined(over_time(step, empty(), *inputs, axis=2))
    x = x + linear(rms(y * functional.silu(linear(n, w)), w), w)
    return gelu_mlp(x, w, rms)


def mlstm(x: Tensor, w: Weights) -> Tensor:
    n = layernorm(x, w)
    c = functional.silu(conv(n, w, 4) + w.next("bias"))
    q, k = (heads_of(linear(c, w)) for _ in range(2))
    forget = torch.sigmoid(n @ w.next("each") + w.next("fade")).transpose(1, 2)
    into = torch.exp(n @ w.next("each") + w.next("bias")).transpose(1, 2)
    v, out = heads_of(linear(n, w)), torch.sigmoid(linear(n, w))

    def step(state: Any, q: Tensor, k: Tensor, v: Tensor, f: Tensor, i: Tensor) -> Any:
        sums = f[..., None, None] * state[0] + i[..., None, None] * outer(k, v)
        keys = f[..., None] * state[1] + i[..., None] * k
        under = ((q * keys).sum(-1, keepdim=True) / math.sqrt(K)).abs().clamp_min(1)
        return (sums, keys), read(q, sums) / under

    start = empty(), torch.zeros(BATCH, H, K).double()
    y = joined(over_time(step, start, q, k, v, forget, into, axis=2))
    return gelu_mlp(x + linear(out * headnorm(y, w), w), w, layernorm)


def gated_deltanet(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)

    def unit(x: Tensor) -> Tensor:
        return x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt()

    q, k = (unit(heads_of(functional.silu(conv(linear(n, w), w, 4)))) for _ in range(2))
    v = heads_of(functional.silu(conv(linear(n, w), w, 4)))
    beta = torch.sigmoid(n @ w.next("each")).transpose(1, 2)
    softplus = functional.softplus(n @ w.next("each") + w.next("bias"))
    kept = torch.exp(-torch.exp(w.next("rate")) * softplus).transpose(1, 2)
    one = torch.eye(K).double()

    def step(state: Tensor, q: Tensor, k: Tensor, v: Tensor, b: Tensor, a: Tensor) -> Any:
        b = b[..., None, None]  # S (I - b k k') of the paper, transposed
        state = a[..., None, None] * (one - b * outer(k, k)) @ state + b * outer(k, v)
        return state, read(q, state)

    y = joined(over_time(step, empty(), q, k, v, beta, kept, axis=2))
    x = x + linear(headnorm(y, w) * functional.silu(linear(n, w)), w)
    return gelu_mlp(x, w, rms)


# --- scans ----------------------------------------------------------------------------------------


def g(x: Tensor) -> Tensor:
    """The candidate of minGRU and minLSTM."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


def min_gru(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    z, candidate = torch.sigmoid(linear(n, w)), g(linear(n, w))

    def step(h: Tensor, z: Tensor, candidate: Tensor) -> Any:
        h = (1 - z) * h + z * candidate
        return h, h

    y = over_time(step, torch.zeros(BATCH, D).double(), z, candidate)
    return gelu_mlp(x + linear(y, w), w, rms)


def min_lstm(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    f, i = torch.sigmoid(linear(n, w)), torch.sigmoid(linear(n, w))

    def step(h: Tensor, f: Tensor, i: Tensor, candidate: Tensor) -> Any:
        h = f / (f + i) * h + i / (f + i) * candidate
        return h, h

    y = over_time(step, torch.zeros(BATCH, D).double(), f, i, g(linear(n, w)))
    return gelu_mlp(x + linear(y, w), w, rms)


def mamba(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    u = functional.silu(conv(n @ w.next("wide2"), w, 4) + w.next("bias"))
    down, up, bias = w.next("low")
    dt = functional.softplus(u @ down @ up + bias)
    b, c = u @ w.next("code"), u @ w.next("code")
    rates, skip = w.next("select")

    def step(h: Tensor, u: Tensor, dt: Tensor, b: Tensor, c: Tensor) -> Any:
        kept = torch.exp(-dt[..., None] * torch.exp(rates))
        h = kept * h + torch.einsum("bd,bn->bdn", dt * u, b)
        return h, torch.einsum("bdn,bn->bd", h, c) + skip * u

    y = over_time(step, torch.zeros(BATCH, 2 * D, 16).double(), u, dt, b, c)
    x = x + (y * functional.silu(n @ w.next("wide2"))) @ w.next("narrow")
    return gelu_mlp(x, w, rms, wide=2)


def rwkv4(x: Tensor, w: Weights) -> Tensor:
    def before(n: Tensor) -> Tensor:
        return functional.pad(n, (0, 0, 1, -1))

    def mixed(n: Tensor) -> Tensor:
        mix = w.next("scale")
        return mix * n + (1 - mix) * before(n)

    n = layernorm(x, w)
    r = torch.sigmoid(linear(mixed(n), w))
    k, v = linear(mixed(n), w), linear(mixed(n), w)
    decay, bonus = w.next("wkv")
    rows = []
    for t in range(TIME):
        past = [torch.exp(k[:, s] - (t - 1 - s) * torch.exp(decay)) for s in range(t)]
        factors = torch.stack([*past, torch.exp(k[:, t] + bonus)], 1)
        rows.append((factors * v[:, : t + 1]).sum(1) / factors.sum(1))
    x = x + linear(r * torch.stack(rows, 1), w)
    n = layernorm(x, w)
    hidden = functional.relu(mixed(n) @ w.next("wide4")) ** 2 @ w.next("narrow")
    return x + torch.sigmoid(linear(mixed(n), w)) * hidden


def hyena(x: Tensor, w: Weights) -> Tensor:
    n = layernorm(x, w)
    gate = conv(linear(n, w), w, 3)
    u = conv(linear(n, w), w, 3) * conv(linear(n, w), w, 3)
    first, bias, second, bias2, last, skip = w.next("long")
    rows = []
    fades = torch.linspace(math.log(100) / 1.5, math.log(100) / 0.3, D, dtype=torch.float64)
    for t in range(TIME):
        total = skip * u[:, t]
        for s in range(t + 1):
            at = torch.tensor((t - s) / 256).double()
            z = torch.stack([at, (2 * math.pi * at).cos(), (2 * math.pi * at).sin()])
            hidden = torch.sin(torch.sin(z @ first + bias) @ second + bias2)
            total = total + (hidden @ last) * torch.exp(-at * fades) * u[:, s]
        rows.append(total)
    return gelu_mlp(x + linear(gate * torch.stack(rows, 1), w), w, layernorm)


def lstm(x: Tensor, w: Weights) -> Tensor:
    """The recurrent cell by torch's own LSTM; its gates come in the order of the cell's formulas."""
    into, recurrent, bias = w.next("lstm")
    n = rms(x, w)
    order = (1, 0, 2, 3)

    def ordered(weight: Tensor) -> Tensor:
        gates = weight.split(D, -1)
        return torch.cat([gates[i] for i in order], -1)

    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    bias = ordered(bias)
    given = (ordered(into).T, ordered(recurrent).T, bias, torch.zeros_like(bias))
    layer = torch.nn.LSTM(D, D, batch_first=True).double()
    y = torch.func.functional_call(layer, dict(zip(names, given, strict=True)), (n,))[0]
    return gelu_mlp(x + y, w, rms, wide=2)


REFERENCES: dict[str, Reference] = {
    reference.__name__: reference
    for reference in (
        *(gpt, llama, squared_relu, qk_norm, primer, fox),
        *(linear_attention, retnet, gla, hgrn2, ssd, mlstm, gated_deltanet),
        *(min_gru, min_lstm, mamba, rwkv4, hyena, lstm),
    )
}


def test_every_published_block_has_a_reference() -> None:
    assert set(REFERENCES) == set(BLOCKS)


@pytest.mark.parametrize("engine", Decoder.engines)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_its_reference_in_outputs_and_all_gradients(name: str, engine: str) -> None:
    form = Form("frames", D, "numbers", D)
    recipe = Recipe(units=D)
    network = SPACE.network(published(name), form, recipe, engine, "cpu", "float32").double()
    network.initialise(5)
    block, dice = network.blocks[0], torch.Generator().manual_seed(2)
    with torch.no_grad():  # gains of one and biases of zero hide faults
        for weight in block.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=dice).double())
    x = torch.randn(BATCH, TIME, D, generator=dice).double().requires_grad_()
    toward = torch.randn(BATCH, TIME, D, generator=dice).double()

    given, _ = block(x, None, 0)
    expected = REFERENCES[name](x, Weights(block))

    torch.testing.assert_close(given, expected, rtol=1e-9, atol=1e-10)
    learned = [weight for weight in block.parameters() if weight.numel()]
    found = torch.autograd.grad((given * toward).sum(), [x, *learned])
    wanted = torch.autograd.grad((expected * toward).sum(), [x, *learned])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)
