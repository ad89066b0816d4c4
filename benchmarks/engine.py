"""Measure the engine: python benchmarks/engine.py [SECTION …] [--rounds N]

    vendor     the LSTM formula against torch.nn.LSTM, at five shapes
    cells      GRU against torch.nn.GRU, NASCell against torch.nn.LSTM, and 50 random genomes
    precision  bfloat16 products against float32 ones
    compile    how long a cell takes to compile, and to load when it was compiled before
    processes  two processes of one thread against one process of two
    trial      what a trial of the quickstart spends its time on

A layer is as wide as its inputs; forward and backward with all gradients. The sides of a comparison take
turns in one process of one thread, and a ratio is the median of the rounds' ratios. Run it on a machine
that does nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from gp_cells.config import seeds
from gp_cells.config.recipe import Form
from gp_cells.config.records import PlugIn
from gp_cells.config.typed_json import decode
from gp_cells.genomes import variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.networks import cpu
from gp_cells.networks.engine import build
from gp_cells.networks.recurrent import RecurrentNetwork
from gp_cells.plugins import plug_in
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.stopping.never import Never
from gp_cells.tasks.prepared import load, prepare
from gp_cells.training import train
from gp_cells.training.optimiser import Optimiser
from gp_cells.training.trial import set_up_torch

ROOT = Path(__file__).parent.parent
SHAPES = ((16, 32, 32), (32, 64, 128), (32, 64, 256), (20, 35, 200), (20, 35, 650))
PRODUCTS = 6  # per weight: input and output, each forward and for two gradients
Timed = Callable[[], object]


def baseline(name: str) -> Genome:
    """Return a hand-designed cell."""
    return parse(Recurrent().baselines[name].read_text(encoding="utf-8"), LANGUAGE)


def training_step(layer: nn.Module, shape: tuple[int, int, int]) -> Timed:
    """Return what runs a layer forward and backward once, each gradient a new tensor as in training."""
    batch, steps, units = shape
    x = torch.randn(steps, batch, units, requires_grad=True)
    adjoint = torch.randn(steps, batch, units)
    wanted = [x, *(weight for weight in layer.parameters() if weight.numel())]
    return lambda: torch.autograd.grad(layer(x)[0], wanted, adjoint)


def products(shape: tuple[int, int, int], gates: int) -> Timed:
    """Return what makes the bare matrix products of a layer, by torch: the limit for any engine of its."""
    batch, steps, units = shape
    x, weight = torch.randn(steps * batch, units), torch.randn(units, gates * units)
    adjoint, h = torch.randn(steps * batch, gates * units), torch.randn(batch, units)
    back = torch.randn(batch, gates * units)

    def run() -> None:
        torch.mm(x, weight)
        torch.mm(adjoint, weight.t())
        for _ in range(steps):
            torch.mm(h, weight)
            torch.mm(back, weight.t())
        torch.mm(x.t(), adjoint)
        torch.mm(x.t(), adjoint)

    return run


def take_turns(sides: Sequence[Timed], rounds: int, least_s: float = 0.02) -> list[list[float]]:
    """Return the seconds of each side, round by round; a side is repeated to last `least_s`."""
    repeats = []
    for side in sides:
        side()
        began = time.perf_counter()
        side()
        repeats.append(max(1, int(least_s / (time.perf_counter() - began))))
    seconds: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, repeat, spent in zip(sides, repeats, seconds, strict=True):
            began = time.perf_counter()
            for _ in range(repeat):
                side()
            spent.append((time.perf_counter() - began) / repeat)
    return seconds


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


def vendor(rounds: int) -> None:
    """Print the LSTM formula against torch.nn.LSTM."""
    print("LSTM, batch × time × units   vendor ms   eager   compiled   products alone   throughput")
    for shape in SHAPES:
        units = shape[2]
        sides = [
            training_step(build(baseline("lstm"), units, units, "compiled"), shape),
            training_step(nn.LSTM(units, units), shape),
            training_step(build(baseline("lstm"), units, units, "eager"), shape),
            products(shape, 4),
        ]
        ours, theirs, eager, bare = take_turns(sides, rounds)
        ms = [1000 * statistics.median(each) for each in (theirs, eager, ours, bare)]
        print(
            f"{' × '.join(map(str, shape)):<26}{ms[0]:>12.2f}{ms[1]:>8.2f}{ms[2]:>11.2f}{ms[3]:>17.2f}"
            f"{ratio(theirs, ours):>10.2f} ± {spread(theirs, ours):.2f}"
        )


def spread(one: Sequence[float], other: Sequence[float]) -> float:
    """Return half the distance between the quartiles of the rounds' ratios."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(one, other, strict=True)], n=4)
    return (high - low) / 2


def cells(rounds: int) -> None:
    """Print other cells against the vendor's, and random genomes against the LSTM formula, a gate."""
    rng = np.random.default_rng(1)
    genomes = [variation.sample(Recurrent(), rng) for _ in range(50)]
    print("batch × time × units   GRU / nn.GRU   NASCell / nn.LSTM a gate   random / LSTM a gate")
    for shape in SHAPES:
        units = shape[2]
        lstm = training_step(build(baseline("lstm"), units, units, "compiled"), shape)
        sides = [
            training_step(build(baseline("gru"), units, units, "compiled"), shape),
            training_step(nn.GRU(units, units), shape),
            training_step(build(baseline("nascell"), units, units, "compiled"), shape),
            training_step(nn.LSTM(units, units), shape),
        ]
        gru, of_gru, nascell, of_lstm = take_turns(sides, rounds)
        a_gate = []
        for genome in genomes:
            cell = build(genome, units, units, "compiled")
            ours, formula = take_turns([training_step(cell, shape), lstm], max(3, rounds // 7))
            a_gate.append(ratio(formula, ours) * cell.program.counts["gate"] / 4)
        print(
            f"{' × '.join(map(str, shape)):<26}{ratio(of_gru, gru):>8.2f}"
            f"{2 * ratio(of_lstm, nascell):>19.2f}"
            f"{statistics.median(a_gate):>22.2f} ({min(a_gate):.2f} to {max(a_gate):.2f})"
        )


def precision(rounds: int) -> None:
    """Print the LSTM formula with bfloat16 products against itself with float32 ones."""
    print("batch × time × units   bfloat16 / float32")
    for shape in SHAPES:
        units = shape[2]
        sides = [
            training_step(build(baseline("lstm"), units, units, "compiled", precision=name), shape)
            for name in ("bfloat16", "float32")
        ]
        rounded, exact = take_turns(sides, rounds)
        print(f"{' × '.join(map(str, shape)):<26}{ratio(exact, rounded):>8.2f}")


def compile_times(rounds: int) -> None:
    """Print the seconds of building cells that were never and that were already compiled."""
    rng = np.random.default_rng(2)
    genomes = [*map(baseline, sorted(Recurrent().baselines))]
    genomes += [variation.sample(Recurrent(), rng) for _ in range(10)]
    cold: list[float] = []
    warm: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GP_CELLS_CACHE"] = folder
        for seconds in (cold, warm):
            for genome in genomes:
                began = time.perf_counter()
                build(genome, 64, 64, "compiled")
                seconds.append(time.perf_counter() - began)
        entries = [path.stat().st_size for path in Path(folder).iterdir()]
        del os.environ["GP_CELLS_CACHE"]
    print(
        f"cold   {statistics.median(cold):.3f} s median, {max(cold):.3f} s most, {len(cold)} cells"
    )
    print(f"warm   {statistics.median(warm):.4f} s median, {max(warm):.4f} s most")
    print(f"a cache entry has {statistics.median(entries) / 1e3:.0f} kB")


def processes(rounds: int) -> None:
    """Print the layers a second of two processes of one thread and of one process of two."""
    program = (
        "import sys, time, torch; sys.path.insert(0, 'benchmarks'); import engine as b\n"
        "kind, threads, shape = sys.argv[1], int(sys.argv[2]), tuple(map(int, sys.argv[3:]))\n"
        "torch.set_num_threads(threads); units = shape[2]\n"
        "layer = torch.nn.LSTM(units, units) if kind == 'nn.LSTM' else"
        " b.build(b.baseline('lstm'), units, units, 'compiled')\n"
        "step = b.training_step(layer, shape); step(); began = time.perf_counter(); done = 0\n"
        "while time.perf_counter() - began < 3: step(); done += 1\n"
        "print(done / (time.perf_counter() - began))\n"
    )

    def throughput(kind: str, started: int, threads: int, shape: Sequence[int]) -> float:
        command = [sys.executable, "-c", program, kind, str(threads), *map(str, shape)]
        running = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
            for _ in range(started)
        ]
        return sum(float(process.communicate()[0]) for process in running)

    print("batch × time × units      nn.LSTM 2 × 1 / 1 × 2   compiled 2 × 1 / 1 × 2")
    for shape in SHAPES[:3]:
        gained = [
            throughput(kind, 2, 1, shape) / throughput(kind, 1, 2, shape)
            for kind in ("nn.LSTM", "compiled")
        ]
        print(f"{' × '.join(map(str, shape)):<26}{gained[0]:>10.2f}{gained[1]:>25.2f}")


class Stopwatch:
    """Adds up the seconds spent in functions, without those in other watched functions inside."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.inside: list[float] = []

    def watch(self, owner: object, name: str, label: str) -> None:
        """Replace a function by one that is timed."""
        function = getattr(owner, name)

        def timed(*arguments, **options):
            began = time.perf_counter()
            self.inside.append(0.0)
            try:
                return function(*arguments, **options)
            finally:
                whole = time.perf_counter() - began
                own = whole - self.inside.pop()
                self.spent[label] = self.spent.get(label, 0.0) + own
                if self.inside:
                    self.inside[-1] += whole

        setattr(owner, name, staticmethod(timed) if owner is cpu._Run else timed)


def trial(rounds: int) -> None:
    """Print what a trial of the quickstart with the LSTM spends its time on."""
    config = yaml.safe_load((ROOT / "config/quickstart.yaml").read_text(encoding="utf-8"))
    settings = config["tasks"]["bach_chorales"]
    task = plug_in("task", decode(PlugIn, settings, "task"))
    with tempfile.TemporaryDirectory() as folder:
        prepare(task, settings["name"], Path(folder))
        splits = load(Path(folder), "search")
    setup = train.Setup(
        genome=baseline("lstm"),
        space=Recurrent(),
        task=task,
        form=Form("frames", 88, "keys", 88),
        learning_rate=task.recipe.learning_rate,
        seed=seeds.derive(seed=1, purpose="trial"),
        stopper=Never(),
        time_limit_s=600,
    )
    train.train(dataclasses.replace(setup, engine="compiled"), splits, train.NoCheckpoints())
    began = time.perf_counter()
    train.train(dataclasses.replace(setup, engine="eager"), splits, train.NoCheckpoints())
    eager_s = time.perf_counter() - began

    watch = Stopwatch()
    watch.watch(cpu._Run, "forward", "engine")
    watch.watch(cpu._Run, "backward", "engine")
    watch.watch(RecurrentNetwork, "forward", "output layer and loss, forward")
    watch.watch(train, "summed_loss", "output layer and loss, forward")
    watch.watch(torch.Tensor, "backward", "their gradients, and autograd")
    watch.watch(nn.utils, "clip_grad_norm_", "optimiser")
    watch.watch(Optimiser, "step", "optimiser")
    began = time.perf_counter()
    train.train(setup, splits, train.NoCheckpoints())
    whole_s = time.perf_counter() - began
    watch.spent["batches, curve, and all else in Python"] = whole_s - sum(watch.spent.values())

    command = [
        sys.executable,
        "-c",
        "import gp_cells.training.record, gp_cells.training.test_split, gp_cells.training.train",
    ]
    starts = []
    for _ in range(max(3, rounds // 7)):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        starts.append(time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GP_CELLS_CACHE"] = folder
        cold = build(setup.genome, 88, 64, "compiled").engine.compile_s or 0.0
        del os.environ["GP_CELLS_CACHE"]
    watch.spent["compiling the cell, once"] = cold
    watch.spent["start of Python and torch"] = statistics.median(starts)
    total = sum(watch.spent.values())
    for label, seconds in sorted(watch.spent.items(), key=lambda item: -item[1]):
        print(f"{label:<42}{seconds:>7.2f} s{seconds / total:>8.0%}")
    print(f"{'together':<42}{total:>7.2f} s")
    print(f"training alone: compiled {whole_s:.2f} s, eager {eager_s:.2f} s")


SECTIONS = {
    "vendor": vendor,
    "cells": cells,
    "precision": precision,
    "compile": compile_times,
    "processes": processes,
    "trial": trial,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    set_up_torch(1)
    print(f"torch {torch.__version__}, load before {os.getloadavg()[0]:.1f}")
    for name in options.sections or SECTIONS:
        print(f"\n{name}")
        SECTIONS[name](options.rounds)
