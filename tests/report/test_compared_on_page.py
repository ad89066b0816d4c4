import pytest

from gp_cells.report.strategies import alike, draw_early_epochs, draw_ranks, draw_strategies

COLOURS = {"aging": "#111111", "gp": "#222222", "random": "#333333"}


@pytest.mark.parametrize(
    ("ranks", "groups"),
    [
        ({"a": 1.0, "b": 1.5, "c": 3.0}, [(1.0, 1.5)]),
        ({"a": 1.0, "b": 1.9, "c": 2.8}, [(1.0, 1.9), (1.9, 2.8)]),
        ({"a": 1.0, "b": 1.5, "c": 1.9}, [(1.0, 1.9)]),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, []),
    ],
)
def test_a_bar_joins_the_largest_groups_closer_than_the_critical_difference(ranks, groups):
    assert alike(ranks, 1.0) == groups


def test_there_is_no_diagram_of_ranks_that_were_not_compared():
    assert draw_ranks({"why_not": "two tasks"}, COLOURS) is None


def test_a_diagram_of_ranks_has_every_strategy_and_the_bars():
    ranks = {"ranks": {"gp": 1.2, "aging": 1.5, "random": 2.9}, "critical_difference": 1.0}

    spec = draw_ranks(ranks, COLOURS)
    assert spec is not None
    dots, bars = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"])

    assert [dot["strategy"] for dot in dots] == ["gp", "aging", "random"]
    assert bars == [{"row": "group 1", "low": 1.2, "high": 1.5}]


def test_two_epochs_at_least_are_drawn():
    row = {"epoch": 1, "n": 9, "correlation": 0.5, "low": 0.1, "high": 0.8}

    assert draw_early_epochs([row]) is None
    assert draw_early_epochs([row, {**row, "epoch": 2}]) is not None


def test_repeated_searches_are_drawn_against_every_budget(make_up, tmp_path):
    (compared,) = make_up(tmp_path, seeds=(1, 2, 3), strategies=("gp", "random"))["tasks"]

    drawn = draw_strategies(compared, {**COLOURS, "baselines": "#444444"})

    assert set(drawn) == {"evaluations", "epochs", "cpu_s", "tested", "surfaces", "early"}
    assert None not in drawn.values()
    evaluations = drawn["evaluations"]
    assert evaluations is not None
    (rows,) = evaluations["datasets"].values()
    assert min(row["regret"] for row in rows) >= 0
