"""A benchmark in Syne Tune's layout: every number in its place, and nothing where nothing was trained.

The library itself wants an old numpy; `deserialize` of its version 0.14.2 was seen to read these files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.stored_trials import CONFIG, settings_of, write_trials

from gp_cells import parse
from gp_cells.cli import main
from gp_cells.config.files import RecordError
from gp_cells.config.plan import read_plan
from gp_cells.tables.parquet import write_rows
from gp_cells.tables.schemas import schema
from gp_cells.tabular.syne_tune import OBJECTIVES, write_blackbox

SMALL, LARGE = "h' = tanh(gate1)", "h' = tanh(gate1) * sigmoid(gate2)"
BASE = 0.003  # the recipe's learning rate

Curve = list[tuple[float, float]]  # validation loss and wall time of each epoch


def write_curves(results: Path, run: str, curves: dict[str, Curve]) -> None:
    empty = dict.fromkeys(schema("curves").names)
    rows = [
        {**empty, "trial_id": key, "run": run, "epoch": i, "valid_loss": loss, "train_loss": 1.0}
        | {"wall_s": seconds, "cpu_s": 9.0}
        for key, curve in curves.items()
        for i, (loss, seconds) in enumerate(curve, start=1)
    ]
    write_rows(results, "curves", run, rows)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two tasks: two seeds of a small cell and a finalist at another rate; one trial of the other."""
    config = {
        **CONFIG,
        "tasks": {"bach": CONFIG["tasks"]["bach"], "choir": CONFIG["tasks"]["bach"]},
    }
    runs = read_plan(config).runs
    bach, choir = (
        settings_of(runs[f"tiny-{task}-random-s1"], tmp_path / "settings")
        for task in ("bach", "choir")
    )
    trials: list[tuple[str, dict[str, Any]]] = [
        (SMALL, {"trial_id": "a", "seed": 7, "epochs": 2}),
        (SMALL, {"trial_id": "b", "seed": 8, "epochs": 3}),
        (LARGE, {"trial_id": "c", "seed": 8, "epochs": 1, "status": "diverged"}),
        (SMALL, {"trial_id": "d", "seed": 9, "role": "replicate", "learning_rate": 3 * BASE}),
    ]
    write_trials(tmp_path, bach, trials)
    curves = {"a": [(5.0, 1.0), (4.0, 2.0)], "b": [(5.5, 1.0), (4.5, 1.0), (4.25, 1.0)]}
    curves |= {"c": [(np.nan, 1.0)], "d": [(3.0, 1.0)]}
    write_curves(tmp_path, bach.run, curves)
    write_trials(tmp_path, choir, [(LARGE, {"trial_id": "e", "seed": 7, "epochs": 1})])
    write_curves(tmp_path, choir.run, {"e": [(2.0, 1.0)]})
    return tmp_path


def test_every_number_is_in_its_place_and_the_rest_is_nan(results: Path, tmp_path: Path) -> None:
    folder = tmp_path / "blackbox"
    assert main(["blackbox", "--results", str(results), "--to", str(folder)]) == 0
    values = np.load(folder / "objectives_evaluations.npy", allow_pickle=False)
    configurations = pq.read_table(folder / "hyperparameters.parquet").to_pylist()
    place = {
        (row["architecture_id"], row["learning_rate_factor"]): i
        for i, row in enumerate(configurations)
    }
    small, large = parse(SMALL).architecture_id, parse(LARGE).architecture_id
    assert values.dtype == np.float32 and values.shape == (2, 3, 3, 3, len(OBJECTIVES))
    losses = np.full((2, 3, 3, 3), np.nan)
    losses[0, place[small, 1.0], 0, :2] = [5.0, 4.0]
    losses[0, place[small, 1.0], 1] = [5.5, 4.5, 4.25]
    losses[0, place[small, 3.0], 2, 0] = 3.0
    losses[1, place[large, 1.0], 0, 0] = 2.0
    np.testing.assert_array_equal(values[..., 0], losses)
    assert values[0, place[small, 1.0], 0, 1].tolist()[2:] == [1.0, 3.0]  # time adds up
    assert np.isnan(values[..., 1]).all()  # no errors of classes were measured


def test_the_spaces_are_written_as_syne_tune_writes_them(results: Path, tmp_path: Path) -> None:
    write_blackbox(results, "tiny", tmp_path / "blackbox")
    space, fidelity, metadata = (
        json.loads((tmp_path / "blackbox" / f"{name}.json").read_text())
        for name in ("configspace", "fidelityspace", "metadata")
    )
    assert metadata["task_names"] == ["bach", "choir"]
    assert metadata["objectives_names"] == list(OBJECTIVES)
    assert metadata["seeds"] == ["7", "8", "9"]
    assert space["learning_rate_factor"] == {
        "domain_cls": "Categorical",
        "domain_kwargs": {"categories": [1.0, 3.0]},
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    }
    assert fidelity["epochs"]["domain_kwargs"] == {"lower": 1, "upper": 3}
    columns = pq.read_schema(tmp_path / "blackbox/hyperparameters.parquet").names
    assert list(space) == columns
    assert np.load(tmp_path / "blackbox/fidelities_values.npy").tolist() == [1, 2, 3]


def test_the_same_tables_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    write_blackbox(results, None, first)
    write_blackbox(results, None, again)
    files = sorted(path.name for path in first.iterdir())
    assert len(files) == 6
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in files)


def test_a_benchmark_that_is_not_stored_is_refused_with_those_that_are(results: Path) -> None:
    with pytest.raises(RecordError, match="has no benchmark 'huge'; name one of tiny"):
        write_blackbox(results, "huge", results / "no")
