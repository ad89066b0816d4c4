"""Measure CNN cells against torch by hand, and what makes them fast: python benchmarks/convolutional.py

1. Steps of training of the `resnet_basic` genome and of the same network written by hand (resnet.py),
   both channels-last, interleaved in one process, each at several shapes.
2. The by-hand network as torch makes it (channels first), with channels-last, with bfloat16 autocast, and
   compiled by torch.compile (inductor), with the seconds that compiling took: what would pay here.

Each figure is the median time of a step; ratios are of medians. One thread.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from typing import cast

import torch
from resnet import ResNet
from torch.nn import functional

from gp_cells.config.recipe import Form, Recipe
from gp_cells.genomes.genome import parse
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.training.optimiser import Optimiser

SHAPES = (  # channels, height = width, filters, normal cells between reductions, batch
    (1, 8, 16, 1, 32),
    (1, 28, 8, 1, 32),
    (1, 28, 16, 1, 64),
    (3, 32, 16, 3, 64),
)
CLASSES = 10
Step = Callable[[], None]


def by_genome(channels: int, size: int, filters: int, cells: int, batch: int) -> torch.nn.Module:
    """Return the network of the genome."""
    space = Convolutional()
    genome = parse(space.baselines["resnet_basic"].read_text(encoding="utf-8"), space.language)
    form = Form("images", channels, "classes", CLASSES, height=size, width=size)
    recipe = Recipe(units=filters, layers=cells, batch_size=batch)
    network = space.network(genome, form, recipe, "eager", "cpu", "float32")
    network.initialise(1)
    return network


def step_of(network: torch.nn.Module, shape: tuple[int, ...], last: bool, half: bool) -> Step:
    """Return one step of training, on images that stay the same."""
    channels, size, _, _, batch = shape
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(batch, channels, size, size, generator=generator)
    labels = torch.randint(CLASSES, (batch,), generator=generator)
    if last:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = images.contiguous(memory_format=torch.channels_last)
    optimiser = Optimiser(network.parameters(), 1e-3)
    cast = torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext()

    def step() -> None:
        optimiser.zero_grad()
        with cast:
            predicted = network(images)
        predicted = predicted[0] if isinstance(predicted, tuple) else predicted
        functional.cross_entropy(predicted.float(), labels).backward()
        optimiser.step()

    return step


def medians(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return each step's median time in seconds, in turn round by round."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--compile", action="store_true", help="torch.compile too, minutes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for shape in SHAPES:
        channels, size, filters, cells, batch = shape

        def hand(shape: tuple[int, ...] = shape) -> torch.nn.Module:
            torch.manual_seed(1)
            return ResNet(shape[0], shape[2], shape[3], CLASSES)

        steps = {
            "genome": step_of(by_genome(*shape), shape, True, False),
            "by hand": step_of(hand(), shape, True, False),
            "channels first": step_of(hand(), shape, False, False),
            "bfloat16": step_of(hand(), shape, True, True),
        }
        if options.compile:
            began = time.perf_counter()
            steps["compiled"] = step_of(
                cast(torch.nn.Module, torch.compile(hand())), shape, True, False
            )
            steps["compiled"]()
            print(f"  compiling took {time.perf_counter() - began:.1f} s")
        found = medians(steps, options.rounds)
        print(f"{channels}×{size}×{size}, F {filters}, N {cells}, batch {batch}:", end=" ")
        print(f"by hand {1000 * found['by hand']:.1f} ms; throughput against it:")
        for name, taken in found.items():
            print(f"  {name:15} {found['by hand'] / taken:.3f}")


if __name__ == "__main__":
    main()
