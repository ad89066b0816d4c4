"""What a minimisation found: which sub-formulas of a cell can go, what each costs, and a check of it.

Each step's table has every deletion of the current cell, held against the given one. All of that was looked
at to choose; the last line was not: smallest and given cell as finalists, with seeds that the search never
saw, on the validation and the test split.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gp_cells.compare.intervals import interval_of_difference
from gp_cells.config.choose import SettingError
from gp_cells.config.plan import wave_place
from gp_cells.config.records import RunSettings
from gp_cells.config.typed_json import read_record
from gp_cells.genomes.genome import Genome
from gp_cells.plugins import counts_of, strategy_of, vocabulary_of
from gp_cells.strategies import Outcome
from gp_cells.strategies.history import read_history
from gp_cells.strategies.minimise import Minimise, Step, Verdict
from gp_cells.strategies.not_worse import ALPHA
from gp_cells.tables.parquet import read_tables, run_file

STRATEGY = "minimise"
HEAD = "| without | in | parameters | seeds | loss | difference, 95 % | p | |"


def told_of(results: Path, runs: Sequence[str]) -> Iterator[str]:
    """Yield the tables of some minimisations, in Markdown.

    Raises:
        SettingError: a run is no minimisation, or its given cell is not trained yet.
        RecordError: a file of a run is missing or broken.
    """
    for run in runs:
        folder = results / "runs" / run
        settings = read_record(RunSettings, folder / "settings.json")
        if settings.strategy.name != STRATEGY:
            raise SettingError(
                f"{run}: it is of {settings.strategy.name}; name a run of {STRATEGY}"
            )
        history = _newest(folder, settings)
        if not history:
            raise SettingError(f"{run}: its given cell is not trained yet; run its benchmark")
        yield from _told(settings, history)
        yield from _confirmed(results, settings, history)


def _newest(folder: Path, settings: RunSettings) -> list[Outcome]:
    """Return the newest history that a run has, none before its first wave is done."""
    for wave in reversed(range(settings.search.waves)):
        file = folder / wave_place(wave) / "history.jsonl.gz"
        if file.is_file():
            return read_history(file)
    return []


def _told(settings: RunSettings, history: Sequence[Outcome]) -> Iterator[str]:
    strategy: Any = strategy_of(settings)
    minimise: Minimise = strategy
    steps = minimise.steps(history, vocabulary_of(settings))
    given = [outcome.fitness for outcome in history if outcome.wave == 0]
    yield f"{settings.run}: validation loss in {settings.data.unit}"
    yield ""
    if not all(map(math.isfinite, given)):
        yield "A training of the given cell failed, so nothing can be told."
        return
    spread = statistics.stdev(given)
    margin = minimise.margin * spread
    yield (
        f"The given cell: {statistics.fmean(given):.4f}, standard deviation {spread:.4f} over "
        f"{len(given)} seeds, {_parameters(settings, steps[0].genome):,} parameters. Worse is "
        f"{margin:.4f} or more above. p is that of being so, times the deletions of the step; not worse "
        f"is what has {ALPHA:g} at most, worse what has its whole interval there; of others it is not told."
    )
    for number, step in enumerate(steps, start=1):
        yield from ["", f"Step {number}, from", ""]
        yield from (f"    {line}" for line in str(step.genome).splitlines())
        yield from ["", *_table(settings, step, given, margin)]
    last, total = steps[-1], f"{_parameters(settings, steps[-1].genome):,} parameters"
    end = "and nothing more can go"
    if last.untried:
        end = (
            "so far; more is to be tried, in waves to come or, if there are none, with more of them"
        )
    yield from ["", f"The smallest that is not worse is that of step {len(steps)}, {total}, {end}."]


def _table(
    settings: RunSettings, step: Step, given: Sequence[float], margin: float
) -> Iterator[str]:
    yield HEAD
    yield "| --- " * (HEAD.count("|") - 1) + "|"
    kept = step.kept
    for verdict in step.verdicts:
        is_next = verdict.deletion.genome == kept
        said = f"{_said(verdict, given, margin)}{': next' if is_next else ''}"
        yield _row(settings, verdict, given, said)
    for deletion in step.untried:
        yield (
            f"| {_code(deletion.deleted)} | {_code(deletion.of)} | "
            f"{_parameters(settings, deletion.genome):,} | 0 | | | | not trained |"
        )


def _said(verdict: Verdict, given: Sequence[float], margin: float) -> str:
    """Return what is told of a deletion: that it is not worse, that it is, or neither."""
    if not verdict.is_worse:
        return "not worse"
    if not all(map(math.isfinite, verdict.losses)):
        return "worse"
    low, _ = interval_of_difference(verdict.losses, given)
    return "worse" if low is not None and low >= margin else "not told"


def _row(settings: RunSettings, verdict: Verdict, given: Sequence[float], said: str) -> str:
    deletion, losses = verdict.deletion, verdict.losses
    failed = sum(map(math.isinf, losses))
    loss, difference = f"{failed} failed", ""
    if not failed:
        loss = f"{statistics.fmean(losses):.4f}"
        difference = _difference(losses, given)
    return (
        f"| {_code(deletion.deleted)} | {_code(deletion.of)} | "
        f"{_parameters(settings, deletion.genome):,} | {len(losses)} | {loss} | {difference} | "
        f"{verdict.p:.3g} | {said} |"
    )


def _difference(losses: Sequence[float], given: Sequence[float]) -> str:
    mean = statistics.fmean(losses) - statistics.fmean(given)
    low, high = interval_of_difference(losses, given)
    return f"{mean:+.4f}" + ("" if low is None else f" [{low:+.4f}, {high:+.4f}]")


def _code(text: str) -> str:
    return f"`{text}`"


def _parameters(settings: RunSettings, genome: Genome) -> int:
    return counts_of(settings, str(genome), of_finalist=False)["parameters"]


def _confirmed(results: Path, settings: RunSettings, history: Sequence[Outcome]) -> Iterator[str]:
    """Yield how the smallest cell and the given one do as finalists, with seeds of their own."""
    strategy: Any = strategy_of(settings)
    first = strategy.finalists(history, vocabulary_of(settings))
    by_name = {outcome.candidate: outcome.architecture_id for outcome in history}
    smallest, given = (by_name[name] for name in first)
    if smallest == given:
        return
    if not run_file(results, "runs", settings.run).is_file():  # the last table that is written
        yield "Smallest and given cell are not both trained as finalists yet."
        return
    chosen = [
        row
        for row in read_tables(results, "trials", [settings.run]).to_pylist()
        if row["chosen"] and row["architecture_id"] in (smallest, given)
    ]
    tested = {
        row["trial_id"]: row["test_loss"]
        for row in read_tables(results, "test", [settings.run]).to_pylist()
    }
    for split in ("validation", "test"):
        losses: dict[str, list[float]] = {smallest: [], given: []}
        for row in chosen:
            loss = row["fitness"] if split == "validation" else tested.get(row["trial_id"])
            losses[row["architecture_id"]].append(math.nan if loss is None else loss)
        if min(map(len, losses.values())) < 2:
            yield "Smallest and given cell are not both among the finalists."
            return
        if not all(math.isfinite(loss) for of in losses.values() for loss in of):
            yield f"With fresh seeds, {split}: a training failed."
            continue
        means = (statistics.fmean(losses[key]) for key in (smallest, given))
        yield (
            f"With fresh seeds, {split} loss: {' against '.join(f'{mean:.4f}' for mean in means)}, "
            f"difference {_difference(losses[smallest], losses[given])}, n = {len(losses[smallest])} and "
            f"{len(losses[given])}."
        )
