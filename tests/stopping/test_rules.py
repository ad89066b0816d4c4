"""What each stopping rule does on curves of every kind, whatever their epochs, units and sign."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gp_cells.stopping.ensemble import Ensemble
from gp_cells.stopping.i_epoch import IEpoch
from gp_cells.stopping.learned import LearnedRule
from gp_cells.stopping.median import Median
from gp_cells.stopping.parametric import Parametric
from gp_cells.stopping.stopper import Curve, first_stop

EPOCHS = 30
X = np.arange(1.0, EPOCHS + 1)


def curve(losses: object, train: object = None, epochs: int = EPOCHS) -> Curve:
    values = [float(loss) for loss in losses]  # type: ignore[attr-defined]
    trained = values if train is None else [float(loss) for loss in train]  # type: ignore[attr-defined]
    return Curve(losses=values, train_losses=trained, epochs=epochs)


def ends(rule: object, losses: object, train: object = None) -> tuple[int, str] | None:
    found = first_stop(rule, curve(losses, train), None)  # type: ignore[arg-type]
    return None if found is None else (found[0], found[1].code)


def noise(size: float) -> np.ndarray:
    return np.random.default_rng(3).normal(0, size, EPOCHS)


# --- parametric -----------------------------------------------------------------------------------

SETTLES = 1 + 2 * np.exp(-X / 3)
LATE = np.where(X <= 12, 3 + noise(0.01), 1 + 2 * np.exp(-(X - 12) / 3))
TURNS = np.where(X <= 8, 3 - 0.2 * X, 1.4 + 0.1 * (X - 8))
JUMPS = np.where(X <= 15, 2 + np.exp(-X / 2), 1 + np.exp(-X / 2))
OSCILLATES = 2 + np.sin(X)


def test_a_curve_that_settles_ends_as_converged_and_its_prediction_is_near_the_end() -> None:
    for function in ("exp3", "penguin", "wbl4"):
        rule = Parametric(function=function, reads="predicted")
        found = first_stop(rule, curve(SETTLES), None)
        assert found is not None
        epoch, stop = found
        assert 9 <= epoch < 20 and stop.code == "converged"
        assert stop.predicted == pytest.approx(SETTLES[-1], abs=0.03)


def test_what_the_search_reads_is_the_observed_loss_unless_it_is_told_otherwise() -> None:
    found = first_stop(Parametric(), curve(SETTLES), None)
    assert found is not None and found[1].predicted is None


def test_a_curve_that_never_learns_gets_half_its_epochs_and_says_so() -> None:
    assert ends(Parametric(), 3 + noise(0.01)) == (15, "never_learns")
    assert ends(Parametric(), [0.5] * EPOCHS) == (15, "never_learns")


def test_no_trend_is_no_end_while_the_training_loss_falls() -> None:
    assert ends(Parametric(), 3 + noise(0.01), 3 - 0.05 * X) is None


def test_a_late_learner_is_not_ended_while_it_is_flat() -> None:
    found = ends(Parametric(), LATE)
    assert found is None or found[0] > 15


def test_a_curve_that_turns_or_oscillates_is_never_taken_for_one_that_has_converged() -> None:
    for losses in (TURNS, OSCILLATES):
        found = ends(Parametric(), losses)
        assert found is None or found[1] == "never_learns"


def test_a_jump_misleads_the_prediction_and_not_what_the_search_reads_by_default() -> None:
    found = first_stop(Parametric(share=0.6), curve(JUMPS), None)
    assert found is not None and found[0] > 15
    assert min(JUMPS[: found[0]]) == pytest.approx(1, abs=0.01) and found[1].predicted is None


def test_two_points_and_training_losses_that_are_unknown_are_no_reason() -> None:
    assert ends(Parametric(), [3.0, 2.0]) is None
    assert ends(Parametric(), SETTLES, [math.nan] * EPOCHS) is not None


@pytest.mark.parametrize(("times", "plus"), [(1e-6, 0.0), (1e6, 0.0), (1.0, -50.0), (-1.0, 0.0)])
def test_neither_the_unit_nor_the_zero_of_a_loss_matters(times: float, plus: float) -> None:
    for losses in (SETTLES, 3 + noise(0.01), LATE, TURNS):
        if times > 0:
            assert ends(Parametric(), times * losses + plus) == ends(Parametric(), losses)
        else:
            ends(Parametric(), times * losses)  # rises: no fault


# --- the same epoch for all -----------------------------------------------------------------------


def test_a_cut_is_at_the_same_share_of_any_number_of_epochs() -> None:
    for epochs, expected in ((1, None), (4, 2), (10, 3), (20, 6), (1000, 300)):
        found = first_stop(IEpoch(share=0.3), curve(np.ones(epochs), epochs=epochs), None)
        assert (None if found is None else found[0]) == expected


def crossing(n: int) -> list[Curve]:
    """Return curves of which the best start is the worst end, as the training loss tells."""
    rng = np.random.default_rng(5)
    made = []
    for quality in rng.random(n):
        start = 1 + quality + rng.normal(0, 0.02, EPOCHS)
        valid = start + (1.2 - 2.2 * quality) * X / EPOCHS
        made.append(curve(valid, 0.2 + quality + rng.normal(0, 0.02, EPOCHS)))
    return made


def parallel(n: int) -> list[Curve]:
    rng = np.random.default_rng(6)
    return [curve(SETTLES + level + rng.normal(0, 0.01, EPOCHS)) for level in rng.random(n)]


def test_a_prediction_is_believed_where_it_is_proved_and_the_cut_is_read_elsewhere() -> None:
    crossed, level = Ensemble().learn(crossing(40)), Ensemble().learn(parallel(40))
    assert crossed is not None and crossed["gain"] > 2
    assert level is None
    found = first_stop(Ensemble(), crossing(3)[0], crossed)
    assert found is not None and found[0] == 9 and found[1].predicted is not None
    found = first_stop(Ensemble(), crossing(3)[0], None)
    assert found is not None and found[0] == 9 and found[1].predicted is None


def test_trials_of_all_waves_are_read_alike() -> None:
    rule, learned = Ensemble(), Ensemble().learn(crossing(40))
    whole = crossing(10)
    for of in whole:
        assert rule.read(of, learned) == rule.read(of.until(9), learned)
        assert rule.read(of, None) == rule.read(of.until(9), None) == min(of.losses[:9])


def test_a_learned_rule_ends_nothing_before_it_has_learned() -> None:
    rule = LearnedRule()
    assert rule.learn(crossing(19)) is None
    assert first_stop(rule, crossing(1)[0], None) is None
    learned = rule.learn(crossing(20))
    assert first_stop(rule, crossing(1)[0], learned) is not None


def test_only_whole_curves_are_learned_from() -> None:
    whole = crossing(30)
    cut = [of.until(9) for of in crossing(60)[30:]]
    assert Ensemble().learn([*whole, *cut]) == Ensemble().learn(whole)


def test_losses_below_zero_are_predicted_without_logarithms() -> None:
    below = [curve(np.array(of.losses) - 10, of.train_losses) for of in crossing(40)]
    learned = LearnedRule().learn(below)
    assert learned is not None and not learned["logarithms"]
    assert LearnedRule().read(below[0], learned) < -7


def test_the_median_rule_ends_what_is_worse_than_half_of_those_before() -> None:
    rule, before = Median(), parallel(11)
    learned = rule.learn(before)
    assert learned is not None and len(learned["medians"]) == EPOCHS
    best, worst = min(before, key=lambda of: of.losses[-1]), curve(SETTLES + 5)
    assert first_stop(rule, best, learned) is None
    found = first_stop(rule, worst, learned)
    assert found is not None and (found[0], found[1].code) == (6, "worse_than_median")
    assert rule.learn(before[:4]) is None


def test_of_a_trial_that_went_on_too_few_training_losses_say_nothing() -> None:
    noisy = [2.1, 1.3, 1.5, 0.9, 1.0, 0.7, 0.8, 0.6]
    rule, nan = Parametric(patience=5), math.nan
    for known in range(1, 6):
        train = [nan] * (8 - known) + [0.5] * known
        assert rule.stop(Curve(losses=noisy, train_losses=train, epochs=12), None) is None
    flat = Curve(losses=noisy, train_losses=[nan] * 2 + [0.5] * 6, epochs=12)
    stop = rule.stop(flat, None)
    assert stop is not None and stop.code == "never_learns"
