"""DEAP's toolbox on genomes: what a DEAP user knows, under our seeds."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from deap import gp, tools
from support.played import played
from support.specs import planned

from gp_cells.config.choose import SettingError
from gp_cells.config.seeds import generator
from gp_cells.genomes import variation
from gp_cells.genomes.trees import breeding_set, term_of, tree_of
from gp_cells.spaces import SPACES
from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.strategies import Outcome, toolbox
from gp_cells.strategies.deap import Deap
from gp_cells.testing.strategies import check_failures, check_lag, check_pure

SPACE = Recurrent()
SELECTIONS = [
    "selTournament(tournsize=3)",
    "selLexicase",
    "selAutomaticEpsilonLexicase",
    "selNSGA2",
    "selSPEA2",
    "selBest",
    "selRandom",
    "selDoubleTournament(fitness_size=3, parsimony_size=1.4, fitness_first=True)",
    "selNSGA3(ref_points=uniform_reference_points(nobj=2, p=4))",
]
CROSSOVERS = ["cxOnePoint", "cxOnePointLeafBiased(termpb=0.1)"]
MUTATIONS = [
    "mutUniform(expr=genFull(min_=0, max_=2))",
    "mutUniform(expr=genHalfAndHalf(min_=1, max_=2))",
    "mutNodeReplacement",
    "mutInsert",
    "mutShrink",
]
TWO: dict[str, Any] = {"objectives": ("fitness", "parameters"), "population": 6}


@pytest.mark.parametrize("select", SELECTIONS)
def test_each_selection_of_deap_is_known_by_its_name(select: str) -> None:
    strategy = Deap(select=select, **TWO)
    strategy.check(planned(6, 6), SPACE)
    check_pure(strategy, SPACE)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("mate", "mutate"), [(CROSSOVERS[i % 2], m) for i, m in enumerate(MUTATIONS)]
)
def test_each_variation_of_deap_is_known_by_its_name(space: str, mate: str, mutate: str) -> None:
    strategy = Deap(mate=mate, mutate=mutate, population=4)
    vocabulary = SPACES[space]()
    strategy.check(planned(6, 6), vocabulary)
    history = played(strategy, vocabulary, [5, 8])
    names = {"sample", *(text.partition("(")[0] for text in (mate, mutate))}
    assert {outcome.operator for outcome in history} <= names
    assert any(outcome.parents for outcome in history)


@pytest.mark.parametrize("algorithm", ["eaSimple", "eaMuPlusLambda", "eaMuCommaLambda"])
def test_each_algorithm_is_what_a_strategy_has_to_be(algorithm: Any) -> None:
    strategy = Deap(algorithm=algorithm, population=3)
    for check in (check_pure, check_lag, check_failures):
        check(strategy, SPACE, (4, 4, 3))


def outcomes(fitnesses: Sequence[float], slots: int) -> list[Outcome]:
    history = []
    for i, fitness in enumerate(fitnesses):
        genome = variation.sample(SPACE, generator(of=i))
        wave, slot = divmod(i, slots)
        history.append(
            Outcome(
                candidate=f"w{wave:03d}-{slot:02d}",
                wave=wave,
                genome=str(genome),
                architecture_id=genome.architecture_id,
                status="ok",
                fitness=fitness,
            )
        )
    return history


def names(individuals: Sequence[toolbox.Individual]) -> list[str]:
    return [one.candidate for one in individuals]


@pytest.mark.parametrize(
    ("algorithm", "living"),
    [
        ("eaSimple", ["w002-00", "w002-01", "w002-02"]),
        ("eaMuPlusLambda", ["w001-01", "w000-00", "w002-02"]),
        ("eaMuCommaLambda", ["w002-02", "w002-00", "w002-01"]),
    ],
)
def test_the_population_is_what_the_algorithm_of_deap_keeps(
    algorithm: Any, living: list[str]
) -> None:
    history = outcomes([1.0, 5.0, 6.0, 7.0, 0.5, 8.0, 4.0, 9.0, 3.0], slots=3)
    strategy = Deap(algorithm=algorithm, select="selBest", population=3)
    assert names(strategy.living(history, SPACE, 1)) == living


def test_our_crossover_is_deaps_where_there_is_one_type_to_draw() -> None:
    space = Convolutional(functions=("add", "concat", "conv1", "norm", "relu", "sep3"))
    first, second = (variation.sample(space, generator(of=i)) for i in (1, 2))
    for seed in range(20):
        children = []
        for operator in (gp.cxOnePoint, toolbox.one_point):
            random.seed(seed)
            pair = [
                tree_of(dict(one.formulas)["normal"], space.language, one.formulas)
                for one in (first, second)
            ]
            children.append([term_of(tree) for tree in operator(*pair)])
        assert children[0] == children[1]


def test_a_mutation_of_deap_draws_what_the_formula_may_read() -> None:
    genome = variation.sample(SPACE, generator(of=1))
    name = genome.formulas[0][0]
    leaves = breeding_set(SPACE, name, genome.formulas).terminals[SPACE.language.leaf]
    given = SPACE.language.kind.readable(name, [other for other, _ in genome.formulas])
    assert {leaf.name for leaf in leaves} == {*SPACE.projections, *given}


OWN = '''
import random

def to_one_leaf(tree):
    """Replace the tree by one of its leaves."""
    leaf = random.choice([node for node in tree if node.arity == 0])
    return ([leaf],)

def broken(tree):
    return (tree[:1] * 3,)

def failing(tree, much=1):
    raise KeyError("no idea")
'''


@pytest.fixture
def own_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_operators.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_operators", raising=False)


@pytest.mark.usefixtures("own_operators")
def test_an_operator_of_ones_own_is_named_by_module_and_function() -> None:
    strategy = Deap(mutate="my_operators:to_one_leaf", cxpb=0.5, mutpb=0.5, population=4)
    strategy.check(planned(6, 6), SPACE)
    history = played(strategy, SPACE, [4, 20])
    assert "to_one_leaf" in {outcome.operator for outcome in history}


@pytest.mark.usefixtures("own_operators")
def test_a_child_that_is_no_genome_is_made_again_and_then_is_a_fresh_one() -> None:
    strategy = Deap(mutate="my_operators:broken", cxpb=0.0, mutpb=1.0, population=4)
    history = played(strategy, SPACE, [4, 3])
    assert [outcome.operator for outcome in history[4:]] == ["sample"] * 3


@pytest.mark.usefixtures("own_operators")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"select": "selBst"}, "deap.select: there is no 'selBst'; choose one of selAuto"),
        ({"select": "cxOnePoint"}, "deap.select: there is no 'cxOnePoint'"),
        ({"mutate": "mutEphemeral"}, "deap.mutate: there is no 'mutEphemeral'"),
        (
            {"select": "selTournament(size=3)"},
            "deap.select: selTournament: got an unexpected keyword argument 'size'; its arguments are "
            "tournsize, fit_attr",
        ),
        (
            {"select": "selTournament"},
            "deap.select: selTournament fails on random genomes (TypeError",
        ),
        ({"select": "selTournamentDCD"}, "deap.select: selTournamentDCD fails on random genomes"),
        ({"mate": "nowhere:cross"}, "deap.mate: nowhere:cross cannot be imported (No module named"),
        ({"mutate": "my_operators:failing"}, "fails on random genomes (KeyError: 'no idea')"),
        ({"mutate": "eval('1')"}, "deap.mutate: expected a name, its arguments named"),
        ({"cxpb": 0.9, "mutpb": 0.2}, "deap.cxpb: eaMuPlusLambda takes one of both"),
        ({"cxpb": 0.0, "mutpb": 0.0}, "no child would differ"),
        ({"population": 50}, "deap.population: 50 random genomes come before the first child"),
        ({"objectives": ("speed",)}, "deap.objectives: there is no 'speed'; choose from fitness"),
        (
            {"algorithm": "eaMuCommaLambda", "population": 8},
            "deap.population: eaMuCommaLambda takes",
        ),
        (
            {"reference_point": (1.0, 2.0)},
            "deap.reference_point: got 2 number(s) for 1 objective(s)",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)) as refused:
        Deap(**{"population": 4, **settings}).check(planned(6, 6), SPACE)
    assert "\n" not in str(refused.value)


def test_every_selection_and_variation_of_deap_is_offered_but_those_that_cannot_be() -> None:
    offered = {kind: set(toolbox._of_deap(kind)) for kind in ("sel", "cx", "mut")}
    assert offered["sel"] == {name for name in vars(tools) if name.startswith("sel")} - {
        "selNSGA3WithMemory",  # a class that remembers between generations
        "selection",  # a module
    }
    assert offered["cx"] == {"cxOnePoint", "cxOnePointLeafBiased"}
    assert offered["mut"] == {"mutUniform", "mutNodeReplacement", "mutInsert", "mutShrink"}
