"""CoDeepNEAT, on made-up losses; `test_plugins.py` has what every strategy has to do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pytest
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.genomes.canonical import ordered
from gp_cells.genomes.genome import parse, written
from gp_cells.genomes.parts import unlike
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.modular import LANGUAGE, Modular
from gp_cells.strategies import Outcome, Proposal
from gp_cells.strategies.codeepneat import CoDeepNEAT, credits_of
from gp_cells.strategies.strategy import ASSEMBLED, told

SPACE = Modular(words=("add", "concat", "sep3", "dil3", "avg3", "max3", "norm", "relu"))
SMALL = CoDeepNEAT(blueprints=4, modules=8, species=2)


def loss_of(proposal: Proposal) -> float:
    """A made-up loss: networks with dil3 and few words are good."""
    text = str(proposal.genome)
    return 2.0 - 0.5 * ("dil3" in text) + len(text) / 100


def searched(
    strategy: CoDeepNEAT = SMALL, waves: int = 4, slots: int = 6, lag: int = 1
) -> list[Outcome]:
    """The history of a search in which the first candidate of each wave fails."""
    history: list[Outcome] = []
    for wave in range(waves):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        for slot, proposal in enumerate(strategy.propose(seen, wave, slots, SPACE, 5)):
            failed = slot == 0
            outcome = Outcome(
                candidate=f"w{wave:03d}-{slot:02d}",
                wave=wave,
                genome=str(proposal.genome),
                architecture_id=proposal.genome.architecture_id,
                status="diverged" if failed else "ok",
                fitness=math.inf if failed else loss_of(proposal),
                objectives={"parameters": len(str(proposal.genome))},
            )
            history.append(told(outcome, proposal, None, None, None))
    return history


@pytest.fixture(scope="module")
def history() -> list[Outcome]:
    return searched()


def parts_of(history: Sequence[Outcome], name: str | None = None) -> list[tuple[str, str]]:
    return [
        (name_, part)
        for outcome in history
        for name_, part in outcome.note[ASSEMBLED].items()
        if name in (None, name_)
    ]


def test_a_candidate_is_what_its_parts_spell(history: list[Outcome]) -> None:
    for outcome in history:
        text = "\n".join(f"{name} = {part}" for name, part in outcome.note[ASSEMBLED].items())
        assert str(parse(text, LANGUAGE).canonical()) == outcome.genome


def test_a_blueprint_names_species_and_a_module_is_of_the_species_it_stands_for(
    history: list[Outcome],
) -> None:
    homes: dict[str, set[str]] = {}
    for name, part in parts_of(history):
        if name != "out":
            homes.setdefault(part, set()).add(name)
    assert {name for of in homes.values() for name in of} == {"a", "b"}
    assert all(len(of) == 1 for of in homes.values())


def test_parts_are_assembled_again_and_with_others(history: list[Outcome]) -> None:
    blueprints = [part for _, part in parts_of(history, "out")]
    modules = [part for name, part in parts_of(history) if name != "out"]
    assert len(set(blueprints)) < len(blueprints)
    assert len(set(modules)) < len(modules)
    assert len({outcome.architecture_id for outcome in history}) == len(history)


def test_a_part_is_worth_the_mean_of_all_networks_that_hold_it_and_trained(
    history: list[Outcome],
) -> None:
    blueprints, modules = credits_of(history, ("fitness",), LANGUAGE)
    assert blueprints and modules
    for credit, is_blueprint in [(c, True) for c in blueprints] + [(c, False) for c in modules]:
        text = written(credit.term, LANGUAGE)
        held = [
            outcome
            for outcome in history
            if not outcome.failed
            and any(
                part == text and (name == "out") == is_blueprint
                for name, part in outcome.note[ASSEMBLED].items()
            )
        ]
        fitness = [outcome.fitness for outcome in held]
        assert credit.means == pytest.approx((sum(fitness) / len(fitness),))
        assert credit.best == min(held, key=lambda o: (o.fitness, o.candidate)).candidate


def test_a_part_of_which_all_networks_failed_has_no_credit(history: list[Outcome]) -> None:
    broken = [dataclasses.replace(outcome, fitness=math.inf) for outcome in history]
    assert credits_of(broken, ("fitness",), LANGUAGE) == ([], [])
    assert len(SMALL.propose(broken, 4, 6, SPACE, 5)) == 6


def test_the_best_of_each_species_stay_and_the_rest_are_their_children(
    history: list[Outcome],
) -> None:
    blueprints, _ = credits_of(history, ("fitness",), LANGUAGE)
    best = min(blueprints, key=lambda credit: credit.means)
    proposals = SMALL.propose(history, 4, 6, SPACE, 5)
    kept = [of for of in proposals if of.note[ASSEMBLED]["out"] == written(best.term, LANGUAGE)]
    assert kept
    operators = {word for of in proposals for word in of.operator.split("+")}
    assert "assemble" in operators and operators & {"replace", "insert", "shrink", "cross"}
    known = {outcome.candidate for outcome in history if not outcome.failed}
    assert all(of.parents and set(of.parents) <= known for of in proposals)


def test_credit_finds_the_word_that_makes_networks_good(history: list[Outcome]) -> None:
    _, modules = credits_of(history, ("fitness",), LANGUAGE)
    best, *_ = sorted(modules, key=lambda credit: credit.means)
    assert "dil3" in written(best.term, LANGUAGE)


def test_with_two_objectives_small_parts_stay_beside_good_ones() -> None:
    strategy = dataclasses.replace(SMALL, objectives=("fitness", "parameters"))
    history = searched(strategy, waves=3)
    blueprints, modules = credits_of(history, strategy.objectives, LANGUAGE)
    assert all(len(credit.means) == 2 for credit in (*blueprints, *modules))
    assert strategy.propose(history, 3, 6, SPACE, 5) != SMALL.propose(history, 3, 6, SPACE, 5)


def test_a_blueprint_keeps_the_names_of_species_whatever_their_order() -> None:
    genome = parse("a = norm(x)\nb = relu(x)\nout = b(x) + a(x)", LANGUAGE)
    term = ordered(dict(genome.formulas)["out"], LANGUAGE)
    assert written(term, LANGUAGE) == "a(x) + b(x)"


def test_founders_are_far_apart_and_the_same_for_every_wave(history: list[Outcome]) -> None:
    first = {part for name, part in parts_of(history[:6]) if name == "a"}
    other = {part for name, part in parts_of(history[:6]) if name == "b"}
    terms = [
        [dict(parse(f"a = {t}\nout = a(x)", LANGUAGE).formulas)["a"] for t in of]
        for of in (first, other)
    ]
    assert min(unlike(one, two, LANGUAGE) for one in terms[0] for two in terms[1]) > 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objectives": ("fitness", "fitness")}, "codeepneat.objectives: name each objective once"),
        ({"modules": 5}, "codeepneat.modules: 3 species need 6 at least, got 5"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        CoDeepNEAT(**given)


@pytest.mark.parametrize(
    ("strategy", "space", "said"),
    [
        (CoDeepNEAT(), Convolutional(), "the space convolutional has no modules for codeepneat"),
        (CoDeepNEAT(), Modular(modules=2), "genomes of the space have 2 modules, got 3 species"),
        (CoDeepNEAT(objectives=("size",)), SPACE, "codeepneat.objectives: there is no 'size'"),
    ],
)
def test_a_plan_that_it_cannot_fill_is_refused(
    strategy: CoDeepNEAT, space: Modular | Convolutional, said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        strategy.check(planned(4, 4), space)
