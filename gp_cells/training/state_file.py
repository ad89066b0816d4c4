"""A trial's final state as one safetensors file: equal states are equal bytes, known by their hash."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load, save

from gp_cells.config.files import RecordError, canonical_json, hash_bytes, written_beside
from gp_cells.config.plan import STATE, candidate_place
from gp_cells.config.records import TrialSpec, TrialStart
from gp_cells.config.typed_json import read_record
from gp_cells.training.state import State

GROUPS = ("weights", "best", "moments")
ABOUT = "state"  # the one key of the metadata: safetensors keeps several in no order
HEADER_SIZE = 8  # bytes that say how long the header is


def write_state(path: Path, state: State) -> str:
    """Write a state and return its hash, blake2b-128 of the file in hex."""
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for group in GROUPS
        for name, tensor in getattr(state, group).items()
    }
    about = {"genome": state.genome, "epochs": state.epochs, "losses": state.losses}
    content = save(tensors, {ABOUT: canonical_json(about)})
    with written_beside(path) as partial:
        partial.write_bytes(content)
    return hash_bytes(content)


def read_state(run_folder: Path, start: TrialStart) -> State:
    """Read the state that a trial goes on from.

    Raises:
        RecordError: it is missing, cut or another one; the line says how it is made anew.
    """
    path = run_folder / candidate_place(start.candidate) / STATE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _refusal(run_folder, start, f"{path} is missing") from None
    if hash_bytes(content) != start.state:
        wrong = f"{path} has the hash {hash_bytes(content)}, not {start.state}"
        raise _refusal(run_folder, start, wrong)
    groups: dict[str, dict[str, torch.Tensor]] = {group: {} for group in GROUPS}
    for name, tensor in load(content).items():
        group, _, rest = name.partition("/")
        groups[group][rest] = tensor
    end = HEADER_SIZE + int.from_bytes(content[:HEADER_SIZE], "little")
    about = json.loads(json.loads(content[HEADER_SIZE:end])["__metadata__"][ABOUT])
    return State(
        genome=about["genome"],
        epochs=about["epochs"],
        losses=tuple(about["losses"]),
        weights=groups["weights"],
        best=groups["best"],
        moments=groups["moments"],
    )


def _refusal(run_folder: Path, start: TrialStart, wrong: str) -> RecordError:
    """Return a refusal with what makes the state anew: its trial, and those that it rests on in turn."""
    needed = [start]
    while (before := _start_of(run_folder, needed[0])) is not None and not _is_there(
        run_folder, before
    ):
        needed.insert(0, before)
    files = [str(run_folder / candidate_place(of.candidate) / "fitness.json") for of in needed]
    return RecordError(
        f"{wrong}: the state that this trial starts from; to make it anew, give the same snakemake "
        f"command with --force {' '.join(files)}"
    )


def _start_of(run_folder: Path, start: TrialStart) -> TrialStart | None:
    file = run_folder / candidate_place(start.candidate) / "genome.json"
    return read_record(TrialSpec, file).start if file.exists() else None


def _is_there(run_folder: Path, start: TrialStart) -> bool:
    path = run_folder / candidate_place(start.candidate) / STATE
    return path.exists() and hash_bytes(path.read_bytes()) == start.state
