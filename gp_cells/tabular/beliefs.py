"""Which pieces of formulas help: what a Gaussian process believes of each, having seen a search.

Interpretation after Ru, Wan, Dong and Osborne 2021, section 4 (https://arxiv.org/abs/2006.07556): the slope
of what is expected by the count of a piece, averaged over the architectures that have it. That is a linear
function of what the process is about, so its standard deviation follows too. The process is that of
`bayesian`, whatever strategy searched. A slope is of one piece alone: those around it, which change with
it, have their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.records import PlugIn
from gp_cells.config.typed_json import decode
from gp_cells.genomes.fragments import Distances, fragment_text, fragments_of_text
from gp_cells.genomes.language import Language
from gp_cells.plugins import plug_in
from gp_cells.strategies import Outcome
from gp_cells.strategies.bayesian import Bayesian
from gp_cells.strategies.gaussian_process import (
    LEAST_VARIANCE,
    Array,
    Kernel,
    amplitude,
    forward,
    in_order,
    process_of,
)
from gp_cells.tables.parquet import read_tables

LEAST_SEEN = 3  # architectures that have a piece, and that have it not


@dataclass(frozen=True)
class Belief:
    """What one more of a piece is worth, in standard deviations of ranked losses: less is better."""

    piece: str
    seen: int  # architectures that have it
    slope: float
    deviation: float


def beliefs_of(history: Sequence[Outcome], language: Language) -> list[Belief]:
    """Return what is believed of each piece that some architectures have and some not, the best first."""
    strategy = Bayesian()
    kernel, targets = strategy.kernel(history, language), strategy.targets(history)
    found = [fragments_of_text(of.genome, language, strategy.depth) for of in history]
    squared = Distances(found).between(slice(None), slice(None))
    process, covariances = process_of(kernel, squared), kernel(squared)
    given = process.given(targets)
    spread, told, beliefs = amplitude(given), set(), []
    for level, weight in enumerate(kernel.weights[:-1]):
        for piece in dict.fromkeys(piece for of in found for piece in of[level]) if weight else ():
            text = fragment_text(piece, language)
            counts = np.array([of[level].get(piece, 0) for of in found], np.float64)
            seen = int((counts > 0).sum())
            if text in told or not LEAST_SEEN <= seen <= len(history) - LEAST_SEEN:
                continue
            told.add(text)
            slopes, prior = _mean_slope(counts, covariances, kernel, weight)
            through = forward(process.factor, slopes)
            left = max(prior - float(in_order(through * through)), LEAST_VARIANCE)
            slope = float(in_order(through * given))
            beliefs.append(Belief(text, seen, slope, math.sqrt(spread * left)))
    return sorted(beliefs, key=lambda of: (round(of.slope / of.deviation, 9), of.piece))


def _mean_slope(
    counts: Array, covariances: Array, kernel: Kernel, weight: float
) -> tuple[Array, float]:
    """Return the covariance of a piece's mean slope with each outcome, (n,), and its own variance."""
    have = np.flatnonzero(counts)
    rate = 2 * weight / kernel.scale
    near = covariances[have] ** 2
    apart = counts[have][:, None] - counts
    slopes = -rate * near * apart
    among, between = covariances[have][:, have], apart[:, have]
    curvature = rate * among**2 - 2 * among**3 * (rate * between) ** 2
    return in_order(slopes) / len(have), float(in_order(in_order(curvature))) / len(have) ** 2


def told_of(results: Path, runs: Sequence[str], most: int, form: str) -> Iterator[str]:
    """Yield the lines of a table of what is believed of the pieces in some runs of one task.

    Raises:
        SettingError: the runs are of several tasks or spaces, or have too few outcomes.
        RecordError: there is no such run.
    """
    history, language = _history(results, runs)
    if sum(not outcome.failed for outcome in history) < 2 * LEAST_SEEN:
        raise SettingError(f"{', '.join(runs)}: {len(history)} candidates are too few to tell by")
    beliefs = beliefs_of(history, language)
    chosen = beliefs if len(beliefs) <= 2 * most else [*beliefs[:most], *beliefs[-most:]]
    if form == "csv":
        yield "piece,architectures,slope,deviation"
        for of in chosen:
            yield f'"{of.piece}",{of.seen},{of.slope:.6f},{of.deviation:.6f}'
        return
    yield f"| piece of a formula | in, of {len(history)} | one more changes the score by | ± |"
    yield "| --- | --- | --- | --- |"
    for of in chosen:
        yield f"| `{of.piece}` | {of.seen} | {of.slope:+.3f} | {of.deviation:.3f} |"


def _history(results: Path, runs: Sequence[str]) -> tuple[list[Outcome], Language]:
    """Return each architecture that some runs searched through, once, and their language."""
    rows = read_tables(results, "runs", runs).to_pylist()
    missing = sorted(set(runs) - {row["run"] for row in rows})
    if missing:
        raise RecordError(f"{results}/tables has no run {missing[0]!r}")
    if len({(row["task"], row["benchmark"], row["space"]) for row in rows}) > 1:
        raise SettingError(
            "expected runs of one task, space and benchmark; name those of one alone"
        )
    space = decode(PlugIn, json.loads(rows[0]["settings"])["space"], "space")
    of_run = read_tables(results, "architectures", runs).to_pylist()
    genomes = {row["architecture_id"]: row["genome"] for row in of_run}
    outcomes = {
        row["architecture_id"]: Outcome(
            candidate=f"{row['run']}/{row['candidate']}",
            wave=row["wave"],
            genome=genomes[row["architecture_id"]],
            architecture_id=row["architecture_id"],
            status=row["status"],
            fitness=math.inf if row["fitness"] is None else row["fitness"],
        )
        for row in read_tables(results, "candidates", runs).to_pylist()
        if row["architecture_id"] in genomes
    }
    return list(outcomes.values()), plug_in("space", space).language
