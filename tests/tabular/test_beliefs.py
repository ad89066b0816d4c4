from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from gp_cells.cli import main
from gp_cells.config import seeds
from gp_cells.genomes import variation
from gp_cells.genomes.fragments import fragments
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome
from gp_cells.strategies.gaussian_process import Kernel
from gp_cells.tabular import beliefs

SPACE = Recurrent()
REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def outcome(number: int) -> Outcome:
    """Return a made-up outcome: each sigmoid helps, each relu harms."""
    genome = variation.sample(SPACE, seeds.generator(seed=number))
    names = {piece[0]: count for piece, count in fragments(genome, 0)[0].items()}
    return Outcome(
        candidate=f"w{number:03d}-00",
        wave=number,
        genome=str(genome),
        architecture_id=genome.architecture_id,
        status="ok",
        fitness=float(names.get("relu", 0) - names.get("sigmoid", 0)) + number / 1000,
    )


def test_what_helps_and_what_harms_is_believed_so_beyond_its_deviation() -> None:
    found = beliefs.beliefs_of([outcome(number) for number in range(60)], SPACE.language)
    assert (found[0].piece, found[-1].piece) == ("sigmoid(…)", "relu(…)")
    assert found[0].slope < -2 * found[0].deviation
    assert found[-1].slope > 2 * found[-1].deviation


def test_mean_slopes_are_those_of_the_kernel() -> None:
    counts = np.random.default_rng(1).integers(0, 3, size=8).astype(np.float64)
    kernel, step = Kernel((1.0,), 3.0, 0.1), 1e-4
    have = np.flatnonzero(counts)

    def covariances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return kernel([(first[:, None] - second) ** 2])

    slopes, prior = beliefs._mean_slope(counts, covariances(counts, counts), kernel, 1.0)
    ahead, behind = counts[have] + step, counts[have] - step
    moved = covariances(ahead, counts) - covariances(behind, counts)
    assert slopes == pytest.approx((moved / (2 * step)).mean(axis=0), abs=1e-6)
    twice = (
        covariances(ahead, ahead)
        - covariances(ahead, behind)
        - covariances(behind, ahead)
        + covariances(behind, behind)
    )
    assert prior == pytest.approx((twice / (2 * step) ** 2).mean(), abs=1e-5)


def test_a_run_is_told_of_from_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    run = "reference-bach_chorales-random-s1"
    asked = ["beliefs", run, "--results", str(REFERENCE), "--format", "csv"]
    assert main(asked) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 20
    assert all(float(row["deviation"]) > 0 for row in rows)
    assert main(["beliefs", "nothing", "--results", str(REFERENCE)]) == 2
    assert "has no run 'nothing'" in capsys.readouterr().err
