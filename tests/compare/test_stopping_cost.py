"""What a control group says of a stopping rule: a sentence for each of the ways it can end."""

from __future__ import annotations

from typing import Any

import pytest
from support.hand_made import records, settings, trial

from gp_cells.compare.records import Records
from gp_cells.compare.stopping import stopping_cost

RULE = {"stopping": {"name": "ensemble"}, "task": {"settings": {"recipe": {"epochs": 10}}}}


def run_of(control: list[tuple[float, float]], finals: list[float]) -> Records:
    """Return a search of 20 stopped trials and of controlled ones, each (observed, predicted)."""
    made = records({("gp", 1): [None]}, **RULE)
    curves: dict[str, Any] = {}
    trials = [
        trial(
            "gp-s1", f"w000-{i:02d}", f"a{i}", 1.0, control=None, epochs=4, status="stopped_early"
        )
        for i in range(20)
    ]
    for i, ((observed, predicted), final) in enumerate(zip(control, finals, strict=True)):
        stop = {"stop_epoch": 4, "stop_observed": observed, "stop_predicted": predicted}
        row = trial(
            "gp-s1", f"w001-{i:02d}", f"b{i}", final, control=True, epochs=10, status="ok", **stop
        )
        curves[row["trial_id"]] = [observed] * 4 + [max(final, observed)] * 5 + [final]
        trials.append(row)
    return Records("toy", {**made.tables, "trials": trials}, curves)


def said(found: Records) -> str:
    [row] = stopping_cost(found)
    assert row["saved"] == pytest.approx(0.6)
    return str(row["said"])


RANKS = [float(i) for i in range(20)]
SHUFFLED = [float(7 * i % 20) for i in range(20)]


def test_a_prediction_that_ranks_better_than_the_cut_has_paid() -> None:
    line = said(run_of([(o, r) for o, r in zip(SHUFFLED, RANKS, strict=True)], RANKS))
    assert line.startswith(
        "stopping by ensemble saved 60% of the epochs and an estimated 45 of 75 CPU seconds; in its "
        "control group of 20"
    )
    assert line.endswith("it ranks better than that cut")


def test_a_prediction_that_ranks_worse_than_the_cut_has_not() -> None:
    line = said(run_of([(r, o) for o, r in zip(SHUFFLED, RANKS, strict=True)], RANKS))
    assert line.endswith("it ranks worse than that cut, which costs nothing to compute")


def test_what_reads_the_same_cannot_be_told_from_the_cut() -> None:
    line = said(run_of([(r, r) for r in RANKS], RANKS))
    assert line.endswith("it cannot be told from that cut")


def test_a_small_control_group_says_nothing() -> None:
    line = said(run_of([(1.0, 1.0)] * 3, [1.0, 2.0, 3.0]))
    assert line.endswith("its control group of 3 is too small to say what that cost (it takes 10)")


def test_without_a_control_group_only_what_was_saved_is_said() -> None:
    line = said(run_of([], []))
    assert line.endswith("of 75 CPU seconds; without a control group nothing says what that cost")


def test_searches_that_never_stop_are_not_spoken_of() -> None:
    assert stopping_cost(records({("gp", 1): [1.0, 2.0]})) == []
    assert settings("gp", 1)["stopping"] == {"name": "never"}


def test_an_epoch_that_was_not_trained_takes_what_the_others_of_its_trial_took() -> None:
    made = run_of([(r, r) for r in RANKS], RANKS)
    failed = trial("gp-s1", "w002-00", "c", None, control=None, epochs=1, status="diverged")
    short = {"recipe": '{"epochs": 5}', "cpu_s": 8.0, "control": None, "status": "stopped_early"}
    shorter = trial("gp-s1", "w002-01", "d", 1.0, **{"epochs": 4, **short})
    trials = [*made.tables["trials"], failed, shorter]
    [row] = stopping_cost(Records("toy", {**made.tables, "trials": trials}, made.curves))
    assert row["saved_cpu_s"] == pytest.approx(20 * 1.5 / 4 * 6 + 8.0 / 4)
    assert row["cpu_s"] == pytest.approx(20 * 1.5 + 1.5 + 8.0)
    assert row["saved"] == pytest.approx(121 / (121 + 20 * 4 + 1 + 4))  # no failure is a saving


def test_every_plain_cut_of_the_control_group_is_told_and_those_on_the_front() -> None:
    [row] = stopping_cost(run_of([(o, r) for o, r in zip(SHUFFLED, RANKS, strict=True)], RANKS))
    cuts = row["cuts"]
    assert [cut["epochs"] for cut in cuts] == [*range(1, 11)]
    assert cuts[-1]["tau"] > cuts[3]["tau"] + 0.2
    assert cuts[3]["tau"] == pytest.approx(row["cut_tau"])
    front = [cut["epochs"] for cut in cuts if cut["front_of_tau"]]
    assert front[0] == 1 and {2, 3, 4}.isdisjoint(front) and front[-1] == 10
    assert row["regret"] == 0
