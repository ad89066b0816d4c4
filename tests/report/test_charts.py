import json

import pytest

from gp_cells.compare.intervals import bootstrap
from gp_cells.report import finalists, progress, trials
from gp_cells.report.encoding import MOST_FAINT, thin
from gp_cells.report.evidence import HAND_DESIGNED, assign_colours, find_ancestors, gather


@pytest.fixture(scope="module")
def evidence(made_up):
    results, comparison = made_up
    return gather(results, "made_up", comparison)[0]


def values(spec):
    """Return the rows of every data set of a chart."""
    return [row for rows in spec["datasets"].values() for row in rows]


def test_every_finalist_is_a_dot_for_each_split_with_its_range_over_seeds(evidence):
    dots = [row for row in values(finalists.compare_finalists(evidence)) if "seeds" in row]

    assert len(dots) == len(evidence.rows) * 2  # splits
    assert all(dot["low"] <= dot["loss"] <= dot["high"] and dot["seeds"] == 2 for dot in dots)


def test_all_that_a_strategy_found_is_one_row_with_their_mean(make_up, tmp_path):
    comparison = make_up(tmp_path, seeds=(1, 2, 3), waves=2)
    evidence = gather(tmp_path, "made_up", comparison)[0]
    rows = values(finalists.compare_finalists(evidence))

    found = [row for row in rows if row["row"] == "gp, 3 cells" and row["split"] == "test"]
    dots = [row for row in found if "cell" in row]
    [mean] = [row for row in found if "cells" in row]
    assert {dot["cell"] for dot in dots} == {"gp s1", "gp s2", "gp s3"}
    assert len({dot["lane"] for dot in dots}) == 3
    assert mean["loss"] == pytest.approx(sum(dot["loss"] for dot in dots) / 3, rel=1e-4)


def test_of_many_finalists_the_best_of_each_strategy_and_three_designed_ones_are_named(
    make_up, tmp_path
):
    comparison = make_up(tmp_path, seeds=(1, 2, 3, 4), waves=2)
    evidence = gather(tmp_path, "made_up", comparison)[0]
    best = {row["strategy"]: row["label"] for row in reversed(evidence.evolved)}

    assert len(evidence.rows) > 10
    designed = {row["label"] for row in evidence.designed[:3]}
    assert evidence.leading == {*best.values(), *designed}
    named = {row["cell"] for row in values(finalists.draw_sizes(evidence)) if row.get("named")}
    assert named == evidence.leading


def test_one_seed_has_a_line_and_no_band(evidence):
    rows = values(progress.draw_search(evidence))

    assert any("evaluation" in row for row in rows)
    assert not any("low" in row for row in rows)


def test_two_seeds_have_their_range_as_band():
    band = progress._band("gp", [[3.0, 2.0], [5.0, 2.5]])

    assert [(row["low"], row["loss"], row["high"]) for row in band] == [(3, 4, 5), (2, 2.25, 2.5)]


def test_an_evaluation_before_each_seed_has_succeeded_is_left_out():
    band = progress._band("gp", [[None, 2.0], [5.0, 2.5]])

    assert [row["evaluation"] for row in band] == [2]


def test_the_bootstrap_interval_holds_the_mean_and_is_the_same_twice():
    low, high = bootstrap([1.0, 2.0, 4.0, 5.0])

    assert low < 3.0 < high
    assert bootstrap([1.0, 2.0, 4.0, 5.0]) == (low, high)


def test_a_curve_ends_where_its_loss_is_no_number(evidence):
    chart = json.dumps(progress.draw_curves(evidence))

    assert "NaN" not in chart


def test_each_failure_is_counted(evidence):
    failed = [trial for trial in evidence.tables["trials"] if trial["status"] != "ok"]
    rows = values(trials.count_failures(evidence))

    assert failed
    assert sum(row["trials"] for row in rows) == len(failed)


def test_references_far_from_the_finalists_are_named_and_not_drawn(evidence):
    assert finalists.references_beyond(evidence) == ["previous_frame", "unigram"]
    assert "unigram" not in json.dumps(finalists.compare_finalists(evidence))


def test_hand_designed_cells_are_grey_and_no_two_searches_share_a_colour():
    kinds = {"gp": "gp", "aging": "aging", "known": "baselines"}
    runs = [{"strategy": label, "searches": name != "baselines"} for label, name in kinds.items()]
    colours = assign_colours(runs)

    assert colours["known"] == HAND_DESIGNED
    assert len(set(colours.values())) == 3


def test_a_sampled_finalist_has_no_ancestors_but_itself(evidence):
    drawn = next(row for row in evidence.evolved if row["strategy"] == "random")
    nodes, edges = find_ancestors(evidence, drawn)

    assert [node["architecture_id"] for node in nodes] == [drawn["architecture_id"]]
    assert edges == []


def test_every_ancestor_is_older_than_its_child(evidence):
    bred = [c for c in evidence.tables["candidates"] if c["operator"] == "replace" and c["fitness"]]
    nodes, edges = find_ancestors(evidence, bred[-1])
    waves = {node["candidate"]: node["wave"] for node in nodes}

    assert edges
    assert all(waves[edge["parent"]] < waves[edge["child"]] for edge in edges)


def test_a_crowd_is_thinned_evenly_with_its_best_kept():
    rows = [{"loss": float(i)} for i in range(6000)]

    kept = [row["loss"] for row in thin(rows, "loss")]

    assert len(kept) == MOST_FAINT
    assert kept[:2] == [0.0, 6000 / MOST_FAINT]
    assert thin(rows[:10], "loss") == rows[:10]
