import pytest
from support.hand_made import records

from gp_cells.compare.checklist import fill_checklist
from gp_cells.compare.versions import VERSIONS, dirty_code, mixed_versions

SEEDS = (1, 2, 3, 4, 5)


def answers(**changed):
    searches = {(name, s): [1.0] for name in ("gp", "random") for s in changed.pop("seeds", SEEDS)}
    of = records(searches, **changed)
    return of, lambda: {row["item"]: row for row in fill_checklist([of])}


def test_a_whole_benchmark_meets_what_records_can_show():
    _, ask = answers()

    unmet = {item for item, row in ask().items() if row["answer"] != "met"}

    assert unmet == {
        "ablation studies",
        "tabular or surrogate benchmarks for a closer look",
        "how the methods' hyperparameters were tuned, and what that cost",
    }


def test_every_item_comes_with_its_evidence():
    _, ask = answers()

    assert all(row["evidence"] for row in ask().values())
    assert len(ask()) == 16


def test_code_that_was_changed_since_its_commit_is_not_released():
    of, ask = answers()
    of.tables["trials"][0]["git_dirty"] = True

    row = ask()["the code that trains the final architectures"]
    assert row["answer"] == "not met"
    assert "1 trials were made by code changed since its commit" in row["evidence"]


def test_trials_of_changed_code_are_counted_and_told_apart_from_those_of_clean_code():
    clean = {**dict.fromkeys(VERSIONS), "git_dirty": False}
    dirty = {**clean, "git_dirty": True}

    assert dirty_code([clean, clean]) == mixed_versions([clean, clean]) == ""
    assert dirty_code([dirty, dirty]).startswith("2 of 2 trials were made by code changed since")
    assert mixed_versions([dirty, dirty]) == ""
    assert dirty_code([clean, dirty, dirty]).startswith("2 of 3 trials")
    assert "git_dirty False (1) and True (2)" in mixed_versions([clean, dirty, dirty])


def test_code_without_a_commit_is_not_known():
    of, ask = answers()
    of.tables["trials"][0].update(git_commit=None, git_unknown="git is not installed")

    row = ask()["the code of the search methods"]
    assert row["answer"] == "not known"
    assert "of 1 trials the commit is not known: git is not installed" in row["evidence"]


@pytest.mark.parametrize(
    ("column", "value"), [("torch", "3"), ("git_commit", "d" * 40), ("engine", "eager")]
)
def test_different_versions_are_confounders(column, value):
    of, ask = answers()
    for trial in of.tables["trials"]:
        trial["engine"] = trial["engine"] or "compiled"
    of.tables["trials"][0][column] = value

    row = ask()["the same hardware and versions for all"]
    assert row["answer"] == "not met"
    assert column in row["evidence"]


def test_two_kinds_of_machine_are_confounders():
    of, ask = answers()
    of.tables["hardware"].append({"cpu": "a processor", "gpu": "a GPU"})

    assert "2 kinds" in ask()["the same hardware and versions for all"]["evidence"]


def test_few_seeds_do_not_meet_the_item():
    _, ask = answers(seeds=(1, 2))

    row = ask()["several runs, and their seeds"]
    assert row["answer"] == "not met"
    assert "2 searches or more" in row["evidence"]


def test_another_recipe_for_one_strategy_is_another_benchmark():
    _, ask = answers(strategies={"gp": {"task": {"name": "toy", "settings": {"epochs": 3}}}})

    row = ask()["the same data, split, space and training code for all"]
    assert row["answer"] == "not met"
    assert "task of toy" in row["evidence"]


def test_searches_of_different_length_are_not_compared_alike():
    _, ask = answers(strategies={"gp": {"search": {"waves": 9, "slots": 9, "finalists": 1}}})

    assert "81" in ask()["the same evaluation protocol for all"]["evidence"]
    assert ask()["the same evaluation protocol for all"]["answer"] == "not met"


def test_searches_with_different_numbers_of_finalists_are_not_compared_alike():
    _, ask = answers(strategies={"gp": {"search": {"waves": 1, "slots": 1, "finalists": 5}}})

    row = ask()["the same evaluation protocol for all"]
    assert (row["answer"], row["evidence"][-5:]) == ("not met", " 1, 5")


def test_two_labels_of_one_strategy_are_no_ablation():
    of = records(
        {(name, s): [1.0] for name in ("gp", "gp2") for s in SEEDS},
        strategies={"gp2": {"strategy": {"name": "gp", "settings": {}}}},
    )

    row = {r["item"]: r for r in fill_checklist([of])}["ablation studies"]
    assert row["answer"] == "not met"


def test_a_resumed_trial_leaves_the_whole_time_unknown():
    of, ask = answers()
    of.tables["trials"][0]["resumed"] = 1

    assert ask()["the time of the whole search, end to end"]["answer"] == "not known"


def test_a_benchmark_without_random_search_says_so():
    of = records({("gp", s): [1.0] for s in SEEDS})

    row = {r["item"]: r for r in fill_checklist([of])}["a comparison with random search"]
    assert (row["answer"], row["evidence"]) == ("not met", "no random search on toy")


def test_one_strategy_with_two_settings_is_an_ablation():
    of = records(
        {(name, s): [1.0] for name in ("gp", "gp_without_cross", "random") for s in SEEDS},
        strategies={"gp_without_cross": {"strategy": {"name": "gp", "settings": {"cross": 0}}}},
    )

    row = {r["item"]: r for r in fill_checklist([of])}["ablation studies"]
    assert (row["answer"], row["evidence"]) == ("met", "gp as gp, gp_without_cross")
