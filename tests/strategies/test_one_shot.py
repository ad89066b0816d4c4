"""One-shot search: its waves, what it proposes of what the supernet told, and plans it cannot fill."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from gp_cells.config import seeds
from gp_cells.config.choose import SettingError
from gp_cells.config.recipe import Recipe
from gp_cells.config.records import Search
from gp_cells.config.supernet import SUPERNET, SupernetOutcome
from gp_cells.genomes.genome import parse
from gp_cells.genomes.supernets import choices, derived, drawn_picks, is_supernet
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.one_shot import OneShot
from gp_cells.workflow.starts import check_proposal

SPACE = Convolutional()
PLAN = Search(waves=2, slots=(1, 31), lag=1, finalists=1)


def told() -> tuple[Outcome, SupernetOutcome]:
    """Return the outcome of a supernet whose every choice prefers its second alternative."""
    [proposal] = OneShot().propose([], 0, 1, SPACE, 1)
    genome = proposal.genome
    outcome = SupernetOutcome(
        probabilities=((0.1, 0.5, 0.1, 0.1, 0.1, 0.1),) * len(choices(genome)),
        picks=tuple(drawn_picks(genome, 30, seeds.generator(purpose="test"))),
    )
    trained = Outcome(
        candidate="w000-00",
        wave=0,
        genome=str(genome),
        architecture_id=genome.architecture_id,
        status="ok",
        fitness=math.inf,
        supernet=outcome,
    )
    return trained, outcome


def test_the_first_wave_is_a_supernet_with_how_it_is_trained() -> None:
    [proposal] = OneShot(method="mixture", epochs=7).propose([], 0, 1, SPACE, 1)
    assert is_supernet(proposal.genome)
    recipe: Any = proposal.recipe
    assert (recipe["epochs"], recipe[SUPERNET]["method"]) == (7, "mixture")
    check_proposal(proposal, Recipe(units=4, batch_size=8, epochs=2, learning_rate=0.01), "here")


def test_the_preferred_genome_comes_first_and_then_those_that_were_judged() -> None:
    trained, outcome = told()
    supernet = parse(trained.genome, SPACE.language)
    found = OneShot().propose([trained], 1, 31, SPACE, 1)
    assert [of.operator for of in found] == ["derive"] + ["draw"] * 30
    assert found[0].genome == derived(supernet, [1] * 12)
    assert [of.genome for of in found[1:]] == [derived(supernet, of) for of in outcome.picks]


def test_waves_after_the_first_are_one_list_however_it_is_cut() -> None:
    trained, _ = told()
    whole = OneShot().propose([trained], 1, 31, SPACE, 1)
    first = whole[:20]
    begun = [dataclasses.replace(trained, wave=1, candidate=f"w001-{i:02d}") for i in range(20)]
    assert first + OneShot().propose([trained, *begun], 2, 11, SPACE, 1) == whole


def test_a_supernet_that_failed_leaves_different_genomes_drawn() -> None:
    trained, _ = told()
    failed = dataclasses.replace(trained, supernet=None, status="diverged")
    found = OneShot().propose([failed], 1, 31, SPACE, 1)
    assert {of.operator for of in found} == {"draw"}
    assert len({of.genome.architecture_id for of in found}) == 31


@pytest.mark.parametrize("changed", [{"slots": (1, 30)}, {"slots": (2, 30)}, {"lag": 2}])
def test_a_plan_without_the_refutation_is_refused(changed: dict[str, Any]) -> None:
    OneShot().check(PLAN, SPACE)
    with pytest.raises(SettingError, match="first wave of 1 slot, the supernet, then 31 slots"):
        OneShot().check(dataclasses.replace(PLAN, **changed), SPACE)


def test_a_space_without_supernets_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(SettingError, match="it has none; choose another space"):
        OneShot().check(PLAN, Recurrent())
    with pytest.raises(SettingError, match="choose from three_sums"):
        OneShot(supernet="four_sums").check(PLAN, SPACE)


def test_a_supernet_is_not_trained_as_a_genome_nor_a_genome_as_a_supernet() -> None:
    recipe = Recipe(units=4, batch_size=8, epochs=2, learning_rate=0.01)
    [proposal] = OneShot().propose([], 0, 1, SPACE, 1)
    with pytest.raises(SettingError, match="it has choices"):
        check_proposal(Proposal(proposal.genome, "draw"), recipe, "here")
    alone = derived(proposal.genome, [0] * 12)
    with pytest.raises(SettingError, match="it has no choices"):
        check_proposal(Proposal(alone, "draw", recipe=proposal.recipe), recipe, "here")
