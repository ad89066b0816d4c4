"""Write golden_blocks.npz from implementations of others: python -m support.make_golden [BLOCK …]

Once, in environments of its own beside this package; no test needs them. From the folder `tests`:

    pip install --target /tmp/others transformers==5.24.0 mingru-pytorch==0.2.1 einops
    PYTHONPATH=/tmp/others python -m support.make_golden gpt llama squared_relu qk_norm mamba rwkv4 \
        gated_deltanet min_gru min_lstm
    pip install --no-deps --target /tmp/fla fla-core==0.6.0 xlstm==2.0.6 einops
    PYTHONPATH=/tmp/fla python -m support.make_golden linear_attention retnet gla hgrn2 ssd fox mlstm

Two, since transformers calls the kernels of fla where it finds them, and these need a GPU; of fla and xlstm
single files are read, which need none. Where a whole layer or mixer can be had it is run with the block's
weights, else the recurrence or attention alone is theirs, between torch's own norms, convolutions and
activations. They compute in float32 inside; here they are told that float32 is float64. Of `primer` and
`hyena` no implementation was found that runs on a CPU, `lstm` has torch's in test_published_blocks.py.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from support.golden import GOLDEN, TIME, D, H, K, Weights, numbers, seeded

Reference = Callable[[Tensor, Weights], Tensor]


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Let those who ask for float32 have float64."""
    double = torch.float64
    with (
        mock.patch.object(torch, "float32", double),
        mock.patch.object(torch, "float", double),
        mock.patch.object(Tensor, "float", Tensor.double),
    ):
        yield


def called(module: nn.Module, weights: Mapping[str, Tensor], *given: Any, **named: Any) -> Any:
    """Return what a module gives with some weights; those that are not named are zero."""
    own = {name: torch.zeros_like(of).double() for name, of in module.named_parameters()}
    for name, weight in weights.items():
        assert own[name].shape == weight.shape, (name, own[name].shape, weight.shape)
    return torch.func.functional_call(module, {**own, **weights}, given, named)


def file_of(package: str, path: str) -> Any:
    """Return a module of a package from its file alone, without what the package imports."""
    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    place = f"{found.submodule_search_locations[0]}/{path}"
    spec = importlib.util.spec_from_file_location("alone", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- what torch has -------------------------------------------------------------------------------


def rms(x: Tensor, w: Weights) -> Tensor:
    return functional.rms_norm(x, x.shape[-1:], w.next("norm"), 1e-6)


def layernorm(x: Tensor, w: Weights) -> Tensor:
    weight, bias = w.several("layernorm")
    return functional.layer_norm(x, (D,), weight, bias, 1e-5)


def headnorm(x: Tensor, w: Weights) -> Tensor:
    return functional.rms_norm(x.unflatten(-1, (H, K)), (K,), eps=1e-6).flatten(-2) * w.next(
        "headnorm"
    )


def linear(x: Tensor, w: Weights) -> Tensor:
    return functional.linear(x, w.next("linear").T)


def heads(x: Tensor) -> Tensor:
    """Return (batch, time, D) as (batch, time, H, K)."""
    return x.unflatten(-1, (H, K))


def conv(x: Tensor, w: Weights, bias: Tensor | None = None) -> Tensor:
    """Return a depthwise convolution over four steps, as a layer of torch's."""
    kernel = w.next("depth4").flip(0).T[:, None]
    padded = functional.pad(x.mT, (3, 0))
    return functional.conv1d(padded, kernel, bias, groups=x.shape[-1]).mT


def conv_with_bias(x: Tensor, w: Weights) -> Tensor:
    return functional.silu(conv(x, w, w.next("bias")))


def gelu_mlp(x: Tensor, w: Weights, norm: Callable[..., Tensor], wide: int = 4) -> Tensor:
    return x + functional.gelu(norm(x, w) @ w.next(f"wide{wide}")) @ w.next("narrow")


def swiglu(x: Tensor, w: Weights) -> Tensor:
    n = rms(x, w)
    gate, up = n @ w.next("wide3"), n @ w.next("wide3")
    return x + (functional.silu(gate) * up) @ w.next("narrow")


# --- transformers: whole layers and mixers --------------------------------------------------------


def causal() -> Tensor:
    """Return what is added to the scores of steps to come: (1, 1, time, time)."""
    return torch.full((TIME, TIME), -math.inf).double().triu(1)[None, None]


def turns(module: Any, config: Any, x: Tensor) -> Any:
    return module(config).double()(x, torch.arange(TIME)[None])


def neox(act: str) -> Reference:
    """Return a layer of GPT-NeoX, whose projections are one and whose heads are turned whole."""

    def reference(x: Tensor, w: Weights) -> Tensor:
        from transformers import GPTNeoXConfig
        from transformers.models.gpt_neox import modeling_gpt_neox as of

        rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
        sizes = {"hidden_size": D, "intermediate_size": 4 * D, "num_attention_heads": H}
        form = {"use_parallel_residual": False, "attention_bias": False, "hidden_act": act}
        config = GPTNeoXConfig(**sizes, **form, rope_parameters=rope, hidden_dropout=0.0)
        config._attn_implementation = "eager"
        layer = of.GPTNeoXLayer(config, 0).double().eval()
        first, second = w.several("layernorm"), w.several("layernorm")
        own = [w.next("linear").T.unflatten(0, (H, K)) for _ in range(3)]
        weights = {
            **dict(zip(("input_layernorm.weight", "input_layernorm.bias"), first, strict=True)),
            "post_attention_layernorm.weight": second[0],
            "post_attention_layernorm.bias": second[1],
            "attention.query_key_value.weight": torch.cat(own, 1).flatten(0, 1),
            "attention.dense.weight": w.next("linear").T,
            "mlp.dense_h_to_4h.weight": w.next("wide4").T,
            "mlp.dense_4h_to_h.weight": w.next("narrow").T,
        }
        embeddings = turns(of.GPTNeoXRotaryEmbedding, config, x)
        given = called(layer, weights, x, causal(), position_embeddings=embeddings)
        return given[0] if isinstance(given, tuple) else given

    return reference


def llama_parts() -> tuple[Any, Any]:
    from transformers import LlamaConfig
    from transformers.models.llama import modeling_llama as of

    sizes = {"hidden_size": D, "intermediate_size": 3 * D, "num_attention_heads": H}
    config = LlamaConfig(**sizes, num_key_value_heads=H, rms_norm_eps=1e-6)
    config._attn_implementation = "eager"
    return of, config


def llama(x: Tensor, w: Weights) -> Tensor:
    of, config = llama_parts()
    layer = of.LlamaDecoderLayer(config, 0).double().eval()
    names = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    weights = {
        "input_layernorm.weight": w.next("norm"),
        **{f"{name}.weight": w.next("linear").T for name in names},
        "post_attention_layernorm.weight": w.next("norm"),
        "mlp.gate_proj.weight": w.next("wide3").T,
        "mlp.up_proj.weight": w.next("wide3").T,
        "mlp.down_proj.weight": w.next("narrow").T,
    }
    embeddings = turns(of.LlamaRotaryEmbedding, config, x)
    given = called(layer, weights, x, causal(), position_embeddings=embeddings)
    return given[0] if isinstance(given, tuple) else given


def qk_norm(x: Tensor, w: Weights) -> Tensor:
    """The norms, turns and attention of LLaMA, one norm for each head."""
    of, config = llama_parts()
    norm = of.LlamaRMSNorm(K, eps=1e-6).double()

    def each(value: Tensor) -> Tensor:
        gains = w.next("headnorm").unflatten(0, (H, K))
        parts = [called(norm, {"weight": gains[h]}, heads(value)[:, :, h]) for h in range(H)]
        return torch.stack(parts, 1)

    n = rms(x, w)
    q, k = (each(linear(n, w)) for _ in range(2))
    q, k = of.apply_rotary_pos_emb(q, k, *turns(of.LlamaRotaryEmbedding, config, x))
    attention = of.LlamaAttention(config, 0).double().eval()
    v = heads(linear(n, w)).transpose(1, 2)
    y, _ = of.eager_attention_forward(attention, q, k, v, causal(), K**-0.5)
    x = x + linear(y.flatten(2), w)
    return x + functional.relu(rms(x, w) @ w.next("wide4")).square() @ w.next("narrow")


def mamba(x: Tensor, w: Weights) -> Tensor:
    from transformers import MambaConfig
    from transformers.models.mamba import modeling_mamba as of

    n, into, kernel, bias = rms(x, w), w.next("wide2"), w.next("depth4"), w.next("bias")
    down, up, step_bias = w.several("low")
    rates, skip = w.next("code"), w.next("code")
    b, c = rates, skip
    rates, skip = w.several("select")
    sizes = {"hidden_size": D, "state_size": 16, "conv_kernel": 4, "expand": 2}
    config = MambaConfig(**sizes, time_step_rank=down.shape[1], num_hidden_layers=1)
    mixer = of.MambaMixer(config, 0).double().train()
    weights = {
        "in_proj.weight": torch.cat([into, w.next("wide2")], 1).T,
        "conv1d.weight": kernel.flip(0).T[:, None],
        "conv1d.bias": bias,
        "x_proj.weight": torch.cat([down, b, c], 1).T,
        "dt_proj.weight": up.T,
        "dt_proj.bias": step_bias,
        "A_log": rates,
        "D": skip,
        "out_proj.weight": w.next("narrow").T,
    }
    return gelu_mlp(x + called(mixer, weights, n), w, rms, wide=2)


def rwkv4(x: Tensor, w: Weights) -> Tensor:
    from transformers import RwkvConfig
    from transformers.models.rwkv import modeling_rwkv as of

    config = RwkvConfig(hidden_size=D, attention_hidden_size=D, intermediate_size=4 * D)
    mixer, mlp = of.RwkvSelfAttention(config).double(), of.RwkvFeedForward(config).double()
    n = layernorm(x, w)
    weights = {}
    for mix, name in (("receptance", "receptance"), ("key", "key"), ("value", "value")):
        weights[f"time_mix_{mix}"] = w.next("scale")[None, None]
        weights[f"{name}.weight"] = w.next("linear").T
    weights["time_decay"], weights["time_first"] = w.several("wkv")
    weights["output.weight"] = w.next("linear").T
    x = x + called(mixer, weights, n)[0]
    n = layernorm(x, w)
    weights = {
        "time_mix_key": w.next("scale")[None, None],
        "key.weight": w.next("wide4").T,
        "value.weight": w.next("narrow").T,
        "time_mix_receptance": w.next("scale")[None, None],
        "receptance.weight": w.next("linear").T,
    }
    return x + called(mlp, weights, n)[0]


def gated_deltanet(x: Tensor, w: Weights) -> Tensor:
    """The gated delta rule of Qwen3-Next, with its norms of queries and keys."""
    from transformers.models.qwen3_next import modeling_qwen3_next as of

    n = rms(x, w)
    q, k, v = (heads(functional.silu(conv(linear(n, w), w))) for _ in range(3))
    beta = torch.sigmoid(n @ w.next("each"))
    steps = functional.softplus(n @ w.next("each") + w.next("bias"))
    g = -w.next("rate").exp() * steps
    rule = of.torch_recurrent_gated_delta_rule
    y, _ = rule(q, k, v, g=g, beta=beta, use_qk_l2norm_in_kernel=True)
    x = x + linear(headnorm(y.flatten(2), w) * functional.silu(linear(n, w)), w)
    return gelu_mlp(x, w, rms)


# --- minGRU-pytorch -------------------------------------------------------------------------------


def min_gru(x: Tensor, w: Weights) -> Tensor:
    from minGRU_pytorch.minGRU import minGRU

    n, gate, hidden = rms(x, w), w.next("linear"), w.next("linear")
    into = torch.cat([hidden, gate], 1).T
    y = called(minGRU(D).double(), {"to_hidden_and_gate.weight": into}, n)
    return gelu_mlp(x + linear(y, w), w, rms)


def min_lstm(x: Tensor, w: Weights) -> Tensor:
    from minGRU_pytorch.minLSTM import minLSTM

    n, forget, into, hidden = rms(x, w), *(w.next("linear") for _ in range(3))
    whole = torch.cat([hidden, forget, into], 1).T
    y = called(minLSTM(D).double(), {"to_hidden_and_f_i_gate.weight": whole}, n)
    return gelu_mlp(x + linear(y, w), w, rms)


# --- single files of fla-core and xlstm -----------------------------------------------------------


def linear_attention(x: Tensor, w: Weights) -> Tensor:
    of = file_of("fla", "ops/linear_attn/naive.py")
    n = layernorm(x, w)
    q, k = (functional.elu(heads(linear(n, w))) + 1 for _ in range(2))
    y, _ = of.naive_recurrent_linear_attn(q, k, heads(linear(n, w)), normalize=True)
    return gelu_mlp(x + linear(y.flatten(2), w), w, layernorm)


def retnet(x: Tensor, w: Weights) -> Tensor:
    """Retention; heads are turned as complex numbers."""
    of = file_of("fla", "ops/retention/naive.py")
    speeds = 10000.0 ** (-torch.arange(K // 2).double() / (K // 2))
    turns = torch.polar(
        torch.ones(TIME, 1, K // 2).double(),
        (torch.arange(TIME)[:, None] * speeds)[:, None],
    )
    n = layernorm(x, w)

    def turned(value: Tensor) -> Tensor:
        first, second = heads(value).chunk(2, -1)
        whole = torch.complex(first, second) * turns
        return torch.cat([whole.real, whole.imag], -1).transpose(1, 2)

    q, k = (turned(linear(n, w)) for _ in range(2))
    y = of.naive_retention(q, k, heads(linear(n, w)).transpose(1, 2)).transpose(1, 2).flatten(2)
    x = x + linear(headnorm(y, w) * functional.silu(linear(n, w)), w)
    return gelu_mlp(x, w, layernorm)


def gla(x: Tensor, w: Weights) -> Tensor:
    of = file_of("fla", "ops/gla/naive.py")
    n = rms(x, w)
    q, k, v = (heads(linear(n, w)) for _ in range(3))
    down, up, bias = w.several("low")
    g = functional.logsigmoid(n @ down @ up + bias) / 16
    y, _ = of.naive_recurrent_gla(q, k, v, heads(g))
    x = x + linear(headnorm(y.flatten(2), w) * functional.silu(linear(n, w)), w)
    return swiglu(x, w)


def hgrn2(x: Tensor, w: Weights) -> Tensor:
    """HGRN2 by its own layer's call of gated linear attention."""
    of = file_of("fla", "ops/gla/naive.py")
    n = rms(x, w)
    f = torch.sigmoid(linear(n, w))
    q, v = heads(functional.silu(linear(n, w))), heads(linear(n, w))
    y, _ = of.naive_recurrent_gla(q, heads(1 - f), v, heads(f.log()))
    return swiglu(x + linear(headnorm(y.flatten(2), w), w), w)


def ssd(x: Tensor, w: Weights) -> Tensor:
    of = file_of("fla", "ops/simple_gla/naive.py")
    n = rms(x, w)
    dt = functional.softplus(n @ w.next("each") + w.next("bias"))
    q, k = (heads(conv_with_bias(linear(n, w), w)) for _ in range(2))
    g = -w.next("rate").exp() * dt
    v = heads(conv_with_bias(linear(n, w), w)) * dt[..., None]
    y, _ = of.naive_recurrent_simple_gla(q, k, v, g)
    x = x + linear(rms(y.flatten(2) * functional.silu(linear(n, w)), w), w)
    return gelu_mlp(x, w, rms)


def fox(x: Tensor, w: Weights) -> Tensor:
    of = file_of("fla", "ops/forgetting_attn/naive.py")
    n = rms(x, w)
    q, k = (heads(linear(n, w)) for _ in range(2))
    g = functional.logsigmoid(n @ w.next("each") + w.next("fade"))
    y = of.naive_forgetting_attn(q, k, heads(linear(n, w)), g)
    return swiglu(x + linear(y.flatten(2), w), w)


def mlstm(x: Tensor, w: Weights) -> Tensor:
    of = file_of("xlstm", "blocks/mlstm/backends.py")
    n = layernorm(x, w)
    c = conv_with_bias(n, w)
    q, k = (heads(linear(c, w)).transpose(1, 2) for _ in range(2))
    forget = n @ w.next("each") + w.next("fade")
    into = n @ w.next("each") + w.next("bias")
    v, out = heads(linear(n, w)).transpose(1, 2), torch.sigmoid(linear(n, w))
    gates = (gate.mT[..., None] for gate in (into, forget))
    y = of.parallel_stabilized_simple(q, k, v, *gates, eps=0.0).transpose(1, 2).flatten(2)
    return gelu_mlp(x + linear(out * headnorm(y, w), w), w, layernorm)


REFERENCES: Mapping[str, Reference] = {
    "gpt": neox("gelu"),
    "squared_relu": neox("relu2"),
    **{
        of.__name__: of
        for of in (
            *(llama, qk_norm, mamba, rwkv4, gated_deltanet, min_gru, min_lstm),
            *(linear_attention, retnet, gla, hgrn2, ssd, fox, mlstm),
        )
    },
}


def main() -> None:
    """Make the numbers of the blocks that are named, beside those that are in the file."""
    found = dict(np.load(GOLDEN)) if GOLDEN.exists() else {}
    for name in sys.argv[1:]:
        block, x, toward = seeded(name, "eager")
        with in_double_precision():
            output = REFERENCES[name](x, Weights(block))
        made = numbers(block, x, output, toward)
        own = numbers(block, x, block(x, None, 0)[0], toward)
        apart = max(float(np.abs(made[key] - own[key]).max()) for key in made)
        print(f"{name:16} {len(made):3} arrays, ours at most {apart:.1e} apart")
        found = {key: of for key, of in found.items() if not key.startswith(f"{name}/")}
        found |= {f"{name}/{key}": of.astype(np.float32) for key, of in made.items()}
    np.savez_compressed(GOLDEN, **dict(sorted(found.items())))


if __name__ == "__main__":
    main()
