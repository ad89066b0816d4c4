"""The files of a trial: its deterministic fitness, its full HDF5 record, its checkpoint.

`fitness.json` holds only what the same config gives again, and is all that selection ever reads.
`trial.h5` holds everything: genome, settings, curve, best weights, and where and how it was made.
Nothing is pickled. What needs no torch to read a record is in `trial_file`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import torch

from gp_cells.config.commit import code_state
from gp_cells.config.empty_slot import EmptySlot
from gp_cells.config.files import SCHEMA_VERSION, canonical_json, written_beside
from gp_cells.config.objectives import CARRIED, COUNTED, MEASURED
from gp_cells.config.records import CurvePoint, FitnessRecord, TrialProtocol, TrialSpec
from gp_cells.config.typed_json import encode, write_record
from gp_cells.training.measures import Measures, objectives
from gp_cells.training.train import RUNNING, Epoch, Finished, Progress
from gp_cells.training.trial_file import TrialOutcome, opened_trial, refused

SEAL_SIZE = 32  # bytes
EPOCH_COLUMNS = tuple(field.name for field in dataclasses.fields(Epoch))
# How this process came to its trial; forks of `gp_cells.warm.server` say `warm`.
how_started = "cold"
PACKAGES = ("gp-cells", "torch", "numpy", "deap", "h5py", "snakemake")


# --- fitness.json ---------------------------------------------------------------------------------


def write_fitness(
    path: Path,
    spec: TrialSpec,
    finished: Finished,
    measures: Measures,
    timed: Sequence[str] = (),
    state: str | None = None,
) -> None:
    """Write what a trial led to; see `fitness_of`."""
    write_record(path, fitness_of(spec, finished, measures, timed, state))


def fitness_of(
    spec: TrialSpec,
    finished: Finished,
    measures: Measures,
    timed: Sequence[str] = (),
    state: str | None = None,
) -> FitnessRecord:
    """Return what a trial led to, and nothing that varies; `state` is the hash of what it left.

    But for the `timed` objectives, which a run's strategy has asked for.
    """
    measured, left = objectives(measures, finished), finished.state
    return FitnessRecord(
        run=spec.run,
        candidate=spec.candidate,
        architecture_id=spec.architecture_id,
        seed=spec.seed,
        learning_rate=spec.learning_rate,
        status=finished.status,
        reason=finished.reason,
        fitness=finished.fitness,
        best_epoch=finished.best_epoch,
        objectives={name: spec.sizes[name] for name in (*COUNTED, *CARRIED) if name in spec.sizes}
        | {name: measured[name] for name in (*MEASURED, *timed)},
        curve=tuple(
            CurvePoint(epoch=e.epoch, train_loss=e.train_loss, valid_loss=e.valid_loss)
            for e in finished.epochs
        ),
        state=state,
        epochs=None if left is None else left.epochs,
        last_loss=None if left is None else left.losses[-1],
        judged=finished.judged,
        stopped=finished.stopped,
        supernet=finished.supernet,
    )


# --- trial.h5 -------------------------------------------------------------------------------------


def write_trial(
    path: Path,
    spec: TrialSpec,
    protocol: TrialProtocol,
    finished: Finished,
    measures: Measures,
) -> None:
    """Write the full record of a trial, with the provenance of this very process."""
    outcome = TrialOutcome(
        status=finished.status,
        reason=finished.reason,
        fitness=finished.fitness,
        best_epoch=finished.best_epoch,
        inherited=finished.inherited,
        judged=finished.judged,
        stopped=finished.stopped,
        surface=finished.surface,
    )
    parts = {
        "order": encode(spec),
        "settings": encode(protocol),
        "outcome": encode(outcome),
        "measures": dataclasses.asdict(measures),
        "provenance": provenance(finished),
    }
    with written_beside(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        for name, part in parts.items():
            file.create_dataset(name, data=canonical_json(part))
        _write_curve(file, finished.epochs)
        _write_tensors(file, "weights", finished.best_weights)


def write_empty(trial: Path, fitness: Path, slot: EmptySlot) -> None:
    """Write the files of a slot that has no candidate."""
    with written_beside(trial) as partial, h5py.File(partial, "w") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.create_dataset("order", data=canonical_json(encode(slot)))
    write_record(fitness, slot)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the best weights of a trial.

    Raises:
        RecordError: missing or broken.
    """
    with opened_trial(path) as file, refused(path):
        return _read_tensors(file, "weights")


def _write_curve(file: h5py.File, epochs: Sequence[Epoch]) -> None:
    for column in EPOCH_COLUMNS:
        values = [getattr(epoch, column) for epoch in epochs]
        kind = np.int64 if column == "epoch" else np.float64
        file.create_dataset(f"curve/{column}", data=np.array(values, dtype=kind))


def _write_tensors(file: h5py.File, group: str, tensors: Mapping[str, torch.Tensor]) -> None:
    folder = file.create_group(group)
    for name, tensor in tensors.items():
        folder.create_dataset(name, data=tensor.detach().cpu().numpy())


def _read_tensors(file: h5py.File, group: str) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = torch.from_numpy(np.array(item[()]))

    file[group].visititems(collect)
    return tensors


# --- the checkpoint -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class CheckpointFile:
    """Keeps a trial's progress in one file, HDF5 behind a seal; see `train.CheckpointStore`.

    `fingerprint` identifies the trial's spec and the code. The seal is a hash of it
    and of every byte: what does not fit it (another spec, other code, a damaged disk) is not used.
    """

    path: Path
    fingerprint: str

    def load(self) -> Progress | None:
        """Return the progress stored for this very trial, or None."""
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            return None
        seal, kept = sealed[:SEAL_SIZE], sealed[SEAL_SIZE:]
        if seal != self._seal(kept):
            return None
        with h5py.File(io.BytesIO(kept), "r") as file:
            columns = {f: file[f"curve/{f}"][()].tolist() for f in EPOCH_COLUMNS}
            return Progress(
                epochs=[
                    Epoch(**{f: column[i] for f, column in columns.items()})
                    for i in range(len(columns["epoch"]))
                ],
                batches=int(file.attrs["batches"]),
                running=dict(zip(RUNNING, file["running"][()].tolist(), strict=True)),
                tensors=_read_tensors(file, "tensors"),
                resumed=int(file.attrs["resumed"]),
            )

    def save(self, progress: Progress) -> None:
        """Keep the progress in place of what was kept before."""
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file.attrs["batches"] = progress.batches
            file.attrs["resumed"] = progress.resumed
            file.create_dataset("running", data=[progress.running[name] for name in RUNNING])
            _write_curve(file, progress.epochs)
            _write_tensors(file, "tensors", progress.tensors)
        kept = buffer.getvalue()
        with written_beside(self.path) as partial:
            partial.write_bytes(self._seal(kept) + kept)

    def _seal(self, kept: bytes) -> bytes:
        return hashlib.blake2b(self.fingerprint.encode() + kept, digest_size=SEAL_SIZE).digest()

    def remove(self) -> None:
        """Forget the checkpoint, the trial being over."""
        self.path.unlink(missing_ok=True)


# --- provenance -----------------------------------------------------------------------------------


def provenance(finished: Finished) -> dict[str, Any]:
    """Return what this process knows of itself: code, machine, times. Nothing here is selected on."""
    started = psutil.Process().create_time()
    first_step = None if finished.first_step_at is None else finished.first_step_at - started
    return {
        "command": sys.argv,
        "started": how_started,
        "versions": versions(),
        "git": git_state(),
        "hardware": hardware(),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "engine": None if finished.engine is None else dataclasses.asdict(finished.engine),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "slurm_job_id": os.environ.get("SLURM_JOB_ID"),
        "process_id": os.getpid(),
        "started_utc": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "elapsed_s": time.time() - started,
        "first_step_s": first_step,
        "process_cpu_s": time.process_time(),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "resumed": finished.resumed,
    }


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that a trial rests on."""
    return {name: _version(name) for name in PACKAGES} | {"python": sys.version.split()[0]}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:
        return None


def git_state() -> dict[str, Any]:
    """Return the commit of the code and whether it was changed since; else None, and why."""
    state = code_state(Path(__file__))
    known = {"commit": state.commit, "dirty": state.dirty}
    return known | ({} if state.unknown is None else {"unknown": state.unknown})


def hardware() -> dict[str, Any]:
    """Return what the machine is, as far as it matters for speed and for bits."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "host": platform.node(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 10**6,
        "gpu": gpu,
        "cuda": torch.version.cuda,
        "platform": platform.platform(),
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
