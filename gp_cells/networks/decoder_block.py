"""One layer of a decoder: a block's weights, and its words run one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.genomes.genome import Genome
from gp_cells.genomes.terms import NodePath
from gp_cells.networks import loops, words
from gp_cells.networks.block import TAPS, Part, Sizes, Step, score_chain, weights
from gp_cells.networks.engine import build_layers

SIMPLE: Mapping[str, Callable[..., Any]] = {
    "same": lambda x: x,
    "add": torch.add,
    "mul": torch.mul,
    "sub": torch.sub,
    "complement": lambda x: 1 - x,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "relu": torch.relu,
    "swish": functional.silu,
    "gelu": functional.gelu,
    "positive": words.positive,
    "square": torch.square,
    "decay": lambda x: torch.exp(-x),
    "slow": words.slow,
    "share": words.share,
    "elu1": lambda x: functional.elu(x) + 1,
    "unit": words.unit,
    "rise": words.rise,
    # with weights
    "linear": torch.matmul,
    "wide2": torch.matmul,
    "wide3": torch.matmul,
    "wide4": torch.matmul,
    "narrow": torch.matmul,
    "each": torch.matmul,
    "code": torch.matmul,
    "low": words.low,
    "scale": torch.mul,
    "bias": torch.add,
    "rate": lambda x, weight: x * torch.exp(weight),
    "norm": words.norm,
    "layernorm": words.layernorm,
}
OVER_TIME = ("shift", "depth", "scan", "long", "wkv", "select", "state", "delta")
COMPILED = ("scan", "wkv", "select", "state", "delta")
SPANNED = ("select", "rate", "decay", "fade")  # read a span as the length of a step
SCORES = ("dot", "tilt", "weigh", "softmax", "average", "guard")  # run by `attend`


@dataclass
class _Pass:
    """What the words of one pass share: what came before, and what is left behind."""

    steps: int
    before: list[Tensor] | None
    after: list[Tensor]

    def take(self, count: int) -> tuple[Tensor, ...] | None:
        """Return the next tensors of what came before, in the order in which they were left."""
        if self.before is None:
            return None
        taken = tuple(self.before[:count])
        del self.before[:count]
        return taken

    def one(self) -> Tensor | None:
        """Return the next tensor of what came before."""
        taken = self.take(1)
        return None if taken is None else taken[0]

    def leave(self, value: Any, *memory: Tensor) -> Any:
        """Return a value, its memory kept for what comes after."""
        self.after += memory
        return value


class Block(nn.Module):
    """A block with weights of its own: (batch, time, units) → (batch, time, units).

    Weights are named by where their word stands in the canonical formulas, and are drawn uniformly within
    1/sqrt(inputs) of zero if they are of matrix products, as torch draws them.
    """

    def __init__(
        self, parts: Sequence[Part], sizes: Sizes, cells: Mapping[str, Genome], engine: str
    ) -> None:
        super().__init__()
        self.parts_, self.sizes, self.is_compiled = tuple(parts), sizes, engine == "compiled"
        self.learned = nn.ParameterDict()
        self.cells = nn.ModuleDict()
        for step in self._steps():
            for role, shape in weights(step, sizes).items():
                self.learned[f"{label(step.node)}_{role}"] = nn.Parameter(torch.empty(shape))
            if step.name in cells:
                made = build_layers(cells[step.name], sizes.width, sizes.width, 1, engine)
                self.cells[label(step.node)] = made[0]

    def _steps(self) -> Iterator[Step]:
        for part in self.parts_:
            yield from part.steps

    def weights_of(self, step: Step) -> list[Tensor]:
        """Return the weights of a step, in the order of `block.weights`."""
        return [self.learned[f"{label(step.node)}_{role}"] for role in weights(step, self.sizes)]

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw every weight again, from the given generator or torch's own."""
        lengths = {step for part in self.parts_ for step in before_spans(part)}
        for step in self._steps():
            for role, weight in zip(weights(step, self.sizes), self.weights_of(step), strict=True):
                draw(step, role, weight, generator)
                if role == ("weight" if step.word == "bias" else "bias") and step in lengths:
                    draw_lengths(weight)
            if label(step.node) in self.cells:
                cell: Any = self.cells[label(step.node)]
                cell.reset_parameters(generator)

    def pieces(self) -> dict[tuple[tuple[str, NodePath], str], Tensor]:
        """Return the weights of each word, by its place and their name."""
        found: dict[tuple[tuple[str, NodePath], str], Tensor] = {}
        for step in self._steps():
            for role, weight in zip(weights(step, self.sizes), self.weights_of(step), strict=True):
                found[(step.node, f"{step.name} {role}")] = weight.data
            if label(step.node) in self.cells:
                for name, weight in self.cells[label(step.node)].state_dict().items():
                    found[(step.node, f"{step.name} {name}")] = weight
        return found

    def forward(
        self,
        x: Tensor,
        before: list[Tensor] | None,
        steps: int,
        adding: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the stream after the block, and what it leaves for the next piece of the sequence.

        `before` is what the piece before left, of which this block takes its own; `steps` are those before.
        What each part adds to the stream goes through `adding`, if there is one.
        """
        run = _Pass(steps, before, [])
        for part in self.parts_:
            after = self._run(part, x, run)
            x = after if adding is None else x + adding(after - x)
        return x, run.after

    def _run(self, part: Part, x: Tensor, run: _Pass) -> Tensor:
        values: list[Any] = []
        for step in part.steps:
            given = [values[i] for i in step.arguments]
            values.append(self._value(step, part, given, values, x, run))
        found: Tensor = values[-1]
        return found

    def _value(
        self, step: Step, part: Part, given: list[Any], values: list[Any], x: Tensor, run: _Pass
    ) -> Any:
        """Return what a step gives; scores stay pairs of heads until `attend` reads them."""
        learned, heads, word = self.weights_of(step), self.sizes.heads, step.word
        if step.name == "x":
            return x
        if step.name == "add.fades":
            return tuple(one + other for one, other in zip(*given, strict=True))
        if step.name == "mul.heads":
            return given[0] * given[1].transpose(1, 2)[..., None]
        if label(step.node) in self.cells:
            return self._cell(step, given[0], run)
        if word in SIMPLE:
            return SIMPLE[word](*given, *learned)
        if word in SCORES:
            return given
        match word:
            case "slope" | "alibi":
                return getattr(words, word)(x.shape[1], heads, x)
            case "fade":
                logs = -given[0] if step.shape else functional.logsigmoid(given[0] + learned[0])
                return words.fade(logs)
            case "split":
                return words.split(given[0], heads)
            case "rotate":
                return words.rotate(given[0], run.steps)
            case "headnorm":
                return words.headnorm(given[0], learned[0], heads)
            case "attend":
                return self._attend(step, part, values, run)
        return self._over_time(step, given, learned, run)

    def _over_time(self, step: Step, given: list[Any], learned: list[Tensor], run: _Pass) -> Any:
        """Return what a word over time gives, its memory taken from the pass and left there."""
        word = "depth" if step.word in TAPS else step.word
        if word not in OVER_TIME:
            raise AssertionError(f"no block can run the word {step.name}")
        compiled = self.is_compiled and word in COMPILED
        operate: Any = getattr(loops if compiled else words, word)
        if word == "wkv":
            value, memory = operate(*given, *learned, run.take(3))
            return run.leave(value, *memory)
        if word == "state":
            given = [*given[:3], words.split(given[3], self.sizes.heads)]
        value, after = operate(*given, *learned, run.one())
        return run.leave(words.merge(value) if word in ("state", "delta") else value, after)

    def _attend(self, step: Step, part: Part, values: list[Any], run: _Pass) -> Tensor:
        """Return attention; of softmax all scores at once."""
        chain = score_chain(step, part)
        at, fades = step.arguments[0], None
        while part.steps[at].word != "dot":
            if part.steps[at].word in ("tilt", "weigh"):
                fades = values[part.steps[at].arguments[1]]
            at = part.steps[at].arguments[0]
        query, key = (values[i] for i in part.steps[at].arguments)
        value = values[step.arguments[1]]
        if "softmax" in chain:
            memory = run.take(2 if fades is None else 3)
            fused = self.is_compiled and fades is None and memory is None
            attention = fused_attention if fused else words.softmax_attention
            found, after = attention(query, key, value, fades, memory)
        else:
            divide = next((word for word in chain if word in ("average", "guard")), "")
            memory = run.take(1 + bool(divide) + (fades is not None))
            operate: Any = loops if self.is_compiled else words
            found, after = operate.linear_attention(query, key, value, fades, divide, memory)
        merged: Tensor = run.leave(words.merge(found), *after)
        return merged

    def _cell(self, step: Step, x: Tensor, run: _Pass) -> Tensor:
        """Return what a recurrent cell gives, which has time before batch."""
        before = run.one()
        state = None if before is None else before.transpose(0, 1)
        value, after = self.cells[label(step.node)](x.transpose(0, 1).contiguous(), state)
        found: Tensor = run.leave(value.transpose(0, 1), after.transpose(0, 1))
        return found


def fused_attention(
    query: Tensor, key: Tensor, value: Tensor, *_: object
) -> tuple[Tensor, words.Memory]:
    """Return softmax attention without fades or a memory by torch's own; see `words.softmax_attention`."""
    found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    return found, (key, value)


def label(node: tuple[str, NodePath]) -> str:
    """Return a place in the formulas as part of a weight's name."""
    name, path = node
    return "_".join([name, *map(str, path)])


def before_spans(part: Part) -> Iterator[Step]:
    """Yield what goes by way of softplus alone into a word that reads it as the length of a step."""
    for step in part.steps:
        spans = [part.steps[i] for i in step.arguments] if step.word in SPANNED else []
        yield from (part.steps[of.arguments[0]] for of in spans if of.word == "softplus")


def draw_lengths(bias: Tensor) -> None:
    """Let softplus of a bias be 0.001 to 0.1, as Mamba's steps begin (Gu and Dao 2023, section 3.6).

    Theirs are drawn, uniformly in logarithms; here they are spread evenly.
    """
    lengths = torch.logspace(-3, -1, bias.numel(), dtype=bias.dtype)
    bias.data.copy_(lengths + torch.log(-torch.expm1(-lengths)))


def draw(step: Step, role: str, weight: Tensor, generator: torch.Generator | None) -> None:
    """Draw one weight of a word.

    Norms and factors begin as no change, biases at 0. Depthwise convolutions begin as in Primer (So et al.
    2021): half a step's own value, and a sixth of each before. Fades begin with half-lives from about 2 to
    300 steps, one a head; `rates` as in Mamba, 1 to N a channel; `decay` and `bonus` as in RWKV-4, or near.
    """
    match step.word, role:
        case ("norm" | "headnorm" | "layernorm" | "scale", "weight") | ("long" | "select", "skip"):
            nn.init.ones_(weight)
        case ("rate", _):
            nn.init.zeros_(weight)
        case ("fade", _):
            weight.data.copy_(torch.linspace(1, 6, len(weight)))
        case (_, "bias") | ("bias", _):
            nn.init.zeros_(weight)
        case ("depth3" | "depth4", _):
            nn.init.constant_(weight, 0.5 / 3)
            weight.data[0] = 0.5
        case ("select", "rates"):
            weight.data.copy_(torch.arange(1, weight.shape[1] + 1).log().expand_as(weight))
        case ("wkv", "decay"):
            weight.data.copy_(torch.linspace(-5, 3, len(weight)))
        case ("wkv", "bonus"):
            nn.init.constant_(weight, math.log(0.3))
        case ("long", "first"):
            nn.init.uniform_(weight, -8, 8, generator=generator)
        case ("long", "shift" | "shift2"):
            nn.init.uniform_(weight, -math.pi, math.pi, generator=generator)
        case _:
            bound = weight.shape[0] ** -0.5
            nn.init.uniform_(weight, -bound, bound, generator=generator)
