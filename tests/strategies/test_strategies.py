from __future__ import annotations

import math
import re

import pytest
from support.plugins import OF_CHOICES, OF_MARKS, make
from support.specs import planned

from gp_cells.config.choose import SettingError, choose, configure
from gp_cells.config.files import content_hash
from gp_cells.config.seeds import generator
from gp_cells.genomes import similarity, variation
from gp_cells.genomes.genome import Genome, parse
from gp_cells.genomes.terms import size
from gp_cells.genomes.vocabulary import Vocabulary
from gp_cells.spaces.recurrent import LANGUAGE, Recurrent
from gp_cells.strategies import STRATEGIES, Outcome, Strategy
from gp_cells.strategies.aging import Aging
from gp_cells.strategies.baselines import Baselines
from gp_cells.strategies.dictated import Dictated
from gp_cells.strategies.gp import GP, Population
from gp_cells.strategies.random import Random
from gp_cells.strategies.strategy import searches
from gp_cells.strategies.tournament import Tournament
from gp_cells.tabular.truth.nas_bench_201 import NASBench201
from gp_cells.testing.strategies import _search

SPACE = Recurrent()
NAMES = ("lstm", "gru", "tanh_rnn")
FRONT, AGING = make("strategies", "nsga2"), make("strategies", "aging")
ELSEWHERE = (*OF_CHOICES, *OF_MARKS, "codeepneat", "one_shot")  # not for recurrent cells
EVERY: list[Strategy] = [make("strategies", name) for name in STRATEGIES if name not in ELSEWHERE]
MEMBERS = [*EVERY, GP(crossover=0.0), GP(threshold=0.0)]
SEARCHES = [strategy for strategy in EVERY if searches(strategy)]


def loss_of(text: str) -> float:
    """A made-up loss that any strategy can lower: cells with many tanh are good."""
    return 10 - math.sqrt(text.count("tanh")) + len(text) / 1000


def searched(
    strategy: Strategy, waves: int = 6, slots: int = 8, lag: int = 1, seed: int = 3
) -> list[Outcome]:
    history: list[Outcome] = []
    for wave in range(waves):
        seen = [outcome for outcome in history if outcome.wave <= wave - lag]
        for slot, proposal in enumerate(strategy.propose(seen, wave, slots, SPACE, seed)):
            text = str(proposal.genome)
            failed = (wave, slot) == (0, 1)
            history.append(
                Outcome(
                    candidate=f"w{wave:03d}-{slot:02d}",
                    wave=wave,
                    genome=text,
                    architecture_id=proposal.genome.architecture_id,
                    status="diverged" if failed else "ok",
                    fitness=math.inf if failed else loss_of(text),
                    objectives={
                        "parameters": sum(size(term) for _, term in proposal.genome.formulas)
                    },
                )
            )
    return history


@pytest.mark.parametrize("strategy", MEMBERS, ids=repr)
def test_the_same_history_and_seed_give_the_same_proposals(strategy: Strategy) -> None:
    past = searched(Random(), waves=3)
    first = strategy.propose(past, 0, 3, SPACE, 11)
    assert [str(p.genome) for p in first] == [
        str(p.genome) for p in strategy.propose(past, 0, 3, SPACE, 11)
    ]


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_a_wave_is_the_same_for_the_same_history(strategy: Strategy) -> None:
    history = searched(strategy, waves=4)
    again = [Outcome(**vars(outcome)) for outcome in history]
    waves = [strategy.propose(past, 4, 6, SPACE, 3) for past in (history, again, history)]
    assert waves[0] == waves[1] == waves[2]


@pytest.mark.parametrize("strategy", SEARCHES, ids=repr)
def test_a_slot_draws_from_its_own_generator_and_reads_no_later_slot(strategy: Strategy) -> None:
    history = searched(strategy, waves=4)
    few, many = (strategy.propose(history, 4, slots, SPACE, 3) for slots in (2, 6))
    if not isinstance(strategy, GP | Tournament | Dictated):  # slots share species, data, or texts
        assert few == many[:2]


@pytest.mark.parametrize("strategy", MEMBERS, ids=repr)
def test_every_proposal_is_canonical_and_reads_back(strategy: Strategy) -> None:
    for proposal in strategy.propose((), 0, 3, SPACE, 11):
        genome = proposal.genome
        assert genome == genome.canonical() == parse(str(genome), LANGUAGE)


@pytest.mark.parametrize("lag", [1, 3])
@pytest.mark.parametrize("strategy", [Random(), GP(), FRONT], ids=repr)
def test_nothing_in_the_history_is_proposed_again(strategy: Strategy, lag: int) -> None:
    history = searched(strategy, lag=lag)
    for outcome in history:
        before = [o for o in history if o.wave <= outcome.wave - lag]
        assert outcome.architecture_id not in {o.architecture_id for o in before}


def test_a_child_names_parents_that_the_history_holds_and_the_operator_that_made_it() -> None:
    history = searched(GP(), waves=4)
    known = {outcome.candidate for outcome in history}
    for child in GP().propose(history, 4, 20, SPACE, 3):
        assert set(child.parents) <= known
        operators = child.operator.split("+")
        assert set(operators) <= {*variation.MUTATIONS, "cross", "sample"}
        assert len(child.parents) == {"cross": 2, "sample": 0}.get(operators[0], 1)


@pytest.mark.parametrize("strategy", [GP(), AGING, FRONT], ids=repr)
def test_a_failed_candidate_has_no_children(strategy: Strategy) -> None:
    history = searched(strategy, waves=3)
    failed = {outcome.candidate for outcome in history if outcome.failed}
    assert failed
    for child in strategy.propose(history, 3, 40, SPACE, 3):
        assert not failed & set(child.parents)


@pytest.mark.parametrize("searching", [GP(), AGING], ids=repr)
def test_evolution_finds_better_cells_than_random_on_the_same_budget(searching: Strategy) -> None:
    def best(strategy: Strategy) -> list[float]:
        runs = [searched(strategy, waves=12, slots=16, seed=seed) for seed in range(6)]
        return [min(outcome.fitness for outcome in run) for run in runs]

    assert sum(best(searching)) < sum(best(Random()))


def test_a_worse_outcome_in_one_slot_leaves_children_of_other_parents_alone() -> None:
    history = searched(GP(), waves=3)
    worst = max(range(len(history)), key=lambda i: (not history[i].failed, history[i].fitness))
    worse = list(history)
    worse[worst] = Outcome(**{**vars(history[worst]), "fitness": history[worst].fitness + 0.001})
    before = GP().propose(history, 3, 8, SPACE, 3)
    after = GP().propose(worse, 3, 8, SPACE, 3)
    assert [str(p.genome) for p in before] == [str(p.genome) for p in after]


@pytest.mark.parametrize(
    ("space", "proposed"),
    [
        (Recurrent(redundant=True), "8f8c2172499eb198fcf4d15c6c5897bf"),
        (NASBench201(), "de2a4ddb99d9d19a55902587671cc614"),
    ],
)
def test_gp_proposes_the_bytes_that_it_did_before_it_remembered_anything(
    space: Vocabulary, proposed: str
) -> None:
    settings = {"threshold": 0.2, "active_species": 10, "patience": 4, "founders": 1}
    shares = {"crossover": 0.6, "survivors": 0.25, "more_mutations": 0.5}
    searching = configure(GP, {**settings, **shares}, "gp")
    history = _search(searching, space, (8,) * 6)
    assert content_hash([outcome.genome for outcome in history]) == proposed


def test_at_most_ten_species_are_active_and_others_wait() -> None:
    population = Population(GP(threshold=0.05, active_species=10), SPACE)
    for outcome in searched(Random(), waves=5):
        population.add(outcome)
    population.breeding()
    assert len(population.active) == 10
    assert population.waiting


def test_a_stagnant_species_is_retired_and_one_that_waits_takes_its_place() -> None:
    population = Population(GP(threshold=0.05, active_species=2, patience=1), SPACE)
    for outcome in searched(Random(), waves=5):
        population.add(outcome)
    assert population.retired
    assert len(population.breeding()) == 2
    retired = population.retired[0].members[0].genome
    assert population.is_retired(retired)


def test_no_child_belongs_to_a_retired_species() -> None:
    strategy = GP(threshold=0.1, active_species=2, patience=1)
    history = searched(strategy, waves=6)
    population = Population(strategy, SPACE)
    for outcome in history:
        population.add(outcome)
    assert population.retired
    for child in strategy.propose(history, 6, 12, SPACE, 3):
        assert not population.is_retired(child.genome)


def test_members_of_one_species_are_within_the_threshold_of_its_founder() -> None:
    population = Population(GP(), SPACE)
    for outcome in searched(GP()):
        population.add(outcome)
    for species in (*population.active, *population.waiting, *population.retired):
        founder = species.members[0].genome
        assert all(similarity.distance(founder, m.genome) <= 0.2 for m in species.members)


def test_slots_do_not_share_a_generator() -> None:
    few = Random().propose((), 0, 4, SPACE, 5)
    many = Random().propose((), 0, 9, SPACE, 5)
    assert [str(p.genome) for p in few] == [str(p.genome) for p in many[:4]]


def test_baselines_come_in_the_order_of_the_config_with_their_names() -> None:
    proposals = Baselines(NAMES).propose((), 0, 3, SPACE, 0)
    assert [p.operator for p in proposals] == [f"baseline:{name}" for name in NAMES]


@pytest.mark.parametrize(
    ("cells", "slots", "said"),
    [
        (("lstm", "lsmt"), 2, "baselines.cells: there is no 'lsmt'; choose from gru"),
        (("h = tanh(linear(x))",), 1, "goes into the cells of the strategy transfer"),
        (("lstm",), 2, "1 cells for 1 waves of 2 slots"),
        (("lstm", "gru", "mgu"), 2, "3 cells for 1 waves of 2 slots"),
    ],
)
def test_baselines_that_do_not_fit_the_plan_are_refused(
    cells: tuple[str, ...], slots: int, said: str
) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        Baselines(cells).check(planned(slots), SPACE)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("agin", {}, "strategies: there is no 'agin'; choose one of aging, ask_tell, bananas"),
        ("gp", {"crossover": 1.5}, "gp.crossover: expected at least 0 and at most 1, got 1.5"),
        ("gp", {"popsize": 3}, "gp has no setting 'popsize'; its settings are: crossover"),
        ("gp", {"patience": "long"}, "gp.patience: expected int, got 'long'"),
        ("baselines", {}, "baselines needs the setting 'cells'"),
        ("aging", {"population": 0}, "aging.population: expected at least 1, got 0"),
        ("aging", {"sample": 0}, "aging.sample: expected at least 1, got 0"),
        (
            "aging",
            {"mutations": ["replce"]},
            "aging.mutations: got 'replce'; choose from replace, insert, shrink",
        ),
        ("aging", {"mutations": []}, "aging.mutations: got an empty list; choose from replace"),
        ("nsga2", {"objectives": ["fitness"]}, "nsga2 needs the setting 'reference_point'"),
        (
            "nsga2",
            {"objectives": ["fitness", "parameters"], "reference_point": [9.0]},
            "nsga2.reference_point: got 1 number(s) for 2 objective(s) (fitness, parameters)",
        ),
        (
            "nsga2",
            {"objectives": ["fitness", "fitness"], "reference_point": [9.0, 9.0]},
            "nsga2.objectives: name each objective once",
        ),
        (
            "nsga2",
            {"objectives": ["fitness"], "reference_point": [9.0], "population": 3},
            "nsga2.population: expected at least 4, got 3",
        ),
    ],
)
def test_a_bad_strategy_or_setting_is_refused(name: str, settings: dict, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        choose("strategies", STRATEGIES, name, settings)


def test_seeds_come_from_named_axes_in_any_order() -> None:
    one = generator(seed=1, purpose="x").random(3)
    assert (one == generator(purpose="x", seed=1).random(3)).all()
    assert (one != generator(purpose="y", seed=1).random(3)).any()


@pytest.mark.parametrize("strategy", [Random(), GP(), Aging(1), FRONT], ids=repr)
@pytest.mark.parametrize("settings", [{"functions": ("mul",)}, {"leaves": ("scale",)}], ids=repr)
def test_a_space_that_nothing_can_be_drawn_from_is_refused(
    strategy: Strategy, settings: dict
) -> None:
    with pytest.raises(SettingError, match="no genome could be drawn"):
        strategy.check(planned(9, 9, 9), Recurrent(**settings))


def outcome_of(candidate: str, genome: Genome, status: str, fitness: float) -> Outcome:
    return Outcome(
        candidate=candidate,
        wave=int(candidate[1:4]),
        genome=str(genome),
        architecture_id=genome.architecture_id,
        status=status,
        fitness=fitness,
    )


def test_founders_that_all_failed_make_room_for_species_that_trained() -> None:
    failed = [
        outcome_of(f"w000-{i:02d}", p.genome, "diverged", math.inf)
        for i, p in enumerate(Random().propose((), 0, 8, SPACE, 1))
    ]
    trained = [
        outcome_of(f"w001-{i:02d}", p.genome, "ok", 1.0 + i)
        for i, p in enumerate(Random().propose(failed, 1, 8, SPACE, 1))
    ]
    population = Population(GP(threshold=0.0, active_species=3), SPACE)
    for outcome in (*failed, *trained):
        population.add(outcome)
    assert [species.best for species in population.breeding()] == [1.0, 2.0, 3.0]
