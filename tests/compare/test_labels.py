"""What searches took, and what settings of one strategy under several labels do."""

import pytest
from support.hand_made import finalist, records

from gp_cells.compare.checklist import fill_checklist
from gp_cells.compare.labels import ablations, say_spent, spent
from gp_cells.compare.strategies import compare_strategies


def labelled(**settings):
    """Return the entry of a label of `gp` with these settings."""
    return {"strategy": {"name": "gp", "settings": settings}}


@pytest.fixture
def compared():
    """Return records of `gp` under two labels and of `random`, and the ablations found in them."""
    labels = {"without": labelled(crossover=0.0, size=8), "gp": labelled(crossover=0.9, size=8)}
    searches = {(name, s): [1.0] for name in ("gp", "without", "random") for s in (1, 2, 3)}
    of = records(searches, strategies=labels)
    losses = {"gp": 1.0, "without": 3.0, "random": 5.0}
    rows = [finalist(name, s, loss + 0.1 * s) for name, loss in losses.items() for s in (1, 2, 3)]
    found = compare_strategies(of, rows)
    return found, ablations(of, found["rows"], found["pairs"])


def test_labels_of_one_strategy_are_told_by_what_differs(compared):
    _, [of] = compared

    assert (of["strategy"], of["settings"]) == ("gp", ["crossover"])
    assert [(row["label"], row["values"]) for row in of["rows"]] == [
        ("gp", [0.9]),
        ("without", [0.0]),
    ]


def test_a_label_is_held_against_the_first_of_the_config(compared):
    found, [of] = compared
    first, other = of["rows"]

    assert first["against_first"] is None
    gap = other["against_first"]
    assert gap["difference"] == pytest.approx(2.0)
    assert gap["low"] <= 2.0 <= gap["high"]
    [pair] = [p for p in found["pairs"] if {p["left"], p["right"]} == {"gp", "without"}]
    assert gap["p_holm"] == pair["p_holm"]


def test_strategies_with_one_label_each_are_no_ablation():
    of = records({("gp", 1): [1.0], ("random", 1): [1.0]})
    found = compare_strategies(of, [])

    assert ablations(of, found["rows"], found["pairs"]) == []


def test_searches_took_all_their_trials_the_failed_ones_too():
    of = records({("gp", 1): [1.0, None], ("gp", 2): [1.0]})
    of.tables["trials"][2].update(device="cuda", wall_s=7200.0)

    [row] = spent(of)

    assert (row["searches"], row["candidates"], row["epochs"]) == (2, 3, 6)
    assert row["cpu_h"] == pytest.approx(9.0 / 3600)
    assert row["gpu_h"] == 2.0


def within(budget, slots=4):
    """Return the entry of a search of so many candidates at most."""
    return {"search": {"waves": 1, "slots": slots, "finalists": 1, "budget": budget}}


def test_what_was_spent_of_a_budget_is_said_and_how_many_searches_it_ended():
    of = records(
        {("gp", 1): [1.0, 1.0], ("gp", 2): [1.0] * 4}, strategies={"gp": within({"epochs": 4})}
    )

    [row] = spent(of)

    assert say_spent(row) == (
        "gp searches within 4 epochs: 4 to 8 epochs each, of completed epochs of training and "
        "validation, 1 of 2 searches ended by it"
    )


def test_a_budget_of_hours_is_said_to_be_of_the_machine():
    of = records({("gp", 1): [1.0, 1.0]}, strategies={"gp": within({"cpu_hours": 0.0005})})

    [row] = spent(of)

    assert say_spent(row) == (
        "gp searches within 0.0005 CPU hours: 0.0008333 CPU hours each, of completed epochs of training "
        "and validation, 1 of 1 searches ended by it; hours are of the machine, and another one trains "
        "another number of candidates"
    )


def test_searches_within_one_budget_are_of_one_protocol_though_their_plans_differ():
    searches = {("gp", 1): [1.0], ("random", 1): [1.0]}

    def answer(**labels):
        found = fill_checklist([records(searches, strategies=labels)])
        [of] = [of for of in found if of["item"] == "the same evaluation protocol for all"]
        return of["answer"], of["evidence"]

    one = {"epochs": 4}
    met, said = answer(gp=within(one, 3), random=within(one, 5))
    assert met == "met" and said.startswith("4 epochs, at most 3, 5 candidates and 1 finalist(s)")
    assert answer(gp=within(one), random={}) == (
        "not met",
        "searches had different budgets: 4 epochs; none",
    )
