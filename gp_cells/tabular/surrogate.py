"""A prediction of what was never trained: a random forest on features of formulas, judged held out.

Breiman 2001 (https://doi.org/10.1023/A:1010933404324). The mean over the trees is the guess. Their
standard deviation says how much they disagree; it is no calibrated error, so the share of held-out
losses within two of it is reported beside the rank correlations. Nothing is kept: the forest is grown again
from the tables, and from equal tables it is equal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.files import RecordError
from gp_cells.config.objectives import CARRIED, COUNTED
from gp_cells.config.recipe import Form, Recipe
from gp_cells.config.records import RunSettings
from gp_cells.genomes.genome import Genome
from gp_cells.plugins import form_of, recipe_of
from gp_cells.spaces import Space
from gp_cells.tabular.features import features
from gp_cells.tabular.stored import Answer, Stored
from gp_cells.tabular.truth import Row
from gp_cells.workflow import cost

FEWEST = 20  # architectures to learn from
FOLDS = 5
TREES = 100
FOREST: Mapping[str, Any] = {
    "n_estimators": TREES,
    "max_features": 1 / 3,  # of the features at each split; Breiman's for regression
    "random_state": 1,
}


@dataclass(frozen=True)
class HeldOut:
    """How a surrogate did on architectures that it had not seen, each guessed once.

    `rmse` is in the task's unit; `within` is the share of losses within two spreads of the guess.
    """

    architectures: int
    folds: int
    spearman: float
    kendall: float
    rmse: float
    within: float

    def __str__(self) -> str:
        """Return the judgement as a line."""
        return (
            f"random forest of {TREES} trees, held out by architecture in {self.folds} folds: "
            f"Spearman {self.spearman:z.2f}, Kendall {self.kendall:z.2f}, RMSE {self.rmse:.4g}, "
            f"{self.within:.0%} within 2 spreads, n = {self.architectures}"
        )

    def as_record(self) -> dict[str, Any]:
        """Return the judgement as plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Surrogate:
    """What guesses, and how good its guesses were; made by `learn`."""

    held_out: HeldOut
    columns: tuple[str, ...]
    space: Space
    form: Form
    recipe: Recipe
    speed: cost.Speed
    settings: RunSettings
    forest: Any

    def __call__(self, genome: Genome) -> Answer:
        """Return a guess: that it trains all its epochs, and to which loss, in what time.

        A training that fails is never predicted.
        """
        counts = self.space.count(genome, self.form, self.recipe)
        mean, spread = _guess(self.forest, _matrix([features(genome, counts)], self.columns))
        epochs = self.recipe.epochs
        size = cost.size_of(counts, self.settings.data, epochs, self.recipe.batch_size)
        return Answer(
            row=Row(
                float(mean[0]), "ok", {name: counts.get(name) for name in (*COUNTED, *CARRIED)}
            ),
            spread=float(spread[0]),
            trials=0,
            epochs=float(epochs),
            train_s=self.speed.seconds(size),
        )


def learn(stored: Stored, seed: int | None, speed: cost.Speed) -> Surrogate:
    """Return a surrogate that learnt from what trials with a seed, or with any, have led to.

    Architectures that failed teach nothing. The time of a guess is by `speed`.

    Raises:
        SettingError: scikit-learn is not installed.
        RecordError: too few architectures are stored.
    """
    known = [
        (key, answer) for key, answer in stored.answers(seed) if answer.row.status != "invalid"
    ]
    known = [(key, answer) for key, answer in known if np.isfinite(answer.row.fitness)]
    if len(known) < FEWEST:
        raise RecordError(
            f"a surrogate needs {FEWEST} architectures that trained; {len(known)} are stored"
        )
    space, form = stored.space, form_of(stored.settings)
    recipe = recipe_of(stored.settings)
    rows = []
    for key, _ in known:
        genome = stored.genome(key)
        rows.append(features(genome, space.count(genome, form, recipe)))
    columns = tuple(sorted({name for row in rows for name in row}))
    inputs = _matrix(rows, columns)
    losses = np.array([answer.row.fitness for _, answer in known])
    held_out = judge(inputs, losses)
    forest = _grown(inputs, losses)
    return Surrogate(
        held_out=held_out,
        columns=columns,
        space=space,
        form=form,
        recipe=recipe,
        speed=speed,
        settings=stored.settings,
        forest=forest,
    )


def judge(inputs: np.ndarray, losses: np.ndarray) -> HeldOut:
    """Return how a forest does on rows that it has not seen.

    `inputs` are (architectures, features), `losses` (architectures,); each is in one fold of `FOLDS`,
    drawn without regard to them.
    """
    from scipy import stats

    generator = seeds.generator(purpose="surrogate folds")
    fold = generator.permutation(len(losses)) % FOLDS
    means, spreads = np.zeros(len(losses)), np.zeros(len(losses))
    for number in range(FOLDS):
        out = fold == number
        means[out], spreads[out] = _guess(_grown(inputs[~out], losses[~out]), inputs[out])
    off = np.abs(means - losses)
    return HeldOut(
        architectures=len(losses),
        folds=FOLDS,
        spearman=float(stats.spearmanr(means, losses).statistic),
        kendall=float(stats.kendalltau(means, losses).statistic),
        rmse=float(np.sqrt(np.mean(off**2))),
        within=float(np.mean(off <= 2 * spreads)),
    )


def _grown(inputs: np.ndarray, losses: np.ndarray) -> Any:
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError as error:
        raise SettingError(
            "a surrogate needs scikit-learn: pip install 'gp-cells[surrogate]'"
        ) from error
    return RandomForestRegressor(**FOREST).fit(inputs, losses)


def _guess(forest: Any, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over the trees, (architectures,) each."""
    guesses = np.array([tree.predict(inputs) for tree in forest.estimators_])
    return guesses.mean(axis=0), guesses.std(axis=0)


def _matrix(rows: Sequence[Mapping[str, float]], columns: Sequence[str]) -> np.ndarray:
    """Return features as (architectures, features)."""
    return np.array([[row.get(name, 0.0) for name in columns] for row in rows])
