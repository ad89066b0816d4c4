"""What predicts a loss: scores without training, sizes, early epochs, and the search's one trial."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from scipy.stats import spearmanr

from gp_cells.compare.hypotheses import interval_of_rank_correlation
from gp_cells.compare.records import Records, Row
from gp_cells.measures import MEASURES

PREDICTORS = (
    *(column.name for of in MEASURES.values() for column in of.columns if column.predicts),
    *("network_parameters", "network_multiply_adds"),
)
FEWEST = 5  # architectures that a rank correlation is taken of


def rank_predictors(records: Records) -> list[Row]:
    """Return how well each score predicted the fitness of the searches' architectures.

    Spearman's rank correlation with the loss, so that a score of which higher is better has a
    negative one, over the architectures that were trained well, each once; `n` says how many, and
    with fewer than `FEWEST` of them, or all scores alike, there is no correlation. `median_s` is what
    a score took.
    """
    trained = list(records.trained_once())
    return [found for name in PREDICTORS if (found := _predictor(name, trained))["n"]]


def _predictor(name: str, trained: Sequence[Row]) -> Row:
    known = [row for row in trained if row[name] is not None and math.isfinite(row[name])]
    pairs = [(row[name], row["fitness"]) for row in known]
    spent = [row[f"{name}_s"] for row in known if row.get(f"{name}_s") is not None]
    median_s = statistics.median(spent) if spent else None
    return {"name": name, **_correlation(pairs), "median_s": median_s}


def early_epochs(records: Records) -> list[Row]:
    """Return how well the validation loss after each epoch predicted the fitness, by rank.

    Of the architectures that the searches trained well from fresh weights, each once, and that got as far.
    Candidates of one search are relatives, so the interval is narrower than as many independent ones would
    have.
    """
    curves = [
        (records.curves.get(trial["trial_id"], ()), trial["fitness"])
        for trial in records.trained_once()
        if trial["start"] is None
    ]
    longest = max((len(curve) for curve, _ in curves), default=0)
    return [
        {"epoch": epoch + 1, **_correlation([(c[epoch], f) for c, f in curves if len(c) > epoch])}
        for epoch in range(longest)
    ]


def search_as_predictor(records: Records, finalists: Sequence[Row]) -> Row:
    """Return how well the search's one trial predicted the loss of finalists, trained with other seeds.

    By rank, over architectures, each once, none of whose seeds failed.
    """
    searched = {trial["architecture_id"]: trial["fitness"] for trial in records.trained_once()}
    retrained = {
        row["architecture_id"]: row["valid_mean"] for row in finalists if not row["failed"]
    }
    return _correlation(
        [(searched[key], loss) for key, loss in retrained.items() if key in searched]
    )


def _correlation(pairs: Sequence[tuple[float, float]]) -> Row:
    """Return Spearman's correlation of pairs, its interval, and of how many it is."""
    known = [pair for pair in pairs if all(map(math.isfinite, pair))]
    found: Row = {"correlation": None, "low": None, "high": None, "n": len(known)}
    if len(known) >= FEWEST and all(len(set(column)) > 1 for column in zip(*known, strict=True)):
        rho = float(spearmanr(*zip(*known, strict=True)).statistic)
        low, high = interval_of_rank_correlation(rho, len(known))
        found |= {"correlation": rho, "low": low, "high": high}
    return found
