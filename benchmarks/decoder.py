"""Measure decoder blocks: python benchmarks/decoder.py [SECTION …] [--rounds N]

    blocks   each published block, compiled against torch's operations alone, at two sizes
    fused    the GPT block against one written plainly with torch's fused attention
    loops    scans, matrix states, the delta rule and Mamba's scan against their forms in torch
    pieces   attention without softmax in pieces against all scores at once, at 128 to 2,048 steps
    lengths  the same loops at 256 to 4,096 steps: milliseconds, and their ratio to the length before

One layer, forward and backward with all gradients, in one process of one thread. The sides of a comparison
take turns, and a ratio is the median of the rounds' ratios. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.networks import loops, words
from gp_cells.spaces.decoder import BLOCKS, Decoder, published
from gp_cells.training.trial import set_up_torch

SIZES = ((64, 128, 16), (128, 256, 8))  # width, steps, sequences
HEADS = 4
Timed = Callable[[], object]


def ratio(slow: Timed, fast: Timed, rounds: int) -> tuple[float, float]:
    """Return the median of how many times longer one takes than another, and the seconds of that one."""
    slow(), fast()
    ratios, seconds = [], []
    for _ in range(rounds):
        took = []
        for side in (slow, fast):
            began = time.perf_counter()
            side()
            took.append(time.perf_counter() - began)
        ratios.append(took[0] / took[1])
        seconds.append(took[1])
    return statistics.median(ratios), statistics.median(seconds)


def of_block(name: str, engine: str, width: int, steps: int, batch: int) -> Timed:
    """Return a pass of one layer of a block."""
    space = Decoder(heads=HEADS, context=steps, most_parameters=0)
    form = Form("frames", 1, "numbers", 1)
    network = space.network(published(name), form, Recipe(units=width), engine, "cpu", "float32")
    network.initialise(1)
    x = torch.randn(batch, steps, width, requires_grad=True)
    return lambda: network.blocks[0](x, None, 0)[0].sum().backward()


class Plain(nn.Module):
    """The GPT block as one would write it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projection = nn.Linear(width, 3 * width, bias=False)
        self.merged = nn.Linear(width, width, bias=False)
        self.wide = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, time, width)."""
        parts = self.projection(self.first(x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        q, k = words.rotate(q, 0), words.rotate(k, 0)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.merged(y.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.second(x))))


def of_plain(width: int, steps: int, batch: int) -> Timed:
    """Return a pass of the plain GPT block."""
    plain = Plain(width)
    x = torch.randn(batch, steps, width, requires_grad=True)
    return lambda: plain(x).sum().backward()


def of_loop(name: str, compiled: bool, width: int, steps: int, batch: int) -> Timed:
    """Return a pass of a loop alone; in torch scans are by doubling, the others step after step."""
    key = width // HEADS
    vectors = [torch.randn(batch, HEADS, steps, key) for _ in range(3)]
    given: dict[str, list[Tensor]] = {
        "scan": [torch.rand(batch, steps, width), torch.randn(batch, steps, width)],
        "state": [*vectors, torch.rand(batch, HEADS, steps, key)],
        "delta": [
            *(vectors[0], words.unit(vectors[1]), vectors[2]),
            *(torch.rand(batch, steps, HEADS) for _ in range(2)),
        ],
        "select": [
            *(torch.randn(batch, steps, width), torch.rand(batch, steps, width)),
            *(torch.randn(batch, steps, 16) for _ in range(2)),
            *(torch.randn(width, 16), torch.ones(width)),
        ],
    }
    inputs = [of.detach().requires_grad_() for of in given[name]]
    function = getattr(loops if compiled else words, name)
    return lambda: function(*inputs, None)[0].sum().backward()


LOOPS = {"scan": "minGRU", "state": "GLA", "delta": "delta rule", "select": "Mamba-1"}


def blocks(rounds: int) -> None:
    """Print each block's time, and how many times longer torch's operations take."""
    for size in SIZES:
        for name in BLOCKS:
            eager, compiled = (of_block(name, engine, *size) for engine in ("eager", "compiled"))
            times, seconds = ratio(eager, compiled, rounds)
            print(
                f"{size}  {name:<17} {1e3 * seconds:8.1f} ms  eager takes {times:5.2f} times as long"
            )


def fused(rounds: int) -> None:
    """Print how many times longer the plain GPT block takes than ours."""
    for size in SIZES:
        times, seconds = ratio(of_plain(*size), of_block("gpt", "compiled", *size), rounds)
        print(f"{size}  gpt {1e3 * seconds:8.1f} ms  plain takes {times:5.2f} times as long")


def of_loops(rounds: int) -> None:
    """Print how many times longer each loop takes in torch's operations."""
    for size in SIZES:
        for name, known in LOOPS.items():
            times, seconds = ratio(of_loop(name, False, *size), of_loop(name, True, *size), rounds)
            print(
                f"{size}  {known:<10} {1e3 * seconds:8.2f} ms  torch takes {times:5.1f} times as long"
            )


def lengths(rounds: int) -> None:
    """Print what each compiled loop takes for longer and longer sequences."""
    for name, known in LOOPS.items():
        before = 0.0
        for steps in (256, 512, 1024, 2048, 4096):
            side = of_loop(name, True, 64, steps, 2)
            seconds = ratio(side, side, rounds)[1]
            grown = f"  {seconds / before:4.2f} times the length before" if before else ""
            print(f"{known:<10} {steps:5} steps {1e3 * seconds:8.2f} ms{grown}")
            before = seconds


def pieces(rounds: int) -> None:
    """Print how many times longer blocks take whose scores are all taken at once."""
    for name in ("linear_attention", "ssd"):
        for steps in (128, 512, 2048):
            sides = (of_block(name, engine, 64, steps, 2048 // steps) for engine in Decoder.engines)
            compiled, eager = sides
            times, seconds = ratio(eager, compiled, rounds)
            took = f"{1e3 * seconds:8.1f} ms"
            print(f"{name:<17} {steps:5} steps {took}  eager takes {times:5.2f} times as long")


SECTIONS = {
    "blocks": blocks,
    "fused": fused,
    "loops": of_loops,
    "pieces": pieces,
    "lengths": lengths,
}


def main() -> None:
    """Print the sections that are asked for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sections", nargs="*", default=list(SECTIONS))
    options.add_argument("--rounds", type=int, default=15)
    given = options.parse_args()
    set_up_torch(1)
    torch.manual_seed(1)
    for section in given.sections:
        print(f"-- {section}")
        SECTIONS[section](given.rounds)


if __name__ == "__main__":
    main()
