"""What a one-shot search's supernet was worth: its order of genomes against that of training them alone.

Kendall's tau-b between the losses by shared weights and those of the same genomes trained alone, and the
same tau of the supernet's weights as they were drawn, which have learned nothing: only what it is ahead of
that by did training give it. Intervals are of 95 %, over genomes as drawn independently; each was trained
alone once, and what its seed adds to its loss lowers every tau.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gp_cells.compare.ranks import Array, interval_of_difference, right_sides
from gp_cells.config.choose import SettingError
from gp_cells.config.plan import wave_place
from gp_cells.config.records import RunSettings
from gp_cells.config.typed_json import read_record
from gp_cells.genomes.genome import parse
from gp_cells.genomes.language import Language
from gp_cells.genomes.supernets import derived, skips
from gp_cells.plugins import space_of
from gp_cells.strategies import Outcome
from gp_cells.strategies.history import read_history

STRATEGY = "one_shot"
FEWEST = 5  # genomes that a tau is taken of
HEAD = (
    "| run | genomes | tau of the supernet | tau of its first weights | difference | skips of the derived "
    "| of those drawn | largest probability | derived alone |"
)


@dataclass(frozen=True)
class Tau:
    """A rank correlation, or a difference of two, with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


@dataclass(frozen=True, kw_only=True)
class Refutation:
    """How far a supernet's losses order genomes as stand-alone losses do, and what came of its preference.

    `genomes` are those drawn that were judged both ways. A skip is a choice that passes a value on as it
    is, out of `choices`; `drawn_skips` is the mean. `confidence` is the mean of each choice's largest
    probability. `loss` is that of the derived genome alone, `rank` how it stands among those drawn, 1 the
    best of `ranked`; None if its training failed.
    """

    genomes: int
    supernet: Tau
    untrained: Tau
    difference: Tau
    choices: int
    derived_skips: int
    drawn_skips: float
    confidence: float
    loss: float | None
    rank: int | None
    ranked: int


def told_of(results: Path, runs: Sequence[str]) -> Iterator[str]:
    """Yield a table of the refutations of some one-shot runs, a row each.

    Raises:
        SettingError: a run is no one-shot search, is not done, or its supernet told nothing.
        RecordError: a file of a run is missing or broken.
    """
    yield HEAD
    yield "| --- " * (HEAD.count("|") - 1) + "|"
    for run in runs:
        try:
            of = refuted(*_read(results / "runs" / run))
        except SettingError as error:
            raise SettingError(f"{run}: {error}") from None
        alone = "failed" if of.loss is None else f"{of.loss:.4f}, rank {of.rank} of {of.ranked}"
        yield (
            f"| {run} | {of.genomes} | {of.supernet} | {of.untrained} | {of.difference} | "
            f"{of.derived_skips} of {of.choices} | {of.drawn_skips:.1f} | {of.confidence:.2f} | {alone} |"
        )


def refuted(history: Sequence[Outcome], language: Language) -> Refutation:
    """Return what the whole history of a one-shot search says of its supernet.

    Raises:
        SettingError: the supernet told nothing, or too few genomes were judged both ways.
    """
    first, one, *others = history
    told = first.supernet
    if told is None:
        raise SettingError(f"its supernet told nothing, since its trial ended as {first.status}")
    supernet = parse(first.genome, language).canonical()
    best = tuple(of.index(max(of)) for of in told.probabilities)
    alone = {of.architecture_id: of.fitness for of in others}
    losses = [alone[derived(supernet, picks).architecture_id] for picks in told.picks]
    judged = np.array([losses, told.losses, told.untrained], np.float64)
    judged = judged[:, np.isfinite(judged).all(axis=0)]
    genomes = judged.shape[1]
    if genomes < FEWEST:
        raise SettingError(f"{genomes} genomes were judged both ways; at least {FEWEST} have to be")
    truth, shared, untrained = judged
    right, control = (right_sides(of, truth, np.ones((genomes,) * 2)) for of in (shared, untrained))
    ranked = [loss for loss in losses if math.isfinite(loss)]
    return Refutation(
        genomes=genomes,
        supernet=_tau(right, np.zeros(genomes)),
        untrained=_tau(control, np.zeros(genomes)),
        difference=_tau(right, control),
        choices=len(best),
        derived_skips=skips(supernet, best),
        drawn_skips=statistics.fmean(skips(supernet, picks) for picks in told.picks),
        confidence=statistics.fmean(map(max, told.probabilities)),
        loss=None if one.failed else one.fitness,
        rank=None if one.failed else 1 + sum(loss < one.fitness for loss in ranked),
        ranked=len(ranked) + 1,
    )


def _tau(first: Array, second: Array) -> Tau:
    return Tau(float(first.mean() - second.mean()), *interval_of_difference(first, second))


def _read(folder: Path) -> tuple[list[Outcome], Language]:
    """Return the history of a run's search, and its language."""
    settings = read_record(RunSettings, folder / "settings.json")
    if settings.strategy.name != STRATEGY:
        raise SettingError(f"it is of {settings.strategy.name}; name a run of {STRATEGY}")
    file = folder / wave_place(settings.search.waves - 1) / "history.jsonl.gz"
    if not file.is_file():
        raise SettingError("its search is not done; run its benchmark again, which goes on")
    return read_history(file), space_of(settings).language
