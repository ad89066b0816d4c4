"""Repeat a step of training of each CNN block and see whether its bits stay: python benchmarks/soak.py

    [--steps N] [--threads N] [--blocks NAME ...] [--set-up]

Each step makes the network again with the same weights, batch and dropout, and its loss and gradients are
compared with the first step's. `--set-up` fixes what a trial fixes first (deterministic algorithms,
denormal numbers). Run it beside other work: what depends on how threads take turns shows under load. Exit
status 1 if a bit changed.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.training.trial import set_up_torch

SPACE = Convolutional()
FORM = Form("images", 3, "classes", 10, 16, 16)
IMAGES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([1, 0, 7, 3])


def step(block: str, precision: str) -> list[torch.Tensor]:
    """Return the loss of one step of a block's network and the gradients of all weights."""
    genome = parse(SPACE.baselines[block].read_text(encoding="utf-8"), SPACE.language)
    recipe = Recipe(units=4, dropout=0.3)
    network = SPACE.network(genome, FORM, recipe, "eager", "cpu", precision)
    network.initialise(5)
    network.train()
    predicted, _ = network(IMAGES, None, torch.Generator().manual_seed(2))
    loss = functional.cross_entropy(predicted, LABELS)
    loss.backward()
    grads = [weight.grad for weight in network.parameters() if weight.grad is not None]
    return [loss.detach(), *grads]


def changed(block: str, precision: str, steps: int) -> int:
    """Return how many of so many further steps gave other bits than the first."""
    first = step(block, precision)
    others = (step(block, precision) for _ in range(steps))
    return sum(
        any(not torch.equal(a, b) for a, b in zip(first, other, strict=True)) for other in others
    )


def main() -> int:
    """Print a row for each block and precision."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=200)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--blocks", nargs="+", default=sorted(SPACE.baselines))
    options.add_argument("--set-up", action="store_true")
    chosen = options.parse_args()
    if chosen.set_up:
        set_up_torch(chosen.threads)
    torch.set_num_threads(chosen.threads)
    print(f"{torch.backends.cpu.get_cpu_capability()}, threads {chosen.threads}")
    total = 0
    for block in chosen.blocks:
        for precision in ("float32", "bfloat16"):
            began = time.monotonic()
            count = changed(block, precision, chosen.steps)
            total += count
            took = time.monotonic() - began
            print(
                f"{block:18} {precision:9} {count:>4} of {chosen.steps} ({took:.0f} s)", flush=True
            )
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
