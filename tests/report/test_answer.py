import pytest

from gp_cells.report.answer import answer
from gp_cells.report.evidence import gather


class Told:
    """Evidence of two finalists with the given test losses by seed."""

    task, unit, tables = "bach_chorales", "nats per frame", {}

    def __init__(self, evolved, designed, runs=1):
        self.losses = {"evolved": evolved, "designed": designed}
        self.evolved = [{"name": None, "side": "evolved", "run": "r", "strategy": "gp"}]
        self.designed = [{"name": "lstm", "side": "designed"}]
        self.strategy_of = {f"r{i}": "gp" for i in range(runs)}
        self.rows = [{**row, "strategy": "gp"} for row in self.evolved]

    def replicates(self, row):
        losses = self.losses[row["side"]]
        return [{"seed": i, "loss": loss} for i, loss in enumerate(losses)]

    def loss(self, trial, split):
        return trial["loss"]


@pytest.mark.parametrize(
    ("evolved", "designed", "said"),
    [
        ([1.0, 1.1], [2.0, 2.1], "beats the best hand-designed one, lstm, by 1.000"),
        ([2.0, 2.1], [1.0, 1.1], "stays 1.000 nats per frame behind"),
        ([1.0, 2.1], [1.1, 2.0], "within seed noise, under 0.001 nats per frame apart"),
        ([1.0], [2.0], "by 1.000 nats per frame (one seed)"),
        ([None, 1.0], [2.0, None], "share no seed"),
    ],
)
def test_the_headline_says_who_is_better_and_by_how_much(evolved, designed, said):
    assert said in answer(Told(evolved, designed)).headline


def test_two_seeds_are_called_too_few():
    caution = answer(Told([1.0, 1.1], [2.0, 2.1])).caution

    assert "n = 2" in caution
    assert "too few to rule out chance" in caution


@pytest.mark.parametrize(
    ("evolved", "said"),
    [
        ([1.0, 1.0, 1.0], "better with all three"),
        ([3.0, 1.0, 1.0], "better with two of them"),
        ([3.0, 3.0, 3.0], "worse with all three"),
    ],
)
def test_seeds_that_agree_are_counted(evolved, said):
    assert f"the found cell is {said}" in answer(Told(evolved, [2.0, 2.0, 2.0])).caution


def test_five_seeds_are_not_called_few():
    said = answer(Told([1.0] * 5, [2.0] * 5))

    assert "too few" not in said.caution
    assert "seeds)" not in said.headline


def test_one_search_a_strategy_claims_nothing_about_strategies(made_up):
    results, comparison = made_up

    assert "Each search ran once" in answer(gather(results, "made_up", comparison)[0]).caution
