"""A strategy against random search on a complete table, and played searches compared as trained ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gp_cells.cli import main
from gp_cells.config.choose import SettingError
from gp_cells.strategies.random import Random
from gp_cells.tabular.paper import FORMS
from gp_cells.tabular.searches import Played, compare_played, looks, tell
from gp_cells.tabular.truth import nas_bench_201, play
from gp_cells.tabular.truth.contest import Contest, play_against_random, search_once
from gp_cells.tabular.truth.known import TRUTHS, least, truth

TABLE = "nas_bench_201"
SMALL = Contest(TABLE, candidates=30, slots=10, lag=1)
AGING = {"population": 5, "sample": 3}


def searched(strategy: str, seed: int, losses: list[float | None], **changed: Any) -> Played:
    trials = [
        {"candidate": f"w000-{i:02d}", "architecture_id": f"{seed}-{i}", "fitness": loss}
        | {"epochs": 1, "cpu_s": 1.0}
        for i, loss in enumerate(losses)
    ]
    return Played(strategy, seed, trials, **changed)


@pytest.fixture(scope="module")
def contest() -> dict[str, Any]:
    """The comparison of a small contest."""
    return play_against_random(SMALL, "aging", AGING, range(1, 7))


def test_a_search_counts_with_the_best_it_had_by_then() -> None:
    played = [
        *(searched("gp", seed, [5.0, 3.0, None, 1.0]) for seed in (1, 2, 3)),
        *(searched("random", seed, [5.0, None, 4.0, 4.5]) for seed in (1, 2, 3)),
    ]

    found = compare_played("toy", "points", played, [2, 4], least=0.5)

    means = [[row["mean"] for row in of["strategies"]["rows"]] for of in found["after"]]
    assert means == [[3.0, 5.0], [1.0, 4.0]]
    assert found["anytime"]["best_known"]["loss"] == 0.5
    [pair] = found["after"][1]["strategies"]["pairs"]
    assert (pair["difference"], pair["rank_biserial"], pair["n"]) == (-3.0, -1.0, 3)


def test_a_search_without_a_success_is_missing() -> None:
    played = [searched("gp", 1, [None]), searched("gp", 2, [1.0]), searched("random", 1, [2.0])]

    gp, _ = compare_played("toy", "points", played, [1], None)["after"][0]["strategies"]["rows"]

    assert (gp["n"], gp["missing"], gp["mean"]) == (1, 1, 1.0)


def test_what_is_chosen_by_one_loss_is_judged_by_the_other() -> None:
    played = [
        searched(name, seed, [2.0, 1.0], judged=[0.1, 0.9])
        for name in ("gp", "random")
        for seed in (1, 2)
    ]

    found = compare_played("toy", "points", played, [2], None)

    assert [row["mean"] for row in found["judged"]["rows"]] == [0.9, 0.9]
    assert "test, at the end" in tell(found, "regret")


@pytest.mark.parametrize(
    ("candidates", "expected"), [(300, [50, 100, 150, 300]), (4, [1, 2, 4]), (1, [1])]
)
def test_it_is_looked_early_and_at_the_end(candidates: int, expected: list[int]) -> None:
    assert looks(candidates) == expected


def test_regret_is_what_the_best_found_lacks_to_the_best_there_is(contest: dict[str, Any]) -> None:
    random = contest["after"][-1]["strategies"]["rows"][1]
    history = play(Random(), nas_bench_201.NASBench201(), nas_bench_201.table, [10] * 3, 1, 1)
    lowest = min(row.fitness for row in nas_bench_201.rows())

    assert random["losses"][0] == pytest.approx(100 * (min(o.fitness for o in history) - lowest))
    assert least(TABLE)[0] == lowest


def test_both_search_with_the_same_seeds_and_are_paired(contest: dict[str, Any]) -> None:
    [pair] = contest["after"][-1]["strategies"]["pairs"]

    assert (pair["left"], pair["right"], pair["n"]) == ("aging", "random", 6)
    assert 0 < pair["p"] <= 1


def test_the_regret_falls_with_the_candidates(contest: dict[str, Any]) -> None:
    means = [of["strategies"]["rows"][0]["mean"] for of in contest["after"]]

    assert np.all(np.diff(means) <= 0)
    assert contest["anytime"]["best_known"]["loss"] == 0.0


def test_a_contest_is_a_table_for_a_paper(contest: dict[str, Any]) -> None:
    [*_, last] = contest["after"]
    [row] = [row for row in last["strategies"]["rows"] if row["strategy"] == "aging"]
    lines = list(csv.DictReader(FORMS["csv"](contest, "").splitlines()))
    assert len(lines) == 2 * (len(contest["after"]) + 1)
    [line] = [
        line
        for line in lines
        if (line["strategy"], line["candidates"], line["split"]) == ("aging", "30", "validation")
    ]
    assert float(line["mean"]) == row["mean"]
    latex, markdown = (
        FORMS[form](contest, "regret, 100 % of it") for form in ("latex", "markdown")
    )
    assert "regret, 100 \\% of it & 5 trained" in latex
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 2
    assert markdown.count("| --- |") == 2
    assert "aging $-$ random" in latex
    assert "| aging − random |" in markdown


def test_a_contest_in_other_processes_is_the_same_as_in_this_one(contest: dict[str, Any]) -> None:
    own = search_once(SMALL, "random", Random(), 4)

    place = own.best(SMALL.candidates)
    assert place is not None
    expected = contest["after"][-1]["strategies"]["rows"][1]["losses"][3]
    assert own.trials[place]["fitness"] == expected


def test_waves_have_their_slots_and_the_last_the_rest() -> None:
    assert Contest(TABLE, 25, 10, 1).widths == [10, 10, 5]


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("baselines", {"cells": ["lstm"]}, "does not search"),
        ("aging", {"population": 500}, "search longer"),
        ("agin", {}, "there is no"),
    ],
)
def test_a_strategy_that_cannot_take_part_is_refused(
    name: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        play_against_random(SMALL, name, settings, [1, 2])


def test_an_unknown_table_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingError, match="choose one of nas_bench_201, nas_bench_graph_cora"):
        truth("nas_bench_101")
    assert len(TRUTHS) == 9


def test_the_command_prints_regrets_and_writes_their_chart_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["play", "--strategy", "aging", "--settings", json.dumps(AGING), "--table", TABLE]
    figures = ["--figures", str(tmp_path), "--seeds", "3", "--candidates", "12"]

    assert main([*command, *figures, "--page", str(tmp_path / "page.html")]) == 0

    said = capsys.readouterr().out
    assert "regret on nas_bench_201, points of accuracy" in said
    assert "aging − random" in said
    lines = list(csv.DictReader((tmp_path / f"{TABLE}-evaluations.csv").open()))
    assert {line["strategy"] for line in lines} == {"aging", "random"}
    page = (tmp_path / "page.html").read_text()
    assert "by regret on nas_bench_201 after 12 candidates" in page
    assert "gp-cells play --strategy aging --settings" in page
