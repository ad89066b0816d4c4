from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import h5py
import pytest
import torch
from support.specs import make_protocol, make_spec

from gp_cells.config.files import RecordError, canonical_json, read_json, written_beside
from gp_cells.config.records import FitnessRecord
from gp_cells.config.typed_json import read_record
from gp_cells.networks.cell import Engine
from gp_cells.training.measures import NOTHING
from gp_cells.training.record import read_weights, write_fitness, write_trial
from gp_cells.training.train import Epoch, Finished
from gp_cells.training.trial_file import opened_trial, read_trial

SPEC = make_spec(seed=7)
TIMES = {"gradient_norm": 1.0, "wall_s": 0.5, "cpu_s": 0.25}
FINISHED = Finished(
    status="ok",
    reason="all epochs done",
    epochs=(
        Epoch(epoch=1, train_loss=2.5, valid_loss=2.25, valid_error=math.nan, **TIMES),
        Epoch(epoch=2, train_loss=2.0, valid_loss=2.125, valid_error=0.5, **TIMES),
    ),
    fitness=2.125,
    best_epoch=2,
    best_weights={"layers.0.bias": torch.arange(3.0), "output.weight": torch.ones(2, 3)},
    resumed=1,
    first_step_at=None,
    engine=Engine("compiled", "g++ 12.2", 0.75),
)


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    path = tmp_path / "trial.h5"
    write_trial(path, SPEC, make_protocol(), FINISHED, NOTHING)
    return path


def test_a_trial_reads_back_as_it_was_written(trial: Path) -> None:
    read = read_trial(trial)
    assert read.spec == SPEC
    assert read.outcome.fitness == FINISHED.fitness
    assert read.curve["valid_loss"].tolist() == [2.25, 2.125]
    weights = read_weights(trial)
    assert all(torch.equal(weights[name], value) for name, value in FINISHED.best_weights.items())


def test_a_trial_says_what_made_it(trial: Path) -> None:
    made = read_trial(trial).provenance
    assert made["versions"]["torch"].startswith("2.")
    assert made["hardware"]["cpu"]
    assert ("unknown" in made["git"]) == (made["git"]["commit"] is None)
    assert "unknown" in made["git"] or len(made["git"]["commit"]) == 40
    assert made["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert made["peak_memory_mb"] > 10
    assert {"threads", "slurm_job_id", "started_utc", "process_cpu_s"} <= set(made)


def test_nothing_in_a_fitness_file_can_vary(tmp_path: Path) -> None:
    path = tmp_path / "fitness.json"
    write_fitness(path, SPEC, FINISHED, NOTHING)
    allowed = {"run", "candidate", "architecture_id", "seed", "learning_rate", "status", "reason"}
    assert set(read_json(path)) == allowed | {"fitness", "best_epoch", "objectives", "curve"}
    assert read_json(path)["objectives"] == {
        "parameters": 36,
        "multiply_adds": 32,
        "network_parameters": 90,
        "network_multiply_adds": 80,
        "entanglement": None,
    }
    assert {key for row in read_json(path)["curve"] for key in row} == {
        "epoch",
        "train_loss",
        "valid_loss",
    }


def test_what_a_network_carries_is_in_the_fitness_file_where_its_space_counts_it(
    tmp_path: Path,
) -> None:
    spec = dataclasses.replace(SPEC, state_size=256, cache_per_token=0)
    write_fitness(tmp_path / "fitness.json", spec, FINISHED, NOTHING)
    objectives = read_json(tmp_path / "fitness.json")["objectives"]
    assert (objectives["state_size"], objectives["cache_per_token"]) == (256, 0)


def test_a_timed_objective_is_in_the_fitness_file_where_a_search_selects_on_it(
    tmp_path: Path,
) -> None:
    write_fitness(tmp_path / "fitness.json", SPEC, FINISHED, NOTHING, ["cpu_s", "latency_1_ms"])
    objectives = read_json(tmp_path / "fitness.json")["objectives"]
    assert (objectives["cpu_s"], objectives["latency_1_ms"]) == (0.5, None)


def test_nothing_in_a_trial_is_pickled(trial: Path) -> None:
    kinds = []
    with h5py.File(trial) as file:
        file.visititems(
            lambda _, item: kinds.append(item.dtype.kind) if hasattr(item, "dtype") else None
        )
    assert set(kinds) <= {"f", "i", "O"}  # O is HDF5's variable-length text
    assert b"\x80\x04" not in trial.read_bytes()[:2]


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "foreign", "other version"])
def test_a_broken_trial_is_refused_in_one_line_that_names_it(trial: Path, damage: str) -> None:
    whole = trial.read_bytes()
    if damage == "missing":
        trial.unlink()
    elif damage == "other version":
        with h5py.File(trial, "a") as file:
            file.attrs["schema_version"] = "0"
    else:
        left = {"empty": b"", "truncated": whole[: len(whole) // 2], "foreign": b"hello"}
        trial.write_bytes(left[damage])
    with pytest.raises(RecordError) as refusal:
        read_trial(trial)
    assert str(trial) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_mistake_of_ours_is_not_told_as_a_broken_trial(trial: Path) -> None:
    with pytest.raises(KeyError, match="mistyped"), opened_trial(trial):
        raise KeyError("mistyped")


@pytest.mark.parametrize("part", ["order", "settings", "outcome", "curve", "weights"])
def test_a_trial_without_one_of_its_parts_is_refused(trial: Path, part: str) -> None:
    with h5py.File(trial, "a") as file:
        del file[part]
    with pytest.raises(RecordError, match=r"trial\.h5 is broken .*; delete it and run again"):
        read_trial(trial)
        read_weights(trial)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"candidate": "w000-00"}', "\x00\xff"])
def test_a_broken_fitness_file_is_refused_in_one_line_that_names_it(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "fitness.json"
    path.write_text(content)
    with pytest.raises(RecordError) as refusal:
        read_record(FitnessRecord, path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("before")
    with pytest.raises(OSError, match="disk full"), written_beside(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_canonical_json_is_json_even_for_what_is_not_a_number() -> None:
    value = {"b": math.nan, "a": [math.inf, 1.5, None, "x"]}
    assert json.loads(canonical_json(value)) == {"a": ["inf", 1.5, None, "x"], "b": "nan"}
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))
