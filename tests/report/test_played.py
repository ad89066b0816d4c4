"""The page of played searches: what it says, in what order, and from what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gp_cells.config.files import RecordError
from gp_cells.report.played import say_headline, write_played
from gp_cells.tabular.searches import Played, compare_played


def searched(strategy: str, seed: int, losses: list[float]) -> Played:
    trials = [
        {"candidate": f"w000-{i:02d}", "architecture_id": f"{seed}-{i}", "fitness": loss}
        | {"epochs": 1, "cpu_s": 1.0}
        for i, loss in enumerate(losses)
    ]
    return Played(strategy, seed, trials)


def compared(gap: float, seeds: int = 8) -> dict[str, Any]:
    """Return the comparison of two strategies, one better by about a gap with every seed."""
    played = [
        searched(name, seed, [9.0, better + 0.01 * seed])
        for name, better in (("gp", 5.0), ("random", 5.0 + gap))
        for seed in range(1, seeds + 1)
    ]
    return compare_played("nas", "points", played, [1, 2], least=1.0)


def test_a_difference_that_the_test_shows_is_the_headline() -> None:
    assert say_headline(compared(2.0), "regret") == (
        "gp is ahead of random on nas after 2 candidates: 2 points less regret"
    )
    assert say_headline(compared(-2.0), "regret").startswith("random is ahead of gp on nas")


def test_what_few_seeds_cannot_show_is_not_said_to_be_ahead() -> None:
    assert say_headline(compared(2.0, seeds=3), "regret") == (
        "no strategy is shown to be ahead of another by regret on nas after 2 candidates"
    )


def test_the_page_has_a_mean_at_each_look_the_test_and_a_chart_with_its_data(
    tmp_path: Path,
) -> None:
    write_played([compared(2.0)], "regret", "gp-cells play", tmp_path / "page.html")

    text = (tmp_path / "page.html").read_text()
    body = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert all(said in body for said in ("after 1", "after 2", "5.045", "7.045", "gp − random"))
    assert "0.008 (0.008)" in body
    [spec] = re.findall(r'id="nas-evaluations-spec">(.*?)</script>', text)
    assert {
        row["strategy"] for [rows] in [json.loads(spec)["datasets"].values()] for row in rows
    } == {
        "gp",
        "random",
    }
    assert re.findall(r'<div class="chart" id="([^"]*)"', body) == ["nas-evaluations", "nas-cpu_s"]


def test_searches_that_cannot_be_compared_are_refused_a_page(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected several on a task, got one on each"):
        write_played([], "regret", "gp-cells replay", tmp_path / "page.html")
