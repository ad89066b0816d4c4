import pytest
from support.hand_made import finalist, records

from gp_cells.compare.noise import is_luck
from gp_cells.compare.strategies import compare_strategies, over_tasks

SEEDS = (1, 2, 3, 4, 5)


def two_strategies(gp, random, designed=1.0, references=None):
    """Return records and finalists of two strategies with the given test losses by seed."""
    losses = {"gp": gp, "random": random}
    searches = {(name, s): [1.0] for name, of in losses.items() for s, _ in enumerate(of, 1)}
    rows = [
        finalist(name, s, loss)
        for name, of in losses.items()
        for s, loss in enumerate(of, 1)
        if loss is not None
    ]
    cell = [finalist("baselines", 1, designed, name="lstm")]
    return records({**searches, ("baselines", 1): [1.0]}, references), cell + rows


def test_a_strategy_is_the_mean_of_its_best_finalists_over_seeds():
    of, rows = two_strategies([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    rows.append(finalist("gp", 1, 0.1, valid_mean=9.0))  # better on test, but not by validation

    gp, random = compare_strategies(of, rows)["rows"]

    assert (gp["strategy"], gp["n"], gp["mean"]) == ("gp", 3, 2.0)
    assert (random["mean"], random["low"], random["high"]) == (2.0, 2.0, 2.0)
    assert gp["behind_designed"]["mean"] == 1.0


def test_how_far_a_strategy_is_behind_is_as_uncertain_as_both():
    of, rows = two_strategies([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])

    random = compare_strategies(of, rows)["rows"][1]

    assert (random["low"], random["high"]) == (2.0, 2.0)
    behind = random["behind_designed"]  # whose losses are 0.9 and 1.1
    assert behind["low"] < 1.0 < behind["high"]


def test_a_designed_cell_with_a_failed_seed_is_compared_with_nothing():
    of, rows = two_strategies([1.0], [1.0])

    assert compare_strategies(of, [{**rows[0], "failed": 1}, *rows[1:]])["designed"] is None


def test_searches_that_end_with_the_same_cell_are_said_to_be_one_measurement():
    of, rows = two_strategies([1.0] * 8, [2.0] * 8)
    rows = [{**r, "architecture_id": "one"} if r["strategy"] == "gp" else r for r in rows]

    (warning,) = compare_strategies(of, rows)["warnings"]

    assert "8 searches of gp ended with 1 different cells" in warning


def test_strategies_that_share_no_seed_are_not_paired_and_it_is_said():
    of, rows = two_strategies([1.0, None], [None, 1.0])

    found = compare_strategies(of, rows)

    assert (found["pairs"][0]["n"], found["pairs"][0]["p"]) == (0, None)
    assert any("share no seed" in warning for warning in found["warnings"])


def test_pairs_are_compared_seed_by_seed():
    of, rows = two_strategies([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.2, 2.4, 2.6, 2.8])

    (pair,) = compare_strategies(of, rows)["pairs"]

    assert (pair["left"], pair["right"], pair["n"]) == ("gp", "random", 5)
    assert pair["difference"] == pytest.approx(-1.2)
    assert pair["p"] == pair["smallest_p"] == 0.0625
    assert pair["rank_biserial"] == -1.0
    assert pair["improvement"] == 1.0


def test_a_search_without_a_finalist_is_missing_and_replaced_by_nothing():
    of, rows = two_strategies([1.0, None, 3.0], [2.0, 5.0, 2.0])

    found = compare_strategies(of, rows)

    assert (found["rows"][0]["n"], found["rows"][0]["missing"]) == (2, 1)
    assert found["rows"][0]["mean"] == 2.0
    assert found["pairs"][0]["n"] == 2
    assert found["pairs"][0]["difference"] == 0.0
    assert any("1 of gp" in warning for warning in found["warnings"])


def test_a_finalist_with_a_failed_seed_does_not_stand_for_its_search():
    of, rows = two_strategies([1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    rows = [{**row, "failed": 1} if row["run"] == "gp-s1" else row for row in rows]

    assert compare_strategies(of, rows)["rows"][0]["missing"] == 1


def test_few_seeds_come_with_a_warning():
    of, rows = two_strategies([1.0, 1.0], [1.0, 1.0])

    assert any("only 2 searches" in said for said in compare_strategies(of, rows)["warnings"])


def test_five_seeds_are_warned_of_a_test_that_cannot_find_anything():
    of, rows = two_strategies([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.2, 2.4, 2.6, 2.8])

    (warning,) = compare_strategies(of, rows)["warnings"]

    assert "with 5 seeds a signed-rank test cannot give a p below 0.0625" in warning


def test_enough_seeds_come_without_a_warning():
    of, rows = two_strategies([1.0] * 8, [2.0] * 8)

    assert compare_strategies(of, rows)["warnings"] == []


def test_the_designed_cell_is_the_best_by_validation():
    of, rows = two_strategies([1.0], [1.0])
    rows += [finalist("baselines", 1, 0.5, name="gru", valid_mean=5.0)]

    assert compare_strategies(of, rows)["designed"]["name"] == "lstm"


def test_without_designed_cells_nothing_is_behind_them():
    of, rows = two_strategies([1.0], [1.0])

    found = compare_strategies(of, rows[1:])

    assert found["designed"] is None
    assert found["rows"][0]["behind_designed"] is None


# --- over tasks -----------------------------------------------------------------------------------


def test_tasks_are_put_on_a_scale_from_the_best_designed_cell_to_the_weakest_trivial_predictor():
    task = two_strategies([1.5] * 5, [2.0] * 5, references={"unigram": 3.0, "better": 1.2})

    gp, random = over_tasks([task, named(task, "other")])["rows"]

    assert (gp["interquartile_mean"], random["interquartile_mean"]) == (0.25, 0.5)
    assert (gp["low"], gp["high"], gp["n"]) == (0.25, 0.25, [5, 5])


def test_the_interquartile_mean_leaves_out_a_quarter_at_both_ends():
    losses = [-99.0, 1.0, 1.5, 2.0, 2.5, 99.0, 1.5, 2.0]
    task = two_strategies(losses, losses, references={"unigram": 2.0})

    # of −100, 0, .5, .5, 1, 1, 1.5, 98 the middle four
    assert over_tasks([task])["rows"][0]["interquartile_mean"] == pytest.approx(0.75)


def test_the_probability_of_improvement_is_the_mean_over_tasks():
    better = two_strategies([1.1] * 5, [1.2] * 5, references={"unigram": 2.0})
    alike = two_strategies([1.1] * 5, [1.1] * 5, references={"unigram": 2.0})

    (pair,) = over_tasks([better, named(alike, "other")])["pairs"]

    assert (pair["improvement"], pair["low"], pair["high"]) == (0.75, 0.75, 0.75)


def test_tasks_without_a_scale_are_left_out_by_name():
    of, rows = two_strategies([1.5] * 5, [2.0] * 5)

    found = over_tasks([(of, rows)])

    assert found["tasks"] == []
    assert found["tasks_left_out"] == ["toy"]
    assert found["rows"] == []


def test_a_strategy_without_a_result_on_one_task_is_left_out_by_name():
    whole = two_strategies([1.1] * 5, [1.2] * 5, references={"unigram": 2.0})
    torn = two_strategies([None] * 5, [1.2] * 5, references={"unigram": 2.0})

    found = over_tasks([whole, named(torn, "other")])

    assert [row["strategy"] for row in found["rows"]] == ["random"]
    assert found["strategies_left_out"] == {"gp": ["other"]}


def test_few_searches_over_tasks_have_no_interval():
    found = over_tasks([two_strategies([1.1] * 2, [1.2] * 2, references={"unigram": 2.0})])

    assert found["rows"][0]["low"] is None
    assert found["pairs"][0]["low"] is None


def test_few_tasks_are_not_ranked_and_it_is_said():
    task = three_strategies([1.1, 1.2, 1.3])

    assert (
        "pairs, task by task"
        in over_tasks([named(task, str(i)) for i in range(3)])["ranks"]["why_not"]
    )


def test_five_tasks_are_ranked_with_their_critical_difference():
    ranks = over_tasks([named(three_strategies([1.1, 1.2, 1.3]), str(i)) for i in range(5)])[
        "ranks"
    ]

    assert ranks["ranks"] == {"aging": 1.0, "gp": 2.0, "random": 3.0}
    assert ranks["critical_difference"] == pytest.approx(2.343 * (12 / 30) ** 0.5, abs=1e-3)
    assert ranks["friedman_p"] < 0.05
    assert ranks["n"] == 5


def three_strategies(losses):
    names = ("aging", "gp", "random")
    of = records({(name, s): [1.0] for name in names for s in SEEDS}, {"unigram": 2.0})
    cell = [finalist("baselines", 1, 1.0, name="lstm")]
    rows = [finalist(n, s, loss) for n, loss in zip(names, losses, strict=True) for s in SEEDS]
    return of, cell + rows


def named(task, name):
    of, rows = task
    return type(of)(name, of.tables, of.curves), rows


@pytest.mark.parametrize(
    ("architectures", "share", "luck"),
    [(5, 0.1, True), (5, 0.5, False), (4, 0.1, False), (5, None, False)],
)
def test_a_task_whose_spread_is_mostly_the_seeds_ranks_nothing(architectures, share, luck):
    assert is_luck({"architectures": architectures, "share_of_architecture": share}) is luck
