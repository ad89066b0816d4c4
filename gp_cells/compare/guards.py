"""What stands between a task's numbers and a verdict: reasons not to believe that one cell is better.

Each guard is a pure function of finalists and of what they are held against. `guard` asks all of them and
returns those that apply, each with its name and a line that says what it found.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gp_cells.compare.finalists import once
from gp_cells.compare.records import Records, Row
from gp_cells.config.files import canonical_json

LEARNED = 0.01  # of a trivial predictor's loss; less can come from picking a training's best epoch
LAST = 0.1  # share of the epochs that is looked at for a curve's end
FALL = 0.01  # of the loss before it; less is called flat

Guess = tuple[str, float]  # a trivial predictor and its loss


def guard(records: Records, finalists: Sequence[Row]) -> list[Row]:
    """Return the guards that apply to a task's finalists, each `{"guard": its name, "said": a line}`."""
    rows = [row for row in once(finalists) if row["valid_mean"] is not None]
    trials = [_trials(records, row) for row in rows]
    chosen = [[trial for trial in of if trial["chosen"]] for of in trials]
    guess = min(records.references.items(), key=lambda of: of[1], default=None)
    falling = sum(
        still_falls([records.curves[trial["trial_id"]] for trial in of if _ended(trial)])
        for of in chosen
    )
    said = {
        "nothing_learned": nothing_learned(rows, guess),
        "designed_untrained": designed_untrained(rows, guess),
        "still_falling": say_falling(falling, len(rows)),
        "at_the_edge": say_edges(
            sum(
                is_edge_of_rates(row["learning_rate"], [trial["learning_rate"] for trial in of])
                for row, of in zip(rows, trials, strict=True)
            ),
            sum(is_edge_of_epochs(of) for of in chosen),
            len(rows),
        ),
        "unlike_genes": say_unlike_genes(_genes(records)),
        "unlike_starts": say_unlike_starts(*_by_start(records)),
    }
    return [{"guard": name, "said": line} for name, line in said.items() if line]


def _trials(records: Records, row: Row) -> list[Row]:
    """Return a finalist's trials at all learning rates that have a loss."""
    return [
        trial
        for trial in records.replicates.get((row["run"], row["finalist"]), ())
        if trial["fitness"] is not None
    ]


def _ended(trial: Mapping[str, object]) -> bool:
    """Return whether a trial trained all its epochs, and was not stopped since it no longer fell."""
    return trial["status"] == "ok"


# --- against trivial predictors -------------------------------------------------------------------


def has_learned(row: Row, guess: Guess) -> bool:
    """Return whether a finalist's loss is more than 1 % below that of a trivial predictor.

    It is the test loss where that was measured: the best validation loss of many epochs is below a
    guess's by chance alone.
    """
    loss: float = row["valid_mean"] if row["test_mean"] is None else row["test_mean"]
    return loss < (1 - LEARNED) * guess[1]


def nothing_learned(rows: Sequence[Row], guess: Guess | None) -> str:
    """Return that no finalist is better than the best trivial predictor; "" if one is."""
    if guess is None or not rows or any(has_learned(row, guess) for row in rows):
        return ""
    return (
        f"no cell is better than the trivial predictor {guess[0]} ({guess[1]:.3f}) by more than "
        f"{_percent(LEARNED)}: nothing was learned, and differences between cells say nothing"
    )


def designed_untrained(rows: Sequence[Row], guess: Guess | None) -> str:
    """Return which hand-designed cells are no better than a trivial predictor, while others are."""
    if guess is None or nothing_learned(rows, guess):
        return ""
    designed = [row for row in rows if row["name"] is not None]
    behind = [row["name"] for row in designed if not has_learned(row, guess)]
    if not behind:
        return ""
    return (
        f"{len(behind)} of {len(designed)} hand-designed cells are no better than the trivial predictor "
        f"{guess[0]} ({guess[1]:.3f}), so untrained, and to be better than them says nothing: "
        + ", ".join(behind)
    )


# --- what else was searched -----------------------------------------------------------------------


def _genes(records: Records) -> dict[str, Any]:
    """Return the genes for training of each strategy's search, None where it has none."""
    settings = records.settings
    return {
        run["strategy"]: settings[run["run"]].get("search", {}).get("genes") for run in records.runs
    }


def say_unlike_genes(genes: Mapping[str, Any]) -> str:
    """Return which strategies searched their candidates' training too and others not; "" if all alike."""
    if len({canonical_json(own) for own in genes.values()}) <= 1:
        return ""
    own = {name: ", ".join(sorted(of)) for name, of in sorted(genes.items()) if of}
    said = "; ".join(f"{name} {names}" for name, names in own.items())
    return (
        f"not all strategies searched the same of their training ({said}; others nothing), so that a "
        "difference may be the training's and not the cells': give all of them the same genes"
    )


# --- where finalists began ------------------------------------------------------------------------


def _by_start(records: Records) -> tuple[list[str], list[str]]:
    """Return the strategies whose finalists resume from their candidates' states, and all others."""
    resumes = {
        run["strategy"]: bool(records.settings[run["run"]].get("search", {}).get("resume"))
        for run in records.runs
    }
    going_on = sorted(name for name, goes_on in resumes.items() if goes_on)
    return going_on, sorted(resumes.keys() - going_on)


def say_unlike_starts(going_on: Sequence[str], anew: Sequence[str]) -> str:
    """Return whose finalists went on from trained weights, if others did not; "" if all are alike."""
    if not going_on or not anew:
        return ""
    return (
        f"finalists of {', '.join(going_on)} went on from the weights that their searches trained, those "
        f"of {', '.join(anew)} from fresh ones: a difference may be the longer training's and the luck of "
        "one drawing of weights, and the spread over their seeds is of the order of batches alone"
    )


# --- the ends of budgets --------------------------------------------------------------------------


def still_falls(curves: Sequence[Sequence[float]]) -> bool:
    """Return whether losses by epoch, a curve a seed, fell by over 1 % in the last tenth of the epochs."""
    falls = []
    for curve in curves:
        last = max(1, round(LAST * len(curve)))
        if last < len(curve):
            before = min(curve[:-last])
            falls.append((before - min(curve)) / before if before else 0.0)
    return bool(falls) and statistics.fmean(falls) > FALL


def say_falling(falling: int, finalists: int) -> str:
    """Return how many finalists' losses still fell; "" if none."""
    if not falling:
        return ""
    return (
        f"the loss of {falling} of {finalists} finalists still fell by over {_percent(FALL)} in the last "
        "tenth of their epochs: with more, another cell may be the best"
    )


def is_edge_of_rates(chosen: float | None, tried: Collection[float]) -> bool:
    """Return whether the learning rate chosen is the lowest or highest of several that were tried."""
    return len(set(tried)) > 1 and chosen in (min(tried), max(tried))


def is_edge_of_epochs(trials: Sequence[Row]) -> bool:
    """Return whether the last epoch was the best in each of a finalist's trials."""
    return bool(trials) and all(
        _ended(trial) and trial["best_epoch"] == _last_epoch(trial) for trial in trials
    )


def _last_epoch(trial: Mapping[str, Any]) -> int:
    """Return the last epoch of a trial, those before its start counted; old tables have no such."""
    last: int = trial.get("total_epochs") or trial["epochs"]
    return last


def say_edges(rates: int, epochs: int, finalists: int) -> str:
    """Return how many finalists are at the edge of what was tried; "" if none."""
    parts = [f"{rates} in their learning rate"] if rates else []
    parts += (
        [f"{epochs} in their epochs, the last being the best with every seed"] if epochs else []
    )
    if not parts:
        return ""
    return (
        f"at the edge of what was tried, so perhaps not at their best, are of {finalists} finalists "
        f"{' and '.join(parts)}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
