"""The engine: a genome becomes a trainable module, through one door.

`compiled` runs a cell as code made for it: C++ on the CPU, Triton kernels on a GPU. `eager` runs it with
torch's own operations, on any device; it is the reference, and several times slower.
"""

from __future__ import annotations

import torch

from gp_cells.config.choose import SettingError
from gp_cells.genomes.genome import Genome
from gp_cells.networks import cpu, cuda, eager
from gp_cells.networks.cell import Cell, Engine
from gp_cells.networks.compiler import CompilerError, warn_once
from gp_cells.networks.passes import make_passes
from gp_cells.networks.program import compile_program


def build(
    genome: Genome,
    inputs: int,
    units: int,
    engine: str | None = None,
    device: str = "cpu",
    precision: str = "float32",
) -> Cell:
    """Return a recurrent layer of a genome's cell: (time, batch, inputs) → (time, batch, units).

    Without `engine` it is `compiled`, or `eager` with a warning where that is not available.

    Raises:
        CompilerError: `compiled` was asked for, and this machine cannot compile.
        SettingError: there is no such engine, or not in this precision.
    """
    if engine is None:
        try:
            return build(genome, inputs, units, "compiled", device, precision)
        except CompilerError as error:
            warn_once("the eager engine runs cells, several times slower: %s", error)
            return build(genome, inputs, units, "eager", device, precision)
    return build_layers(genome, inputs, units, 1, engine, device, precision)[0]


def build_layers(
    genome: Genome,
    inputs: int,
    units: int,
    layers: int,
    engine: str,
    device: str = "cpu",
    precision: str = "float32",
) -> list[Cell]:
    """Return layers of one cell, each reading the one before.

    Numbers are in float32, unless the layers are converted; with the precision `bfloat16` the factors of
    matrix products are rounded to it.

    Raises:
        CompilerError: `compiled` was asked for, and this machine cannot compile.
        SettingError: there is no such engine, or not in this precision.
    """
    program = compile_program(genome)
    if engine == "eager":
        sequence, made = eager.sequence(program, precision), Engine("eager")
    elif engine != "compiled":
        raise SettingError(f"there is no engine {engine!r}; choose one of compiled, eager")
    elif torch.device(device).type == "cuda":
        if precision != "float32":
            raise SettingError(f"on cuda the compiled engine has float32, not {precision}")
        sequence, made = cuda.sequence(make_passes(program))
    else:
        sequence, made = cpu.sequence(make_passes(program), precision)
    sizes = [inputs] + [units] * (layers - 1)
    return [Cell(program, size, units, sequence, made) for size in sizes]
