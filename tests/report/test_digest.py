import re
import xml.etree.ElementTree as ElementTree

import pytest

from gp_cells.report.digest import digest_figure, digest_table, digest_words


@pytest.fixture(scope="module")
def compared(make_up, tmp_path_factory):
    tasks = ("bach_chorales", "state_of_the_union")
    return make_up(tmp_path_factory.mktemp("digest"), seeds=(1, 2, 3), tasks=tasks)


def test_the_table_has_every_task_and_strategy_with_its_interval_and_n(compared):
    lines = digest_table(compared).splitlines()

    assert lines[0] == "| test loss | best designed cell | `gp` | `random` |"
    gp = compared["tasks"][0]["strategies"]["rows"][0]
    expected = f"{gp['mean']:.3f} [{gp['low']:.3f}, {gp['high']:.3f}] n = 3"
    assert lines[2].startswith("| `bach_chorales`, nats per frame | ")
    assert expected in lines[2]
    assert len(lines) == 4


def test_the_words_count_who_is_ahead_and_who_is_behind():
    gaps = [(-2.0, -1.0), (1.0, 2.0), (0.5, 1.0), (-1.0, 1.0), (None, None)]
    rows = [{"behind_designed": {"low": low, "high": high}} for low, high in gaps]
    pairs = [{"p_holm": p} for p in (0.01, 0.5, None)]
    variance = {"architectures": 9, "share_of_architecture": 0.1}
    of = {"task": "vowels", "strategies": {"rows": rows, "pairs": pairs}, "variance": variance}
    words = digest_words({"tasks": [of]})

    assert "Of 4 pairs of strategy and task, 1 ended ahead" in words
    assert "2 behind it, and 1 within chance" in words
    assert "Of 2 comparisons of two strategies on a task, 1 found" in words
    assert "Read no ranking out of `vowels`" in words
    assert "losses 10 % is the cell's" in words


def test_the_figure_is_an_svg_with_a_panel_a_task(compared):
    text = digest_figure(compared)

    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "bach chorales" in text
    assert "state of the union" in text
    lines = re.findall(r'stroke="(#[0-9a-f]{6})" stroke-width="2.2"', text)
    assert len(lines) == 4  # of two strategies on two tasks
    assert len(set(lines)) == 2


def test_the_figure_is_the_same_each_time(compared):
    assert digest_figure(compared) == digest_figure(compared)


def test_a_strategy_without_results_is_a_dash_and_missing_searches_are_counted():
    row = {"strategy": "gp", "mean": 1.0, "low": None, "high": None, "n": 2, "missing": 1}
    nothing = {"strategy": "aging", "mean": None, "low": None, "high": None, "n": 0, "missing": 3}
    strategies = {"designed": None, "rows": [row, nothing]}
    task = {"task": "toy", "loss_unit": "nats", "strategies": strategies}

    last = digest_table({"tasks": [task]}).splitlines()[-1]

    assert last == "| `toy`, nats | – | – | 1.000 n = 2, 1 missing |"
