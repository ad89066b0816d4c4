"""The words of decoder blocks in torch's own operations: the reference, differentiated by autograd.

Streams are (batch, time, D), numbers a head (batch, time, H), heads (batch, H, time, K), codes (batch,
time, N). Fades are a pair of (batch, H, time): `row` + `col` is the logarithm of the factor from a step
(col) to a later one (row); the rows end where the next piece of the sequence begins. What a word knows of
earlier pieces comes in as `before`, None at the start, and goes out again behind its value.

Every function here stands on its own, with torch alone: exported networks are written with them as they
are.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Memory = tuple[Tensor, ...]
Fades = tuple[Tensor, Tensor]


# --- at each step by itself -----------------------------------------------------------------------


def positive(x: Tensor) -> Tensor:
    """Return x + 1/2, or sigmoid(x) where x < 0: the g of minGRU (Feng et al. 2024)."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


def slow(gate: Tensor) -> Tensor:
    """Return the 16th root of a gate: the temperature of GLA (Yang et al. 2024)."""
    return gate.clamp_min(torch.finfo(gate.dtype).tiny) ** (1 / 16)


def share(one: Tensor, other: Tensor) -> Tensor:
    """Return a / (a + b) of two gates."""
    return one / (one + other).clamp_min(torch.finfo(one.dtype).tiny)


def low(x: Tensor, down: Tensor, up: Tensor, bias: Tensor) -> Tensor:
    """Return a projection of low rank, and a bias."""
    return x @ down @ up + bias


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Return x over its root mean square (Zhang and Sennrich 2019), with a gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def layernorm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the layer norm (Ba et al. 2016)."""
    return functional.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)


def headnorm(x: Tensor, weight: Tensor, heads: int) -> Tensor:
    """Return x over the root mean square of each head's part, with a gain."""
    parts = x.unflatten(-1, (heads, -1))
    scaled = parts * torch.rsqrt(parts.square().mean(-1, keepdim=True) + 1e-6)
    return scaled.flatten(-2) * weight


def split(x: Tensor, heads: int) -> Tensor:
    """Return a stream (batch, time, D) as heads (batch, H, time, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x: Tensor) -> Tensor:
    """Return heads (batch, H, time, K) as a stream (batch, time, D)."""
    return x.transpose(1, 2).flatten(-2)


def unit(x: Tensor) -> Tensor:
    """Return vectors of length 1."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)


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


# --- over time ------------------------------------------------------------------------------------


def shift(x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the step before of each step, and the last step."""
    first = torch.zeros_like(x[:, :1]) if before is None else before
    return torch.cat([first, x[:, :-1]], 1), x[:, -1:]


def depth(x: Tensor, weight: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return a causal convolution of each channel; `weight` (taps, D) begins with the step itself."""
    taps, time = len(weight), x.shape[1]
    first = x.new_zeros(x.shape[0], taps - 1, x.shape[2]) if before is None else before
    whole = torch.cat([first, x], 1)
    parts = [weight[i] * whole[:, taps - 1 - i : taps - 1 - i + time] for i in range(taps)]
    return torch.stack(parts).sum(0), whole[:, time:]


def long(
    x: Tensor,
    first: Tensor,
    bias: Tensor,
    second: Tensor,
    bias2: Tensor,
    last: Tensor,
    skip: Tensor,
    before: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return a convolution with a filter as long as the sequence, and all inputs so far.

    The filter is what a small network says of each distance, faded: Hyena (Poli et al. 2023). It is a sum
    over all earlier steps; the paper's Fourier transform would let later steps change the rounding.
    """
    whole = x if before is None else torch.cat([before, x], 1)
    time, span = whole.shape[1], 256
    places = torch.arange(time, dtype=x.dtype, device=x.device) / span
    turns = 2 * math.pi * places
    given = torch.stack([places, turns.cos(), turns.sin()], 1)
    hidden = torch.sin(given @ first + bias)
    hidden = torch.sin(hidden @ second + bias2)
    fades = torch.linspace(
        math.log(100) / 1.5, math.log(100) / 0.3, x.shape[2], dtype=x.dtype, device=x.device
    )
    weights = hidden @ last * torch.exp(-places[:, None] * fades)
    summed = torch.einsum("cts,bsc->btc", triangle(weights.T)[:, -x.shape[1] :], whole)
    return summed + x * skip, whole


def triangle(weights: Tensor) -> Tensor:
    """Return weights (channel, distance) as (channel, later, earlier), zero above."""
    channels, time = weights.shape
    # Rows of one number less than what is repeated in them are each turned by one.
    turned = [weights[:, :1], weights.new_zeros(channels, time), weights[:, 1:].flip(1)]
    repeated = torch.cat(turned, 1)[:, None].expand(channels, time, 2 * time).reshape(channels, -1)
    rows = repeated[:, : time * (2 * time - 1)].reshape(channels, time, 2 * time - 1)
    return rows[:, :, :time]


def unroll(
    step: Callable[..., Memory], inputs: Tensor | Memory, state: Memory
) -> tuple[Tensor, Memory]:
    """Take step after step along the first axis: (*inputs, *state) → state, whose first is the output."""
    outputs = []
    for given in zip(*(inputs if isinstance(inputs, tuple) else (inputs,)), strict=True):
        state = step(*given, *state)
        outputs.append(state[0])
    return torch.stack(outputs), state


def scan(a: Tensor, b: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return h of h_t = a_t h_(t-1) + b_t along axis 1, and the last one, by doubling (Hillis, Steele)."""
    if before is not None:
        b = torch.cat([b[:, :1] + a[:, :1] * before, b[:, 1:]], 1)
    step = 1
    while step < b.shape[1]:
        b = torch.cat([b[:, :step], b[:, step:] + a[:, step:] * b[:, :-step]], 1)
        a = torch.cat([a[:, :step], a[:, step:] * a[:, :-step]], 1)
        step *= 2
    return b, b[:, -1:]


def scan_in_steps(a: Tensor, b: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return h of h_t = a_t h_(t-1) + b_t along axis 1, and the last one, step after step."""
    start = torch.zeros_like(b[:, 0]) if before is None else before[:, 0]

    def step(kept: Tensor, added: Tensor, h: Tensor) -> Memory:
        return (kept * h + added,)

    outputs, after = unroll(step, (a.transpose(0, 1), b.transpose(0, 1)), (start,))
    return outputs.transpose(0, 1), after[0][:, None]


def wkv(
    key: Tensor, value: Tensor, decay: Tensor, bonus: Tensor, before: Memory | None
) -> tuple[Tensor, Memory]:
    """Return the average over time of RWKV-4 (Peng et al. 2023), and its sums with their largest exponent.

    A step weighs exp(key) there, exp(-exp(decay)) less with each later one, and exp(bonus) more at itself.
    """
    slower = -torch.exp(decay)
    none = torch.zeros_like(key[:, 0])
    before = (none, none, torch.full_like(none, -1e30)) if before is None else before

    def step(k: Tensor, v: Tensor, _: Tensor, over: Tensor, under: Tensor, top: Tensor) -> Memory:
        most = torch.maximum(top, k + bonus)
        old, new = torch.exp(top - most), torch.exp(k + bonus - most)
        output = (old * over + new * v) / (old * under + new)
        most = torch.maximum(top + slower, k)
        old, new = torch.exp(top + slower - most), torch.exp(k - most)
        return output, old * over + new * v, old * under + new, most

    inputs = key.transpose(0, 1), value.transpose(0, 1)
    outputs, after = unroll(step, inputs, (none, *before))
    return outputs.transpose(0, 1), after[1:]


def select(
    x: Tensor,
    span: Tensor,
    into: Tensor,
    out: Tensor,
    rates: Tensor,
    skip: Tensor,
    before: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Return the selective scan of Mamba-1 (Gu and Dao 2023), whose state is N numbers a channel."""
    kept = torch.exp(span[..., None] * -torch.exp(rates))
    added = (span * x)[..., None] * into[:, :, None]
    states, last = scan(kept, added, before)
    return (states * out[:, :, None]).sum(-1) + x * skip, last


def state(
    query: Tensor, key: Tensor, value: Tensor, gate: Tensor, before: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return y of S_t = diag(g_t) S_(t-1) + k_t v_t, y_t = S_t q_t / sqrt(K), and the last S.

    All are (batch, H, time, K): gated linear attention (Yang et al. 2024).
    """
    query = query / math.sqrt(query.shape[-1])
    none = key.new_zeros(*key.shape[:2], key.shape[3], value.shape[3])

    def step(q: Tensor, k: Tensor, v: Tensor, g: Tensor, _: Tensor, whole: Tensor) -> Memory:
        whole = g[..., None] * whole + k[..., None] * v[:, :, None]
        return (q[..., None] * whole).sum(2), whole

    inputs = tuple(x.permute(2, 0, 1, 3) for x in (query, key, value, gate))
    start = torch.zeros_like(value[:, :, 0]), none if before is None else before
    outputs, after = unroll(step, inputs, start)
    return outputs.permute(1, 2, 0, 3), after[1]


def delta(
    query: Tensor, key: Tensor, value: Tensor, step: Tensor, gate: Tensor, before: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the gated delta rule (Yang et al. 2025), and the last state (batch, H, K, K).

    S_t = g_t S_(t-1) + k_t (b_t (v_t - k_t g_t S_(t-1))), y_t = S_t q_t / sqrt(K); `step` b and `gate` g
    are (batch, time, H).
    """
    query = query / math.sqrt(query.shape[-1])
    none = key.new_zeros(*key.shape[:2], key.shape[3], value.shape[3])

    def after_step(
        q: Tensor, k: Tensor, v: Tensor, b: Tensor, g: Tensor, _: Tensor, whole: Tensor
    ) -> Memory:
        whole = g[..., None, None] * whole
        missing = v - (k[..., None] * whole).sum(2)
        whole = whole + k[..., None] * (b[..., None] * missing)[:, :, None]
        return (q[..., None] * whole).sum(2), whole

    vectors = tuple(x.permute(2, 0, 1, 3) for x in (query, key, value))
    inputs = (*vectors, step.transpose(0, 1), gate.transpose(0, 1))
    start = torch.zeros_like(value[:, :, 0]), none if before is None else before
    outputs, after = unroll(after_step, inputs, start)
    return outputs.permute(1, 2, 0, 3), after[1]


# --- fades and attention --------------------------------------------------------------------------


def fade(logs: Tensor) -> Fades:
    """Return the sums of logarithms (batch, time, H) after one step until another."""
    sums = logs.transpose(1, 2).cumsum(2)
    return sums, -sums


def rise(logs: Tensor) -> Fades:
    """Return logarithms (batch, time, H) of the step that is read."""
    logs = logs.transpose(1, 2)
    return torch.zeros_like(logs), logs


def slope(time: int, heads: int, like: Tensor) -> Fades:
    """Return the decay of RetNet (Sun et al. 2023): 1 - 2^(-5 - h) a step for head h."""
    numbers = torch.arange(heads, dtype=like.dtype, device=like.device)
    return fade(torch.log1p(-(2 ** (-5 - numbers))).expand(1, time, heads))


def alibi(time: int, heads: int, like: Tensor) -> Fades:
    """Return the slopes of ALiBi (Press et al. 2022): -2^(-8 h / H) a step for head h, from 1."""
    numbers = torch.arange(1, heads + 1, dtype=like.dtype, device=like.device)
    return fade((-(2 ** (-8 * numbers / heads))).expand(1, time, heads))


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


def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    fades: Fades | None,
    divide: str,
    before: Memory | None,
) -> tuple[Tensor, Memory]:
    """Return attention whose scores are products, weighed by exp(fades), and what it keeps.

    `divide` is `average` (by the sum of a row), `guard` (by the larger of its absolute value and 1, as
    mLSTM, Beck et al. 2024) or empty. It keeps the sum of key × value, then if it divides that of keys,
    then with fades the logarithm that both are scaled by, so that no exponential overflows.
    """
    query = query / math.sqrt(query.shape[-1])
    seen = earlier(query.shape[2], query.shape[2], query.device)
    scores = query @ key.transpose(2, 3)
    top = None
    if fades is None:
        scores = scores.masked_fill(~seen, 0)
    else:
        row, col = fades
        logs = (row[..., None] + col[:, :, None]).masked_fill(~seen, -math.inf)
        top = logs.detach().amax(-1)
        if before is not None:
            top = torch.maximum(top, (row + before[-1]).detach())
        scores = scores * torch.exp(logs - top[..., None])
    outputs, sums = scores @ value, scores.sum(-1)
    if before is not None:
        past = query @ before[0]
        old = None if fades is None or top is None else torch.exp(fades[0] + before[-1] - top)
        outputs = outputs + (past if old is None else past * old[..., None])
        if divide:
            less = (query @ before[1][..., None])[..., 0]
            sums = sums + (less if old is None else less * old)
    if divide == "average":
        outputs = outputs / sums[..., None]
    elif divide == "guard":
        least = torch.ones_like(sums) if top is None else torch.exp(-top)
        outputs = outputs / torch.maximum(sums.abs(), least)[..., None]
    elif top is not None:
        outputs = outputs * torch.exp(top)[..., None]
    return outputs, kept_sums(key, value, fades, divide, before)


def kept_sums(
    key: Tensor, value: Tensor, fades: Fades | None, divide: str, before: Memory | None
) -> Memory:
    """Return what `linear_attention` keeps after a piece."""
    log = None
    if fades is not None:
        row, col = fades
        rest = (col + row[..., -1:]).expand(len(key), -1, -1)
        log = rest.detach().amax(-1, keepdim=True)
        if before is not None:
            log = torch.maximum(log, (before[-1] + row[..., -1:]).detach())
        key = key * torch.exp(rest - log)[..., None]
    sums = [key.transpose(2, 3) @ value, *([key.sum(2)] if divide else [])]
    if before is not None:
        old: Tensor | float = 1.0
        if fades is not None and log is not None:
            old = torch.exp(before[-1] + fades[0][..., -1:] - log)
        first = before[0] * (old[..., None] if isinstance(old, Tensor) else old)
        sums = [
            sums[0] + first,
            *(more + of * old for more, of in zip(sums[1:], before[1:], strict=False)),
        ]
    return (*sums, *([] if log is None else [log]))
